"""InfluxDB line protocol for the points of a kind.

    <kind>,area=<area>,channel=<channel>,device=<id> <metric>=<float>,…,<metric>_qc=<flag>,… <ns>

Fields stand in the kind's declared order. A metric without a value has its flag alone (9).
`time_qc=2` says that the arrival time stands in for a missing one.
"""

from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any, Final

import orjson

from devices.kind import Kind
from ingest.quality import GOOD, MISSING, NOT_EVALUATED, good_span, gross_range
from ingest.validate import FIXED

EXTRAS: Final = ("battery", "rssi")
"""Numbers of the device itself: stored without a flag."""

_ARRIVAL: Final = b",time_qc=%d" % NOT_EVALUATED
_SHAPES_MAX: Final = 256


def escape_tag(value: str) -> bytes:
    """A tag value as line protocol writes it.

    Control characters become spaces. A backslash becomes a slash: InfluxDB 2.9 keeps a doubled one
    as two and takes none at the end.
    """
    plain = "".join(character if character.isprintable() else " " for character in value)
    plain = plain.replace("\\", "/")
    for special in (",", "=", " "):
        plain = plain.replace(special, f"\\{special}")
    return plain.encode("utf-8", "replace")


def line_prefix(kind: str, device: str, area: str | None, channel: str | None) -> bytes:
    """Measurement and tags, sorted by name, with the space that ends them."""
    tags = (("area", area), ("channel", channel), ("device", device))
    return b"".join(
        (
            kind.encode(),
            *(b",%b=%b" % (name.encode(), escape_tag(value)) for name, value in tags if value),
            b" ",
        )
    )


class Shape:
    """How payloads with the same members become fields; most devices have just one shape."""

    __slots__ = ("_good", "_kind", "_picked", "_spans", "metrics", "pick", "unknown")

    def __init__(self, kind: Kind, members: tuple[str, ...]) -> None:
        self._kind = kind
        self.metrics = tuple(name for name in kind.fields if name in members)
        known = {*kind.fields, *FIXED} - (set() if kind.channel else {"channel"})
        self.unknown = tuple(name for name in members if name not in known)
        """Members that nobody knows: ignored, counted, listed on the device."""
        self._picked = (*self.metrics, *(name for name in EXTRAS if name in members))
        self.pick = _picker(self._picked)
        everything = (float("-inf"), float("inf"))
        self._spans = tuple(
            good_span(kind.metrics[name]) if name in kind.metrics else everything
            for name in self._picked
        )
        self._good = ",".join(
            (
                *(f"{name}=%b" for name in self.metrics),
                *(f"{name}_qc={GOOD}" for name in self.metrics),
                *(f"{name}=%b" for name in self._picked[len(self.metrics) :]),
            )
        ).encode()

    def fields(self, values: Mapping[str, Any]) -> bytes:
        """The field set of finite numbers (or None) that have just these members."""
        picked = self.pick(values)
        try:
            for value, (low, high) in zip(picked, self._spans, strict=True):
                if not low <= value <= high:
                    return self._flagged(picked)
        except TypeError:  # a None among them
            return self._flagged(picked)
        # One call writes all numbers, shortest form, three times as fast as repr().
        return self._good % tuple(orjson.dumps(picked)[1:-1].split(b","))

    def _flagged(self, picked: tuple[Any, ...]) -> bytes:
        numbers, flags = [], []
        for name, value in zip(self._picked, picked, strict=True):
            if value is not None:
                numbers.append(b"%b=%b" % (name.encode(), orjson.dumps(value)))
            if (metric := self._kind.metrics.get(name)) is not None:
                flag = MISSING if value is None else gross_range(value, metric)
                flags.append(b"%b_qc=%d" % (name.encode(), flag))
        count = sum(value is not None for value in picked[: len(self.metrics)])
        return b",".join((*numbers[:count], *flags, *numbers[count:]))


def _picker(names: tuple[str, ...]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple(values[name] for name in names)


class LineWriter:
    """Writes the points of one kind."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self._shapes: dict[tuple[str, ...], Shape] = {}

    def shape(self, values: Mapping[str, Any]) -> Shape:
        """The shape of these values, remembered for the next ones alike."""
        members = tuple(values)
        shape = self._shapes.get(members)
        if shape is None:
            shape = Shape(self.kind, members)
            if len(self._shapes) < _SHAPES_MAX:  # made-up members must not fill the memory
                self._shapes[members] = shape
        return shape


def line(prefix: bytes, fields: bytes, time_ns: int, *, arrival: bool) -> bytes:
    """One point; `arrival` tells that `time_ns` is when it came, not when it was measured."""
    return b"%b%b%b %d" % (prefix, fields, _ARRIVAL if arrival else b"", time_ns)
