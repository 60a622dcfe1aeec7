"""A track: the readings of one channel of a device, judged one after the other.

The ordinary reading costs three comparisons a metric: is it within its good range, near enough to
the one before, away from where a still line would be? Only when one of these says no, when the
next deadline passes or when something is the matter already, all tests are made in full; the bounds
are such that the quick answer and the full one never differ.

A reading that is not after the last one (late, or out of order) is held against ranges only and
changes nothing here.
"""

from collections.abc import Mapping, Sequence
from math import inf
from typing import TYPE_CHECKING, Any, Final

from ingest.quality import checks
from ingest.quality.flag import EMPTY, FAIL, GOOD, MISSING, SUSPECT, Check
from ingest.quality.result import Correction, Form, Jump, Moment, Parked, Result
from ingest.quality.rule import MINUTE_NS, Bound, Rule, Season

if TYPE_CHECKING:
    from ingest.quality.finding import Key
    from ingest.quality.watch import Watch

REPEATS: Final = 5
"""So many messages with the same sequence number are not new readings."""
_NEVER: Final = -1
_BEGINNING: Final = -(1 << 63)
_NO_SEASON: Final = Season(None, -inf, {})


class Track:
    """Judges the readings of one channel. The same readings give the same flags, always."""

    __slots__ = (
        "_after_ns",
        "_anchors",
        "_bounded",
        "_bounds",
        "_deadline_ns",
        "_first_seq",
        "_form",
        "_gap_ns",
        "_jumps",
        "_last",
        "_last_ns",
        "_moved",
        "_parked",
        "_ready_ns",
        "_repeats",
        "_season",
        "_seq",
        "_stale",
        "_watch",
        "channel",
        "corrections",
    )

    def __init__(self, watch: "Watch", channel: str | None) -> None:
        self._watch = watch
        self.channel = channel
        self.corrections: tuple[Correction, ...] = ()
        """Of earlier readings; `write_corrections` takes them."""
        self._form: Form | None = None
        self._bounds: tuple[Bound, ...] = ()
        self._bounded: object = None
        """For what after how long, and which season, the bounds are."""
        self._last: tuple[float | None, ...] = ()
        self._last_ns = _BEGINNING
        self._stale: Mapping[int, int] = EMPTY
        """Times of those values in `_last` that are older than `_last_ns`, by place."""
        self._anchors: list[float | None] = []
        """Where each metric last stood still, or stands."""
        self._moved: list[int] = []
        """Since when."""
        self._jumps: Mapping[str, Jump] = EMPTY
        self._parked: Mapping[str, Parked] = EMPTY
        """Last value, its time, anchor and since when, of metrics that this form has not."""
        self._seq: int | None = None
        self._first_seq: int | None = None
        self._repeats = 0
        self._season = _NO_SEASON
        self._gap_ns = 0
        self._after_ns = 1
        self._ready_ns: float = inf
        self._deadline_ns: float = _NEVER

    @property
    def last_ns(self) -> int:
        return self._last_ns

    def judge(
        self,
        form: Form,
        picked: tuple[float | None, ...],
        time_ns: int,
        seq: int | None = None,
        *,
        arrival: bool = False,
    ) -> Sequence[int] | None:
        """The flags of a reading's metrics, in the form's order; None when all are good.

        `arrival` tells that the time is when it came: steps in a burst have no rate then.
        """
        if (
            form is self._form
            and self._ready_ns <= time_ns <= self._deadline_ns
            and time_ns - self._last_ns <= self._watch.pause_ns
            and (seq is None or seq != self._seq)
        ):
            place, anchors = 0, self._anchors
            try:
                # How these lines are written is a third of what they cost: see bench/quality.py.
                for value, before, anchor, (low, high, fall, rise, still) in zip(
                    picked, self._last, anchors, self._bounds, strict=False
                ):
                    if low <= value <= high and fall <= value - before <= rise:  # type: ignore[operator]
                        if value - anchor > still or anchor - value > still:  # type: ignore[operator]
                            anchors[place] = value
                            self._moved[place] = time_ns
                        place += 1
                    else:
                        break
                else:
                    self._last = picked
                    self._last_ns = time_ns
                    self._ready_ns = time_ns + self._after_ns
                    self._seq = seq
                    return None
            except TypeError:  # a None among them
                pass
        return self._judge(form, picked, time_ns, seq, arrival=arrival)

    def write_corrections(self, prefix: bytes, lines: list[bytes]) -> int:
        """Appends the lines that correct flags of earlier points; returns how many."""
        found = [one.line(prefix) for one in self.corrections]
        self.corrections = ()
        lines.extend(found)
        return len(found)

    def latest(self) -> Mapping[str, float]:
        """The last plausible value of each metric."""
        return {name: known[0] for name, known in self._known().items()}

    def look_closer(self) -> None:
        """Something about the device has changed: the next reading is judged in full."""
        self._deadline_ns = _NEVER

    def renew(self) -> None:
        """The limits or the series of the store are others from now on."""
        self._parked, self._stale, self._form = self._known(), EMPTY, None
        self._jumps = EMPTY  # no correction of a point that stands elsewhere
        self._season = _NO_SEASON

    def restart(self) -> None:
        """Times before mean nothing any more: as if no reading had come yet."""
        self._form, self._last_ns, self._last = None, _BEGINNING, ()
        self._anchors, self._moved = [], []
        self._parked = self._jumps = self._stale = EMPTY

    # -- in full -------------------------------------------------------------------------------

    def _judge(
        self,
        form: Form,
        picked: tuple[float | None, ...],
        time_ns: int,
        seq: int | None,
        *,
        arrival: bool,
    ) -> Sequence[int] | None:
        if time_ns <= self._last_ns:
            return self._judge_late(form, picked, time_ns)
        if form is not self._form:
            self._take_form(form)
        if time_ns - self._last_ns > self._watch.pause_ns and self._last_ns != _BEGINNING:
            self._pause(time_ns)
        if time_ns > self._season.until_ns:
            self._season = self._watch.book.season(time_ns)
            self._ready_ns = inf  # its bounds are not made yet
        moment = Moment(time_ns, arrival, self._is_stuck(seq), list(self._last), [], {})
        ready = self._ready_ns <= time_ns and not (moment.stuck or self._stale or self._watch.apart)
        flags = []
        for place, name in enumerate(form.metrics):
            value = picked[place]
            if ready and value is not None and self._is_plain(place, name, value, time_ns):
                moment.last[place] = value
                flags.append(GOOD)
            else:
                flags.append(self._judge_metric(place, name, value, moment))
        self._conclude(form, flags, moment)
        self._keep(form, moment)
        self._seq = seq
        self._set_bounds(form)
        return _unless_good(flags, picked)

    def _pause(self, time_ns: int) -> None:
        """Nothing was heard for unusually long: who knows whether it stood still, or jumped."""
        self._moved = [time_ns] * len(self._moved)
        self._jumps = EMPTY

    def _is_plain(self, place: int, name: str, value: float, time_ns: int) -> bool:
        """Whether no test has anything to say, as in `judge`, of one metric."""
        before, anchor = self._last[place], self._anchors[place]
        if before is None or anchor is None or name in self._jumps:
            return False
        low, high, fall, rise, still = self._bounds[place]
        if not (low <= value <= high and fall <= value - before <= rise):
            return False
        if not -still <= value - anchor <= still:
            self._anchors[place], self._moved[place] = value, time_ns
            return True
        return time_ns - self._moved[place] < self._watch.book.rules[name].flat_suspect_ns

    def _judge_metric(self, place: int, name: str, value: float | None, moment: Moment) -> int:
        rule, before = self._watch.book.rules[name], self._last[place]
        if value is None or not rule.valid[0] <= value <= rule.valid[1]:
            if before is not None:
                # What is missing or impossible is no neighbour in time of what comes after.
                self._stale = {place: self._last_ns, **self._stale}
            if value is None:
                return MISSING
            moment.results.append(Result(name, Check.GROSS_RANGE, FAIL, value, *rule.valid))
            return FAIL
        found = checks.ranges(rule, value, self._season)
        before_ns = self._last_ns
        if place in self._stale:
            before_ns = self._stale[place]
            self._stale = {at: ns for at, ns in self._stale.items() if at != place}
        jump = None
        if before is not None:
            jump = self._compare(rule, value, (before, before_ns), moment, found)
        if flat := self._flat(rule, value, place, moment.time_ns, before_ns):
            found.append(flat)
        if self._watch.apart and self.channel is None and name in self._watch.apart:
            found.append(self._watch.apart[name]._replace(value=value))
        flag = SUSPECT if moment.stuck else GOOD
        for result in found:
            flag = max(flag, result.flag)
            moment.results.append(result)
        if jump is not None:
            jump.flag = flag
            moment.jumps[name] = jump
        moment.last[place] = value
        return flag

    def _judge_late(
        self, form: Form, picked: tuple[float | None, ...], time_ns: int
    ) -> Sequence[int] | None:
        book = self._watch.book
        season = book.season(time_ns)
        flags = [
            MISSING if value is None else checks.in_ranges(book.rules[name], value, season)
            for name, value in zip(form.metrics, picked, strict=False)
        ]
        return _unless_good(flags, picked)

    def _compare(
        self,
        rule: Rule,
        value: float,
        reference: tuple[float, int],
        moment: Moment,
        found: list[Result],
    ) -> Jump | None:
        """Spike and rate of change; returns the jump if this may be a spike's beginning."""
        before, before_ns = reference
        step = value - before
        jump = self._jumps.get(rule.name)
        if jump is not None and (flag := checks.spike(rule, jump.step, step)) != GOOD:
            self._correct(rule, jump, flag, before)
            # A spike is no reference for what comes after it.
            reference = jump.before, jump.before_ns
        elapsed_ns = max(moment.time_ns - reference[1], MINUTE_NS)
        if moment.arrival:
            elapsed_ns = max(elapsed_ns, self._watch.book.interval_ns)
        if result := checks.rate(rule, value, reference[0], elapsed_ns):
            found.append(result)
        if abs(step) > rule.spike_suspect:
            return Jump(step, before, before_ns, moment.time_ns, GOOD)
        return None

    def _correct(self, rule: Rule, jump: Jump, flag: int, value: float) -> None:
        """The reading before was a spike."""
        if flag > jump.flag:
            self.corrections += (Correction(rule.name, flag, jump.time_ns),)
        self._watch.note(
            (self.channel, rule.name, Check.SPIKE),
            flag=flag,
            value=value,
            low=jump.before - rule.spike_suspect,
            high=jump.before + rule.spike_suspect,
            time_ns=jump.time_ns,
        )

    def _flat(
        self, rule: Rule, value: float, place: int, time_ns: int, before_ns: int
    ) -> Result | None:
        anchor = self._anchors[place]
        if anchor is None or not -rule.still <= value - anchor <= rule.still:
            self._anchors[place], self._moved[place] = value, time_ns
            return None
        return checks.flat(rule, anchor, time_ns - self._moved[place], time_ns - before_ns)

    def _is_stuck(self, seq: int | None) -> bool:
        """Whether the sequence number, which has moved before, stands still for too long."""
        if self._first_seq is None:
            self._first_seq = seq
        self._repeats = self._repeats + 1 if seq is not None and seq == self._seq else 0
        return self._repeats >= REPEATS - 1 and seq != self._first_seq

    def _conclude(self, form: Form, flags: Sequence[int], moment: Moment) -> None:
        """Notes what was found and ends what is over."""
        watch, channel, time_ns = self._watch, self.channel, moment.time_ns
        repeated = self._repeats >= REPEATS - 1
        if not (moment.results or repeated or watch.findings.standing.get(channel)):
            return
        watch.changed = True
        shown: set[Key] = set()
        for result in moment.results:
            key: Key = (channel, result.metric, result.check)
            shown.add(key)
            flag, value, low, high = result[2:]
            watch.note(key, flag=flag, value=value, low=low, high=high, time_ns=time_ns)
        if repeated:
            key = (channel, None, Check.SEQUENCE)
            shown.add(key)
            value = self._repeats + 1.0
            watch.note(key, flag=SUSPECT, value=value, low=None, high=REPEATS, time_ns=time_ns)
        heard = {name for name, flag in zip(form.metrics, flags, strict=True) if flag != MISSING}
        for found in watch.findings.states(channel):
            ours = found.metric in heard or found.check is Check.SEQUENCE
            if ours and found.key not in shown:
                watch.findings.end(found.key, time_ns)

    def _keep(self, form: Form, moment: Moment) -> None:
        """Makes this reading the last one."""
        if self._jumps or moment.jumps:
            others = {name: one for name, one in self._jumps.items() if name not in form.metrics}
            self._jumps = {**others, **moment.jumps} or EMPTY
        self._gap_ns = moment.time_ns - self._last_ns if self._last_ns != _BEGINNING else 0
        self._last, self._last_ns = tuple(moment.last), moment.time_ns

    # -- for the quick way ---------------------------------------------------------------------

    def _take_form(self, form: Form) -> None:
        """Puts what is known of each metric where this form has it."""
        parked, newest = dict(self._known()), self._last_ns
        last: list[float | None] = []
        anchors: list[float | None] = []
        moved: list[int] = []
        stale = {}
        for place, name in enumerate(form.metrics):
            value, time_ns, anchor, moved_ns = parked.pop(name, (None, newest, None, newest))
            last.append(value)
            anchors.append(anchor)
            moved.append(moved_ns)
            if time_ns != newest:
                stale[place] = time_ns
        others = len(form.picked) - len(form.metrics)
        self._last = (*last, *(0.0,) * others)
        self._anchors, self._moved = [*anchors, *(0.0,) * others], moved[:]
        self._stale, self._parked = stale or EMPTY, parked or EMPTY
        self._form, self._bounded, self._ready_ns = form, None, inf

    def _known(self) -> Mapping[str, Parked]:
        """What is known of each metric, whether this form has it or not."""
        if self._form is None:
            return self._parked
        known = dict(self._parked)
        for place, name in enumerate(self._form.metrics):
            value, anchor = self._last[place], self._anchors[place]
            if value is not None and anchor is not None:
                time_ns = self._stale.get(place, self._last_ns)
                known[name] = (value, time_ns, anchor, self._moved[place])
        return known

    def _set_bounds(self, form: Form) -> None:
        """Within what, and until when, the next readings are good without a look at them."""
        book = self._watch.book
        for_what = (_usual(self._gap_ns or book.interval_ns), self._season.key)
        if for_what != self._bounded:
            self._bounded, self._after_ns = for_what, for_what[0]
            self._bounds = book.bounds(form.picked, len(form.metrics), self._after_ns, self._season)
        self._ready_ns = self._last_ns + self._after_ns
        standing = self._watch.findings.standing.get(self.channel)
        watching = self._jumps or self._stale or standing or self._watch.apart
        self._deadline_ns = _NEVER if watching else self._deadline(form)

    def _deadline(self, form: Form) -> float:
        """Until when no metric can be too still, and the season holds."""
        deadline: float = self._season.until_ns
        for place, name in enumerate(form.metrics):
            rule = self._watch.book.rules[name]
            anchor = self._anchors[place]
            moving = anchor is None or checks.is_exempt(rule, anchor)
            since_ns = self._last_ns if moving else self._moved[place]
            deadline = min(deadline, since_ns + rule.flat_suspect_ns - 1)
        return deadline

    # -- across restarts -----------------------------------------------------------------------

    def dump(self) -> list[Any]:
        # What is usual is left out: a value that is new, and its own anchor.
        known = {
            name: value
            if (time_ns, anchor, moved_ns) == (self._last_ns, value, self._last_ns)
            else (value, time_ns, anchor, moved_ns)
            for name, (value, time_ns, anchor, moved_ns) in self._known().items()
        }
        jumps = {
            name: (jump.step, jump.before, jump.before_ns, jump.time_ns, jump.flag)
            for name, jump in self._jumps.items()
        }
        return [
            self.channel,
            self._last_ns,
            self._seq,
            self._first_seq,
            self._repeats,
            known,
            jumps,
        ]

    def load(self, saved: list[Any]) -> None:
        """Takes up what `dump` wrote."""
        _, last_ns, self._seq, self._first_seq, self._repeats, known, jumps = saved
        rules = self._watch.book.rules
        self._last_ns = last_ns
        self._parked = {
            name: (one[0], one[1], one[2], one[3])
            if isinstance(one, list)
            else (one, last_ns, one, last_ns)
            for name, one in known.items()
            if name in rules
        }
        self._jumps = {name: Jump(*one) for name, one in jumps.items() if name in rules} or EMPTY


def _unless_good(flags: Sequence[int], picked: Sequence[float | None]) -> Sequence[int] | None:
    """The flags, or None where all are good and nothing is missing."""
    if None not in picked and all(flag == GOOD for flag in flags):
        return None
    return flags


def _usual(gap_ns: int) -> int:
    """After how long the next reading comes at the earliest, mostly: a power of two.

    Few values, so that devices share bounds; within a minute it does not matter.
    """
    usual_ns = gap_ns * 9 // 10
    return 1 if usual_ns <= MINUTE_NS else 1 << (usual_ns.bit_length() - 1)
