"""What a store says of a quarter of an hour: one device, one channel, the believable values."""

from dataclasses import dataclass
from typing import Final, Self

QUARTER_NS: Final = 900 * 1_000_000_000
"""Quarters are counted from the epoch."""

BELIEVED: Final = (1, 2)
"""Flags of values that count: good, and not evaluated."""


@dataclass(frozen=True, slots=True)
class Stat:
    """Values of one metric: how many, their sum, smallest and largest.

    `sin` and `cos` are sums of the sines and cosines of a direction in degrees, 0 for others.
    """

    count: int
    total: float
    low: float
    high: float
    sin: float = 0.0
    cos: float = 0.0

    def plus(self, other: Self) -> "Stat":
        """Both together."""
        return Stat(
            self.count + other.count,
            self.total + other.total,
            min(self.low, other.low),
            max(self.high, other.high),
            self.sin + other.sin,
            self.cos + other.cos,
        )


@dataclass(frozen=True, slots=True)
class Quarter:
    """Metrics of one device and channel ('' for none) from `start_ns` on, for 15 minutes.

    Metrics without a believed value are left out.
    """

    device: str
    channel: str
    area: str | None
    start_ns: int
    stats: dict[str, Stat]
