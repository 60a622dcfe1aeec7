"""The clock of a device, held against the arrival of its messages.

Three faults: *ahead* (readings from the future), *late* (the clock runs at the right pace and shows
a time long past; a buffer that is sent after an outage runs faster, and is no fault), *drifting*
(the least delay of an hour moves away from what it once was).
"""

from math import inf
from typing import Any, Final

from ingest.quality.flag import SUSPECT

_SECOND: Final = 1_000_000_000
AHEAD_NS: Final = 30 * _SECOND
LATE_NS: Final = 600 * _SECOND
DRIFT_NS: Final = 15 * _SECOND
_SET_NS: Final = 60 * _SECOND
"""A change of this much between two hours is no drift: the clock was set."""
_HOUR_NS: Final = 3600 * _SECOND
_STEADY: Final = 3
_PACE: Final = (0.5, 2.0)


class Clock:
    """What is known of one clock. `lag` is arrival less the reading's time, in ns."""

    __slots__ = (
        "_high",
        "_hour_ns",
        "_least",
        "_low",
        "_reference",
        "_steady",
        "_was_late",
        "fault",
        "lag_ns",
    )

    def __init__(self) -> None:
        self._low: float = inf  # nothing is known: the first reading is looked at
        self._high: float = -inf
        self._hour_ns = 0
        self._least: float = inf
        """The least lag of this hour."""
        self._reference: float | None = None
        """The least lag of the first hour, or since the clock was set."""
        self._steady = 0
        self._was_late: tuple[int, int] | None = None
        self.fault = 0
        """1 ahead, 2 late, 3 drifting, 0 none."""
        self.lag_ns = 0
        """The last lag that was looked at, or the amount of the drift."""

    def flag(self, time_ns: int, arrival_ns: int) -> int:
        """The flag of a reading's time: SUSPECT while the clock has a fault, otherwise 0."""
        if self._low <= arrival_ns - time_ns <= self._high and arrival_ns < self._hour_ns:
            return 0
        return self._look(time_ns, arrival_ns)

    def _look(self, time_ns: int, arrival_ns: int) -> int:
        lag = arrival_ns - time_ns
        if arrival_ns >= self._hour_ns:
            self._end_hour()
            self._hour_ns = arrival_ns + _HOUR_NS
        if lag < -AHEAD_NS:
            self.fault, self.lag_ns = 1, lag
        elif lag > LATE_NS:
            if self._is_steady(time_ns, arrival_ns):
                self.fault, self.lag_ns = 2, lag
        else:
            self._steady, self._was_late = 0, None
            self._least = min(self._least, lag)
            if self.fault in (1, 2):
                self.fault = 0
            if self.fault == 0:
                self.lag_ns = lag
        # A fault, or time past: the next reading is looked at too.
        calm = self.fault == 0 and lag <= LATE_NS
        self._low, self._high = (self._least, LATE_NS) if calm else (inf, -inf)
        return SUSPECT if self.fault else 0

    def _is_steady(self, time_ns: int, arrival_ns: int) -> bool:
        before, self._was_late = self._was_late, (time_ns, arrival_ns)
        if before is None:
            return False
        passed, arrived = time_ns - before[0], arrival_ns - before[1]
        if arrived < _SECOND or not _PACE[0] * arrived <= passed <= _PACE[1] * arrived:
            self._steady = 0
            return self.fault == 2  # noqa: PLR2004 - late already
        self._steady += 1
        return self._steady >= _STEADY

    def _end_hour(self) -> None:
        least, self._least = self._least, inf
        if least == inf:
            return
        if self._reference is None or abs(least - self._reference) > _SET_NS:
            self._reference = least
        drift = least - self._reference
        if self.fault in (0, 3):
            self.fault = 3 if abs(drift) > DRIFT_NS else 0
            self.lag_ns = int(drift if self.fault else least)

    def dump(self) -> list[Any]:
        least = None if self._least == inf else self._least
        return [
            self._hour_ns,
            least,
            self._reference,
            self._steady,
            self._was_late,
            self.fault,
            self.lag_ns,
        ]

    @classmethod
    def load(cls, saved: list[Any]) -> "Clock":
        clock = cls()
        hour_ns, least, reference, steady, was_late, clock.fault, clock.lag_ns = saved
        clock._hour_ns, clock._reference, clock._steady = hour_ns, reference, steady
        clock._least = inf if least is None else least
        clock._was_late = None if was_late is None else (was_late[0], was_late[1])
        return clock
