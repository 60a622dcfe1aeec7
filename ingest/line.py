"""InfluxDB line protocol for the points of a kind.

    <kind>,area=<area>,channel=<channel>,device=<id> <metric>=<float>,…,<metric>_qc=<flag>,… <ns>

Fields stand in the kind's declared order. A metric without a value has its flag alone (9).
`time_qc=2` says that the arrival time stands in for a missing one, `time_qc=3` that the device's
clock cannot be trusted. A line that has nothing but `<metric>_qc` corrects the flag of an earlier
point: stores merge it.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

import orjson

from devices.kind import Kind
from ingest.quality import GOOD, MISSING, gross_range
from ingest.validate import FIXED

EXTRAS: Final = ("battery", "rssi")
"""Numbers of the device itself: stored without a flag."""

_TIME_FLAGS: Final = (b"", *(b",time_qc=%d" % flag for flag in range(1, 5)))
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

    __slots__ = ("_flagged", "_good", "_kind", "metrics", "pick", "picked", "unknown")

    def __init__(self, kind: Kind, members: tuple[str, ...]) -> None:
        self._kind = kind
        self.metrics = tuple(name for name in kind.fields if name in members)
        known = {*kind.fields, *FIXED} - (set() if kind.channel else {"channel"})
        self.unknown = tuple(name for name in members if name not in known)
        """Members that nobody knows: ignored, counted, listed on the device."""
        self.picked = (*self.metrics, *(name for name in EXTRAS if name in members))
        self.pick = _picker(self.picked)
        """Picks the values of a payload, metrics first, in declared order."""
        self._good = self._template(lambda name: f"{name}_qc={GOOD}")
        self._flagged = self._template(lambda name: f"{name}_qc=%d")

    def _template(self, flag: Callable[[str], str]) -> bytes:
        count = len(self.metrics)
        numbers = [f"{name}=%b" for name in self.picked]
        return ",".join(
            (*numbers[:count], *(flag(name) for name in self.metrics), *numbers[count:])
        ).encode()

    def fields(self, picked: tuple[Any, ...], flags: Sequence[int] | None) -> bytes:
        """The field set of finite numbers, or None, with the metrics' flags; None: all good."""
        if flags is None:
            # One call writes all numbers, shortest form, three times as fast as repr().
            return self._good % tuple(orjson.dumps(picked)[1:-1].split(b","))
        count = len(self.metrics)
        if None not in picked:
            numbers = orjson.dumps(picked)[1:-1].split(b",")
            return self._flagged % (*numbers[:count], *flags, *numbers[count:])
        parts = [
            b"%b=%b" % (name.encode(), orjson.dumps(value))
            for name, value in zip(self.metrics, picked, strict=False)
            if value is not None
        ]
        parts += [
            b"%b_qc=%d" % (name.encode(), flag)
            for name, flag in zip(self.metrics, flags, strict=True)
        ]
        parts += [
            b"%b=%b" % (name.encode(), orjson.dumps(value))
            for name, value in zip(self.picked[count:], picked[count:], strict=True)
            if value is not None
        ]
        return b",".join(parts)

    def in_range(self, picked: tuple[Any, ...]) -> Sequence[int]:
        """The flags of values of which nothing is known but the kind's ranges."""
        return [
            MISSING if value is None else gross_range(value, self._kind.metrics[name])
            for name, value in zip(self.metrics, picked, strict=False)
        ]


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


def line(prefix: bytes, fields: bytes, time_ns: int, *, time_flag: int) -> bytes:
    """One point; `time_flag` tells how far its time can be trusted, 0 where it is good."""
    return b"%b%b%b %d" % (prefix, fields, _TIME_FLAGS[time_flag], time_ns)
