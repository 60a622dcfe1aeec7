"""Sparkplug B: Protocol Buffers, states kept between messages, and births that name what follows.

A birth tells the names, aliases, data types and values of all metrics; data that comes after may
hold aliases alone. A birth is a reading too. Where a birth is missing (the hub started after the
node), the data is quarantined and the node is asked for a rebirth, at most once a minute; replay
the data when the birth has come. Deaths tell that node and devices are gone. Commands of others
are nobody's reading.

The address of a node is `<group>/<node>`, that of its device `<group>/<node>/<device>`; metrics
keep their names, which may hold slashes. Metrics of one time are one reading.
https://sparkplug.eclipse.org/specification/version/3.0/
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ingest.dialects.sparkplug_payload import (
    Metric,
    Payload,
    read_payload,
    signed,
    write_rebirth,
)
from ingest.outbox import Outgoing
from ingest.types import Notice, Reason, Rejected, Uplink

if TYPE_CHECKING:
    from ingest.dialects import Opener, Surroundings

NAME: Final = "sparkplug"
SUMMARY: Final = "Sparkplug B; a device's address is <group>/<node> or <group>/<node>/<device>"
NAMESPACE: Final = "spBv1.0"
FILTERS: Final[tuple[str, ...]] = tuple(
    f"{NAMESPACE}/+/{kind}/{rest}"
    for rest, kinds in {
        "+": ("NBIRTH", "NDATA", "NDEATH"),
        "+/+": ("DBIRTH", "DDATA", "DDEATH"),
    }.items()
    for kind in kinds
)

REBIRTH_EVERY_S: Final = 60.0
NODES_MAX: Final = 10_000
"""Nodes remembered; of more, those heard of first are forgotten and asked again."""

_CONTROLS: Final = ("Node Control/", "Device Control/")
_SEQUENCE: Final = "bdSeq"
_NODE_LEVELS: Final = 4
_DEVICE_LEVELS: Final = 5


class Known(NamedTuple):
    """What a birth said of a metric."""

    name: str
    datatype: int | None


@dataclass(slots=True)
class Node:
    """A node's births: `metrics` by alias and by (device, name)."""

    metrics: dict[int | tuple[str, str], Known] = field(default_factory=dict)
    devices: set[str] = field(default_factory=set)
    sequence: int | None = None
    """The birth's bdSeq: a death with another is of an earlier session."""
    asked_at: float | None = None


class _Opener:
    def __init__(self, surroundings: "Surroundings") -> None:
        self._nodes: dict[tuple[str, str], Node] = surroundings.memory.setdefault(NAME, {})
        self._outbox = surroundings.outbox
        self._clock = surroundings.clock
        self._live = surroundings.live

    def __call__(self, topic: str, payload: bytes) -> list[Uplink | Notice]:
        """The readings of a birth or of data, and who came or went.

        Raises:
            Rejected: WRONG_TOPIC, EMPTY, NOT_DECODABLE, TOO_LARGE, and WRONG_SHAPE where a
                birth is missing.
        """
        levels = topic.split("/")
        kind = levels[2] if len(levels) > 2 else ""  # noqa: PLR2004 - namespace, group, kind
        wanted = _DEVICE_LEVELS if kind.startswith("D") else _NODE_LEVELS
        if kind not in ("NBIRTH", "NDATA", "NDEATH", "DBIRTH", "DDATA", "DDEATH"):
            return [Notice()]
        if len(levels) != wanted or not all(levels):
            raise Rejected(Reason.WRONG_TOPIC, f"{topic[:128]} is no topic of Sparkplug B")
        key, device = (levels[1], levels[3]), "/".join(levels[4:])
        if kind == "DDEATH":
            return [Notice(_address(key, device), online=False)]
        if not payload:
            raise Rejected(Reason.EMPTY)
        read = read_payload(payload)
        match kind:
            case "NDEATH":
                return self._death(key, read)
            case "NBIRTH" | "DBIRTH":
                return self._birth(key, device, read)
            case _:
                return list(self._data(key, device, read))

    def _birth(self, key: tuple[str, str], device: str, read: Payload) -> list[Uplink | Notice]:
        # A birth of the past is read by what it says itself, and changes nothing.
        node = self._node(key, anew=not device) if self._live else Node()
        for metric in read.metrics:
            if metric.name is None:
                raise Rejected(Reason.WRONG_SHAPE, "a metric of a birth has no name")
            known = Known(metric.name, metric.datatype)
            node.metrics[device, metric.name] = known
            if metric.alias is not None:
                node.metrics[metric.alias] = known
            if metric.name == _SEQUENCE:
                node.sequence = metric.value
        if device:
            node.devices.add(device)
        told = [
            metric._replace(value=signed(metric.value, metric.datatype))
            for metric in read.metrics
            if not _is_control(metric.name or "")
        ]
        address = _address(key, device)
        measures = any(_is_number(metric.value) for metric in told)
        uplinks = _uplinks(address, told, read.at_ms) if measures else []
        return [Notice(address, online=True), *uplinks]

    def _data(self, key: tuple[str, str], device: str, read: Payload) -> list[Uplink]:
        node = self._nodes.get(key)
        told = []
        for metric in read.metrics:
            found = None
            if node is not None:
                sought = metric.alias if metric.name is None else (device, metric.name)
                found = node.metrics.get(sought) if sought is not None else None
            if metric.name is None and found is None:
                self._ask(key)
                what = f"alias {metric.alias} is unknown: the birth is missing, asked for it"
                raise Rejected(Reason.WRONG_SHAPE, what)
            name = metric.name if found is None else found.name
            datatype = metric.datatype or (found.datatype if found is not None else None)
            told.append(metric._replace(name=name, value=signed(metric.value, datatype)))
        return _uplinks(_address(key, device), told, read.at_ms)

    def _death(self, key: tuple[str, str], read: Payload) -> list[Uplink | Notice]:
        node = self._nodes.get(key, Node())
        told = next((one.value for one in read.metrics if one.name == _SEQUENCE), None)
        if None not in (node.sequence, told) and node.sequence != told:
            return [Notice()]  # the will of a session that a birth has followed already
        if self._live:
            self._nodes.pop(key, None)
        gone = ("", *sorted(node.devices))
        return [Notice(_address(key, device), online=False) for device in gone]

    def _node(self, key: tuple[str, str], *, anew: bool) -> Node:
        node = None if anew else self._nodes.get(key)
        if node is None:
            self._nodes.pop(key, None)
            while len(self._nodes) >= NODES_MAX:
                self._nodes.pop(next(iter(self._nodes)))
            node = self._nodes[key] = Node()
        return node

    def _ask(self, key: tuple[str, str]) -> None:
        if not self._live:
            return
        node, now = self._node(key, anew=False), self._clock()
        if node.asked_at is None or abs(now - node.asked_at) >= REBIRTH_EVERY_S:
            node.asked_at = now
            topic = f"{NAMESPACE}/{key[0]}/NCMD/{key[1]}"
            self._outbox.put(Outgoing(topic, write_rebirth(round(now * 1000))))


def make(surroundings: "Surroundings") -> "Opener":
    """The opener that keeps births between messages and asks for those that are missing."""
    return _Opener(surroundings)


def _address(key: tuple[str, str], device: str) -> str:
    return "/".join((*key, device) if device else key)


def _is_control(name: str) -> bool:
    return name == _SEQUENCE or name.startswith(_CONTROLS)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _uplinks(address: str, metrics: list[Metric], sent_ms: int | None) -> list[Uplink]:
    """One uplink a time, in the order in which the times come first."""
    by_time: dict[int | None, dict[str, Any]] = {}
    for metric in metrics:
        at_ms = sent_ms if metric.at_ms is None else metric.at_ms
        by_time.setdefault(at_ms, {})[metric.name or ""] = metric.value
    return [
        Uplink(address, values, time=None if at_ms is None else at_ms / 1000)
        for at_ms, values in by_time.items()
    ]
