"""A month of a city in the shapes that the hub writes, as columns of values.

Readings repeat a day of one simulated sensor of each sort, every sensor at its own place in it;
hours and days are what the hub computes of that day. Indices and what the hub tells of itself have
the hub's fields, with values that are only likely: a query costs what it costs by the number,
length and spread of its points, not by what they mean.
"""

import json
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from math import cos, radians, sin
from typing import Final
from zoneinfo import ZoneInfo

from devices.device import Device
from devices.kind import Kind, load_kinds
from devices.simulator.cast import cast
from devices.simulator.places import load_places
from devices.simulator.roster import sensors
from devices.simulator.scenario import load_scenario
from devices.simulator.sensor import Sensor
from devices.simulator.world import World
from gateway.telemetry import DEVICE, HEALTH, LEDGER, OUTCOMES, STATES, line
from ingest.derived.aggregates import day_fields, hour_fields
from ingest.derived.measurements import (
    AIR_INDEX,
    FLOOD_LEVEL,
    TRAFFIC_SERVICE,
    days_of,
    hours_of,
)
from ingest.line import EXTRAS, line_prefix
from ingest.stores.quarter import Stat
from ingest.types import REASONS

CITY: Final = "medan"
ZONE: Final = ZoneInfo("Asia/Jakarta")
DAY: Final = 86_400
HOUR: Final = 3_600
SEED: Final = 1
ODD_EVERY: Final = 211
"""One reading in so many has a value that quality control finds fault with."""
DEVICE_EVERY: Final = 600
LEDGER_EVERY: Final = 60
TOLD_EVERY: Final = 30
INCIDENTS_A_DAY: Final = 20

_MINUTES: Final = 1_440
_SPANS: Final[Mapping[str, tuple[float, float]]] = {
    "level": (0.2, 3.5),
    "siaga": (1, 4),
    "above_normal": (-0.5, 2.3),
    "rise_m_per_h": (-0.4, 0.6),
    "saturation": (0.1, 1.1),
    "los": (1, 6),
    "speed": (8, 60),
    "completeness": (0.75, 1),
    "next_level_min": (5, 600),
}
_WHOLE: Final = ("siaga", "los", "ispu_category", "aqi_category")


Column = Sequence[float] | Sequence[str]
Row = Mapping[str, float | str]


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one set of tags: each field a column that is gone through again and again."""

    key: bytes
    columns: Mapping[str, Column]
    first: int = 0
    """Where in the columns the month begins."""
    late_s: int = 0


@dataclass(slots=True)
class Stream:
    """Series that are written together, `first_s` into every `every_s` of the epoch."""

    every_s: int
    first_s: int = 0
    series: list[Series] = field(default_factory=list)

    def ticks(self, start_s: int, stop_s: int) -> range:
        """When it is written."""
        return range(start_s + (self.first_s - start_s) % self.every_s, stop_s, self.every_s)


@dataclass(frozen=True, slots=True)
class Month:
    """The city from `start_s` until before `stop_s`, in seconds of the epoch."""

    devices: Sequence[Device]
    start_s: int
    stop_s: int
    streams: Sequence[Stream]
    incidents: Sequence[bytes]

    def row(self, stream: Stream, one: Series, at_s: int) -> dict[str, float | str]:
        """What a series says at a tick."""
        number = (at_s - self.start_s) // stream.every_s + one.first
        return {name: column[number % len(column)] for name, column in one.columns.items()}

    def first_lines(self, start_s: int, stop_s: int) -> list[bytes]:
        """One line a series, the first within these times, in seconds."""
        return [
            b"%b %b %d" % (one.key, _fields(self.row(stream, one, at_s)), at_s + one.late_s)
            for stream in self.streams
            for at_s in stream.ticks(start_s, stop_s)[:1]
            for one in stream.series
        ]

    @property
    def readings(self) -> int:
        """Points of what was measured, without what is computed or told."""
        measured = self.streams[0]
        return len(measured.series) * len(measured.ticks(self.start_s, self.stop_s))

    @property
    def points(self) -> int:
        """All points."""
        told = sum(
            len(one.series) * len(one.ticks(self.start_s, self.stop_s)) for one in self.streams
        )
        return told + len(self.incidents)


def month(count: int, days: int, *, stop_s: int) -> Month:
    """The city's last `days` before `stop_s`, with so many sensors."""
    stop_s -= stop_s % 60
    start_s = stop_s - days * DAY
    kinds = load_kinds()
    devices = sensors(CITY, kinds, count, SEED)
    # From midnight on, so that the day in the bodies is the day in the city.
    midnight = datetime.fromtimestamp(stop_s, ZONE).replace(hour=0, minute=0, second=0)
    world = World(load_scenario(CITY, "flood_night"), load_places(CITY), start=midnight)
    measured = _Measured(kinds, start_s, int(midnight.timestamp()))
    for number, sensor in enumerate(cast(devices, kinds, world, seed=SEED)):
        measured.add(sensor, number)
    told = _told(devices, kinds, (stop_s - start_s) // TOLD_EVERY)
    return Month(
        devices,
        start_s,
        stop_s,
        [*measured.streams, *_judged(devices, kinds), *told],
        list(_incidents(devices, start_s, stop_s)),
    )


class _Measured:
    """Readings, and the hours and days of them."""

    def __init__(self, kinds: Mapping[str, Kind], start_s: int, midnight_s: int) -> None:
        self._kinds = kinds
        self._first = (start_s - midnight_s) // 60 % _MINUTES
        self._days: dict[tuple[str, ...], Mapping[str, _Day]] = {}
        self.streams = [Stream(60), Stream(HOUR), Stream(DAY, midnight_s % DAY)]

    def add(self, sensor: Sensor, number: int) -> None:
        device = sensor.device
        sort = (device.kind, *sensor.metrics)
        if sort not in self._days:
            self._days[sort] = _days(sensor)
        kind = self._kinds[device.kind]
        for channel, day in self._days[sort].items():
            # By whole hours apart, so that few runs of values differ.
            for stream, measurement, columns, first in (
                (self.streams[0], kind.id, day.minutes, self._first + 60 * number),
                (self.streams[1], hours_of(kind).id, day.hours, self._first // 60 + number),
                (self.streams[2], days_of(kind).id, day.days, 0),
            ):
                key = line_prefix(measurement, device.id, device.area, channel).rstrip()
                late_s = number % 50 if stream.every_s == 60 else 0
                stream.series.append(Series(key, columns, first, late_s))


@dataclass(frozen=True, slots=True)
class _Day:
    minutes: Mapping[str, Column]
    hours: Mapping[str, Column]
    days: Mapping[str, Column]


def _days(sensor: Sensor) -> Mapping[str, _Day]:
    """The sensor's day by channel."""
    readings: dict[str, list[Mapping[str, float]]] = defaultdict(list)
    for number in range(1, _MINUTES + 1):
        for payload in sensor.report(number):
            told = json.loads(payload)
            for element in told if isinstance(told, list) else [told]:
                readings[element.get("channel", "")].append(element)
    return {channel: _day(sensor, elements) for channel, elements in readings.items()}


def _day(sensor: Sensor, elements: Sequence[Mapping[str, float]]) -> _Day:
    kind, metrics = sensor.kind, sensor.metrics
    good = dict.fromkeys((f"{name}_qc" for name in metrics), 1.0)
    odd = {**good, f"{metrics[0]}_qc": 3.0}
    minutes = [
        {name: float(element[name]) for name in (*metrics, *EXTRAS)}
        | (good if number % ODD_EVERY else odd)
        for number, element in enumerate(elements)
    ]
    quarters = [
        {name: reduce(Stat.plus, (_stat(one[name]) for one in some)) for name in metrics}
        for some in (elements[at : at + 15] for at in range(0, len(elements), 15))
    ]
    hours = [hour_fields(kind, quarters[at : at + 4], owed=4) for at in range(0, len(quarters), 4)]
    whole = day_fields(kind, hours, hours_of_day=24)
    return _Day(_columns(minutes), _columns(hours), _columns([whole]))


def _columns(rows: Sequence[Mapping[str, float]]) -> Mapping[str, Column]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def _stat(value: float) -> Stat:
    angle = radians(value)
    return Stat(1, value, value, value, sin(angle), cos(angle))


def _judged(devices: Sequence[Device], kinds: Mapping[str, Kind]) -> Iterator[Stream]:
    """Indices, siaga and level of service."""
    rng = random.Random(SEED)
    for kind, measurement, every_s in (
        ("air", AIR_INDEX, HOUR),
        ("flood", FLOOD_LEVEL, 60),
        ("traffic", TRAFFIC_SERVICE, 900),
    ):
        columns = {name: _likely(name, rng) for name in measurement.fields}
        stream = Stream(every_s)
        for device in devices:
            # Only gauges with thresholds have a siaga, and those stand at rivers.
            if device.kind != kind or (kind == "flood" and "river" not in device.attributes):
                continue
            for channel in kinds[kind].channels or ("",):
                key = line_prefix(measurement.id, device.id, device.area, channel).rstrip()
                stream.series.append(Series(key, columns, 60 * rng.randrange(24)))
        yield stream


def _likely(name: str, rng: random.Random) -> Column:
    span = _SPANS.get(name, (1, 4 if name in _WHOLE else 180))
    return [float(round(rng.uniform(*span), 0 if name in _WHOLE else 3)) for _ in range(_MINUTES)]


def _told(devices: Sequence[Device], kinds: Mapping[str, Kind], ticks: int) -> Iterator[Stream]:
    """What the hub tells of itself and its devices."""
    yield Stream(
        DEVICE_EVERY,
        series=[
            Series(
                _key(DEVICE, _tags(one)),
                {name: [value] for name, value in _about(one, kinds).items()},  # type: ignore[misc]
            )
            for one in devices
        ],
    )
    minutes = ticks * TOLD_EVERY // LEDGER_EVERY
    counts = _columns([_counts(number, 1) for number in range(minutes)])
    yield Stream(LEDGER_EVERY, series=[Series(_key(LEDGER, _tags(one)), counts) for one in devices])
    whole = _columns(
        [_counts(number, len(devices) // 2) | _health(number) for number in range(ticks)]
    )
    each = _columns(
        [
            {"devices": 250.0, **dict.fromkeys(STATES, float(n % 7)), "age_s": n % 60 / 2}
            for n in range(_MINUTES)
        ]
    )
    waiting = _columns([{"items": float(number % 40)} for number in range(_MINUTES)])
    yield Stream(
        TOLD_EVERY,
        series=[
            Series(_key(HEALTH, {}), whole),
            *(Series(_key(HEALTH, {"kind": kind}), each) for kind in kinds),
            *(Series(_key(HEALTH, {"reason": reason}), waiting) for reason in REASONS),
        ],
    )


def _health(number: int) -> dict[str, float]:
    return {
        "lag_s": number % 10 / 10,
        "journal_bytes": 4e6 + number % 100 * 1e4,
        "journal_max_bytes": 1e10,
        "broker_connected": 1.0,
        "store_up": 1.0,
        "to_visit": float(number % 5),
    }


def _counts(number: int, each: int) -> dict[str, float]:
    received = float(number * each)
    refused = float(received // 200)
    values = (received, received - 2 * refused, refused, refused, 0.0)
    return dict(zip(OUTCOMES, values, strict=True))


def _about(device: Device, kinds: Mapping[str, Kind]) -> Row:
    kind = kinds[device.kind]
    about: dict[str, float | str] = {
        "name": device.name,
        "label": f"{device.name} · {device.id}",
        "kind_en": kind.name.en,
        "kind_id": kind.name.id,
        "state": "silent" if device.id.endswith("7") else "ok",
        "since": 1.764e12,
        "latitude": device.latitude or 0.0,
        "longitude": device.longitude or 0.0,
    }
    if (river := device.attributes.get("river")) is not None:
        about["reach"] = f"{river} {float(device.attributes['river_km']):05.1f}"
        about |= {"siaga3_m": 2.2, "siaga2_m": 3.2, "siaga1_m": 4.2}
    return about


def _incidents(devices: Sequence[Device], start_s: int, stop_s: int) -> Iterator[bytes]:
    """Each begins and, an hour later, is over; the last ones are still open."""
    rng = random.Random(SEED)
    for begun_s in range(start_s, stop_s, DAY // INCIDENTS_A_DAY):
        device = rng.choice(devices)
        tags = {**_tags(device), "rule": f"{device.kind}-rule", "severity": "warning"}
        for opened, at_s in ((1.0, begun_s), (0.0, begun_s + HOUR)):
            fields: Row = {"title_en": device.name, "title_id": device.name, "open": opened}
            if at_s < stop_s:
                yield line("incident", tags, fields, at_s)


def _tags(device: Device) -> dict[str, str | None]:
    return {"area": device.area, "device": device.id, "kind": device.kind}


def _key(measurement: str, tags: Mapping[str, str | None]) -> bytes:
    return line(measurement, tags, {"x": 0.0}, 0).removesuffix(b" x=0.0 0")


def _fields(row: Row) -> bytes:
    return line("x", {}, row, 0).removeprefix(b"x ").removesuffix(b" 0")
