"""The simulated city: rain raises rivers, upstream first; streets fill; people drive to work."""

from datetime import UTC, timedelta
from itertools import pairwise
from math import pi, sin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.simulator.places import River, load_places
from devices.simulator.world import World, reservoir
from tests.devices.simulator.scene import START, scenario, world

MEDAN = (3.57, 98.67)
RIVERS = load_places("medan").rivers

SHOWERS = st.fixed_dictionaries(
    {
        "start_min": st.floats(0, 300),
        "minutes": st.floats(20, 360),
        "mm_per_h": st.floats(5, 120),
        "latitude": st.floats(3.3, 3.6),
        "longitude": st.floats(98.5, 98.75),
        "radius_km": st.floats(5, 20),
    }
)


@given(after=st.floats(0, 12), lasts=st.floats(0.5, 6), constant=st.floats(0.3, 4))
def test_the_reservoir_is_what_its_equation_says(
    after: float, lasts: float, constant: float
) -> None:
    steps = 4000
    held, step = 0.0, after / steps
    for number in range(steps):
        at = (number + 0.5) * step
        inflow = sin(pi * at / lasts) ** 2 if at < lasts else 0.0
        held += step * (inflow - held / constant)
    assert reservoir(after, lasts, constant) == pytest.approx(held, abs=0.01)


def rises(of: World, river: River, km: float) -> list[float]:
    return [of.rise(river, km, minute * 60.0) for minute in range(0, 30 * 60, 5)]


@given(rain=st.lists(SHOWERS, min_size=1, max_size=3), river=st.sampled_from(RIVERS))
def test_the_wave_comes_later_downstream_and_is_the_same(
    rain: list[dict[str, float]], river: River
) -> None:
    wet = world(scenario(rain=rain))
    lag_s = river.lengths_km[-1] / river.speed_km_h * 3600
    for minute in range(0, 1200, 60):
        above = wet.rise(river, 0, minute * 60.0)
        assert above >= 0
        assert wet.rise(river, river.lengths_km[-1], minute * 60 + lag_s) == pytest.approx(above)


@pytest.mark.parametrize("river", RIVERS, ids=lambda river: river.name)
def test_in_the_flood_night_every_river_peaks_upstream_first(river: River) -> None:
    night = world("flood_night")
    kms = [river.lengths_km[-1] * part / 4 for part in range(5)]
    peaks = [max(range(360), key=rises(night, river, km).__getitem__) for km in kms]
    assert peaks == sorted(peaks)
    assert peaks[0] < peaks[-1]


def test_the_flood_night_floods() -> None:
    night = world("flood_night")
    deli = next(river for river in RIVERS if river.name == "Sungai Deli")
    assert night.rise(deli, 0, 0) == 0
    assert 1.5 < max(rises(night, deli, 10)) < 5
    assert 0.15 < max(night.pond(MEDAN, minute * 60.0) for minute in range(0, 600, 5)) < 1.5


def test_without_rain_nothing_rises() -> None:
    dry = world(scenario())
    for minute in range(0, 3000, 30):
        at = minute * 60.0
        assert dry.rain(MEDAN, at) == dry.pond(MEDAN, at) == dry.local_rise(MEDAN, at) == 0
        assert all(dry.rise(river, 3, at) == 0 for river in RIVERS)


def test_rain_falls_in_its_time_and_around_its_place() -> None:
    shower = {
        "start_min": 60,
        "minutes": 60,
        "mm_per_h": 40,
        "latitude": MEDAN[0],
        "longitude": MEDAN[1],
        "radius_km": 5,
    }
    wet = world(scenario(rain=[shower]))
    assert [wet.rain(MEDAN, minute * 60.0) for minute in (59, 60, 120, 121)] == [0, 0, 0, 0]
    assert wet.rain(MEDAN, 90 * 60.0) == pytest.approx(40)
    assert wet.rain((MEDAN[0] + 0.2, MEDAN[1]), 90 * 60.0) < 4


def test_rain_that_repeats_comes_again_without_a_jump_of_the_river() -> None:
    shower = {
        "start_min": 700,
        "minutes": 120,
        "mm_per_h": 60,
        "latitude": 3.4,
        "longitude": 98.6,
        "radius_km": 20,
    }
    again = world(scenario(repeat_min=720, rain=[shower]))
    assert again.rain((3.4, 98.6), 760 * 60) == pytest.approx(
        again.rain((3.4, 98.6), (760 + 7200) * 60)
    )
    river = RIVERS[0]
    levels = [again.rise(river, 0, minute * 60.0) for minute in range(3000)]
    assert max(abs(one - other) for one, other in pairwise(levels)) < 0.05


@given(st.floats(0, 7 * 86_400))
def test_rush_is_a_part_of_one(at_s: float) -> None:
    assert 0 <= world().rush(at_s) <= 1


def test_working_days_have_two_peaks_and_weekends_lower_ones() -> None:
    city = world()  # Monday, 06:00

    def rush(day: int, hour: float) -> float:
        return city.rush((day * 24 + hour - 6) * 3600)

    assert rush(0, 7.5) > 0.8
    assert rush(0, 17.5) > 0.95
    assert rush(1, 2) < 0.01
    assert rush(1, 12) < 0.1
    assert rush(5, 17.5) == pytest.approx(0.45, abs=0.05)
    assert rush(6, 17.5) == pytest.approx(0.45, abs=0.05)
    assert rush(7, 17.5) > 0.95


def test_time_of_day_comes_from_the_scenario_or_the_clock() -> None:
    assert world().hour(3600) == 7
    assert world(scenario(starts_at="23:30")).hour(3600) == 0.5


@given(at_s=st.floats(0, 1e6), speed=st.floats(0.1, 100))
def test_the_wall_moves_at_its_own_pace_and_in_utc(at_s: float, speed: float) -> None:
    wall = world(speed=speed).wall(at_s)
    assert wall.tzinfo is UTC
    assert abs(wall - START - timedelta(seconds=at_s / speed)) < timedelta(milliseconds=1)
