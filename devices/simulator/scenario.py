"""Scenarios: small files that say what weather comes and which sensors fail how."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from devices.city import city_folder
from devices.declaration import Declared, read_declaration
from devices.errors import UnknownScenarioError
from devices.kind import Text

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")

Minutes = Annotated[float, Field(ge=0)]
Chance = Annotated[float, Field(gt=0, le=1)]


class Rain(Declared):
    """A shower.

    Its intensity swells and fades as sin² over its `minutes` and falls off from its centre as a
    bell of `radius_km`.
    """

    start_min: Minutes
    minutes: Annotated[float, Field(gt=0)]
    mm_per_h: Annotated[float, Field(gt=0, le=500)]
    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    radius_km: Annotated[float, Field(gt=0)]


class _Fault(Declared):
    """`sensors` of `kind`, which the seed chooses, fail from `start_min` on.

    It goes on for `minutes` or, without, for good.
    """

    kind: str
    sensors: Annotated[int, Field(ge=1)] = 1
    start_min: Minutes = 0.0
    minutes: Annotated[float, Field(gt=0)] | None = None

    def active(self, at_s: float) -> bool:
        """Whether it is going on so many seconds after the start."""
        start = self.start_min * 60
        return at_s >= start and (self.minutes is None or at_s < start + self.minutes * 60)


class Frozen(_Fault):
    """Every value stays what it was when the fault began."""

    fault: Literal["frozen"]


class Spike(_Fault):
    """Now and then `metric` is `amount` off."""

    fault: Literal["spike"]
    metric: str
    amount: float
    chance: Chance = 0.05


class Drift(_Fault):
    """`metric` runs away by `per_hour` of its unit."""

    fault: Literal["drift"]
    metric: str
    per_hour: float


class Clock(_Fault):
    """The sensor's clock is `seconds` ahead (behind, when negative)."""

    fault: Literal["clock"]
    seconds: float


class Silence(_Fault):
    """Connected, but no readings."""

    fault: Literal["silence"]


class Duplicate(_Fault):
    """The same message goes out twice."""

    fault: Literal["duplicate"]
    chance: Chance = 1.0


class Garbage(_Fault):
    """Not what a hub can read: broken JSON, nothing, bytes, texts for numbers."""

    fault: Literal["garbage"]
    chance: Chance = 1.0


class Sentinel(_Fault):
    """`metric` is a number that means "no value"."""

    fault: Literal["sentinel"]
    metric: str
    value: float = -1.0
    chance: Chance = 1.0


Fault = Annotated[
    Frozen | Spike | Drift | Clock | Silence | Duplicate | Garbage | Sentinel,
    Field(discriminator="fault"),
]


def _clock(text: str) -> str:
    if not _CLOCK.fullmatch(text):
        raise ValueError(f"'{text}' is not a time of day: write it as HH:MM")
    return text


class Scenario(Declared):
    """What happens, in minutes from the start of the simulation.

    `starts_at` is the time of day (HH:MM) that the simulated city begins with; without it, it
    begins with the real one. `repeat_min` lets the rain come again; it is longer than any
    shower and its run-off.
    """

    name: Text
    starts_at: Annotated[str, AfterValidator(_clock)] | None = None
    repeat_min: Annotated[float, Field(ge=720)] | None = None
    rains: Annotated[tuple[Rain, ...], Field(alias="rain")] = ()
    faults: Annotated[tuple[Fault, ...], Field(alias="fault")] = ()

    @property
    def starts_at_hour(self) -> float | None:
        """`starts_at` as hours after midnight."""
        if self.starts_at is None:
            return None
        hours, minutes = self.starts_at.split(":")
        return int(hours) + int(minutes) / 60


def load_scenario(city: str, name: str) -> Scenario:
    """A scenario of the city by its name, or any other by the path of its file.

    Raises:
        UnknownCityError: neither a shipped city nor a folder.
        UnknownScenarioError: no such scenario.
        InvalidDeclarationError: the file is wrong.
    """
    folder = city_folder(city) / "scenarios"
    path = folder / f"{name}.toml"
    if not path.is_file():
        path = Path(name)
    if not path.is_file():
        raise UnknownScenarioError(name, sorted(known.stem for known in folder.glob("*.toml")))
    return read_declaration(Scenario, path)
