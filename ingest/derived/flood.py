"""`flood_level`: siaga, rise and time to the next level of a gauge, once a minute.

A level depends on the one before it (hysteresis), so a minute that changes late changes what comes
after it: the quarters after are computed again until they end as they did before. After `MEMORY`
without a reading a gauge begins anew.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import Final, NamedTuple

from devices.errors import InvalidDeviceError
from devices.gauge import Gauge, gauge_of
from ingest.derived import siaga
from ingest.derived.calendar import HOUR_NS, MINUTE_NS, SECOND_NS, local_day, quarter_start
from ingest.derived.measurements import FLOOD_LEVEL, point
from ingest.derived.scene import DEVICES_MAX, Scene, Windows, runs
from ingest.stores.measurement import Measurement, Row
from ingest.stores.quarter import BELIEVED, QUARTER_NS

logger = logging.getLogger(__name__)

KIND: Final = "flood"
METRIC: Final = "level"
MEMORY_NS: Final = 6 * HOUR_NS

READINGS: Final = Measurement(KIND, (METRIC, f"{METRIC}_qc"))
"""What of the readings of gauges is read."""

_QUARTERS_MAX: Final = 96
_SLOPE_NS: Final = siaga.SLOPE_S * SECOND_NS


class Held(NamedTuple):
    """The siaga level that held at a minute; None where the gauge had no thresholds."""

    time_ns: int
    siaga: int | None


class Sample(NamedTuple):
    """The median level of the believed readings of one minute."""

    time_ns: int
    level_m: float


async def derive(scene: Scene, touched: Windows) -> None:
    """Computes these quarters, and those after them that they change, and writes them."""
    for device, quarters in touched.items():
        await _derive_gauge(scene, device, quarters)


async def follow(scene: Scene, devices: Sequence[str]) -> None:
    """Goes on from the last minute that was computed; what came late waits for `derive`."""
    quarter = quarter_start(scene.now_ns)
    stop = scene.now_ns + HOUR_NS  # the device's clock may be ahead
    for at in range(0, len(devices), DEVICES_MAX):
        some = devices[at : at + DEVICES_MAX]
        readings = await scene.store.rows(
            READINGS, some, start_ns=quarter - _SLOPE_NS, stop_ns=stop
        )
        computed = await scene.store.rows(
            FLOOD_LEVEL, some, start_ns=quarter - QUARTER_NS, stop_ns=stop
        )
        newest = {row.device: row for row in reversed(computed)}
        lines: list[bytes] = []
        for device in some:
            row = newest.get(device)
            held = (
                _of(row.time_ns, row.values)
                if row is not None
                else await _held(scene, device, quarter - MEMORY_NS, quarter)
            )
            start = quarter if held is None else max(quarter, held.time_ns)
            samples = minutes(reading for reading in readings if reading.device == device)
            found = levels(scene, _gauge(scene, device), samples, start_ns=start, held=held)
            lines += _lines(scene, device, found)
        await scene.write(lines)


async def _derive_gauge(scene: Scene, device: str, quarters: Iterable[int]) -> None:
    spans = [
        (run.start_ns, run.stop_ns)
        for run in runs({device: quarters}, QUARTER_NS, most=_QUARTERS_MAX)
    ]
    while spans:
        start, stop = spans.pop(0)
        readings = await scene.store.rows(
            READINGS, [device], start_ns=start - _SLOPE_NS, stop_ns=stop
        )
        held = await _held(scene, device, start - MEMORY_NS, start)
        ended = await _held(scene, device, start, stop)
        gauge = _gauge(scene, device)
        found = list(levels(scene, gauge, minutes(readings), start_ns=start, held=held))
        if not found:
            continue
        await scene.write(_lines(scene, device, found))
        changed = ended is None or ended.siaga != _of(*found[-1]).siaga
        covered = bool(spans) and spans[0][0] <= stop
        if changed and stop <= scene.now_ns and not covered:
            spans.insert(0, (stop, stop + MEMORY_NS))


def minutes(readings: Iterable[Row]) -> list[Sample]:
    """Samples, oldest first, of rows of `READINGS`."""
    found: dict[int, list[float]] = defaultdict(list)
    for reading in readings:
        if METRIC in reading.values and reading.values.get(f"{METRIC}_qc") in BELIEVED:
            minute = reading.time_ns - reading.time_ns % MINUTE_NS
            found[minute].append(reading.values[METRIC])
    return [Sample(time_ns, median(found[time_ns])) for time_ns in sorted(found)]


def levels(
    scene: Scene,
    gauge: Gauge | None,
    samples: Sequence[Sample],
    *,
    start_ns: int,
    held: Held | None,
) -> Iterator[tuple[int, dict[str, float]]]:
    """Time and fields of `flood_level` for the samples from `start_ns` on.

    The samples before serve the slope; `held` is what held last before `start_ns`.
    """
    last_ns, before = held or (None, None)
    first = 0
    for at, sample in enumerate(samples):
        if sample.time_ns < start_ns:
            continue
        while samples[first].time_ns <= sample.time_ns - _SLOPE_NS:
            first += 1
        if last_ns is not None and sample.time_ns - last_ns > MEMORY_NS:
            before = None
        last_ns = sample.time_ns
        values = {"level": sample.level_m}
        recent = [(one.time_ns / SECOND_NS, one.level_m) for one in samples[first : at + 1]]
        if (rise := siaga.rise_m_per_h(recent)) is not None:
            values["rise_m_per_h"] = rise
        day = local_day(sample.time_ns, scene.zone)
        if gauge is not None and (thresholds := gauge.at(day)) is not None:
            before = siaga.siaga(
                sample.level_m, thresholds, hysteresis_m=gauge.hysteresis_m, before=before
            )
            values["siaga"] = before
            if thresholds.normal_m is not None:
                values["above_normal"] = sample.level_m - thresholds.normal_m
            left = siaga.minutes_to_next(sample.level_m, before, rise, thresholds)
            if left is not None:
                values["next_level_min"] = left
        yield sample.time_ns, values


async def _held(scene: Scene, device: str, start_ns: int, stop_ns: int) -> Held | None:
    """The level at the end of a span, as it was computed; None where none was."""
    rows = await scene.store.rows(
        FLOOD_LEVEL, [device], start_ns=start_ns, stop_ns=stop_ns, limit=1
    )
    return _of(rows[0].time_ns, rows[0].values) if rows else None


def _lines(scene: Scene, device: str, found: Iterable[tuple[int, dict[str, float]]]) -> list[bytes]:
    area = scene.devices[device].area
    return [
        point(FLOOD_LEVEL, values, device=device, area=area, time_ns=time_ns)
        for time_ns, values in found
    ]


def _of(time_ns: int, values: Mapping[str, float]) -> Held:
    level = values.get("siaga")
    return Held(time_ns, None if level is None else int(level))


def _gauge(scene: Scene, device: str) -> Gauge | None:
    try:
        return gauge_of(scene.devices[device], scene.gauges)
    except InvalidDeviceError as error:
        logger.debug("%s", error)  # the reader of the index is told
        return None
