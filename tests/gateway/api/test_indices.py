"""Indices over HTTP, from a real store."""

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devices.gauge import Gauge, Thresholds
from gateway.derived import open_deriver
from ingest.derived.calendar import QUARTER_NS, SECOND_NS
from ingest.derived.measurements import AIR_INDEX, FLOOD_LEVEL, TRAFFIC_SERVICE, point
from ingest.derived.touched import Touched
from ingest.stores.influxdb import InfluxStore
from ingest.stores.measurement import Measurement
from tests.gateway.door import Door

PATH = "/api/v1/devices/{}/indices"
AT = int(datetime(2026, 1, 31, 1, tzinfo=UTC).timestamp()) * SECOND_NS
GAUGE = Gauge(
    versions=(
        Thresholds(siaga3_m=1, siaga2_m=2, siaga1_m=3),
        Thresholds(valid_from=date(2026, 2, 1), siaga3_m=0.1, siaga2_m=0.2, siaga1_m=0.3),
    )
)


def store(
    door: Door,
    measurement: Measurement,
    values: Mapping[str, float],
    *,
    device: str,
    at_ns: int = AT,
    channel: str = "",
) -> None:
    line = point(
        measurement, values, device=device, area="12.71.01", time_ns=at_ns, channel=channel
    )
    assert door.run(door.hub.store.write([line])) == {}


def items(door: Door, device: str) -> list[dict[str, Any]]:
    answer = door.json(PATH.format(device))
    assert answer["next"] is None
    found: list[dict[str, Any]] = answer["items"]
    return found


def given(door: Door, device: str, **attributes: str) -> None:
    """The device with these attributes."""
    known = door.hub.registry.device(device)
    door.hub.registry.update(replace(known, attributes=attributes), by="tests")


def test_ispu_has_its_category_in_both_languages(door: Door) -> None:
    values = {
        "ispu": 84,
        "ispu_category": 2,
        "aqi_category": 0,
        "pm25_hours": 20,
        "pm25_24h": 42.14,
        "pm25_ispu": 84,
        "pm10_hours": 24,
        "pm10_24h": 60,
        "pm10_ispu": 56,
        "no2_hours": 3,
        "no2_24h": 900.0,  # of an earlier computation
        "no2_ispu": 175,
    }
    store(door, AIR_INDEX, values, device="air-01")
    ispu, aqi = items(door, "air-01")
    assert ispu == {
        "index": "ispu",
        "channel": None,
        "time": "2026-01-31T01:00:00Z",
        "value": 84,
        "category": {"code": 2, "en": "Moderate", "id": "Sedang", "color": "#0000cc"},
        "of": "pm25",
        "completeness": 1.0,
        "note": None,
        "parts": {
            "pm25_hours": 20,
            "pm25_24h": 42.14,
            "pm25_ispu": 84,
            "pm10_hours": 24,
            "pm10_24h": 60,
            "pm10_ispu": 56,
            "no2_hours": 3,
        },
    }
    assert (aqi["index"], aqi["value"], aqi["category"]) == ("aqi", None, None)
    assert "2 of the last 3 hours" in aqi["note"]["en"]


def test_what_is_missing_is_said(door: Door) -> None:
    before = {"ispu": 84, "ispu_category": 2, "pm25_hours": 18, "pm25_24h": 42, "pm25_ispu": 84}
    store(door, AIR_INDEX, before, device="air-01")
    # The same hours, of which some values were flagged since.
    store(door, AIR_INDEX, {"ispu_category": 0, "pm25_hours": 14}, device="air-01")
    ispu, _ = items(door, "air-01")
    assert (ispu["value"], ispu["category"], ispu["of"]) == (None, None, None)
    assert ispu["completeness"] == pytest.approx(14 / 24, abs=1e-3)
    assert ispu["note"] == {
        "en": "not enough data: 14 of 24 hours, 18 needed",
        "id": "data belum cukup: 14 dari 24 jam, perlu 18",
    }
    assert ispu["parts"] == {"pm25_hours": 14}


def test_the_newest_index_counts(door: Door) -> None:
    for hours, aqi in ((0, 40), (1, 60)):
        values = {"aqi": aqi, "aqi_category": 2, "pm25_aqi": aqi, "pm25_nowcast": 9.5}
        store(door, AIR_INDEX, values, device="air-01", at_ns=AT + hours * 3600 * SECOND_NS)
    found = items(door, "air-01")[1]
    assert (found["value"], found["time"], found["of"]) == (60, "2026-01-31T02:00:00Z", "pm25")


def test_a_device_without_data_says_so(calm: Door) -> None:
    notes = {
        device: [item["note"]["en"] for item in items(calm, device)]
        for device in ("air-01", "flood-01", "traffic-01")
    }
    assert notes["air-01"][0] == "not enough data: 0 of 24 hours, 18 needed"
    assert notes["flood-01"] == ["no water level yet"]
    assert notes["traffic-01"] == ["not enough data: 0 of 15 minutes"]


def test_a_gauge_shows_level_thresholds_and_what_comes(door: Door) -> None:
    places = replace(door.hub.places, gauges={"flood-01": GAUGE})
    values = {"level": 1.5, "siaga": 3, "rise_m_per_h": 0.5, "next_level_min": 60}
    store(door, FLOOD_LEVEL, values, device="flood-01")
    (siaga,) = items(door.change(places=places), "flood-01")
    assert (siaga["value"], siaga["category"]["code"], siaga["of"]) == (3, 3, "level")
    assert siaga["category"]["id"] == "Waspada (Siaga III)"
    assert siaga["parts"] == {
        "level": 1.5,
        "rise_m_per_h": 0.5,
        "next_level_min": 60,
        "siaga3_m": 1,
        "siaga2_m": 2,
        "siaga1_m": 3,
    }


def test_a_gauge_without_thresholds_says_how_to_set_them(door: Door) -> None:
    store(door, FLOOD_LEVEL, {"level": 1.5}, device="flood-01")
    (siaga,) = items(door, "flood-01")
    assert siaga["value"] is None
    assert "gauges.toml" in siaga["note"]["id"]
    assert siaga["parts"] == {"level": 1.5}


def test_wrong_attributes_are_told(door: Door) -> None:
    given(door, "flood-01", siaga3_m="high")
    given(door, "traffic-01", road_type="motorway")
    store(door, FLOOD_LEVEL, {"level": 1.5}, device="flood-01")
    store(door, TRAFFIC_SERVICE, {"flow": 1, "los": 0, "completeness": 1}, device="traffic-01")
    (siaga,), (service,) = items(door, "flood-01"), items(door, "traffic-01")
    assert "attribute siaga3_m" in siaga["note"]["en"]
    assert "attribute road_type" in service["note"]["en"]


def test_each_direction_has_its_last_whole_quarter(door: Door) -> None:
    given(door, "traffic-01", road_type="4/2-T")
    whole = {"flow": 900, "saturation": 0.75, "los": 3, "completeness": 1}
    for channel in ("inbound", "outbound"):
        store(door, TRAFFIC_SERVICE, whole, device="traffic-01", channel=channel)
    part = {"los": 0, "completeness": 0.2}
    later = AT + QUARTER_NS
    store(door, TRAFFIC_SERVICE, part, device="traffic-01", channel="inbound", at_ns=later)
    inbound, outbound = items(door, "traffic-01")
    assert (inbound["channel"], outbound["channel"]) == ("inbound", "outbound")
    assert inbound["time"] == outbound["time"] == "2026-01-31T01:00:00Z"
    assert inbound["value"] == 0.75
    assert inbound["category"]["en"].startswith("C:")


@pytest.mark.parametrize(
    ("attributes", "complete", "said"),
    [
        ({}, 0.5, "7 of 15 minutes"),
        ({}, 1.0, "set attribute road_type"),
        ({"road_type": "4/2-T"}, 1.0, "volume_mc and volume_lv are needed"),
    ],
)
def test_a_road_that_cannot_be_judged_says_why(
    door: Door, attributes: dict[str, str], complete: float, said: str
) -> None:
    given(door, "traffic-01", **attributes)
    values = {"los": 0, "completeness": complete}
    store(door, TRAFFIC_SERVICE, values, device="traffic-01")
    (service,) = items(door, "traffic-01")
    assert service["value"] is None
    assert said in service["note"]["en"]


def test_from_messages_to_an_index(door: Door, tmp_path: Path) -> None:
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for quarter in range(1, 4 * 20 + 1):
        moment = now - timedelta(minutes=15 * quarter)
        door.publish("air-01", {"time": moment.isoformat(), "pm25": 42.14 + quarter % 2 / 1e9})
    with closing(Touched.open(tmp_path / "derived.db")) as touched:
        touched.note(door.hub.journal.take(max_bytes=1 << 30))
        door.deliver()
        hub = door.hub
        deriver = open_deriver(
            hub.kinds,
            lambda: {device.id: device for device in hub.registry.devices()},
            hub.places,
            store=hub.store,
            touched=touched,
        )
        assert door.run(deriver.round(time.time_ns())) is False
    ispu, aqi = items(door, "air-01")
    assert (ispu["value"], ispu["of"], ispu["parts"]["pm25_hours"]) == (84, "pm25", 20)
    assert aqi["value"] == 117
    assert aqi["category"]["code"] == 3


def test_a_device_that_is_unknown(calm: Door) -> None:
    calm.problem(404, "unknown-device", PATH.format("air-99"))


def test_a_store_that_is_away(calm: Door) -> None:
    away = InfluxStore("http://127.0.0.1:1", token="t", org="o", bucket="b", timeout_s=5)
    calm.change(store=away).problem(503, "store-unavailable", PATH.format("air-01"))
    calm.run(away.close())


def test_it_asks_for_a_key(calm: Door) -> None:
    calm.knock(None).problem(401, "key-required", PATH.format("air-01"))
