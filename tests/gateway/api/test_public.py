"""What anybody may see."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from devices.area import Area, area_at, load_areas
from devices.city import city_areas
from devices.registry import Registry
from gateway.api.public import AreasTooLargeError, Outlines, areas_geojson
from tests.gateway.door import Door

PATH = "/public/areas.geojson"


def test_the_outlines_are_those_of_the_city(door: Door, tmp_path: Path) -> None:
    areas = city_areas("medan")
    door.hub.registry.set_areas(areas)
    answer = door.knock(None).get(PATH)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/geo+json"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cache-Control"] == "public, max-age=60"
    file = tmp_path / "read.geojson"
    file.write_bytes(answer.content)
    read = load_areas(file)
    assert [(one.code, one.name) for one in read] == [(one.code, one.name) for one in areas]
    places = [(3.58, 98.68), (3.64, 98.66), (3.55, 98.70), (9.0, 98.0)]
    assert [area_at(read, *one) for one in places] == [area_at(areas, *one) for one in places]


def test_who_has_it_gets_nothing_again(calm: Door) -> None:
    tag = calm.get(PATH).headers["ETag"]
    again = calm.knock(None).get(PATH, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert calm.get(PATH, headers={"If-None-Match": '"other"'}).status_code == 200


def test_it_is_made_once_however_many_ask(tmp_path: Path) -> None:
    with closing(Registry.open(f"sqlite:///{tmp_path / 'registry.db'}")) as registry:
        outlines = Outlines(registry)
        first = outlines.read()
        registry.set_areas(city_areas("medan"))
        assert outlines.read() == first


def test_a_city_without_areas_has_none() -> None:
    assert json.loads(areas_geojson([])) == {"type": "FeatureCollection", "features": []}


def test_too_much_detail_is_refused(tmp_path: Path) -> None:
    ring = tuple((index / 1e6, 1.0) for index in range(100_000))
    many = [Area(str(number), "A", ((ring,),)) for number in range(8)]
    with closing(Registry.open(f"sqlite:///{tmp_path / 'registry.db'}")) as registry:
        registry.set_areas(many)
        with pytest.raises(AreasTooLargeError, match="mapshaper"):
            Outlines(registry).read()
