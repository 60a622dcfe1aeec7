"""The tests of single values, as pure functions: formulas and sources are in docs/quality.md."""

from typing import Final

from ingest.quality.flag import FAIL, GOOD, SUSPECT, Check
from ingest.quality.result import Result
from ingest.quality.rule import Rule, Season

_FLAT_STEPS: Final = 3
"""A still line has at least so many steps, however slowly a device reports."""


def ranges(rule: Rule, value: float, season: Season) -> list[Result]:
    """Gross range and climatology, of a value that is possible."""
    results = []
    if not rule.good[0] <= value <= rule.good[1]:
        results.append(Result(rule.name, Check.GROSS_RANGE, SUSPECT, value, *rule.good))
    usual = season.spans.get(rule.name)
    if usual is not None and not usual[0][0] <= value <= usual[0][1]:
        flag = SUSPECT if usual[1][0] <= value <= usual[1][1] else FAIL
        results.append(Result(rule.name, Check.CLIMATOLOGY, flag, value, *usual[0]))
    return results


def in_ranges(rule: Rule, value: float, season: Season) -> int:
    """The flag of a value of which nothing is known but itself."""
    if not rule.valid[0] <= value <= rule.valid[1]:
        return FAIL
    return max((result.flag for result in ranges(rule, value, season)), default=GOOD)


def spike(rule: Rule, to: float, away: float) -> int:
    """The flag of a value between the step that leads to it and the one that leads away."""
    if to * away >= 0:
        return GOOD
    height = min(abs(to), abs(away))
    if height <= rule.spike_suspect:
        return GOOD
    return FAIL if height > rule.spike_fail else SUSPECT


def rate(rule: Rule, value: float, before: float, elapsed_ns: int) -> Result | None:
    """Rate of change, from the value before."""
    most = rule.rate * elapsed_ns
    if abs(value - before) <= most:
        return None
    return Result(rule.name, Check.RATE, SUSPECT, value, before - most, before + most)


def flat(rule: Rule, anchor: float, still_ns: int, step_ns: int) -> Result | None:
    """A line that has been near `anchor` for so long; `step_ns` is its last step in time."""
    if still_ns < max(rule.flat_suspect_ns, _FLAT_STEPS * step_ns) or is_exempt(rule, anchor):
        return None
    flag = FAIL if still_ns >= rule.flat_fail_ns else SUSPECT
    limit_ns = rule.flat_fail_ns if flag == FAIL else rule.flat_suspect_ns
    return Result(rule.name, Check.FLAT, flag, still_ns / 1e9, None, limit_ns / 1e9)


def is_exempt(rule: Rule, anchor: float) -> bool:
    """Whether a line may stand there as long as it likes."""
    return rule.zero_exempt and abs(anchor) <= rule.still
