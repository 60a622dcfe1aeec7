"""Limits made ready for the hot path: plain numbers, nanoseconds, bounds that devices share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, NamedTuple

from devices.kind import Limits, Metric
from ingest.quality.climatology import Climatology

_SECOND: Final = 1_000_000_000
MINUTE_NS: Final = 60 * _SECOND
"""A change within less than a minute may be as large as in a minute: limits are steps."""
_STRICT: Final = 1 - 1e-9
"""A tolerance is not reached by a step that is as large, whatever binary fractions make of it."""

Bound = tuple[float, float, float, float, float]
"""low, high, farthest step down (negative) and up, distance from the anchor that is still."""

ANYTHING: Final[Bound] = (-inf, inf, -inf, inf, inf)


@dataclass(frozen=True, slots=True)
class Rule:
    """What one metric must keep to. Times in ns, rates per ns; infinity: not tested."""

    name: str
    valid: tuple[float, float]
    good: tuple[float, float]
    spike_suspect: float
    spike_fail: float
    rate: float
    still: float
    flat_suspect_ns: float
    flat_fail_ns: float
    zero_exempt: bool
    neighbour_min: float

    @classmethod
    def of(cls, name: str, metric: Metric, limits: Limits) -> "Rule":
        low, high = limits.suspect or metric.valid
        suspect, fail = limits.spike_suspect or inf, limits.spike_fail or inf
        flat_fail_ns = _ns(limits.flat_fail_s)
        return cls(
            name=name,
            valid=metric.valid,
            good=(max(low, metric.valid[0]), min(high, metric.valid[1])),
            spike_suspect=min(suspect, fail),
            spike_fail=fail,
            rate=(limits.rate_per_min or inf) / MINUTE_NS,
            still=limits.flat_tolerance * _STRICT,
            flat_suspect_ns=min(_ns(limits.flat_suspect_s), flat_fail_ns),
            flat_fail_ns=flat_fail_ns,
            zero_exempt=limits.flat_zero_exempt,
            neighbour_min=limits.neighbour_min or inf,
        )


def _ns(seconds: float | None) -> float:
    """Whole nanoseconds: as a float, a time of today is only good to a quarter microsecond."""
    return inf if seconds is None else round(seconds * _SECOND)


class Season(NamedTuple):
    """What climatology says of an hour: spans by metric, until when."""

    key: object
    until_ns: float
    spans: Mapping[str, tuple[tuple[float, float], tuple[float, float]]]
    """Where it is good, and outside of which it fails."""


ALWAYS: Final = Season(None, inf, {})


class RuleBook:
    """The rules of all metrics of a kind, for devices with the same limits."""

    __slots__ = ("_bounds", "_climatology", "interval_ns", "kind", "rules")

    def __init__(
        self,
        kind: str,
        rules: Mapping[str, Rule],
        *,
        interval_s: float,
        climatology: Climatology | None = None,
    ) -> None:
        self.kind = kind
        self.rules = rules
        self.interval_ns = int(interval_s * _SECOND)
        self._climatology = climatology
        self._bounds: dict[object, tuple[Bound, ...]] = {}

    def season(self, time_ns: int) -> Season:
        """What is usual at that time."""
        if self._climatology is None:
            return ALWAYS
        hour = self._climatology.hour(time_ns)
        return Season(hour.key, hour.until_ns, self._climatology.spans(self.kind, hour))

    def bounds(
        self, names: Sequence[str], metrics: int, after_ns: int, season: Season
    ) -> tuple[Bound, ...]:
        """Within what the next values are certainly good if they come `after_ns` or later.

        Of `names` the first `metrics` are metrics; the others may be anything.
        """
        key = (names, after_ns, season.key)
        found = self._bounds.get(key)
        if found is None:
            found = (
                *(self._bound(self.rules[name], after_ns, season) for name in names[:metrics]),
                *(ANYTHING for _ in names[metrics:]),
            )
            if len(self._bounds) < _BOUNDS_MAX:
                self._bounds[key] = found
        return found

    def _bound(self, rule: Rule, after_ns: int, season: Season) -> Bound:
        low, high = rule.good
        if rule.name in season.spans:
            good, _ = season.spans[rule.name]
            low, high = max(low, good[0]), min(high, good[1])
        step = min(rule.spike_suspect, rule.rate * max(after_ns, MINUTE_NS))
        return low, high, -step, step, rule.still


_BOUNDS_MAX: Final = 4096
