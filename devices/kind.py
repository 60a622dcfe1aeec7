"""Kinds: the one declaration of what is measured.

A kind is a TOML file. Validation, line protocol, quality control, dashboards, API, documentation
and simulator all read it, so that a city adds a quantity with one file and no Python.
Shipped kinds stand in `devices/kinds/`; a city's own in `<data folder>/kinds/`.
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from devices.errors import InvalidDeclarationError

SHIPPED = Path(__file__).parent / "kinds"

NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
"""Kind ids and metric names: they become measurement, table, field and column names."""

RESERVED = frozenset(
    {"time", "seq", "channel", "battery", "rssi", "device", "area", "kind", "id", "received_at"}
)
"""Members that every payload or row already has; no metric may take such a name."""

Span = tuple[float, float]


class Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Text(Declared):
    """The same words in the hub's two languages."""

    en: Annotated[str, Field(min_length=1)]
    id: Annotated[str, Field(min_length=1)]


class Limits(Declared):
    """QARTOD limits of a metric; a limit that is left out is not tested.

    Gross range fail is the metric's `valid`; everything here is in the metric's own unit.
    """

    suspect: Span | None = None
    spike_suspect: Annotated[float, Field(gt=0)] | None = None
    spike_fail: Annotated[float, Field(gt=0)] | None = None
    rate_per_min: Annotated[float, Field(gt=0)] | None = None
    flat_tolerance: Annotated[float, Field(ge=0)] = 0.0
    flat_suspect_s: Annotated[float, Field(gt=0)] | None = None
    flat_fail_s: Annotated[float, Field(gt=0)] | None = None
    flat_zero_exempt: bool = False


class Band(Declared):
    """From `above` upwards the value is drawn in `color`; the first band has no `above`."""

    above: float | None = None
    color: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
    name: Text | None = None


class Drawing(Declared):
    """How a value is drawn."""

    decimals: Annotated[int, Field(ge=0, le=6)] = 1
    bands: tuple[Band, ...] = ()
    soft: Span | None = None


class Play(Declared):
    """How the simulator plays a metric.

    value(t) = mean + swing * cos(2 pi (hour - peak_hour) / 24) + gain * driver(t) + noise * N(0,1),
    clipped to `valid`. A driver is a quantity of the simulated city, 0 when calm:
    `rain` (mm/h), `river` (m above normal at the place), `rush` (0..1), `pond` (m of street water).
    `jitter` spreads the mean between sensors (a fraction); `whole` rounds to integers.
    """

    mean: float
    swing: float = 0.0
    peak_hour: Annotated[float, Field(ge=0, lt=24)] = 14.0
    noise: Annotated[float, Field(ge=0)] = 0.0
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.1
    driver: Literal["rain", "river", "rush", "pond"] | None = None
    gain: float = 0.0
    whole: bool = False


class Vocabulary(Declared):
    """Names of the metric in standard vocabularies."""

    observed_property: Annotated[str, Field(pattern=r"^https?://")]
    ngsi_ld: Annotated[str, Field(min_length=1)]


class Metric(Declared):
    """One quantity of a kind.

    `unit` is UCUM (https://ucum.org); `symbol` is what people read; outside `valid` no such value
    can be true: it is stored and flagged 4.
    """

    name: Text
    unit: Annotated[str, Field(min_length=1)]
    symbol: str
    valid: Span
    limits: Limits = Limits()
    drawing: Drawing = Drawing()
    play: Play
    vocabulary: Vocabulary

    @model_validator(mode="after")
    def _spans_rise(self) -> Self:
        for span in (self.valid, self.limits.suspect, self.drawing.soft):
            if span is not None and span[0] >= span[1]:
                raise ValueError(f"a range rises: [{span[0]}, {span[1]}] does not")
        return self


class Kind(Declared):
    """A measurement of the store and all that is known of its metrics."""

    id: str
    name: Text
    icon: Annotated[str, Field(min_length=1)]
    channel: Text | None = None
    """What a channel is (lane, direction) where one device tells of several."""
    channels: tuple[str, ...] = ()
    """Channels that the simulator plays and the dashboards offer first."""
    interval_s: Annotated[float, Field(gt=0)] = 60.0
    """How often such a sensor usually reports."""
    metrics: Annotated[dict[str, Metric], Field(min_length=1)]

    @model_validator(mode="after")
    def _names(self) -> Self:
        for name in (self.id, *self.metrics):
            if not NAME.fullmatch(name) or name.endswith("_qc") or name in RESERVED:
                raise ValueError(
                    f"'{name}' cannot be a name: lower-case letters, digits and _, at most 32, "
                    f"not ending in _qc, none of {', '.join(sorted(RESERVED))}"
                )
        return self

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """Metric names in declared order: the columns of the measurement."""
        return tuple(self.metrics)


def parse_kind(text: str, source: str) -> Kind:
    """A kind from TOML text.

    Raises:
        InvalidDeclarationError: with one problem a line, each naming its key.
    """
    try:
        return Kind.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InvalidDeclarationError(source, [str(error)]) from error
    except ValidationError as error:
        problems = [
            f"key {'.'.join(str(part) for part in fault['loc']) or '(file)'}: {fault['msg']}"
            for fault in error.errors()
        ]
        raise InvalidDeclarationError(source, problems) from error


def load_kinds(data_dir: Path | None = None) -> Mapping[str, Kind]:
    """The shipped kinds and those of the city's data folder, by id, in order of id.

    Raises:
        InvalidDeclarationError: a file is wrong, its name is not its id, or an id comes twice.
    """
    kinds: dict[str, Kind] = {}
    folders = [SHIPPED] if data_dir is None else [SHIPPED, data_dir / "kinds"]
    for path in (path for folder in folders for path in sorted(folder.glob("*.toml"))):
        kind = parse_kind(path.read_text(encoding="utf-8"), str(path))
        if kind.id != path.stem:
            raise InvalidDeclarationError(
                str(path), [f"key id: '{kind.id}' is not the file's name"]
            )
        if kind.id in kinds:
            raise InvalidDeclarationError(str(path), [f"key id: kind '{kind.id}' exists already"])
        kinds[kind.id] = kind
    return dict(sorted(kinds.items()))
