"""What the hub tells of itself and its devices."""

from dataclasses import replace
from datetime import date

import pytest

from devices.device import Device
from devices.gauge import Gauge, Thresholds
from gateway import telemetry
from gateway.telemetry import DEVICE, HEALTH, LEDGER, OUTCOMES, TURNS, Telemetry
from tests.gateway.door import DEVICES, Door
from tests.gateway.play import MINUTE, SECOND, T0, Play, only


@pytest.fixture
def play(door: Door) -> Play:
    return Play(door)


def test_the_hub_tells_of_itself(play: Play) -> None:
    play.hear("flood-01", level=1.2)
    play.hear("stranger", level=1.2)
    play.now_ns += 4 * SECOND
    points = play.round()
    fields = only(points, HEALTH)
    assert [fields[name] for name in OUTCOMES] == [2, 0, 1, 0, 1]
    assert fields["lag_s"] == 4
    assert fields["journal_bytes"] > 0
    assert fields["journal_max_bytes"] == play.hub.journal.max_bytes
    assert (fields["broker_connected"], fields["store_up"], fields["to_visit"]) == (1, 1, 0)
    assert {one.time_ns for one in points} == {play.now_ns}
    assert "stranger" not in str(points)
    flood = only(points, HEALTH, kind="flood")
    counts = {"devices": 1, "ok": 1, "suspect": 0, "silent": 0, "maintenance": 0}
    assert flood == {**counts, "age_s": 4}
    assert only(points, HEALTH, kind="weather")["devices"] == 0
    assert "age_s" not in only(points, HEALTH, kind="air")  # it was never heard


def test_a_device_is_told_with_its_place_and_names(play: Play) -> None:
    river = {"river": "Deli", "river_km": "7.25", "siaga3_m": "1", "siaga2_m": "2", "siaga1_m": "3"}
    gauge = Device("gauge-1", "flood", name="Pos Deli", attributes=river)
    play.add(gauge)
    told = play.devices()
    assert told["gauge-1"].fields == {
        "name": "Pos Deli",
        "label": "Pos Deli · gauge-1",
        "kind_en": "Flood",
        "kind_id": "Banjir",
        "state": "silent",
        "reach": "Deli 007.2",
        "siaga3_m": 1.0,
        "siaga2_m": 2.0,
        "siaga1_m": 3.0,
    }
    assert told["gauge-1"].tags == {"device": "gauge-1", "kind": "flood"}
    place = (DEVICES[0].latitude, DEVICES[0].longitude)
    assert (told["air-01"].fields["latitude"], told["air-01"].fields["longitude"]) == place
    assert told["traffic-01"].fields["name"] == "traffic-01"


def test_thresholds_are_those_of_the_day(play: Play) -> None:
    versions = (
        Thresholds(valid_from=date(2026, 1, 1), siaga3_m=1, siaga2_m=2, siaga1_m=3),
        Thresholds(valid_from=date(2026, 3, 3), siaga3_m=1.5, siaga2_m=2, siaga1_m=3),
    )
    places = replace(play.hub.places, gauges={"flood-01": Gauge(versions=versions)})
    play.telemetry = Telemetry(replace(play.hub, places=places))
    assert play.devices()["flood-01"].fields["siaga3_m"] == 1
    play.now_ns += 24 * 60 * MINUTE
    later = [told["flood-01"] for _ in range(TURNS) if "flood-01" in (told := play.devices())]
    assert [one.fields["siaga3_m"] for one in later] == [1.5]


def test_wrong_thresholds_are_left_out(play: Play) -> None:
    odd = Device("gauge-2", "flood", attributes={"siaga3_m": "high", "river": "Babura"})
    play.add(odd)
    fields = play.devices()["gauge-2"].fields
    assert "siaga3_m" not in fields
    assert fields["reach"] == "Babura"


def test_from_never_heard_to_reporting_to_silent_and_back(play: Play) -> None:
    play.round()
    assert play.state("flood-01") == ("silent", None)
    play.minutes(10, "flood-01")
    play.round()
    assert play.state("flood-01") == ("ok", 10)
    play.minutes(5)
    play.round()
    assert play.state("flood-01") == ("ok", 10)  # not long enough for anybody to go there
    play.minutes(10)
    assert play.devices()["flood-01"].fields["state"] == "silent"
    assert play.state("flood-01") == ("silent", 10)
    play.minutes(1, "flood-01")
    assert play.devices()["flood-01"].fields["state"] == "ok"
    assert play.state("flood-01") == ("ok", 26)


def test_what_was_so_before_the_hub_was_started_has_no_since(play: Play) -> None:
    play.minutes(10, "flood-01")
    fields = play.devices()["flood-01"].fields
    assert fields["state"] == "ok"
    assert "since" not in fields
    play.minutes(20)
    play.telemetry = Telemetry(play.hub)
    since = play.devices()["flood-01"].fields["since"]
    assert since == (T0 + 10 * MINUTE) / 1e6  # silence knows when it began


def test_values_that_cannot_be_true_make_a_device_suspect(play: Play) -> None:
    play.minutes(5, "air-01")
    play.round()
    for _ in range(3):
        play.now_ns += MINUTE
        play.hear("air-01", pm25=99_999)
    play.look()
    fields = play.devices()["air-01"].fields
    assert (fields["state"], fields["since"]) == ("suspect", (T0 + 6 * MINUTE) / 1e6)
    assert only(play.round(), HEALTH)["to_visit"] == 1
    assert only(play.round(), HEALTH, kind="air")["suspect"] == 1


def test_a_suspect_device_that_is_silent_is_silent(play: Play) -> None:
    play.minutes(5, "air-01")
    for _ in range(3):
        play.now_ns += MINUTE
        play.hear("air-01", pm25=99_999)
    play.look()
    play.round()
    play.minutes(20)
    play.round()
    assert play.state("air-01") == ("silent", 8)


def test_who_is_in_an_outage_is_silent_since_it_began(play: Play) -> None:
    names = [f"w-{number}" for number in range(6)]
    play.add(*(Device(name, "weather") for name in names))
    play.minutes(10, *names)
    for _ in range(3):  # one of them was odd before
        play.now_ns += MINUTE
        play.hear(names[0], temperature=99_999)
    play.minutes(30)
    told = play.devices()
    (outage,) = play.hub.quality.outages()
    for name in names:
        assert told[name].fields["state"] == "silent"
        assert told[name].fields["since"] == outage.since_ns / 1e6
    assert only(play.round(), HEALTH)["to_visit"] == 2


def test_maintenance_hides_silence_and_retirement_hides_all(play: Play) -> None:
    assert play.devices()["traffic-01"].fields["state"] == "maintenance"
    play.minutes(10, "flood-01")
    play.minutes(20)
    play.round()
    flood = play.hub.registry.device("flood-01")
    play.hub.registry.update(replace(flood, status="maintenance"), by="tests")
    fields = play.devices()["flood-01"].fields
    assert (fields["state"], fields["since"]) == ("maintenance", play.now_ns / 1e6)
    assert only(play.round(), HEALTH)["to_visit"] == 0
    play.hub.registry.retire("flood-01", by="tests")
    points = [point for _ in range(TURNS) for point in play.round()]
    assert not any(point.tags.get("device") == "flood-01" for point in points)
    assert only(play.round(), HEALTH, kind="flood")["devices"] == 0


def test_what_changes_is_told_at_once_and_all_within_the_turns(play: Play) -> None:
    names = {f"a-{number}" for number in range(40)}
    play.add(*(Device(name, "air") for name in names))
    every = names | {device.id for device in DEVICES}
    assert play.devices().keys() == every
    turns = [name for _ in range(TURNS) for name in play.devices()]
    assert sorted(turns) == sorted(every)
    changed = replace(play.hub.registry.device("a-7"), name="Simpang Pos")
    for _ in range(3):  # in a round that is not its turn
        quiet = "a-7" not in play.devices()
        if quiet:
            break
    play.hub.registry.update(changed, by="tests")
    assert play.devices()["a-7"].fields["name"] == "Simpang Pos"


def test_ledgers_are_told_every_other_round(play: Play) -> None:
    for device in DEVICES:
        play.hear(device.id, pm25=1, level=1, volume=1)
    two = [one for _ in range(2) for one in play.round() if one.measurement == LEDGER]
    assert sorted(one.tags["device"] for one in two) == sorted(one.id for one in DEVICES)
    for one in two:
        assert one.fields["received"] == sum(one.fields[name] for name in OUTCOMES[1:]) == 1


def test_a_reason_that_is_gone_is_told_as_none(play: Play) -> None:
    play.hear("stranger", level=1)
    assert only(play.round(), HEALTH, reason="unregistered") == {"items": 1}
    (item,) = play.hub.journal.quarantine()
    play.hub.journal.discard([item.id])
    assert only(play.round(), HEALTH, reason="unregistered") == {"items": 0}


def test_how_the_hub_was_while_the_store_was_away_is_told_later(play: Play) -> None:
    play.round()
    away = []
    for _ in range(3):
        play.now_ns += 30 * SECOND
        play.hear("flood-01", level=1.2)
        play.telemetry.missed(play.now_ns)
        away.append(play.now_ns)
    play.now_ns += 30 * SECOND
    points = play.round()
    hub = [one for one in points if one.measurement == HEALTH and not one.tags]
    assert [one.time_ns for one in hub] == [*away, play.now_ns]
    assert [one.fields["store_up"] for one in hub] == [0, 0, 0, 1]
    assert [one.fields["pending"] for one in hub] == [1, 2, 3, 3]
    told = {one.tags["device"]: one.time_ns for one in points if one.measurement == DEVICE}
    assert told == {device.id: play.now_ns for device in DEVICES}
    assert len([one for one in play.round() if one.measurement == HEALTH and not one.tags]) == 1


def test_what_is_remembered_has_an_end(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "_MISSED_MAX", 5)
    play.telemetry = Telemetry(play.hub)
    for _ in range(9):
        play.now_ns += SECOND
        play.telemetry.missed(play.now_ns)
    hub = [one for one in play.round() if one.measurement == HEALTH and not one.tags]
    assert len(hub) == 6
    assert hub[0].time_ns == T0 + 5 * SECOND
