"""A watch: all that quality control knows of one device."""

from collections.abc import Mapping
from typing import Any, Final

from ingest.quality.clock import AHEAD_NS, DRIFT_NS, LATE_NS, Clock
from ingest.quality.finding import NOTHING, Finding, Findings, Key
from ingest.quality.flag import EMPTY, FAIL, NOT_EVALUATED, SUSPECT, Check
from ingest.quality.neighbours import TOGETHER_NS
from ingest.quality.result import Result
from ingest.quality.rhythm import Rhythm
from ingest.quality.rule import RuleBook
from ingest.quality.track import Track

_CLOCK: Final[Key] = (None, None, Check.CLOCK)
_SILENCE: Final[Key] = (None, None, Check.SILENCE)
_CLOCK_SPAN_S: Final[Mapping[int, tuple[float, float]]] = {
    1: (-AHEAD_NS / 1e9, LATE_NS / 1e9),
    2: (-AHEAD_NS / 1e9, LATE_NS / 1e9),
    3: (-DRIFT_NS / 1e9, DRIFT_NS / 1e9),
}


class Watch:
    """One device: its tracks by channel, its clock, its rhythm, and what was found."""

    __slots__ = (
        "active",
        "apart",
        "area",
        "book",
        "changed",
        "clock",
        "count",
        "device",
        "findings",
        "heard_ns",
        "main",
        "network",
        "parting",
        "pause_ns",
        "problems",
        "rhythm",
        "saved_count",
        "silent_ns",
        "tracks",
    )

    def __init__(self, device: str, book: RuleBook) -> None:
        self.device = device
        self.book = book
        self.area: str | None = None
        self.network = "native"
        """The dialect that it is heard through."""
        self.active = True
        """Whether somebody expects it to report."""
        self.problems: tuple[str, ...] = ()
        """What is wrong with its own limits."""
        self.clock = Clock()
        self.rhythm = Rhythm(book.interval_ns / 1e9)
        self.pause_ns = int(self.rhythm.patience_s * 1e9)
        """After so long between two readings the later one does not follow the earlier one."""
        self.findings = NOTHING
        self.main = Track(self, None)
        self.tracks: Mapping[str, Track] = EMPTY
        """By channel; what has none is `main`."""
        self.count = 0
        self.heard_ns = 0
        self.silent_ns = 0
        """Since when it is silent; 0: it is not."""
        self.apart: Mapping[str, Result] = EMPTY
        """Metrics that disagree with the neighbours for so long that they are flagged."""
        self.parting: Mapping[str, tuple[int, int]] = EMPTY
        """Since when metrics disagree, and when they last did, in ns."""
        self.changed = False
        """Whether findings or silence are other than they were saved."""
        self.saved_count = 0

    def take(self, book: RuleBook) -> None:
        """Goes on under other limits, or in another area (another series of the store)."""
        self.book = book
        for track in (self.main, *self.tracks.values()):
            track.renew()

    def track(self, channel: str) -> Track:
        """The track of a channel, from now on."""
        track = self.tracks.get(channel)
        if track is None:
            track = Track(self, channel)
            self.tracks = {**self.tracks, channel: track}
        return track

    def hear(self, time_ns: int | None, arrival_ns: int) -> int:
        """A message came, with this time or none: the flag of its time, 0 where it is good."""
        self.count += 1
        self.heard_ns = arrival_ns
        if time_ns is None:
            return NOT_EVALUATED
        flag = self.clock.flag(time_ns, arrival_ns)
        if flag or self.findings.standing:
            self._note_clock(flag, arrival_ns)
        return flag

    def hear_refused(self, arrival_ns: int, *, future_s: float | None) -> None:
        """A message came and was refused whole; `future_s` is the limit that its time broke."""
        self.count += 1
        self.heard_ns = arrival_ns
        if future_s is not None:
            low, high = -AHEAD_NS / 1e9, LATE_NS / 1e9
            self.note(_CLOCK, flag=FAIL, value=-future_s, low=low, high=high, time_ns=arrival_ns)

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
        """Something was found: see `Findings.note`."""
        if self.findings is NOTHING:
            self.findings = Findings()
        self.findings.note(key, flag=flag, value=value, low=low, high=high, time_ns=time_ns)
        self.changed = True

    def _note_clock(self, flag: int, arrival_ns: int) -> None:
        if not flag:
            if self.findings.has(_CLOCK):
                self.findings.end(_CLOCK, arrival_ns)
                self.changed = True
            return
        if not self.findings.has(_CLOCK):
            # Readings before and after do not follow each other.
            for track in (self.main, *self.tracks.values()):
                track.restart()
        low, high = _CLOCK_SPAN_S[self.clock.fault]
        lag_s = self.clock.lag_ns / 1e9
        self.note(_CLOCK, flag=SUSPECT, value=lag_s, low=low, high=high, time_ns=arrival_ns)

    def look(self, now_ns: int, listening_since_ns: int) -> None:
        """Learns the rhythm and sees whether the device has fallen silent or come back."""
        heard_ns = self.heard_ns
        if not heard_ns:
            return
        if self.silent_ns and heard_ns > self.silent_ns:
            self.silent_ns = 0
            self.findings.end(_SILENCE, heard_ns)
            self.changed = True
        self.rhythm.look(self.count, heard_ns)
        self.pause_ns = int(self.rhythm.patience_s * 1e9)
        if now_ns - max(heard_ns, listening_since_ns) <= self.pause_ns or not self.active:
            return
        self.silent_ns = heard_ns
        silence_s = (now_ns - heard_ns) / 1e9
        self.note(
            _SILENCE,
            flag=SUSPECT,
            value=silence_s,
            low=None,
            high=self.rhythm.patience_s,
            time_ns=heard_ns,
        )

    def part(self, metric: str, now_ns: int) -> int:
        """The metric disagrees with the neighbours; returns since when, in ns."""
        since_ns, _ = self.parting.get(metric, (now_ns, now_ns))
        self.parting = {**self.parting, metric: (since_ns, now_ns)}
        return since_ns

    def disagree(self, metric: str, result: Result) -> None:
        """The metric's readings are flagged from now on."""
        self.apart = {**self.apart, metric: result}
        self.main.look_closer()

    def agree(self, metric: str, now_ns: int) -> None:
        """The metric is with the neighbours; after a while it is taken back among them."""
        parted = self.parting.get(metric)
        if parted is not None and now_ns - parted[1] >= TOGETHER_NS:
            self.parting = {name: at for name, at in self.parting.items() if name != metric}
            self.apart = {name: one for name, one in self.apart.items() if name != metric}

    def dump(self) -> list[Any]:
        """Everything but the findings, for JSON."""
        tracks = [track.dump() for track in (self.main, *self.tracks.values())]
        apart = {name: result[3:] for name, result in self.apart.items()}
        return [
            self.count,
            self.heard_ns,
            self.silent_ns,
            self.network,
            self.clock.dump(),
            self.rhythm.dump(),
            dict(self.parting),
            apart,
            tracks,
        ]

    def load(self, saved: list[Any], findings: list[Finding]) -> None:
        """Takes up what `dump` wrote."""
        self.count, self.heard_ns, self.silent_ns, self.network = saved[:4]
        clock, rhythm, parting, apart, tracks = saved[4:]
        self.parting = {name: (since, last) for name, (since, last) in parting.items()} or EMPTY
        self.saved_count = self.count
        self.clock = Clock.load(clock)
        self.rhythm = Rhythm.load(rhythm)
        self.pause_ns = int(self.rhythm.patience_s * 1e9)
        self.apart = {
            name: Result(name, Check.NEIGHBOURS, SUSPECT, *one) for name, one in apart.items()
        } or EMPTY
        self.main.load(tracks[0])
        for one in tracks[1:]:
            self.track(one[0]).load(one)
        if findings:
            self.findings = Findings()
            self.findings.restore(findings)
