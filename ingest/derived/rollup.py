"""Hours and days of every kind: hours from readings, days from hours."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from devices.kind import Kind
from ingest.derived.aggregates import day_fields, hour_fields, owed_quarters, vanished
from ingest.derived.calendar import HOUR_NS, day_span, hour_start
from ingest.derived.measurements import days_of, hours_of, point
from ingest.derived.scene import DEVICES_MAX, Run, Scene, Windows, runs
from ingest.stores.measurement import Measurement, Row
from ingest.stores.quarter import Quarter

_HOURS_MAX: Final = 24
"""Hours in one read of the store."""

Key = tuple[str, str, int]
"""Device, channel and begin."""


async def derive(scene: Scene, kind: Kind, touched: Windows) -> None:
    """Computes the hours and days that hold these quarters, and writes them."""
    hours = {
        device: {hour_start(quarter, scene.zone) for quarter in quarters}
        for device, quarters in touched.items()
    }
    for run in runs(hours, HOUR_NS, most=_HOURS_MAX):
        await _roll_hours(scene, kind, run)
    days: dict[tuple[int, int], set[str]] = defaultdict(set)
    for device, starts in hours.items():
        for start in starts:
            days[day_span(start, scene.zone)].add(device)
    for (start, stop), devices in sorted(days.items()):
        ordered = sorted(devices)
        for at in range(0, len(ordered), DEVICES_MAX):
            run = Run(start, stop, tuple(ordered[at : at + DEVICES_MAX]))
            await _roll_day(scene, kind, run)


async def _roll_hours(scene: Scene, kind: Kind, run: Run) -> None:
    measurement = hours_of(kind)
    span = {"start_ns": run.start_ns, "stop_ns": run.stop_ns}
    found = _by_hour(scene, await scene.store.quarters(kind, run.devices, **span))
    before = _by_key(await scene.store.rows(measurement, run.devices, **span))
    lines: list[bytes] = []
    for key in sorted(found.keys() | before.keys()):
        quarters, rows = found.get(key, []), before.get(key, [])
        area = quarters[-1].area if quarters else rows[0].area
        values = hour_fields(
            kind,
            [quarter.stats for quarter in quarters],
            owed=owed_quarters(scene.interval_s(key[0], kind)),
        )
        lines += _lines(kind, measurement, key, area=area, values=values, before=rows)
    await scene.write(lines)


def _by_hour(scene: Scene, quarters: Iterable[Quarter]) -> dict[Key, list[Quarter]]:
    found: dict[Key, list[Quarter]] = defaultdict(list)
    for quarter in quarters:
        hour = hour_start(quarter.start_ns, scene.zone)
        found[quarter.device, quarter.channel, hour].append(quarter)
    return found


def _by_key(rows: Iterable[Row]) -> dict[Key, list[Row]]:
    """Rows of one device, channel and hour: one, unless the device changed its area."""
    found: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.device, row.channel, row.time_ns].append(row)
    return found


async def _roll_day(scene: Scene, kind: Kind, run: Run) -> None:
    rows = await scene.store.rows(
        hours_of(kind), run.devices, start_ns=run.start_ns, stop_ns=run.stop_ns
    )
    rows.sort(key=lambda row: (row.device, row.channel, row.time_ns))
    measurement = days_of(kind)
    before = _by_key(
        await scene.store.rows(
            measurement, run.devices, start_ns=run.start_ns, stop_ns=run.start_ns + 1
        )
    )
    lines: list[bytes] = []
    for (device, channel), group in groupby(rows, key=lambda row: (row.device, row.channel)):
        hours = list(group)
        values = day_fields(
            kind,
            [hour.values for hour in hours],
            hours_of_day=(run.stop_ns - run.start_ns) // HOUR_NS,
        )
        key = (device, channel, run.start_ns)
        lines += _lines(
            kind,
            measurement,
            key,
            area=max(hours, key=_believed).area,
            values=values,
            before=before.get(key, []),
        )
    await scene.write(lines)


def _believed(hour: Row) -> tuple[bool, int]:
    """The last hour that has a value comes last."""
    counts = (value for name, value in hour.values.items() if name.endswith("_count"))
    return any(counts), hour.time_ns


def _lines(
    kind: Kind,
    measurement: Measurement,
    key: Key,
    *,
    area: str | None,
    values: Mapping[str, float],
    before: Sequence[Row],
) -> Iterator[bytes]:
    """The line of an hour or a day, and what takes back that which stood there before."""
    device, channel, start_ns = key
    now = dict(values)
    for row in before:
        if row.area == area:
            now |= vanished(kind, row.values, now)
        elif gone := vanished(kind, row.values, {}):
            # The device has left the area since. Where a store has one row for both, the line
            # after this one holds.
            yield point(
                measurement, gone, device=device, channel=channel, area=row.area, time_ns=start_ns
            )
    if now:
        yield point(measurement, now, device=device, channel=channel, area=area, time_ns=start_ns)
