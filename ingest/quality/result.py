"""What passes between a track and its tests: a reading, and what is said of it."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ingest.quality.flag import Check


@dataclass(slots=True)
class Jump:
    """A reading that stands far from the one before: the next one tells whether it is a spike."""

    step: float
    before: float
    before_ns: int
    time_ns: int
    flag: int


class Correction(NamedTuple):
    """An earlier reading is worse than it looked when it came."""

    metric: str
    flag: int
    time_ns: int

    def line(self, prefix: bytes) -> bytes:
        """Line protocol with nothing but the flag: stores merge it into the point at its time."""
        return b"%b%b_qc=%d %d" % (prefix, self.metric.encode(), self.flag, self.time_ns)


class Result(NamedTuple):
    """What a test says against a value."""

    metric: str
    check: Check
    flag: int
    value: float
    low: float | None
    high: float | None


class Form(Protocol):
    """How payloads become values: metrics in the kind's order, then numbers of the device."""

    metrics: tuple[str, ...]
    picked: tuple[str, ...]


Parked = tuple[float, int, float, int]
"""Of a metric: its last value, the time of that, its anchor, and since when it is near it."""


class Moment(NamedTuple):
    """One reading while it is judged."""

    time_ns: int
    arrival: bool
    stuck: bool
    last: list[float | None]
    """What will have been the last values."""
    results: list[Result]
    jumps: dict[str, Jump]
