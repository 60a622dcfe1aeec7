import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.kind import load_kinds
from ingest.line import LineWriter, escape_tag, line, line_prefix

AIR = load_kinds()["air"]
TRAFFIC = load_kinds()["traffic"]
finite = st.floats(allow_nan=False, allow_infinity=False)


def fields(values: dict[str, float | None], kind: str = "air") -> bytes:
    writer = LineWriter(load_kinds()[kind])
    shape = writer.shape(values)
    picked = shape.pick(values)
    return shape.fields(picked, shape.in_range(picked))


def test_fields_stand_in_declared_order_whatever_the_payload_s() -> None:
    assert fields({"temperature": 28.5, "pm25": 12.0}) == (
        b"pm25=12.0,temperature=28.5,pm25_qc=1,temperature_qc=1"
    )


def test_one_metric_alone() -> None:
    assert fields({"pm25": 12.0}) == b"pm25=12.0,pm25_qc=1"


def test_battery_and_rssi_are_fields_without_a_flag() -> None:
    assert fields({"rssi": -71.0, "pm25": 12.0, "battery": 88.0}) == (
        b"pm25=12.0,pm25_qc=1,battery=88.0,rssi=-71.0"
    )


def test_a_missing_value_has_its_flag_alone() -> None:
    assert fields({"pm25": None, "pm10": 20.0, "battery": None}) == (
        b"pm10=20.0,pm25_qc=9,pm10_qc=1"
    )


def test_an_implausible_value_is_kept_and_flagged() -> None:
    assert fields({"humidity": 632.8}) == b"humidity=632.8,humidity_qc=4"


@pytest.mark.parametrize("metric", AIR.metrics.items(), ids=lambda item: item[0])
def test_the_ends_of_the_valid_range_are_not_failed(metric: tuple[str, object]) -> None:
    name = metric[0]
    for value in AIR.metrics[name].valid:
        assert not fields({name: value}).endswith(b"_qc=4")
        beyond = math.nextafter(value, math.copysign(math.inf, value or -1))
        if not AIR.metrics[name].valid[0] <= beyond <= AIR.metrics[name].valid[1]:
            assert fields({name: beyond}).endswith(b"_qc=4")


def test_unknown_members_are_named_and_left_out() -> None:
    values = {"pm25": 1.0, "mood": 3.0, "channel": "x", "time": 1.0, "seq": 4.0}
    shape = LineWriter(AIR).shape(values)
    assert shape.unknown == ("mood", "channel")
    assert LineWriter(TRAFFIC).shape({"volume": 1.0, "channel": "x"}).unknown == ()
    assert shape.fields(shape.pick(values), None) == b"pm25=1.0,pm25_qc=1"


@given(st.dictionaries(st.sampled_from([*AIR.fields, "battery", "rssi"]), finite, min_size=1))
def test_every_number_survives_to_the_bit(values: dict[str, float]) -> None:
    written = dict(part.split(b"=") for part in fields(dict(values)).split(b",") if part)
    for name, value in values.items():
        assert float(written[name.encode()]) == value
    flags = {name for name in written if name.endswith(b"_qc")}
    assert flags == {f"{name}_qc".encode() for name in values if name in AIR.metrics}


def test_made_up_members_do_not_fill_the_memory() -> None:
    writer = LineWriter(AIR)
    for number in range(2000):
        writer.shape({"pm25": 1.0, f"x{number}": 1.0})
    assert len(writer._shapes) <= 256


def test_tags_are_sorted_escaped_and_left_out_when_unknown() -> None:
    assert line_prefix("air", "a-1", None, None) == b"air,device=a-1 "
    assert line_prefix("air", "a-1", "Medan Kota", "a,b=c\\") == (
        rb"air,area=Medan\ Kota,channel=a\,b\=c/,device=a-1 "
    )


@given(st.text())
def test_no_tag_value_breaks_the_line(value: str) -> None:
    escaped = escape_tag(value)
    assert b"\n" not in escaped
    assert b"\r" not in escaped
    for special in (b",", b"=", b" "):
        assert escaped.count(special) == escaped.count(b"\\" + special)
    assert not escaped.endswith(b"\\")


def test_a_line_tells_whether_the_time_is_the_arrival() -> None:
    assert line(b"air,device=a ", b"pm25=1.0", 5, time_flag=0) == b"air,device=a pm25=1.0 5"
    assert line(b"air,device=a ", b"pm25=1.0", 5, time_flag=2) == (
        b"air,device=a pm25=1.0,time_qc=2 5"
    )
