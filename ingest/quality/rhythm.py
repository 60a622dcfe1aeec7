"""The rhythm of a device: how often it is heard, learned from when it was.

Learned from outside the hot path: a look once a minute sees how many messages came since the last
one, and so their mean distance.
"""

from typing import Any, Final

_SECOND: Final = 1_000_000_000
_KNOWN: Final = 3
"""Distances that make a rhythm; before, the kind's interval stands in."""
_MEMORY: Final = 16
_CLIP: Final = 2.0
"""The most that one distance counts, over what was usual: an outage teaches little."""
_DECAY: Final = 0.98
_PATIENCE: Final = (3.0, 1.5)
_PATIENCE_MIN_S: Final = 150.0
_PATIENCE_UNKNOWN: Final = 10.0


class Rhythm:
    """The usual distance of a device's messages, in seconds."""

    __slots__ = ("_count", "_heard_ns", "_known", "interval_s", "longest_s")

    def __init__(self, interval_s: float) -> None:
        self.interval_s = interval_s
        """The usual distance: a running geometric mean, each distance clipped to half or double."""
        self.longest_s = interval_s
        """The longest of late, fading."""
        self._known = 0
        self._count = 0
        self._heard_ns = 0

    @property
    def learned(self) -> bool:
        return self._known >= _KNOWN

    @property
    def patience_s(self) -> float:
        """A longer silence is unusual."""
        if not self.learned:
            return max(_PATIENCE_MIN_S, _PATIENCE_UNKNOWN * self.interval_s)
        usual, longest = _PATIENCE
        return max(_PATIENCE_MIN_S, usual * self.interval_s, longest * self.longest_s)

    def look(self, count: int, heard_ns: int) -> None:
        """`count` messages came so far, the last one at `heard_ns`."""
        came = count - self._count
        if came <= 0:
            return
        distance_s = (heard_ns - self._heard_ns) / came / _SECOND
        first = self._heard_ns == 0
        self._count, self._heard_ns = count, heard_ns
        if first or distance_s <= 0:
            return
        self._known = min(self._known + 1, _MEMORY)
        if self._known == 1:
            self.interval_s = self.longest_s = distance_s
            return
        ratio = min(_CLIP, max(1 / _CLIP, distance_s / self.interval_s))
        self.longest_s = max(
            self.longest_s * _DECAY, min(distance_s, _CLIP * self.interval_s), self.interval_s
        )
        self.interval_s *= ratio ** (1 / self._known)

    def dump(self) -> list[Any]:
        return [self.interval_s, self.longest_s, self._known, self._count, self._heard_ns]

    @classmethod
    def load(cls, saved: list[Any]) -> "Rhythm":
        rhythm = cls(saved[0])
        rhythm.longest_s, rhythm._known, rhythm._count, rhythm._heard_ns = saved[1:]
        return rhythm
