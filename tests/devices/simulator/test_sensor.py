"""A simulated sensor: repeatable, plausible while healthy, wrong in just the way of its fault."""

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.kind import Limits
from devices.simulator.sensor import STAGGER_S, Sensor
from tests.devices.simulator.scene import CAR_PARKS, KINDS, SCENARIOS, scenario, troupe, world

Element = dict[str, Any]
CALM = troupe(world(), count=200)
DAY = 1440


def elements(payload: bytes) -> list[Element]:
    found = json.loads(payload)
    return found if isinstance(found, list) else [found]


def one(sensor: Sensor, number: int) -> list[Element]:
    (payload,) = sensor.report(number)
    return elements(payload)


def of_kind(sensors: list[Sensor], kind: str) -> Sensor:
    return next(sensor for sensor in sensors if sensor.kind.id == kind)


def faulty(fault: dict[str, object]) -> Sensor:
    """The sensor that has the fault, of several that could."""
    hit = [sensor for sensor in troupe(world(scenario(fault=[fault]))) if sensor._faults]
    assert len(hit) == 1
    return hit[0]


def healthy(sensor: Sensor) -> Sensor:
    twin = troupe(world(scenario()))
    return next(other for other in twin if other.device.id == sensor.device.id)


@settings(max_examples=30)
@given(st.sampled_from(SCENARIOS), st.integers(0, 9), st.integers(0, 2000))
def test_the_same_seed_gives_the_same_bytes(name: str, seed: int, number: int) -> None:
    first, second = (
        [sensor.report(number) for sensor in troupe(world(name), count=8, seed=seed)]
        for _ in range(2)
    )
    assert first == second


def test_the_same_seed_gives_the_same_bytes_in_another_process() -> None:
    code = (
        "import hashlib; from tests.devices.simulator.scene import troupe, world; "
        "print(hashlib.sha256(b''.join(p for s in troupe(world('faults')) "
        "for n in range(9) for p in s.report(n))).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(digests) == 1


def test_another_seed_gives_other_values() -> None:
    other = troupe(world(), count=200, seed=2)
    assert [s.report(3) for s in CALM[:50]] != [s.report(3) for s in other[:50]]


@pytest.mark.parametrize("sensor", CALM, ids=lambda sensor: sensor.device.id)
def test_a_healthy_report_is_our_own_payload_with_values_in_range(sensor: Sensor) -> None:
    for number in (0, 1, 700):
        found = one(sensor, number)
        assert tuple(element.get("channel") for element in found) == (
            sensor.kind.channels or (None,)
        )
        for element in found:
            metrics = {name: element[name] for name in sensor.metrics}
            assert set(element) - set(metrics) <= {"time", "seq", "channel", "battery", "rssi"}
            assert element["seq"] == number
            for name, value in metrics.items():
                low, high = sensor.kind.metrics[name].valid
                assert low <= value <= high
            assert 0 < element["battery"] <= 100
            assert element["rssi"] < 0


def test_a_report_carries_the_time_it_is_due_in_utc() -> None:
    fast = troupe(world(speed=60), count=4)
    for sensor in fast:
        time = datetime.fromisoformat(one(sensor, 5)[0]["time"])
        wanted = world(speed=60).wall(sensor.due_s(5))
        assert abs(time - wanted) < timedelta(milliseconds=1)


@pytest.mark.parametrize("speed", [0.1, 1, 60, 1000])
def test_everyone_reports_soon_and_then_at_its_interval(speed: float) -> None:
    for sensor in troupe(world(speed=speed)):
        dues = [sensor.due_s(number) for number in range(6)]
        assert 0 <= dues[0] / speed <= STAGGER_S
        assert 0 < dues[1] - dues[0] < 1.3 * sensor.kind.interval_s
        for before, after in pairwise(dues[1:]):
            assert after - before == pytest.approx(sensor.kind.interval_s)


def test_not_everyone_reports_at_once() -> None:
    phases = sorted(sensor.due_s(1) % 60 for sensor in CALM)
    assert max(after - before for before, after in pairwise(phases)) < 3


def test_vehicles_are_the_sum_of_their_classes() -> None:
    for number in range(50):
        for element in one(of_kind(CALM, "traffic"), number):
            classes = ("volume_mc", "volume_lv", "volume_hv")
            assert element["volume"] == sum(element[name] for name in classes)
            assert element["period"] == 60


def test_a_river_gauge_tells_level_and_distance_that_agree_and_a_street_tells_depth() -> None:
    night = [s for s in troupe(world("flood_night"), count=200) if s.kind.id == "flood"]
    rivers = [sensor for sensor in night if "river" in sensor.device.attributes]
    streets = [sensor for sensor in night if "river" not in sensor.device.attributes]
    assert {sensor.metrics for sensor in rivers} == {("level", "distance", "flow")}
    assert {sensor.metrics for sensor in streets} == {("depth",)}
    for number in range(0, 400, 40):
        (element,) = one(rivers[0], number)
        assert element["level"] + element["distance"] == pytest.approx(8)
    assert max(one(sensor, 240)[0]["depth"] for sensor in streets) > 0.1


def test_rain_amounts_are_a_minute_of_the_intensity() -> None:
    sensor = next(s for s in troupe(world("flood_night")) if s.kind.id == "weather")
    found = [one(sensor, number)[0] for number in range(0, 300, 10)]
    assert max(element["rain_rate"] for element in found) > 20
    for element in found:
        assert element["rain"] == pytest.approx(element["rain_rate"] / 60, abs=0.006)


def test_a_kind_of_the_city_is_played_without_code() -> None:
    (sensor,) = troupe(world(), count=1, kinds={"parking": CAR_PARKS})
    (element,) = one(sensor, 3)
    assert set(element) == {"time", "seq", "free", "battery", "rssi"}
    night, noon = (one(sensor, number)[0]["free"] for number in (540, 240))
    assert night > noon


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_healthy_day_breaks_no_limit_of_its_kind(kind: str) -> None:
    troupe_of_kind = [sensor for sensor in CALM if sensor.kind.id == kind]
    for sensor in troupe_of_kind[:: len(troupe_of_kind) // 3]:
        day = [one(sensor, number)[0] for number in range(DAY)]
        for name in sensor.metrics:
            limits = sensor.kind.metrics[name].limits
            values = [element[name] for element in day]
            assert not broken(limits, values), f"{sensor.device.id} {name}"


def broken(limits: Limits, values: list[float]) -> list[str]:
    """The limits that minutely values break, straight from the words of `Limits`."""
    found = []
    if limits.suspect and not all(limits.suspect[0] <= v <= limits.suspect[1] for v in values):
        found.append("suspect")
    neighbours = zip(values, values[1:], values[2:], strict=False)
    spike = limits.spike_suspect
    if spike and any(abs(now - (old + new) / 2) > spike for old, now, new in neighbours):
        found.append("spike")
    # The first two reports may be closer than a minute, so they are left out.
    rate = limits.rate_per_min
    if rate and any(abs(new - old) > rate for old, new in pairwise(values[1:])):
        found.append("rate")
    if limits.flat_suspect_s:
        window = int(limits.flat_suspect_s / 60)
        for start in range(0, len(values) - window, 10):
            part = values[start : start + window]
            zeros = limits.flat_zero_exempt and not any(part)
            if max(part) - min(part) <= limits.flat_tolerance and not zeros:
                found.append("flat")
                break
    return found


def test_frozen_values_are_those_of_the_moment_it_froze() -> None:
    sensor = faulty({"fault": "frozen", "kind": "air", "start_min": 10, "minutes": 20})
    twin = healthy(sensor)
    values = [{name: one(sensor, n)[0][name] for name in sensor.metrics} for n in range(40)]
    usual = [{name: one(twin, n)[0][name] for name in sensor.metrics} for n in range(40)]
    frozen = [n for n in range(40) if 600 <= sensor.due_s(n) < 1800]
    assert len(frozen) == 20
    assert all(values[n] == usual[frozen[0]] for n in frozen)
    assert all(values[n] == usual[n] for n in range(40) if n not in frozen)
    assert len({one(sensor, n)[0]["time"] for n in frozen}) == 20


def test_a_spike_is_off_now_and_then_in_one_metric() -> None:
    sensor = faulty(
        {"fault": "spike", "kind": "air", "metric": "pm25", "amount": 500, "chance": 0.2}
    )
    twin = healthy(sensor)
    off = [round(one(sensor, n)[0]["pm25"] - one(twin, n)[0]["pm25"], 6) for n in range(200)]
    assert set(off) == {0, 500}
    assert 20 < off.count(500) < 60
    assert all(one(sensor, n)[0]["pm10"] == one(twin, n)[0]["pm10"] for n in range(20))


def test_a_drift_grows_with_the_hours() -> None:
    sensor = faulty({"fault": "drift", "kind": "weather", "metric": "temperature", "per_hour": 1.5})
    twin = healthy(sensor)
    off = one(sensor, 600)[0]["temperature"] - one(twin, 600)[0]["temperature"]
    assert off == pytest.approx(15, abs=0.1)


@pytest.mark.parametrize("seconds", [5400, -86_400])
def test_a_wrong_clock_is_off_by_its_seconds(seconds: int) -> None:
    sensor = faulty({"fault": "clock", "kind": "weather", "seconds": seconds})
    told, true = (datetime.fromisoformat(one(of, 3)[0]["time"]) for of in (sensor, healthy(sensor)))
    assert told - true == timedelta(seconds=seconds)


def test_silence_sends_nothing_and_ends() -> None:
    sensor = faulty({"fault": "silence", "kind": "flood", "start_min": 5, "minutes": 10})
    for number in range(30):
        silent = 300 <= sensor.due_s(number) < 900
        assert sensor.report(number) == ([] if silent else healthy(sensor).report(number))


def test_a_duplicate_is_the_same_message_twice() -> None:
    sensor = faulty({"fault": "duplicate", "kind": "traffic", "chance": 0.5})
    twin = healthy(sensor)
    counts = set()
    for number in range(60):
        payloads = sensor.report(number)
        assert set(payloads) == set(twin.report(number))
        counts.add(len(payloads))
    assert counts == {1, 2}


def test_garbage_is_of_many_sorts_and_never_what_was_measured() -> None:
    sensor = faulty({"fault": "garbage", "kind": "air"})
    twin = healthy(sensor)
    payloads = {sensor.report(number)[0] for number in range(100)}
    assert not payloads & {twin.report(number)[0] for number in range(100)}
    assert b"" in payloads
    assert len(payloads) > 30


def test_a_sentinel_stands_where_the_value_was() -> None:
    sensor = faulty({"fault": "sentinel", "kind": "traffic", "metric": "speed"})
    twin = healthy(sensor)
    for element, usual in zip(one(sensor, 4), one(twin, 4), strict=True):
        assert element == usual | {"speed": -1}
