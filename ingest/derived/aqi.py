"""US AQI of particles with the breakpoints of 2024, and NowCast.

Sources: US EPA, Technical Assistance Document for the Reporting of Daily Air Quality,
EPA-454/B-24-002 (May 2024): concentrations are cut, not rounded, to 0.1 µg/m³ (PM2.5) and 1 µg/m³
(PM10), the index is rounded. NowCast weighs the last 12 hourly means by w^age, w being the
smallest over the largest of them but at least a half; it needs two of the last three hours.
"""

from collections.abc import Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from ingest.derived.category import Category, rounded

HOURS: Final = 12
_RECENT: Final = 3
_RECENT_NEEDED: Final = 2
_WEIGHT_LEAST: Final = 0.5

STEPS: Final = ((0, 50), (51, 100), (101, 150), (151, 200), (201, 300), (301, 500))

BREAKPOINTS: Final[Mapping[str, tuple[tuple[float, float], ...]]] = {
    "pm25": (
        (0.0, 9.0),
        (9.1, 35.4),
        (35.5, 55.4),
        (55.5, 125.4),
        (125.5, 225.4),
        (225.5, 325.4),
    ),
    "pm10": ((0, 54), (55, 154), (155, 254), (255, 354), (355, 424), (425, 604)),
}
"""First and last concentration in µg/m³ of each of `STEPS`, by metric."""

_CUT: Final[Mapping[str, Decimal]] = {"pm25": Decimal("0.1"), "pm10": Decimal(1)}

CATEGORIES: Final = (
    Category(1, "Good", "Baik", "#00e400"),
    Category(2, "Moderate", "Sedang", "#ffff00"),
    Category(
        3,
        "Unhealthy for sensitive groups",
        "Tidak Sehat bagi Kelompok Sensitif",
        "#ff7e00",
    ),
    Category(4, "Unhealthy", "Tidak Sehat", "#ff0000"),
    Category(5, "Very unhealthy", "Sangat Tidak Sehat", "#8f3f97"),
    Category(6, "Hazardous", "Berbahaya", "#7e0023"),
)


def cut(pollutant: str, concentration: float) -> float:
    """The concentration with the digits that the table has, the rest cut off."""
    # repr() first: 9.1 is stored a little below 9.1, and must not be cut to 9.0.
    exact = Decimal(repr(concentration))
    return float(exact.quantize(_CUT[pollutant], rounding=ROUND_FLOOR))


def index(pollutant: str, concentration: float) -> int:
    """The AQI of an average or NowCast in µg/m³, 0 to 500, where the table ends."""
    value = max(cut(pollutant, concentration), 0.0)
    for (low, high), (first, last) in zip(BREAKPOINTS[pollutant], STEPS, strict=True):
        if value <= high:
            return rounded((last - first) / (high - low) * (value - low) + first)
    return STEPS[-1][1]


def category(aqi: float) -> Category:
    """The category of an index."""
    for step, (_, last) in enumerate(STEPS):
        if aqi <= last:
            return CATEGORIES[step]
    return CATEGORIES[-1]


def nowcast(hours: Sequence[float | None]) -> float | None:
    """NowCast of hourly means, newest first, the first twelve counting; None where not valid.

    Not cut yet. Means below zero count as zero.
    """
    recent = hours[:HOURS]
    if sum(hour is not None for hour in recent[:_RECENT]) < _RECENT_NEEDED:
        return None
    known = [(age, max(hour, 0.0)) for age, hour in enumerate(recent) if hour is not None]
    values = [value for _, value in known]
    largest = max(values)
    if largest == 0:
        return 0.0
    weight = max(min(values) / largest, _WEIGHT_LEAST)
    total = sum(value * weight**age for age, value in known)
    return total / sum(weight**age for age, _ in known)
