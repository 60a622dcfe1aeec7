"""Siaga: the alert level of a gauge, how fast the water rises, and when the next level begins.

Levels run downwards as Indonesian flood agencies number them: IV normal, III, II, I the worst. A
level begins as soon as the water stands at its threshold (value >= threshold, the worst first, as
the river basin agencies do) and ends only when it stands more than the gauge's hysteresis below
it, so a level that swings within that band changes nothing.
"""

from collections.abc import Sequence
from itertools import combinations
from statistics import median
from typing import Final

from devices.gauge import Thresholds
from ingest.derived.category import Category

NORMAL: Final = 4
"""Siaga IV."""

LEVELS: Final = {
    4: Category(4, "Normal (siaga IV)", "Normal (Siaga IV)", "#00cc00"),
    3: Category(3, "Watch (siaga III)", "Waspada (Siaga III)", "#cccc00"),
    2: Category(2, "Alert (siaga II)", "Siaga (Siaga II)", "#ff7e00"),
    1: Category(1, "Danger (siaga I)", "Awas (Siaga I)", "#cc0000"),
}

SLOPE_S: Final = 1800
"""The rise is that of the last half hour."""
_SLOPE_MIN_POINTS: Final = 5
_SLOPE_MIN_S: Final = 600
RISING_M_PER_H: Final = 0.01
"""Less is no rise: the resolution of a sensor."""
_AHEAD_MAX_MIN: Final = 24 * 60.0


def plain_siaga(level_m: float, thresholds: Thresholds) -> int:
    """The level by the thresholds alone."""
    return NORMAL - sum(level_m >= begin for begin in thresholds.begins_m)


def siaga(
    level_m: float, thresholds: Thresholds, *, hysteresis_m: float, before: int | None
) -> int:
    """The level after one more reading; `before` is the level that held (None: not known)."""
    now = plain_siaga(level_m, thresholds)
    if before is None or now <= before:
        return now
    # It falls as far as the water stands below the band of each level left.
    return max(before, plain_siaga(level_m + hysteresis_m, thresholds))


def rise_m_per_h(samples: Sequence[tuple[float, float]]) -> float | None:
    """The slope of (second, level) samples in time order: the median over all pairs.

    The Theil-Sen estimator (Sen, 1968, doi:10.1080/01621459.1968.10480934): nearly a third of
    the samples may be wrong without moving it far. None with less than five samples or ten
    minutes of them.
    """
    if len(samples) < _SLOPE_MIN_POINTS or samples[-1][0] - samples[0][0] < _SLOPE_MIN_S:
        return None
    slopes = (
        (late[1] - early[1]) / (late[0] - early[0]) for early, late in combinations(samples, 2)
    )
    return median(slopes) * 3600.0


def minutes_to_next(
    level_m: float, level: int, rise: float | None, thresholds: Thresholds
) -> float | None:
    """Minutes until the next worse level begins if the rise goes on.

    None where the water does not rise, stands in the worst level, or has more than a day to go.
    """
    if level <= 1 or rise is None or rise < RISING_M_PER_H:
        return None
    begin = thresholds.begins_m[NORMAL - level]
    minutes = max(begin - level_m, 0.0) / rise * 60.0
    return minutes if minutes <= _AHEAD_MAX_MIN else None
