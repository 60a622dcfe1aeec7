"""Neighbours: a station that disagrees with the others of its area.

A value is apart when |x - median| > max(neighbour_min, K * 1.4826 * MAD), with MAD the median of
|x - median| over the stations; 1.4826 makes it a standard deviation for normal errors (Leys et al.
2013). The median of five or more moves little for one that is wrong.
"""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

K: Final = 5.0
LASTS_NS: Final = 3600 * 1_000_000_000
"""A station is flagged when it has been apart for so long."""
TOGETHER_NS: Final = 900 * 1_000_000_000
"""After so long without disagreement it is over: one reading among the others proves nothing."""
STATIONS_MIN: Final = 5

_NORMAL: Final = 1.4826


def agreement(values: Sequence[float], smallest: float) -> tuple[float, float]:
    """From where to where the values agree; `smallest` is the least difference that counts."""
    middle = median(values)
    spread = median([abs(value - middle) for value in values])
    reach = max(smallest, K * _NORMAL * spread)
    return middle - reach, middle + reach


def apart(values: Mapping[str, float], smallest: float) -> Mapping[str, tuple[float, float]]:
    """Stations that disagree, each with where the others agree; none where there are too few."""
    if len(values) < STATIONS_MIN:
        return {}
    low, high = agreement(list(values.values()), smallest)
    return {name: (low, high) for name, value in values.items() if not low <= value <= high}
