"""Quality and the maintenance queue over HTTP."""

import time
from collections.abc import Mapping
from typing import Any

from ingest.quality.file import Row
from ingest.quality.outage import Outage, Scope
from ingest.types import Message
from tests.gateway.door import Door

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
MAINTENANCE = "/api/v1/maintenance"


def play(door: Door, device: str, readings: list[Mapping[str, Any]], *, ago_min: int) -> None:
    """A device's readings, a minute apart, received when they were made; then what is known."""
    began_ns = time.time_ns() - ago_min * MINUTE_NS
    for number, values in enumerate(readings):
        at_ns = began_ns + number * MINUTE_NS
        members = ",".join(f'"{name}":{value}' for name, value in values.items())
        payload = f'{{"time":{at_ns // 1_000_000},{members}}}'.encode()
        door.pipeline.process([Message(f"sensors/{device}/up", payload)], at_ns)
        for _ in door.pipeline.quality.scan(at_ns):
            pass
    for _ in door.pipeline.quality.scan(time.time_ns()):
        pass
    save(door)


def save(door: Door) -> None:
    now_ns = time.time_ns()
    rows = [Row.of(watch, now_ns) for watch in door.pipeline.quality.unsaved()]
    door.hub.quality.save(rows, door.pipeline.quality.outages)


def test_a_device_that_was_never_heard(door: Door) -> None:
    told = door.json("/api/v1/devices/air-01/quality")
    assert told == {
        "device": "air-01",
        "saved_at": None,
        "current": [],
        "recent": [],
        "rhythm": None,
        "clock_lag_s": None,
    }
    assert door.json(MAINTENANCE) == {"items": [], "next": None}


def test_every_flag_says_why(door: Door) -> None:
    play(door, "air-01", [{"humidity": 50}, {"humidity": 632.8}], ago_min=1)
    told = door.json("/api/v1/devices/air-01/quality", headers={"Accept-Language": "en"})
    gross, rate = told["current"][0], told["current"]
    assert len(rate) == 1
    assert (gross["metric"], gross["test"], gross["flag"]) == ("humidity", "gross_range", 4)
    assert (gross["value"], gross["low"], gross["high"]) == (632.8, 0, 100)
    assert gross["why"] == "Relative humidity reads 633 %, outside 0 % to 100 %"
    assert gross["until"] is None
    told = door.json("/api/v1/devices/air-01/quality", headers={"Accept-Language": "id"})
    assert told["current"][0]["why"] == (
        "Kelembapan relatif terbaca 633 %, di luar 0 % sampai 100 %"
    )


def test_rhythm_and_silence(door: Door) -> None:
    play(door, "flood-01", [{"level": 1 + n / 100} for n in range(6)], ago_min=60)
    told = door.json("/api/v1/devices/flood-01/quality", headers={"Accept-Language": "en"})
    rhythm = told["rhythm"]
    assert (rhythm["interval_s"], rhythm["learned"], rhythm["patience_s"]) == (60.0, True, 180.0)
    assert rhythm["silent_since"] == rhythm["last_received_at"]
    assert rhythm["outage"] is None
    (silence,) = told["current"]
    assert silence["why"] == "Silent for 55 min; usually heard every 60 s"
    (item,) = door.json(MAINTENANCE, headers={"Accept-Language": "en"})["items"]
    assert (item["rank"], item["device"], item["tests"]) == (1, "flood-01", ["silence"])
    assert item["why"] == [silence["why"]]
    assert item["since"] == silence["since"]


def test_the_worst_comes_first_and_small_things_stay_out(door: Door) -> None:
    play(door, "flood-01", [{"level": 1 + n / 100} for n in range(6)], ago_min=60)
    play(door, "air-01", [{"pm25": value} for value in (20, 20, 300, 20, 20)], ago_min=4)
    items = door.json(MAINTENANCE)["items"]
    assert [item["device"] for item in items] == ["flood-01"]  # one spike is no visit
    play(door, "air-01", [{"pm25": 20}, *[{"pm25": -1}] * 3], ago_min=0)
    items = door.json(MAINTENANCE)["items"]
    assert [(item["rank"], item["device"]) for item in items] == [(1, "flood-01"), (2, "air-01")]
    assert items[1]["flag"] == 4


def test_what_is_in_maintenance_already_is_left_out(door: Door) -> None:
    play(door, "traffic-01", [{"speed": -1}] * 5, ago_min=4)
    assert door.json("/api/v1/devices/traffic-01/quality")["current"]
    assert door.json(MAINTENANCE)["items"] == []


def test_an_outage_is_one_item_with_its_members(door: Door) -> None:
    play(door, "flood-01", [{"level": 1 + n / 100} for n in range(6)], ago_min=60)
    quality = door.pipeline.quality
    scope = Scope("area", "12.71.01")
    since_ns = quality.watches["flood-01"].silent_ns
    quality.outages = {scope: Outage(scope, since_ns, frozenset({"flood-01", "flood-02"}))}
    save(door)
    (item,) = door.json(MAINTENANCE, headers={"Accept-Language": "en"})["items"]
    assert (item["device"], item["area"]) == (None, "12.71.01")
    assert item["members"] == ["flood-01", "flood-02"]
    assert item["why"] == ["Sensors in area 12.71.01 fell silent: 2"]
    told = door.json("/api/v1/devices/flood-01/quality", headers={"Accept-Language": "en"})
    assert told["rhythm"]["outage"] == "Sensors in area 12.71.01 fell silent"
    assert door.json(MAINTENANCE, {"area": "12.71.02"})["items"] == []


def test_pages(door: Door) -> None:
    play(door, "flood-01", [{"level": 1 + n / 100} for n in range(6)], ago_min=60)
    play(door, "air-01", [{"pm25": 20}, *[{"pm25": -1}] * 3], ago_min=3)
    pages = list(door.pages(MAINTENANCE, {"limit": 1}))
    assert [[item["device"] for item in page] for page in pages] == [["flood-01"], ["air-01"]]
    door.problem(422, "invalid-request", MAINTENANCE, {"cursor": "nonsense"})


def test_an_unknown_device(calm: Door) -> None:
    calm.problem(404, "unknown-device", "/api/v1/devices/nobody/quality")
