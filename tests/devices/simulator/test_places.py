"""Places: distances and ways along a course."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.city import city_areas
from devices.simulator.places import Course, Places, distance_km, load_places

RIVERS = load_places("medan").rivers


def test_distance_of_a_known_pair() -> None:
    # Medan to Jakarta, airports' towns: about 1,420 km.
    assert distance_km((3.595, 98.672), (-6.208, 106.846)) == pytest.approx(1420, rel=0.01)


@pytest.mark.parametrize("river", RIVERS, ids=lambda river: river.name)
@given(part=st.floats(0, 1))
def test_a_place_so_far_along_a_course_is_so_far_along_it(river: Course, part: float) -> None:
    km = part * river.lengths_km[-1]
    place = river.at_km(km)
    passed = max(i for i, length in enumerate(river.lengths_km) if length <= km)
    way = river.lengths_km[passed] + distance_km(river.course[passed], place)
    assert way == pytest.approx(km, abs=1e-3)


def test_nobody_leaves_a_course_at_its_ends() -> None:
    river = RIVERS[0]
    assert river.at_km(-5) == river.course[0]
    assert river.at_km(1000) == river.course[-1]


def test_medan_has_its_rivers_and_they_run_north() -> None:
    names = {river.name.removeprefix("Sungai ") for river in RIVERS}
    assert names >= {"Deli", "Babura", "Belawan", "Sikambing", "Denai", "Percut"}
    for river in RIVERS:
        assert river.headwater[0] < river.course[0][0] < river.course[-1][0]


def test_rivers_and_roads_pass_through_the_city() -> None:
    places, areas = load_places("medan"), city_areas("medan")
    for course in (*places.rivers, *places.roads):
        inside = [
            any(area.holds(*course.at_km(course.lengths_km[-1] * part / 20)) for area in areas)
            for part in range(21)
        ]
        assert sum(inside) >= 11, f"{course.name}: {sum(inside)} of 21 places are in the city"


def test_a_city_without_places_has_none(tmp_path: object) -> None:
    assert load_places(str(tmp_path)) == Places()
