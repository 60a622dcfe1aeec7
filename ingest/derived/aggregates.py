"""Hours and days from quarters of an hour.

Completeness is counted in quarters, so that it does not depend on how often a device reports: an
hour is complete as far as its quarters have a believable value, a day as far as its hours are
complete. A device that reports less often than every quarter owes as many quarters as it has
reports. What is complete for less than three quarters is not used for any index.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from math import atan2, degrees, hypot
from typing import Any, Final

from devices.kind import Kind, Metric
from ingest.derived.calendar import HOUR_NS
from ingest.stores.quarter import QUARTER_NS, Stat

COMPLETE: Final = 0.75

_SECONDS: Final = 1_000_000_000


def owed_quarters(interval_s: float) -> int:
    """In how many quarters of an hour a device must report that does so every `interval_s`."""
    return max(1, int(HOUR_NS // max(QUARTER_NS, round(interval_s * _SECONDS))))


def suffixes(metric: Metric) -> tuple[str, ...]:
    """The fields of a metric's hours and days, as they stand behind its name."""
    if metric.summary == "direction":
        return ("mean", "sin", "cos", "count", "completeness")
    return ("mean", "min", "max", "count", "completeness") + (
        ("sum",) if metric.summary == "sum" else ()
    )


def fields_of(kind: Kind) -> tuple[str, ...]:
    """All fields of a kind's hours and days."""
    return tuple(
        f"{name}_{suffix}" for name, metric in kind.metrics.items() for suffix in suffixes(metric)
    )


def hour_fields(
    kind: Kind, quarters: Sequence[Mapping[str, Stat]], *, owed: int
) -> dict[str, float]:
    """One hour of a device and channel; metrics without a value are left out."""
    fields: dict[str, float] = {}
    for name, metric in kind.metrics.items():
        if known := [stats[name] for stats in quarters if name in stats]:
            whole = reduce(Stat.plus, known)
            fields |= _fields(name, metric, whole, min(1.0, len(known) / owed))
    return fields


def vanished(kind: Kind, before: Mapping[str, float], now: Mapping[str, float]) -> dict[str, float]:
    """Zeros for the metrics that had values before and have none any more.

    Fields of a store cannot be deleted; a value that was believed may be flagged later.
    """
    gone = (
        name for name in kind.metrics if before.get(f"{name}_count") and f"{name}_count" not in now
    )
    return dict(pair for name in gone for pair in _nothing(name).items())


def day_fields(
    kind: Kind, hours: Sequence[Mapping[str, Any]], *, hours_of_day: int
) -> dict[str, float]:
    """One day of a device and channel from the rows of its hours.

    Means of days weigh hours by their count of values.
    """
    fields: dict[str, float] = {}
    for name, metric in kind.metrics.items():
        told = [hour for hour in hours if f"{name}_count" in hour]
        known = [hour for hour in told if hour[f"{name}_count"]]
        if told and not known:
            fields |= _nothing(name)
        if known:
            whole = reduce(Stat.plus, (_stat(name, hour) for hour in known))
            complete = sum(hour[f"{name}_completeness"] >= COMPLETE for hour in known)
            fields |= _fields(name, metric, whole, complete / hours_of_day)
    return fields


def _nothing(name: str) -> dict[str, float]:
    return {f"{name}_count": 0.0, f"{name}_completeness": 0.0}


def _stat(name: str, hour: Mapping[str, Any]) -> Stat:
    count, mean = hour[f"{name}_count"], hour[f"{name}_mean"]
    return Stat(
        int(count),
        hour.get(f"{name}_sum", mean * count),
        hour.get(f"{name}_min", mean),
        hour.get(f"{name}_max", mean),
        hour.get(f"{name}_sin", 0.0) * count,
        hour.get(f"{name}_cos", 0.0) * count,
    )


def _fields(
    name: str, metric: Metric, stat: Stat, completeness: float
) -> Iterator[tuple[str, float]]:
    if metric.summary == "direction":
        east, north = stat.sin / stat.count, stat.cos / stat.count
        values = [direction(east, north), east, north]
    else:
        values = [stat.total / stat.count, stat.low, stat.high]
    values += [float(stat.count), completeness]
    if metric.summary == "sum":
        values.append(stat.total)
    return zip((f"{name}_{suffix}" for suffix in suffixes(metric)), values, strict=True)


def direction(east: float, north: float) -> float:
    """Degrees from the mean sine and cosine, 0 to 360; 0 where opposite directions cancel out."""
    if hypot(east, north) < 1e-9:  # noqa: PLR2004 - less than the noise of a float sum
        return 0.0
    return degrees(atan2(east, north)) % 360.0
