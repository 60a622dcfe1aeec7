"""A hub whose clock stands where the test puts it, and what it tells of itself."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from devices.device import Device
from gateway.telemetry import DEVICE, Telemetry
from ingest.quality.keeper import QualityKeeper
from ingest.types import Message
from tests.gateway.door import Door

SECOND: Final = 10**9
MINUTE: Final = 60 * SECOND
T0: Final = int(datetime(2026, 3, 2, 6, tzinfo=UTC).timestamp()) * SECOND

_POINT: Final = re.compile(r"((?:[^\\ ]|\\.)+) (.+) (\d+)")
_TAG: Final = re.compile(r",(\w+)=((?:[^\\,]|\\.)*)")
_FIELD: Final = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^,]+)(?:,|$)')


_USUAL: Final = {"air": ("pm25", 20.0), "flood": ("level", 1.2), "weather": ("temperature", 28.0)}


class Point(NamedTuple):
    measurement: str
    tags: dict[str, str]
    fields: dict[str, Any]
    time_ns: int


def parse(line: bytes) -> Point:
    found = _POINT.fullmatch(line.decode())
    assert found, line
    head, body, stamp = found.groups()
    tags = {name: re.sub(r"\\(.)", r"\1", value) for name, value in _TAG.findall(head)}
    fields = {name: json.loads(value) for name, value in _FIELD.findall(body)}
    return Point(head.partition(",")[0], tags, fields, int(stamp))


class Play:
    """A hub whose clock stands where the test puts it."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.hub = door.hub
        self.telemetry = Telemetry(door.hub)
        self.keeper = QualityKeeper(door.pipeline.quality, door.hub.quality)
        self.now_ns = T0

    def add(self, *devices: Device) -> None:
        self.hub.registry.add_many(devices, by="tests")
        self.door.pipeline.update(devices)

    def hear(self, device: str, **values: float) -> None:
        """A message of a device, now."""
        stamp = datetime.fromtimestamp(self.now_ns / SECOND, UTC).isoformat()
        payload = json.dumps({"time": stamp, **values}).encode()
        message = Message(f"sensors/{device}/up", payload)
        self.hub.journal.commit(self.door.pipeline.process([message], self.now_ns))

    def look(self) -> None:
        """Quality control's look of once a minute."""
        for _ in self.door.pipeline.quality.scan(self.now_ns):
            pass
        self.keeper.save_all()

    def minutes(self, count: int, *devices: str) -> None:
        """So many minutes, in each of which these devices report something else."""
        for _ in range(count):
            self.now_ns += MINUTE
            for device in devices:
                kind = self.hub.registry.device(device).kind
                metric, usual = _USUAL[kind]
                self.hear(device, **{metric: usual + self.now_ns // MINUTE % 5 / 100})
            self.look()

    def round(self) -> list[Point]:
        """What is told now, and the store has taken."""
        found = [parse(line) for line in self.telemetry.lines(self.now_ns)]
        self.telemetry.told()
        return found

    def devices(self) -> dict[str, Point]:
        """What is told of devices now."""
        return {one.tags["device"]: one for one in self.round() if one.measurement == DEVICE}

    def state(self, device: str) -> tuple[str, int | None]:
        """As it was told last: state, and the minute since when."""
        told = self.telemetry._standing[device]
        since = None if told.since_ns is None else (told.since_ns - T0) // MINUTE
        return told.state, since


def only(points: Sequence[Point], measurement: str, **tags: str) -> dict[str, Any]:
    """The fields of the one point with just these tags."""
    (found,) = (one for one in points if (one.measurement, one.tags) == (measurement, tags))
    return found.fields
