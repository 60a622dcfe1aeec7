from pathlib import Path

import pytest

from devices.device import Device
from devices.errors import InvalidDeclarationError, InvalidDeviceError
from devices.road import FILE, Road, RoadRules, load_road_rules, road_of


def _counter(**attributes: str) -> Device:
    return Device("traffic-01", "traffic", attributes=attributes)


def test_attributes_tell_the_road() -> None:
    device = _counter(road_type="2/2-TT", carriageway_m="5.5", road="Jl. Gatot Subroto")
    assert road_of(device) == Road(road_type="2/2-TT", carriageway_m=5.5)
    assert road_of(_counter(lanes="2")) is None


@pytest.mark.parametrize(
    ("road_type", "lanes", "divided"),
    [("2/2-TT", 2, False), ("4/2-T", 2, True), ("6/2-T", 3, True)],
)
def test_types_of_roads(road_type: str, lanes: int, *, divided: bool) -> None:
    road = road_of(_counter(road_type=road_type))
    assert road is not None
    assert (road.lanes_counted, road.divided) == (lanes, divided)
    fewer = road_of(_counter(road_type=road_type, lanes="1"))
    assert fewer is not None
    assert fewer.lanes_counted == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("road_type", "motorway"), ("lanes", "0"), ("capacity_pcu_h", "-1"), ("fc_split", "x")],
)
def test_wrong_attributes_are_named(name: str, value: str) -> None:
    with pytest.raises(InvalidDeviceError, match=f"attribute {name}"):
        road_of(_counter(**{"road_type": "4/2-T", name: value}))


def test_the_last_folder_with_rules_holds(tmp_path: Path) -> None:
    city, data = tmp_path / "city", tmp_path / "data"
    city.mkdir()
    data.mkdir()
    assert load_road_rules(city, data) == RoadRules()
    (city / FILE).write_text("population = 2_500_000\n")
    assert load_road_rules(city, data).population == 2_500_000
    (data / FILE).write_text("level_of_service = [0.35, 0.54, 0.77, 0.93, 1.0]\n")
    assert load_road_rules(city, data).level_of_service[0] == 0.35


@pytest.mark.parametrize("steps", ["[0.6, 0.6, 0.8, 0.9, 1.0]", "[0, 0.6, 0.8, 0.9, 1.0]"])
def test_levels_of_service_rise(tmp_path: Path, steps: str) -> None:
    (tmp_path / FILE).write_text(f"level_of_service = {steps}\n")
    with pytest.raises(InvalidDeclarationError, match="rises from A to E"):
        load_road_rules(tmp_path)
