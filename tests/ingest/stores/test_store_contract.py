"""What every store promises, on each of them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest

from ingest.stores import Store
from ingest.stores.reading import EARLIEST_NS, LATEST_NS
from tests.ingest.stores.places import AIR, KINDS, T0, Place, air, everything, kind_with

SECOND: Final = 1_000_000_000


def store_and_read(
    place: Place, *writes: Sequence[bytes], device: str = "air-1"
) -> tuple[list[Mapping[int, str]], list[dict[str, Any]]]:
    """What each write refuses, and all readings of the device afterwards."""

    async def scenario(store: Store) -> tuple[list[Mapping[int, str]], list[dict[str, Any]]]:
        refused = [await store.write(lines) for lines in writes]
        return refused, await everything(store, AIR, device)

    return place.run(scenario)


def test_what_is_written_is_read_back_after_opening_again(place: Place) -> None:
    line = air("pm25=12.5,pm10=-1,pm25_qc=1,pm10_qc=4,no2_qc=9,battery=3.6,rssi=-71,time_qc=2")
    assert place.run(lambda store: store.write([line])) == {}
    assert place.run(lambda store: everything(store, AIR, "air-1")) == [
        {
            "time": "2026-11-24T08:01:06.123456789Z",
            "pm25": 12.5,
            "pm25_qc": 1,
            "pm10": -1.0,
            "pm10_qc": 4,
            "no2_qc": 9,
            "battery": 3.6,
            "rssi": -71.0,
            "time_qc": 2,
        }
    ]


def test_nothing_is_written_and_nothing_is_there(place: Place) -> None:
    assert store_and_read(place, []) == ([{}], [])
    assert place.run(lambda store: store.latest(AIR, "air-1")) is None
    assert place.run(lambda store: store.ready()) is True


def test_writing_again_changes_nothing(place: Place) -> None:
    lines = [air(f"pm25={at}", T0 + at) for at in range(5)]
    _, once = store_and_read(place, lines)
    _, twice = store_and_read(place, lines, lines[2:], lines[:1])
    assert len(once) == 5
    assert twice == once


def test_a_point_that_comes_again_is_merged(place: Place) -> None:
    _, rows = store_and_read(place, [air("pm25=1,pm10=2,pm25_qc=1")], [air("pm25=5,no2=7")])
    assert rows == [
        {
            "time": "2026-11-24T08:01:06.123456789Z",
            "pm25": 5.0,
            "pm25_qc": 1,
            "pm10": 2.0,
            "no2": 7.0,
        }
    ]


def test_of_like_points_in_one_write_the_last_wins(place: Place) -> None:
    _, rows = store_and_read(place, [air("pm25=1,pm10=2"), air("pm25=2"), air("pm25=3,no2=7")])
    values = [{name: row[name] for name in ("pm25", "pm10", "no2")} for row in rows]
    assert values == [{"pm25": 3, "pm10": 2, "no2": 7}]


BAD: Final = [
    b"garbage",
    b"",
    b"air",
    b"air,device=air-1",
    b"air,device=air-1 pm25= 1795507266000000000",
    b"air,device=air-1 pm25=abc 1795507266000000000",
    b"air,device=air-1 pm25=1e999 1795507266000000000",
    b"air,device=air-1 pm25=1 99999999999999999999",
    b"air,device=air-1 pm25=1 9223372036854775807",
    b"air,device=air-1,device=air-2 pm25=1 1795507266000000000",
    b"air,device= pm25=1 1795507266000000000",
    b'air,device=air-1 pm25="text" 1795507266000000000',
    b'air,device=air-1 pm25="no end 1795507266000000000',
    b'air,device=air-1 pm25=no start" 1795507266000000000',
    b"air,device=air-1 pm25=1i 1795507266000000000",
    b"air,device=air-1 pm25=true 1795507266000000000",
    b"air,device=air-1 pm25=1 17955\n07266000000000",
    b"# air,device=air-1 pm25=1 1795507266000000000",
]


@pytest.mark.parametrize("bad", BAD, ids=range(len(BAD)))
def test_one_bad_line_among_good_ones_is_refused_in_words(place: Place, bad: bytes) -> None:
    before = [air(f"pm25={at}", T0 + at) for at in range(3)]
    after = [air(f"pm25={at}", T0 + at) for at in range(3, 6)]
    [first, refused], rows = store_and_read(place, before[:1], [*before, bad, *after])
    assert first == {}
    assert refused.keys() == {3}
    assert refused[3]
    assert [row["pm25"] for row in rows] == [5, 4, 3, 2, 1, 0]


def test_all_bad_lines_of_a_write_are_refused_each_for_itself(place: Place) -> None:
    good = [air(f"pm25={at}", T0 + at) for at in range(len(BAD) + 1)]
    mixed = [line for pair in zip(good, BAD, strict=False) for line in pair] + good[-1:]
    [_, refused], rows = store_and_read(place, good[:1], mixed)
    assert sorted(refused) == list(range(1, len(mixed), 2))
    assert [row["pm25"] for row in rows] == list(range(len(good) - 1, -1, -1))


def test_readings_are_newest_first_within_start_and_before_stop(place: Place) -> None:
    async def scenario(store: Store) -> list[list[float]]:
        await store.write([air(f"pm25={at}", T0 + at) for at in (3, 0, 4, 1, 2)])
        await store.write([air("pm25=9", T0, device="air-2")])
        rows = [
            await store.readings(AIR, "air-1", start_ns=T0 + start, stop_ns=T0 + stop, limit=limit)
            for start, stop, limit in ((0, 5, 10), (1, 4, 10), (1, 4, 2), (2, 2, 10), (4, 1, 10))
        ]
        return [[row["pm25"] for row in some] for some in rows]

    assert place.run(scenario) == [[4, 3, 2, 1, 0], [3, 2, 1], [3, 2], [], []]


def test_readings_of_one_channel_or_of_all(place: Place) -> None:
    lines = [
        air("pm25=1", channel="lane-1"),
        air("pm25=2", channel="lane-2"),
        air("pm25=3"),
        air("pm25=4", T0 + 1, channel="lane-1"),
    ]

    async def scenario(store: Store) -> list[list[tuple[str | None, float]]]:
        await store.write(lines)
        return [
            [
                (row.get("channel"), row["pm25"])
                for row in await everything(store, AIR, "air-1", channel)
            ]
            for channel in (None, "lane-1", "lane-3")
        ]

    both, one, none = place.run(scenario)
    assert both == [("lane-1", 4), (None, 3), ("lane-1", 1), ("lane-2", 2)]
    assert one == [("lane-1", 4), ("lane-1", 1)]
    assert none == []


def test_the_latest_is_the_newest_in_time_and_not_the_last_written(place: Place) -> None:
    async def scenario(store: Store) -> dict[str, Any] | None:
        await store.write([air("pm25=1", T0)])
        await store.write([air("pm25=2", T0 - 86_400 * 365 * SECOND)])
        return await store.latest(AIR, "air-1")

    latest = place.run(scenario)
    assert latest is not None
    assert latest["pm25"] == 1


def test_every_nanosecond_of_the_range_is_kept(place: Place) -> None:
    times = [EARLIEST_NS, -1, 0, 1, T0, T0 + 1, LATEST_NS]
    [refused], rows = store_and_read(place, [air(f"pm25={at}", at) for at in times])
    assert refused == {}
    assert [row["time"] for row in rows] == [
        "2262-04-11T23:47:16.854775806Z",
        "2026-11-24T08:01:06.12345679Z",
        "2026-11-24T08:01:06.123456789Z",
        "1970-01-01T00:00:00.000000001Z",
        "1970-01-01T00:00:00Z",
        "1969-12-31T23:59:59.999999999Z",
        "1677-09-21T00:12:43.145224194Z",
    ]


def test_every_float_comes_back_as_it_was(place: Place) -> None:
    values = [0.1, 0.0, 5e-324, 1.7976931348623157e308, 1e22, 123456789.12345678, 1 / 3]
    _, rows = store_and_read(
        place, [air(f"pm25={one!r}", T0 - at) for at, one in enumerate(values)]
    )
    assert [repr(row["pm25"]) for row in rows] == [repr(one) for one in values]


@pytest.mark.parametrize(
    "channel",
    [
        "a b,c=d",
        "jalur kiri → Medan",
        "传感器 🌧",
        "back\\slash",
        "two\\\\of\\them",
        "\\,\\ \\=x",
        '5"',
        '"quoted"',
        "it's; DROP TABLE air; --",
        "$device",
        "%s {x} ${y}",
        "#",
        "x" * 1000,
    ],
)
def test_any_text_is_a_channel(place: Place, channel: str) -> None:
    async def scenario(store: Store) -> list[dict[str, Any]]:
        assert await store.write([air("pm25=1", channel=channel), air("pm25=2")]) == {}
        return await everything(store, AIR, "air-1", channel)

    rows = place.run(scenario)
    assert [(row["channel"], row["pm25"]) for row in rows] == [(channel, 1)]


@pytest.mark.parametrize("device", ["' OR ''='", '"', "\\", "air-1\n", "$channel", "1; DROP"])
def test_a_device_id_never_becomes_part_of_the_query(place: Place, device: str) -> None:
    _, rows = store_and_read(place, [air("pm25=1")], device=device)
    assert rows == []


def test_a_kind_gets_a_metric_later(place: Place) -> None:
    earlier, later = kind_with("air", "pm25"), kind_with("air", "pm25", "pm1")
    place.run(lambda store: store.write([air("pm25=1")]), {"air": earlier})

    async def scenario(store: Store) -> list[dict[str, Any]]:
        assert await store.write([air("pm1=2,pm1_qc=1", T0 + 1)]) == {}
        return await everything(store, later, "air-1")

    rows = place.run(scenario, {"air": later})
    assert [(row.get("pm25"), row.get("pm1")) for row in rows] == [(None, 2), (1, None)]


def test_a_kind_of_the_city_is_stored_beside_the_others(place: Place) -> None:
    parking = kind_with("parking", "free")
    lines = [b"parking,device=p-1 free=12,free_qc=1 %d" % T0, air("pm25=1")]

    async def scenario(store: Store) -> tuple[Mapping[int, str], list[dict[str, Any] | None]]:
        refused = await store.write(lines)
        found = [await store.latest(parking, "p-1"), await store.latest(AIR, "air-1")]
        return refused, [*found, await store.latest(AIR, "p-1")]

    refused, [one, other, none] = place.run(scenario, {**KINDS, "parking": parking})
    assert refused == {}
    assert one == {"time": "2026-11-24T08:01:06.123456789Z", "free": 12.0, "free_qc": 1}
    assert other is not None
    assert other["pm25"] == 1
    assert none is None


def test_a_large_write_is_all_there(place: Place) -> None:
    count = 20_000
    lines = [
        air(f"pm25={at},pm10={at / 8},pm25_qc=1,pm10_qc=1", T0 + at * SECOND) for at in range(count)
    ]

    async def scenario(store: Store) -> tuple[Mapping[int, str], list[dict[str, Any]]]:
        refused = await store.write(lines)
        rows = await store.readings(AIR, "air-1", start_ns=T0, stop_ns=LATEST_NS, limit=2 * count)
        return refused, rows

    refused, rows = place.run(scenario)
    assert refused == {}
    assert [row["pm25"] for row in rows] == list(range(count - 1, -1, -1))
