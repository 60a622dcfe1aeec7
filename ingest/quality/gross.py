"""QARTOD's gross range test: what a sensor cannot measure, and what it hardly ever does."""

from devices.kind import Metric
from ingest.quality.flag import FAIL, GOOD, SUSPECT


def gross_range(value: float, metric: Metric) -> int:
    """FAIL outside `valid`, SUSPECT outside `limits.suspect`."""
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
