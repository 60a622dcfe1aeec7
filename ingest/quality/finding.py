"""Findings: why a flag is not 1, for as long as it is so and a while after."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ingest.quality.flag import EMPTY, Check

FINDINGS_MAX: Final = 32
"""Findings kept of a device: the oldest that are over go first."""

EVENTS: Final = frozenset({Check.SPIKE, Check.RATE})
"""Tests of an instant: they are over when they have not been seen for a while."""

LASTS_NS: Final = 6 * 3_600_000_000_000
"""What comes again within this time is the same finding, going on."""

FOREVER_NS: Final = 2**63 - 1

Key = tuple[str | None, str | None, Check]
"""Channel, metric and test; without a metric it is the device's own."""


@dataclass(slots=True)
class Finding:
    """One thing that a test has found, from the first to the last reading that showed it.

    Times in ns. `value` is the last one, `low` and `high` are between what it should have been;
    what they are (the value itself, a step, seconds) depends on the test.
    """

    channel: str | None
    metric: str | None
    check: Check
    flag: int
    since_ns: int
    last_ns: int
    value: float
    low: float | None
    high: float | None
    count: int = 1
    until_ns: int | None = None
    """When it was over; None: it is not."""

    @property
    def key(self) -> Key:
        return (self.channel, self.metric, self.check)

    def current(self, now_ns: int) -> bool:
        """Whether it still counts."""
        if self.check in EVENTS:
            return self.recent(now_ns)
        return self.until_ns is None

    def recent(self, now_ns: int) -> bool:
        """Whether it was seen not long ago."""
        return now_ns - self.last_ns <= LASTS_NS

    @property
    def matters_until_ns(self) -> int:
        """Until when it counts or is recent, if nothing comes after."""
        if self.until_ns is None and self.check not in EVENTS:
            return FOREVER_NS
        return self.last_ns + LASTS_NS

    def dump(self) -> list[Any]:
        return [
            self.channel,
            self.metric,
            self.check,
            self.flag,
            self.since_ns,
            self.last_ns,
            self.value,
            self.low,
            self.high,
            self.count,
            self.until_ns,
        ]

    @classmethod
    def load(cls, saved: list[Any]) -> "Finding":
        return cls(saved[0], saved[1], Check(saved[2]), *saved[3:])


class Findings:
    """What was found on one device lately."""

    __slots__ = ("_all", "standing")

    def __init__(self) -> None:
        # Most devices have none: what is empty is shared, for there may be 100,000 of them.
        self._all: Mapping[Key, Finding] = EMPTY
        self.standing: Mapping[str | None, int] = EMPTY
        """How many states (findings that are no events) are not over, by channel."""

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._all.values())

    def __len__(self) -> int:
        return len(self._all)

    def note(
        self,
        key: Key,
        *,
        flag: int,
        value: float,
        low: float | None,
        high: float | None,
        time_ns: int,
    ) -> None:
        """A reading shows it; the worst flag of the episode is kept."""
        found = self._all.get(key)
        if found is not None and (found.current(time_ns) or found.recent(time_ns)):
            if found.until_ns is not None:
                found.until_ns = None
                self._stand(found.channel, 1)
            found.flag = max(found.flag, flag)
            found.last_ns = max(found.last_ns, time_ns)
            found.count += 1
            found.value, found.low, found.high = value, low, high
            return
        if found is None and len(self._all) >= FINDINGS_MAX and not self._forget_one(time_ns):
            return
        self._put(Finding(*key, flag, time_ns, time_ns, value, low, high))

    def end(self, key: Key, time_ns: int) -> None:
        """A reading does not show it any more."""
        found = self._all.get(key)
        if found is not None and found.until_ns is None and key[2] not in EVENTS:
            found.until_ns = time_ns
            self._stand(key[0], -1)

    def states(self, channel: str | None) -> list[Finding]:
        """States of a channel that are not over."""
        if not self.standing.get(channel):
            return []
        return [
            found
            for found in self._all.values()
            if found.channel == channel and found.until_ns is None and found.check not in EVENTS
        ]

    def has(self, key: Key) -> bool:
        """Whether this state is not over."""
        found = self._all.get(key)
        return found is not None and found.until_ns is None

    def restore(self, findings: Iterable[Finding]) -> None:
        for found in findings:
            self._put(found)

    def _put(self, found: Finding) -> None:
        self._all = {**self._all, found.key: found}
        if found.until_ns is None and found.check not in EVENTS:
            self._stand(found.channel, 1)

    def _stand(self, channel: str | None, more: int) -> None:
        standing = {**self.standing, channel: self.standing.get(channel, 0) + more}
        self.standing = {name: count for name, count in standing.items() if count} or EMPTY

    def _forget_one(self, now_ns: int) -> bool:
        over = [found for found in self._all.values() if not found.current(now_ns)]
        if not over:
            return False
        oldest = min(over, key=lambda found: found.last_ns).key
        self._all = {key: found for key, found in self._all.items() if key != oldest}
        return True


NOTHING: Final = Findings()
"""What most devices have; a watch takes one of its own before it notes anything."""
