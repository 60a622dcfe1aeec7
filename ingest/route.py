"""Where a topic leads: to a device of ours, to a network's dialect, or nowhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from devices.device import DEVICE_ID, Device
from devices.kind import Kind
from devices.model import Model
from ingest.identity import topic_seed
from ingest.line import LineWriter, line_prefix
from ingest.quality.track import Track
from ingest.quality.watch import Watch
from ingest.types import Reason, Rejected
from ingest.validate import Validator

OWN: Final = "sensors"
NATIVE: Final = "native"
_LANES_MAX: Final = 64


class KindWays:
    """What all devices of a kind share on the way."""

    __slots__ = ("kind", "validator", "writer")

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.validator = Validator(kind)
        self.writer = LineWriter(kind)


Lane = tuple[bytes, Track]
"""What the lines of a series begin with, and who judges it."""


class Target:
    """A registered device, with all that its messages need made ready."""

    __slots__ = (
        "_lanes",
        "allowance",
        "counters",
        "device",
        "model",
        "prefix",
        "refilled_ns",
        "watch",
        "ways",
    )

    def __init__(self, device: Device, ways: KindWays, model: Model | None, watch: Watch) -> None:
        self.device = device
        self.allowance = 0.0
        """Messages that it may still send; filled up to the burst when it is used up."""
        self.refilled_ns = 0
        self.ways = ways
        self.model = model
        self.watch = watch
        self.prefix = line_prefix(ways.kind.id, device.id, device.area, None)
        """What its lines begin with where they have no channel."""
        self._lanes: dict[str, Lane] = {}
        self.counters: dict[str, float] = {}
        """Last totals of a model's cumulative counters."""

    def lane(self, channel: str | None) -> Lane:
        """Of a channel or none; what too many channels say is not judged as a series."""
        if channel is None:
            return self.prefix, self.watch.main
        lane = self._lanes.get(channel)
        if lane is None:
            device = self.device
            prefix = line_prefix(self.ways.kind.id, device.id, device.area, channel)
            if len(self._lanes) >= _LANES_MAX:
                return prefix, Track(self.watch, channel)
            lane = self._lanes[channel] = (prefix, self.watch.track(channel))
        return lane


@dataclass(slots=True)
class Route:
    """A topic's way.

    `target` is set where the payload is our own and its device needs no model: the quick way.
    """

    seed: int
    device: str
    dialect: str | None = None
    target: Target | None = None
    status: bool = False
    ignored: bool = False
    fault: Rejected | None = None


def find_route(topic: str, targets: Mapping[str, Target], dialects: Mapping[str, str]) -> Route:
    """The way of a topic; `dialects` maps topic filters to dialects, the first that fits wins."""
    seed = topic_seed(topic)
    for topic_filter, dialect in dialects.items():
        if topic_matches(topic_filter, topic):
            return Route(seed, "?", dialect)
    own, _, rest = topic.partition("/")
    device, _, purpose = rest.partition("/")
    if own != OWN or not rest:
        return Route(seed, "?", fault=Rejected(Reason.WRONG_TOPIC, topic[:128]))
    if not DEVICE_ID.fullmatch(device):
        return Route(seed, "?", fault=Rejected(Reason.BAD_DEVICE_ID, device[:128]))
    if purpose == "up":
        return _device_route(seed, device, targets.get(device))
    route = Route(seed, device, status=purpose == "status", ignored=purpose == "down")
    if not (route.status or route.ignored):
        advice = f"{topic[:128]}: readings go to sensors/{device}/up"
        route.fault = Rejected(Reason.WRONG_TOPIC, advice)
    return route


def _device_route(seed: int, device: str, target: Target | None) -> Route:
    route = Route(seed, device, NATIVE)
    if target is not None and target.model is None and target.device.status != "retired":
        route.target = target
    return route


def topic_matches(topic_filter: str, topic: str) -> bool:
    """Whether an MQTT topic filter (`+`, `#`) fits a topic (MQTT 5, section 4.7)."""
    wanted, levels = topic_filter.split("/"), topic.split("/")
    for place, level in enumerate(wanted):
        if level == "#":
            return True
        if place >= len(levels) or level not in ("+", levels[place]):
            return False
    return len(wanted) == len(levels)
