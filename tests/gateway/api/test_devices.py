"""Devices over HTTP."""

import pytest

from devices.device import Device
from ingest.stores.influxdb import InfluxStore
from tests.gateway.door import DEVICES, Door

PATH = "/api/v1/devices"


def ids(door: Door, **parameters: object) -> list[str]:
    return [item["id"] for item in door.json(PATH, parameters)["items"]]


def test_devices_stand_by_id_with_what_the_registry_knows(calm: Door) -> None:
    items = calm.json(PATH)["items"]
    assert [item["id"] for item in items] == [device.id for device in DEVICES]
    assert items[0] == {
        "id": "air-01",
        "kind": "air",
        "model": None,
        "name": "Lapangan Merdeka",
        "latitude": 3.5906,
        "longitude": 98.6786,
        "area": None,
        "status": "active",
        "address": None,
        "attributes": {},
        "installed_by": "",
        "installed_at": None,
    }
    assert items[1]["attributes"] == {"mount_height_m": "6.2"}


def test_filters(calm: Door) -> None:
    assert ids(calm, kind="flood") == ["flood-01"]
    assert ids(calm, status="maintenance") == ["traffic-01"]
    assert ids(calm, kind="flood", status="maintenance") == []
    assert ids(calm, area="1271010") == []


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"kind": "flod"}, "kind"),
        ({"kind": "a'; --"}, "kind"),
        ({"area": "a b"}, "area"),
        ({"status": "lost"}, "status"),
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"cursor": "made-up"}, "cursor"),
        ({"cursor": "e30"}, "cursor"),
        ({"cursor": "x" * 9000}, "cursor"),
    ],
)
def test_a_wrong_parameter_is_named(calm: Door, parameters: dict[str, str], field: str) -> None:
    problem = calm.problem(422, "invalid-request", PATH, parameters)
    assert [fault["field"] for fault in problem["errors"]] == [field]
    assert field in problem["detail"]


def test_every_wrong_parameter_is_named(calm: Door) -> None:
    problem = calm.problem(422, "invalid-request", PATH, {"kind": "?", "limit": -1})
    assert {fault["field"] for fault in problem["errors"]} == {"kind", "limit"}


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 1000])
def test_pages_hold_every_device_once(door: Door, limit: int) -> None:
    door.hub.registry.add_many(
        [Device(f"w-{number}", "weather") for number in range(9)], by="tests"
    )
    pages = list(door.pages(PATH, {"limit": limit}))
    assert all(len(page) <= limit for page in pages)
    told = [item["id"] for page in pages for item in page]
    assert told == sorted(told)
    assert len(told) == len(set(told)) == len(DEVICES) + 9


def test_a_device_that_is_unknown(calm: Door) -> None:
    problem = calm.problem(404, "unknown-device", f"{PATH}/air-99")
    assert "kotahub devices add air-99" in problem["detail"]


@pytest.mark.parametrize("device_id", ["a", "-a", "a.b", "x" * 65, "a%0A", "a%00b", "%C3%A9e"])
def test_an_id_that_cannot_be(calm: Door, device_id: str) -> None:
    answer = calm.get(f"{PATH}/{device_id}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "device_id"


def test_a_silent_device(calm: Door) -> None:
    detail = calm.json(f"{PATH}/flood-01")
    assert detail["presence"] is None
    assert detail["last_reading"] is None
    assert detail["last_reading_error"] is None
    assert detail["unknown_members"] == {}
    assert detail["ledger"] == {
        "device": "flood-01",
        "received": 0,
        "stored": 0,
        "quarantined": 0,
        "duplicate": 0,
        "pending": 0,
        "last_received_at": None,
    }


def test_a_talking_device(door: Door) -> None:
    door.publish("air-01", b"online", "status")
    door.publish("air-01", {"time": "2026-01-31T01:00:00Z", "pm25": 12.5, "shoe_size": 44})
    door.publish("air-01", {"time": "2026-01-31T00:59:00Z", "pm25": 11.5, "shoe_size": 44})
    door.publish("air-01", {"pm25": "much"})
    door.deliver()
    detail = door.json(f"{PATH}/air-01")
    assert detail["name"] == "Lapangan Merdeka"
    assert detail["presence"]["online"] is True
    assert detail["presence"]["since"].endswith("Z")
    assert detail["last_reading"] == {"time": "2026-01-31T01:00:00Z", "pm25": 12.5, "pm25_qc": 1}
    assert detail["unknown_members"] == {"shoe_size": 2}
    counts = {name: detail["ledger"][name] for name in ("received", "stored", "quarantined")}
    assert counts == {"received": 3, "stored": 2, "quarantined": 1}


def test_metrics_are_explained_in_the_readers_language(calm: Door) -> None:
    english = calm.get(f"{PATH}/air-01", headers={"Accept-Language": "en"})
    assert english.headers["Content-Language"] == "en"
    metric = calm.hub.kinds["air"].metrics["temperature"]
    assert english.json()["metrics"]["temperature"] == {
        "name": metric.name.en,
        "unit": "Cel",
        "symbol": "°C",
        "valid": list(metric.valid),
    }
    assert calm.json(f"{PATH}/air-01")["metrics"]["temperature"]["name"] == metric.name.id


def nowhere() -> InfluxStore:
    """A store that cannot be reached: nobody listens on port 1."""
    return InfluxStore("http://127.0.0.1:1", token="t", org="o", bucket="b", timeout_s=5)


def test_without_its_store_the_rest_of_a_device_is_told(calm: Door) -> None:
    store = nowhere()
    detail = calm.change(store=store).json(f"{PATH}/air-01")
    calm.run(store.close())
    assert detail["last_reading"] is None
    assert "127.0.0.1:1" in detail["last_reading_error"]
    assert detail["name"] == "Lapangan Merdeka"


def test_a_device_of_a_kind_that_is_gone(calm: Door) -> None:
    kinds = {name: kind for name, kind in calm.hub.kinds.items() if name != "flood"}
    other = calm.change(kinds=kinds)
    detail = other.json(f"{PATH}/flood-01")
    assert detail["metrics"] == {}
    assert "'flood'" in detail["last_reading_error"]
    other.problem(409, "unknown-kind", f"{PATH}/flood-01/readings")
