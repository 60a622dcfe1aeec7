"""Readings over HTTP, from a real store."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.stores.influxdb import InfluxStore
from tests.gateway.door import Door, opened_door

PATH = "/api/v1/devices/{}/readings"
T0 = datetime(2026, 1, 31, 1, tzinfo=UTC)


def at(minutes: float) -> str:
    return (T0 + timedelta(minutes=minutes)).isoformat()


def times(door: Door, device: str = "air-01", **parameters: object) -> list[str]:
    answer = door.json(PATH.format(device), parameters)
    assert answer["next"] is None
    return [item["time"] for item in answer["items"]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """Readings of five minutes from 01:00 on, of a device and of three lanes of another."""
    with opened_door(tmp_path_factory.mktemp("told")) as door:
        publish_minutes(door)
        yield door


def publish_minutes(door: Door) -> None:
    for minute in range(5):
        door.publish("air-01", {"time": at(minute), "pm25": 10 + minute})
        door.publish(
            "traffic-01",
            [
                {"time": at(minute), "channel": lane, "volume": minute}
                for lane in ("inbound", "outbound", "bus")
            ],
        )
    door.deliver()


def test_the_window_takes_start_and_leaves_stop(told: Door) -> None:
    assert times(told, start=at(1), stop=at(3)) == [
        "2026-01-31T01:02:00Z",
        "2026-01-31T01:01:00Z",
    ]


def test_times_may_be_unix_or_local(told: Door) -> None:
    start, stop = (T0 + timedelta(minutes=1)).timestamp(), (T0 + timedelta(minutes=2)).timestamp()
    expected = ["2026-01-31T01:01:00Z"]
    assert times(told, start=start, stop=stop) == expected
    assert times(told, start=int(start * 1000), stop=int(stop * 1000)) == expected
    local = {"start": "2026-01-31T08:01:00+07:00", "stop": "2026-01-31T08:02:00+07:00"}
    assert times(told, **local) == expected


def test_the_last_hour_by_default(door: Door) -> None:
    now = datetime.now(UTC)
    for minutes in (-90, -30, 2):
        door.publish("air-01", {"time": (now + timedelta(minutes=minutes)).isoformat(), "pm25": 1})
    door.deliver()
    # A clock two minutes ahead is no reason to hide a reading.
    assert len(times(door)) == 2
    assert len(times(door, last="45m")) == 2
    assert len(times(door, last="2h")) == 3
    assert len(times(door, last="2h", stop=now.isoformat())) == 2


def test_a_reading_has_its_metrics_with_their_quality(door: Door) -> None:
    door.publish(
        "air-01",
        {"time": at(0), "pm25": -5, "pm10": None, "humidity": 61.5, "battery": 87, "rssi": -101},
    )
    door.deliver()
    answer = door.json(PATH.format("air-01"), {"start": at(0), "stop": at(1)})
    assert answer["items"] == [
        {
            "time": "2026-01-31T01:00:00Z",
            "pm25": -5.0,
            "pm25_qc": 4,
            "pm10_qc": 9,
            "humidity": 61.5,
            "humidity_qc": 1,
            "battery": 87.0,
            "rssi": -101.0,
        }
    ]


def test_one_channel(told: Door) -> None:
    parameters = {"start": at(0), "stop": at(9), "channel": "outbound"}
    items = told.json(PATH.format("traffic-01"), parameters)["items"]
    assert [item["channel"] for item in items] == ["outbound"] * 5


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 14, 15, 16])
def test_pages_hold_every_reading_once_though_instants_are_shared(told: Door, limit: int) -> None:
    parameters = {"start": at(0), "stop": at(9), "limit": limit}
    pages = list(told.pages(PATH.format("traffic-01"), parameters))
    assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    items = [(item["time"], item["channel"]) for page in pages for item in page]
    assert len(items) == len(set(items)) == 15
    assert [time for time, _ in items] == sorted((time for time, _ in items), reverse=True)


def test_the_window_stays_while_pages_are_read(door: Door) -> None:
    now = datetime.now(UTC)
    for seconds in (1, 2):
        door.publish("air-01", {"time": (now - timedelta(seconds=seconds)).isoformat(), "pm25": 1})
    door.deliver()
    first = door.json(PATH.format("air-01"), {"last": "90s", "limit": 1})
    # By its own window the second page would be empty.
    later = {"last": "1s", "limit": 1, "cursor": first["next"], "stop": at(0)}
    assert len(door.json(PATH.format("air-01"), later)["items"]) == 1


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"start": "soon"}, "start"),
        ({"start": "2026-01-31T08:00:00 07:00"}, "start"),
        ({"stop": "2026-01-31T08:00:00"}, "stop"),
        ({"last": "1 fortnight"}, "last"),
        ({"last": "1h", "start": at(0)}, "last"),
        ({"start": at(1), "stop": at(0)}, "start"),
        ({"channel": ""}, "channel"),
        ({"channel": "c" * 65}, "channel"),
        ({"limit": "1.5"}, "limit"),
        ({"cursor": "WzFd"}, "cursor"),
    ],
)
def test_a_wrong_parameter_is_named(calm: Door, parameters: dict[str, str], field: str) -> None:
    problem = calm.problem(422, "invalid-request", PATH.format("air-01"), parameters)
    assert [fault["field"] for fault in problem["errors"]] == [field]


def test_a_device_that_is_unknown(calm: Door) -> None:
    calm.problem(404, "unknown-device", PATH.format("air-99"))


def test_a_store_that_is_away(calm: Door) -> None:
    store = InfluxStore("http://127.0.0.1:1", token="t", org="o", bucket="b", timeout_s=5)
    away = calm.change(store=store)
    away.problem(503, "store-unavailable", PATH.format("air-01"))
    answer = away.get(PATH.format("air-01"))
    calm.run(store.close())
    assert int(answer.headers["Retry-After"]) > 0


PARAMETERS = ("start", "stop", "last", "channel", "limit", "cursor")
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.text(max_size=40),
    st.integers().map(str),
    st.floats().map(str),
    st.datetimes().map(datetime.isoformat),
    st.from_regex(r"[0-9]{1,6}[smhdw]", fullmatch=True),
    st.sampled_from(["WzAsMCxbXV0", "Wy0xLC0xLFtudWxsXV0", "W10", "0", "-1", "1000", "null"]),
)


def test_no_parameter_makes_the_hub_fail() -> None:
    with TemporaryDirectory() as folder, opened_door(Path(folder)) as door:
        door.publish("air-01", {"time": at(0), "pm25": 1})
        door.deliver()

        @settings(max_examples=150, deadline=None)
        @given(st.dictionaries(st.sampled_from(PARAMETERS), VALUES))
        def ask(parameters: dict[str, str]) -> None:
            answer = door.get(PATH.format("air-01"), parameters)
            assert answer.status_code in (200, 422), answer.text

        ask()
