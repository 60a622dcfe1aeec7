import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.area import Area, Ring, area_at, load_areas
from devices.city import SHIPPED
from devices.errors import InvalidDeclarationError

MEDAN = load_areas(SHIPPED / "medan" / "areas.geojson")

SQUARE: Ring = ((0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0), (0.0, 0.0))
HOLE: Ring = ((1.0, 1.0), (1.0, 3.0), (3.0, 3.0), (3.0, 1.0), (1.0, 1.0))
ISLAND: Ring = ((10.0, 0.0), (11.0, 0.0), (11.0, 1.0), (10.0, 1.0), (10.0, 0.0))


def inner_places(area: Area) -> list[tuple[float, float]]:
    """Latitudes and longitudes in the widest stretches of nine parallels through an area."""
    ring = area.geometry[0][0]
    south = min(latitude for _, latitude in ring)
    north = max(latitude for _, latitude in ring)
    places = []
    for part in range(1, 10):
        latitude = south + (north - south) * part / 10
        crossings = sorted(
            x1 + (latitude - y1) * (x2 - x1) / (y2 - y1)
            for (x1, y1), (x2, y2) in pairwise(ring)
            if (y1 > latitude) != (y2 > latitude)
        )
        _, west, east = max((e - w, w, e) for w, e in list(pairwise(crossings))[::2])
        places.append((latitude, (west + east) / 2))
    return places


def test_medan_has_its_21_kecamatan() -> None:
    assert [area.code for area in MEDAN] == [f"12.71.{number:02}" for number in range(1, 22)]
    assert {area.name for area in MEDAN} >= {"Medan Kota", "Medan Belawan", "Medan Selayang"}


@pytest.mark.parametrize("area", MEDAN, ids=lambda area: area.name)
def test_a_place_inside_a_kecamatan_is_found(area: Area) -> None:
    """Simplified borders overlap, so not every place inside is found under this area's code."""
    places = inner_places(area)
    assert all(area.holds(*place) for place in places)
    assert [area_at(MEDAN, *place) for place in places].count(area.code) >= 4


@given(
    st.floats(min_value=3.4, max_value=3.9),
    st.floats(min_value=98.5, max_value=98.8),
    st.permutations(MEDAN),
)
def test_a_place_is_in_one_area_at_most_whatever_their_order(
    latitude: float, longitude: float, shuffled: list[Area]
) -> None:
    holders = [area.code for area in MEDAN if area.holds(latitude, longitude)]
    assert area_at(shuffled, latitude, longitude) == (holders[0] if holders else None)


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [(3.0, 98.67), (-6.2, 106.8), (98.67, 3.58), (3.59, -98.67), (0.0, 0.0)],
)
def test_outside_the_city_there_is_no_area(latitude: float, longitude: float) -> None:
    assert area_at(MEDAN, latitude, longitude) is None


def test_a_hole_is_outside_and_an_island_inside() -> None:
    area = Area("1", "Holed", ((SQUARE, HOLE), (ISLAND,)))
    assert area.holds(0.5, 0.5)
    assert not area.holds(2, 2)
    assert area.holds(0.5, 10.5)
    assert not area.holds(0.5, 7)


corner = st.floats(min_value=-1, max_value=1, allow_nan=False).map(lambda x: round(x, 2))


@given(
    st.lists(st.tuples(corner, corner), min_size=1, max_size=6),
    st.data(),
)
def test_a_border_that_two_areas_share_belongs_to_exactly_one(
    bends: list[tuple[float, float]], data: st.DataObject
) -> None:
    """A box is cut by a crooked line into two areas with the same vertices along it."""
    line = [(x, -2 + 4 * (number + 1) / (len(bends) + 1)) for number, (x, _) in enumerate(bends)]
    line = [(0.0, -2.0), *line, (0.0, 2.0)]
    west = Area("1", "West", (((*line, (-2.0, 2.0), (-2.0, -2.0), line[0]),),))
    east = Area("2", "East", (((*line[::-1], (2.0, -2.0), (2.0, 2.0), line[-1]),),))
    (x1, y1), (x2, y2) = data.draw(st.sampled_from(list(pairwise(line))))
    part = data.draw(st.floats(min_value=0, max_value=1, exclude_max=True))
    latitude, longitude = y1 + part * (y2 - y1), x1 + part * (x2 - x1)
    if latitude < 2:
        assert west.holds(latitude, longitude) is not east.holds(latitude, longitude)


def collection(**changes: Any) -> dict[str, Any]:
    feature = {
        "type": "Feature",
        "properties": {"code": "x.1", "name": "X", "population": 3},
        "geometry": {"type": "Polygon", "coordinates": [SQUARE]},
    }
    return {"type": "FeatureCollection", "features": [feature | changes]}


def load(tmp_path: Path, content: object) -> list[Area]:
    path = tmp_path / "areas.geojson"
    path.write_text(json.dumps(content), encoding="utf-8")
    return load_areas(path)


def test_a_polygon_and_heights_are_read(tmp_path: Path) -> None:
    high = [[*position, 12.5] for position in SQUARE]
    geometry = {"type": "Polygon", "coordinates": [high, HOLE]}
    assert load(tmp_path, collection(geometry=geometry)) == [Area("x.1", "X", ((SQUARE, HOLE),))]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ([], "(file)"),
        ({"type": "FeatureCollection"}, "key features: Field required"),
        (collection(properties={"code": "x"}), "key features.0.properties.name: Field required"),
        (collection(properties={"code": "a b", "name": "X"}), "key features.0.properties.code"),
        (
            collection(geometry={"type": "Point", "coordinates": [1, 2]}),
            "'Polygon', 'MultiPolygon'",
        ),
        (
            collection(geometry={"type": "Polygon", "coordinates": [[*SQUARE[:-1], [9, 9]]]}),
            "a ring ends where it begins",
        ),
        (
            collection(geometry={"type": "Polygon", "coordinates": [[(0, 91), *SQUARE, (0, 91)]]}),
            "less than or equal to 90",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_named(tmp_path: Path, content: object, problem: str) -> None:
    with pytest.raises(InvalidDeclarationError) as caught:
        load(tmp_path, content)
    assert problem in str(caught.value)


def test_a_code_that_comes_twice_is_named(tmp_path: Path) -> None:
    twice = collection()
    twice["features"] *= 2
    with pytest.raises(InvalidDeclarationError, match=r"features\.1\.properties\.code: 'x\.1'"):
        load(tmp_path, twice)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidDeclarationError, match="put the city's areas there"):
        load_areas(tmp_path / "areas.geojson")
