"""The simulated city: what falls, flows and drives, as pure functions of time.

All times are seconds of the simulated city since the start. With a speed above 1 the city lives
faster than the clock on the wall; readings carry the time on the wall.
"""

from datetime import UTC, datetime, timedelta
from math import cos, exp, pi, sin
from typing import Final

from devices.simulator.places import Places, Point, River, distance_km
from devices.simulator.scenario import Rain, Scenario

CATCHMENT_H: Final = 2.0
"""How long water stands in a river's catchment: time constant of its linear reservoir."""
STREET_H: Final = 0.7
"""The same for the drains of a street."""
STREET_HOLDS_MM: Final = 18.0
"""What drains and gutters hold before a street is under water."""
STREET_M_PER_MM: Final = 0.012
"""Depth in a street per millimetre beyond; streets lie lower than the roofs that feed them."""
LOCAL_M_PER_MM: Final = 0.02
"""Rise of a ditch per millimetre that stands in its own surroundings."""

_RUSH_HOURS: Final = ((7.4, 0.9, 0.85), (17.5, 1.3, 1.0))
"""Hour, width in hours and height of the morning and evening peak."""
_WEEKEND: Final = 0.45
_SATURDAY: Final = 5


def reservoir(after_h: float, lasts_h: float, constant_h: float) -> float:
    """What stands in a linear reservoir per 1 mm/h of peak rain, in mm.

    The inflow is sin²(pi t / lasts_h) for `lasts_h` hours; the outflow is contents / constant_h.
    Closed form of dy/dt = r(t) - y/c with r = (1 - cos wt) / 2, w = 2 pi / lasts_h, y(0) = 0.
    """
    if after_h <= 0:
        return 0.0
    time = min(after_h, lasts_h)
    rate, w = 1 / constant_h, 2 * pi / lasts_h
    fading = exp(-rate * time)
    swing = (rate * cos(w * time) + w * sin(w * time) - rate * fading) / (rate**2 + w**2)
    held = ((1 - fading) / rate - swing) / 2
    return max(0.0, held) * exp(-rate * (after_h - time))


class World:
    """Weather, rivers, streets and traffic of a city under a scenario.

    `start` is aware and in the city's own time zone; its clock gives the time of day unless the
    scenario names one.
    """

    def __init__(
        self, scenario: Scenario, places: Places, *, start: datetime, speed: float = 1.0
    ) -> None:
        self.scenario = scenario
        self.places = places
        self.start = start
        self.speed = speed
        clock = start.hour + start.minute / 60 + start.second / 3600
        hour = scenario.starts_at_hour
        self._hour = clock if hour is None else hour

    def wall(self, at_s: float) -> datetime:
        """When that is on the wall, in UTC."""
        return (self.start + timedelta(seconds=at_s / self.speed)).astimezone(UTC)

    def hour(self, at_s: float) -> float:
        """Time of day in the simulated city, in hours."""
        return (self._hour + at_s / 3600) % 24

    def rain(self, place: Point, at_s: float) -> float:
        """Rain intensity in mm/h."""
        return sum(
            _strength(rain, place)
            * sum(_bell(after, rain.minutes / 60) for after in self._since(rain, at_s))
            for rain in self.scenario.rains
        )

    def rise(self, river: River, km: float, at_s: float) -> float:
        """How far a river stands above normal at `km` of its course, in m.

        What arrives at the first point runs down the course as a wave: further down the same
        comes later, by the way over the wave's speed.
        """
        at = at_s - km / river.speed_km_h * 3600
        return river.rise_m_per_100mm / 100 * self._standing(river.headwater, CATCHMENT_H, at)

    def local_rise(self, place: Point, at_s: float) -> float:
        """The same for a ditch that has only the rain at its own place, in m."""
        return LOCAL_M_PER_MM * self._standing(place, CATCHMENT_H, at_s)

    def pond(self, place: Point, at_s: float) -> float:
        """Water in the street, in m."""
        return STREET_M_PER_MM * max(0.0, self._standing(place, STREET_H, at_s) - STREET_HOLDS_MM)

    def rush(self, at_s: float) -> float:
        """Rush hour from 0 (none) to 1; weekends are quieter."""
        hour = self.hour(at_s)
        peaks = sum(
            height * exp(-(((hour - peak) / width) ** 2)) for peak, width, height in _RUSH_HOURS
        )
        days = int((self._hour + at_s / 3600) // 24)
        weekend = (self.start.weekday() + days) % 7 >= _SATURDAY
        return min(1.0, peaks * (_WEEKEND if weekend else 1.0))

    def _standing(self, place: Point, constant_h: float, at_s: float) -> float:
        """Millimetres of rain that stand in a reservoir fed by the rain at `place`."""
        return sum(
            _strength(rain, place)
            * sum(
                reservoir(after, rain.minutes / 60, constant_h) for after in self._since(rain, at_s)
            )
            for rain in self.scenario.rains
        )

    def _since(self, rain: Rain, at_s: float) -> tuple[float, ...]:
        """Hours since this rain began, this time and, where it repeats, the time before."""
        after = at_s / 3600 - rain.start_min / 60
        if self.scenario.repeat_min is None or after < 0:
            return (after,)
        period = self.scenario.repeat_min / 60
        now = after % period
        return (now, now + period) if after >= period else (now,)


def _strength(rain: Rain, place: Point) -> float:
    """The most that the shower brings to a place, in mm/h."""
    away = distance_km((rain.latitude, rain.longitude), place) / rain.radius_km
    return rain.mm_per_h * exp(-(away**2) / 2)


def _bell(after_h: float, lasts_h: float) -> float:
    return sin(pi * after_h / lasts_h) ** 2 if 0 < after_h < lasts_h else 0.0
