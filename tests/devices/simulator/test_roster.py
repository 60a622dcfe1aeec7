"""The roster: as many devices as asked for, at places where such sensors stand."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.city import city_areas
from devices.device import DEVICE_ID
from devices.errors import InvalidDeclarationError, UnknownCityError
from devices.simulator import sensors
from devices.simulator.places import load_places
from tests.devices.simulator.scene import CAR_PARKS, CITY, KINDS

SHIPPED = sensors(CITY, KINDS, 200, 1)


def test_two_hundred_sensors_are_fifty_of_each_kind() -> None:
    assert Counter(device.kind for device in SHIPPED) == dict.fromkeys(KINDS, 50)


def test_they_stand_in_every_kecamatan() -> None:
    assert {device.area for device in SHIPPED} >= {area.code for area in city_areas(CITY)}
    outside = [device.id for device in SHIPPED if device.area is None]
    assert len(outside) <= 10, outside


def test_gauges_stand_along_the_rivers_from_upstream_to_downstream() -> None:
    rivers = load_places(CITY).rivers
    gauges = [device for device in SHIPPED if "river" in device.attributes]
    assert Counter(device.kind for device in gauges) == {"flood": 38}
    assert {gauge.attributes["river"] for gauge in gauges} == {river.name for river in rivers}
    for river in rivers:
        here = [gauge for gauge in gauges if gauge.attributes["river"] == river.name]
        kms = [float(gauge.attributes["river_km"]) for gauge in here]
        assert len(kms) >= 2
        assert kms == sorted(kms)
        assert all(gauge.attributes["mount_height_m"] == "8" for gauge in here)


def test_counters_stand_at_roads() -> None:
    roads = {road.name for road in load_places(CITY).roads}
    counters = [device for device in SHIPPED if device.kind == "traffic"]
    assert {counter.name.split(" km ")[0] for counter in counters} == roads


@settings(max_examples=25)
@given(count=st.integers(1, 300), seed=st.integers(0, 5))
def test_any_count_gives_that_many_devices_with_ids_of_their_own(count: int, seed: int) -> None:
    devices = sensors(CITY, KINDS, count, seed)
    assert len({device.id for device in devices}) == count
    assert all(DEVICE_ID.fullmatch(device.id) for device in devices)
    assert all(device.name and device.attributes["simulated"] == "yes" for device in devices)
    shares = Counter(device.kind for device in devices).values()
    assert max(shares) - min(shares) <= 1 or count < len(KINDS)


def test_the_seed_decides() -> None:
    assert sensors(CITY, KINDS, 200, 1) == SHIPPED
    assert sensors(CITY, KINDS, 200, 2) != SHIPPED


def test_a_kind_of_the_city_gets_its_sensors_in_the_areas() -> None:
    devices = sensors(CITY, {"parking": CAR_PARKS}, 42, 1)
    assert devices[0].id == "sim-parking-001"
    assert Counter(device.area for device in devices) == {area.code: 2 for area in city_areas(CITY)}


def test_a_city_without_rivers_has_its_gauges_in_the_areas(tmp_path: Path) -> None:
    shipped = Path(__file__).parents[3] / "devices" / "cities" / "medan" / "areas.geojson"
    (tmp_path / "areas.geojson").write_bytes(shipped.read_bytes())
    devices = sensors(str(tmp_path), KINDS, 40, 1)
    assert len(devices) == 40
    assert not any("river" in device.attributes for device in devices)


def test_a_city_without_areas_is_told(tmp_path: Path) -> None:
    (tmp_path / "areas.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    with pytest.raises(InvalidDeclarationError, match="no area"):
        sensors(str(tmp_path), KINDS, 4, 1)
    with pytest.raises(UnknownCityError):
        sensors("atlantis", KINDS, 4, 1)
