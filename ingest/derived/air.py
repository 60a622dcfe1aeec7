"""`air_index`: ISPU and US AQI of a device, at the end of every hour, from its hourly means."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from ingest.derived import aqi, ispu
from ingest.derived.aggregates import COMPLETE
from ingest.derived.calendar import HOUR_NS, hour_start, hours_until
from ingest.derived.measurements import AIR_INDEX, NOT_ENOUGH, hours_of, point
from ingest.derived.scene import Scene, Windows, runs
from ingest.stores.measurement import Row

KIND: Final = "air"
_ENDS_MAX: Final = 48
"""Hours in one read of the store, beside the day before the first."""


async def derive(scene: Scene, touched: Windows) -> None:
    """Computes all indices that have one of these quarters among their hours, but none to come."""
    ends = {
        device: {
            hour + age * HOUR_NS
            for hour in {hour_start(quarter, scene.zone) for quarter in quarters}
            for age in range(1, ispu.HOURS + 1)
            if hour + age * HOUR_NS <= scene.now_ns
        }
        for device, quarters in touched.items()
    }
    await derive_ends(scene, ends)


async def derive_ends(scene: Scene, ends: Mapping[str, Iterable[int]]) -> None:
    """Computes the indices of the hours that end at these instants, by device."""
    if (kind := scene.kinds.get(KIND)) is None:
        return
    measurement = hours_of(kind)
    for run in runs(ends, HOUR_NS, most=_ENDS_MAX):
        last_ns = run.stop_ns - HOUR_NS
        rows = await scene.store.rows(
            measurement,
            run.devices,
            start_ns=run.start_ns - ispu.HOURS * HOUR_NS,
            stop_ns=last_ns,
        )
        lines = []
        for device, hours in _by_hour(rows).items():
            for end in range(run.start_ns, last_ns + 1, HOUR_NS):
                day = [hours.get(start) for start in hours_until(end, ispu.HOURS)]
                if values := indices([row.values if row else {} for row in day]):
                    area = next(row.area for row in day if row is not None)
                    lines.append(point(AIR_INDEX, values, device=device, area=area, time_ns=end))
        await scene.write(lines)


def indices(hours: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """All fields of `air_index` from the rows of 24 hours, newest first; empty without a value."""
    values: dict[str, float] = {}
    for name in ispu.BREAKPOINTS:
        means = hourly_means(name, hours)
        if all(mean is None for mean in means) and not any(
            hour.get(f"{name}_count") for hour in hours
        ):
            continue
        values[f"{name}_hours"] = sum(mean is not None for mean in means)
        if (average := ispu.day_average(means)) is not None:
            values[f"{name}_24h"] = average
            values[f"{name}_ispu"] = ispu.sub_index(name, average)
        if name in aqi.BREAKPOINTS and (now := aqi.nowcast(means)) is not None:
            values[f"{name}_nowcast"] = now
            values[f"{name}_aqi"] = aqi.index(name, now)
    if values:
        for what, category in (("ispu", ispu.category), ("aqi", aqi.category)):
            subs = [value for name, value in values.items() if name.endswith(f"_{what}")]
            if subs:
                values |= {what: max(subs), f"{what}_category": category(max(subs)).code}
            else:
                values[f"{what}_category"] = NOT_ENOUGH
    return values


def _by_hour(rows: Iterable[Row]) -> dict[str, dict[int, Row]]:
    """Rows by device and hour; of an hour under two areas the one that holds most values."""
    found: dict[str, dict[int, Row]] = defaultdict(dict)
    for row in rows:
        other = found[row.device].get(row.time_ns)
        if other is None or _values(other) < _values(row):
            found[row.device][row.time_ns] = row
    return found


def _values(row: Row) -> float:
    return sum(value for name, value in row.values.items() if name.endswith("_count"))


def hourly_means(name: str, hours: Sequence[Mapping[str, float]]) -> list[float | None]:
    """Means of the hours that are complete enough."""
    return [
        hour[f"{name}_mean"] if hour.get(f"{name}_completeness", 0.0) >= COMPLETE else None
        for hour in hours
    ]
