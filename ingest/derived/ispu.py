"""ISPU, Indonesia's air pollution standard index: Permen LHK P.14/2020.

A sub-index is drawn on a straight line between the breakpoints (Xb, Ib) and (Xa, Ia) around the
concentration X: I = (Ia - Ib) / (Xa - Xb) * (X - Xb) + Ib. X is an average of 24 hours in µg/m³;
the index is the highest sub-index and its pollutant the critical one. An hour alone is never an
ISPU.

The regulation leaves open whether a step begins where the last one ended (Ib = 50, 100, …) or one
above (51, 101, …). The pairs that the ministry publishes (24 h PM2.5 -> ISPU: 19.71 -> 56,
42.14 -> 84, 46.37 -> 89, 94.27 -> 142, 94.01 -> 142) decide it: one above gives four of the five
and misses the last by one, where the last one ended gives one. So Ib is one above, and Xb the end
of the step before.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Final

from ingest.derived.aggregates import COMPLETE
from ingest.derived.category import Category, rounded

HOURS: Final = 24

INDEX: Final = (0, 50, 100, 200, 300, 500)
"""Where the steps of the index end."""

BREAKPOINTS: Final[Mapping[str, tuple[float, ...]]] = {
    "pm10": (0, 50, 150, 350, 420, 500),
    "pm25": (0, 15.5, 55.4, 150.4, 250.4, 500),
    "so2": (0, 52, 180, 400, 800, 1200),
    "co": (0, 4000, 8000, 15000, 30000, 45000),
    "o3": (0, 120, 235, 400, 800, 1000),
    "no2": (0, 80, 200, 1130, 2260, 3000),
    "hc": (0, 45, 100, 215, 432, 648),
}
"""Concentrations in µg/m³ (24 h) at `INDEX`, by metric; `hc` where a city measures it."""

CATEGORIES: Final = (
    Category(1, "Good", "Baik", "#00cc00"),
    Category(2, "Moderate", "Sedang", "#0000cc"),
    Category(3, "Unhealthy", "Tidak Sehat", "#cccc00"),
    Category(4, "Very unhealthy", "Sangat Tidak Sehat", "#cc0000"),
    Category(5, "Hazardous", "Berbahaya", "#000000"),
)


def sub_index(pollutant: str, average: float) -> int:
    """The sub-index of a 24 h average in µg/m³, 0 to 500, where the table ends."""
    points = BREAKPOINTS[pollutant]
    if average <= 0:
        return 0
    if average >= points[-1]:
        return INDEX[-1]
    step = bisect_left(points, average)
    low, high = points[step - 1], points[step]
    begin = INDEX[step - 1] + (1 if step > 1 else 0)
    return rounded((INDEX[step] - begin) / (high - low) * (average - low) + begin)


def category(index: float) -> Category:
    """The category of an index."""
    return CATEGORIES[min(bisect_left(INDEX[1:-1], index), len(CATEGORIES) - 1)]


def day_average(hours: Sequence[float | None]) -> float | None:
    """The average of 24 hourly means; None with less than three quarters of them."""
    known = [hour for hour in hours if hour is not None]
    return sum(known) / len(known) if len(known) >= COMPLETE * HOURS else None
