"""Climatology: what is usual at a time of the year and of the day, where the city has declared it.

`climatology.toml` in the data folder:

    [[usual]]
    kind = "air"
    metric = "temperature"
    months = [6, 7, 8]     # left out: all months
    hours = [0, 6]         # from 00:00 to before 06:00 of the city; left out: all day
    good = [22, 31]        # outside: suspect
    possible = [18, 38]    # outside: fail; may be left out

Hours may run over midnight ([22, 4]). Of several entries that fit, the first counts.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import inf
from pathlib import Path
from typing import Annotated, Final, NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from devices.declaration import Declared, key_problem, read_declaration, read_text
from devices.errors import InvalidDeclarationError
from devices.kind import Kind, Span

FILE: Final = "climatology.toml"
_HOUR_NS: Final = 3_600_000_000_000
_EVERYTHING: Final = (-inf, inf)

Spans = Mapping[str, tuple[tuple[float, float], tuple[float, float]]]
Month = Annotated[int, Field(ge=1, le=12)]
OfDay = Annotated[int, Field(ge=0, le=24)]


def _differ(hours: tuple[int, int]) -> tuple[int, int]:
    if hours[0] == hours[1]:
        raise ValueError(f"hours [{hours[0]}, {hours[1]}] are none: leave them out for all day")
    return hours


class Usual(Declared):
    """What is usual in some months and hours."""

    kind: str
    metric: str
    months: Annotated[tuple[Month, ...], Field(min_length=1)] = tuple(range(1, 13))
    hours: Annotated[tuple[OfDay, OfDay], AfterValidator(_differ)] = (0, 24)
    good: Span
    possible: Span | None = None

    @model_validator(mode="after")
    def _good_is_possible(self) -> Self:
        if self.possible is not None and not (
            self.possible[0] <= self.good[0] and self.good[1] <= self.possible[1]
        ):
            raise ValueError("what is good is possible: good lies within possible")
        return self

    def fits(self, month: int, hour: int) -> bool:
        first, last = self.hours
        within = first <= hour < last if first < last else hour >= first or hour < last
        return month in self.months and within


class _Document(Declared):
    usual: tuple[Usual, ...] = ()


class Hour(NamedTuple):
    key: tuple[int, int]
    """Month and hour of the city."""
    until_ns: int


class Climatology:
    """Spans by kind, metric, month and hour of the city."""

    def __init__(self, usual: Sequence[Usual], zone: ZoneInfo) -> None:
        self._usual = usual
        self._zone = zone
        self._spans: dict[tuple[str, tuple[int, int]], Spans] = {}

    def hour(self, time_ns: int) -> Hour:
        """The hour of the city at that time (offsets of whole quarters are as good as hours)."""
        start_ns = time_ns - time_ns % (_HOUR_NS // 4)
        local = datetime.fromtimestamp(start_ns // 1_000_000_000, self._zone)
        end = local.replace(minute=0) + timedelta(hours=1)
        return Hour((local.month, local.hour), int(end.timestamp()) * 1_000_000_000 - 1)

    def spans(self, kind: str, hour: Hour) -> Spans:
        """By metric: where a value is good, and outside of which it fails."""
        key = (kind, hour.key)
        found = self._spans.get(key)
        if found is None:
            found = self._spans[key] = {
                entry.metric: (entry.good, entry.possible or _EVERYTHING)
                for entry in reversed(self._usual)
                if entry.kind == kind and entry.fits(*hour.key)
            }
        return found


def load_climatology(
    data_dir: Path | None, kinds: Mapping[str, Kind], zone: ZoneInfo
) -> Climatology | None:
    """What the city has declared; None without its file.

    Raises:
        InvalidDeclarationError: the file is wrong or names a kind or metric that there is not.
    """
    path = None if data_dir is None else data_dir / FILE
    if path is None or not path.is_file():
        return None
    usual = read_declaration(_Document, path).usual
    faults: list[tuple[tuple[str | int, ...], str]] = []
    for order, entry in enumerate(usual):
        if entry.kind not in kinds:
            faults.append((("usual", order, "kind"), f"'{entry.kind}' does not exist"))
        elif entry.metric not in kinds[entry.kind].metrics:
            what = f"kind {entry.kind} has no such metric"
            faults.append((("usual", order, "metric"), what))
    if faults:
        text = read_text(path)
        raise InvalidDeclarationError(str(path), [key_problem(text, *fault) for fault in faults])
    return Climatology(usual, zone)
