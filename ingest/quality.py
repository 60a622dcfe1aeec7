"""Quality flags: plausibility beside the raw value, never instead of it.

Flags are QARTOD's (https://ioos.noaa.gov/project/qartod/): 1 good, 2 not evaluated, 3 suspect,
4 fail, 9 missing.
"""

from typing import Final

from devices.kind import Metric

GOOD: Final = 1
NOT_EVALUATED: Final = 2
SUSPECT: Final = 3
FAIL: Final = 4
MISSING: Final = 9


def gross_range(value: float, metric: Metric) -> int:
    """QARTOD gross range test: FAIL outside `valid`, SUSPECT outside `limits.suspect`."""
    if not metric.valid[0] <= value <= metric.valid[1]:
        return FAIL
    suspect = metric.limits.suspect
    if suspect is not None and not suspect[0] <= value <= suspect[1]:
        return SUSPECT
    return GOOD


def good_span(metric: Metric) -> tuple[float, float]:
    """The inclusive range in which `gross_range` says GOOD."""
    suspect = metric.limits.suspect
    if suspect is None:
        return metric.valid
    return max(metric.valid[0], suspect[0]), min(metric.valid[1], suspect[1])
