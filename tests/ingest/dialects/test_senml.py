import json
from typing import Any

import pytest

from ingest.dialects.senml import open_envelope, split_name
from ingest.types import Reason, Rejected


def opened(pack: list[dict[str, Any]]) -> list[tuple[str, float | None, dict[str, Any]]]:
    uplinks = open_envelope("senml/x", json.dumps(pack).encode())
    return [(uplink.address, uplink.time, dict(uplink.values)) for uplink in uplinks]  # type: ignore[misc]


def reason(pack: list[dict[str, Any]]) -> Reason:
    with pytest.raises(Rejected) as caught:
        opened(pack)
    return caught.value.reason


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("deli-01/level", ("deli-01", "level")),
        ("deli-01:level", ("deli-01", "level")),
        ("urn:dev:ow:10e2073a01080063:voltage", ("urn:dev:ow:10e2073a01080063", "voltage")),
        ("urn:dev:ow:10e2073a01080063", ("urn:dev:ow:10e2073a01080063", None)),
        ("urn:dev:mac:f024befffe804ff1", ("urn:dev:mac:f024befffe804ff1", None)),
        ("2001:db8::2/temperature", ("2001:db8::2", "temperature")),
        ("urn:dev:ops:32473-Pump-5", ("urn:dev:ops:32473-Pump-5", None)),
        ("deli-01:", ("deli-01", None)),
        ("deli-01", ("deli-01", None)),
        (":level", (":level", None)),
        ("level", ("level", None)),
    ],
)
def test_where_a_name_is_cut(name: str, parts: tuple[str, str | None]) -> None:
    assert split_name(name) == parts


def test_relative_times_of_the_rfc() -> None:
    pack = [
        {"bn": "urn:dev:ow:10e2073a0108006:", "bt": 1.276020076001e9, "bu": "A", "bver": 5},
        {"n": "voltage", "u": "V", "v": 120.1},
        *({"n": "current", "t": t, "v": round(1.7 + t / 10, 1)} for t in range(-5, 0)),
        {"n": "current", "v": 1.7},
    ]
    device, base = "urn:dev:ow:10e2073a0108006", 1276020076.001
    found = opened(pack)
    assert found[0] == (device, base, {"voltage": 120.1, "current": 1.7})
    assert [(address, values) for address, _, values in found[1:]] == [
        (device, {"current": value}) for value in (1.2, 1.3, 1.4, 1.5, 1.6)
    ]
    assert [time for _, time, _ in found[1:]] == pytest.approx(
        [base - 5, base - 4, base - 3, base - 2, base - 1], abs=1e-6
    )


def test_base_fields_hold_until_they_are_given_again() -> None:
    pack: list[dict[str, Any]] = [
        {"bn": "a1/", "bt": 1.7e9, "bu": "m", "bv": 1, "n": "level", "v": 0.5},
        {"bn": "b1/", "n": "level", "v": 0.25},
        {"bt": 1.8e9, "bv": 0, "n": "level", "v": 0.25},
    ]
    assert opened(pack) == [
        ("a1", 1.7e9, {"level": 1.5}),
        ("b1", 1.7e9, {"level": 1.25}),
        ("b1", 1.8e9, {"level": 0.25}),
    ]


@pytest.mark.parametrize(
    ("name", "unit", "sent", "stored"),
    [
        ("temperature", "K", 300.15, 27.0),
        ("pressure", "Pa", 100_920, 1009.2),
        ("pressure", "hPa", 1009.2, 1009.2),
        ("speed", "m/s", 10, 36.0),
        ("wind_speed", "m/s", 10, 10.0),
        ("wind_speed", "km/h", 36, 10.0),
        ("level", "cm", 142, 1.42),
        ("distance", "mm", 2780, 2.78),
        ("occupancy", "/", 0.42, 42.0),
        ("flow", "l/s", 1500, 1.5),
    ],
)
def test_units_become_those_of_the_metric(name: str, unit: str, sent: float, stored: float) -> None:
    assert opened([{"n": f"a1/{name}", "u": unit, "v": sent}]) == [("a1", None, {name: stored})]


def test_a_unit_tells_the_metric_of_a_bare_address() -> None:
    pack: list[dict[str, Any]] = [
        {"bn": "a1", "u": "%RH", "v": 71},
        {"u": "Cel", "v": 27.5},
        {"u": "lx", "v": 9},
    ]
    assert opened(pack) == [("a1", None, {"humidity": 71.0, "temperature": 27.5, "lx": 9.0})]


def test_a_battery_alone_in_time_joins_its_device() -> None:
    pack = [
        {"bn": "a1", "bt": 1.7e9, "u": "%EL", "t": -60, "v": 55},
        {"u": "%RH", "v": 71},
        {"bn": "b1", "u": "%EL", "v": 12},
    ]
    first, second = open_envelope("senml/x", json.dumps(pack).encode())
    assert (first.address, first.values, first.battery) == ("a1", {"humidity": 71.0}, 55)
    assert (second.address, second.values, second.battery) == ("b1", {}, 12)


def test_a_record_of_base_fields_alone_says_nothing() -> None:
    assert opened([{"bn": "a1/", "bt": 1.7e9}]) == []


def test_sums_and_texts_are_never_the_metric_itself() -> None:
    pack: list[dict[str, Any]] = [{"n": "a1/rain", "s": 4.5}, {"n": "a1/level", "vs": "high"}]
    assert opened(pack) == [("a1", None, {"rain.s": 4.5, "level.vs": "high"})]


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({"n": "a1/level", "v": "1"}, Reason.WRONG_TYPE),
        ({"n": "a1/level", "v": True}, Reason.WRONG_TYPE),
        ({"n": "a1/level", "v": None}, Reason.WRONG_TYPE),
        ({"n": "a1/level", "v": 1, "t": "now"}, Reason.WRONG_TYPE),
        ({"n": "a1/level", "v": 10**400}, Reason.NOT_FINITE),
        ({"n": "a1/level", "bv": 1e308, "v": 1e308}, Reason.NOT_FINITE),
        ({"n": 7, "v": 1}, Reason.WRONG_SHAPE),
        ({"bn": ["a1"], "v": 1}, Reason.WRONG_SHAPE),
        ({"v": 1}, Reason.WRONG_SHAPE),
        ({"n": "a1/level", "v": 1, "bver": 11}, Reason.WRONG_SHAPE),
        ({"n": "a1/level", "v": 1, "bver": True}, Reason.WRONG_SHAPE),
        ({"n": "a1/level", "v": 1, "new_": 1}, Reason.WRONG_SHAPE),
    ],
)
def test_a_record_that_cannot_be_read(record: dict[str, Any], why: Reason) -> None:
    assert reason([{"n": "a1/depth", "v": 1}, record]) is why


@pytest.mark.parametrize("version", [5, 10, 26])
def test_versions_that_are_understood(version: int) -> None:
    assert opened([{"n": "a1/level", "v": 1, "bver": version}]) == [("a1", None, {"level": 1.0})]
