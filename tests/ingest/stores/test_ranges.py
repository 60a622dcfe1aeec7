"""What every store promises of reads over many devices, on each of them."""

from pathlib import Path
from typing import Final

import pytest

from devices.kind import Kind
from ingest.stores import Store
from ingest.stores.duckdb import DuckDBStore
from ingest.stores.measurement import Measurement, Row
from ingest.stores.quarter import QUARTER_NS, Quarter, Stat
from tests.ingest.stores.places import AIR, KINDS, T0, Place, air

Q0: Final = T0 - T0 % QUARTER_NS
MINUTE: Final = 60 * 1_000_000_000
HOURS: Final = Measurement("air", ("pm25", "pm10"))


def quarters(
    place: Place, lines: list[bytes], *devices: str, kind: Kind = AIR, count: int = 4
) -> list[Quarter]:
    """What the store makes of the lines in so many quarters from `Q0` on."""

    async def scenario(store: Store) -> list[Quarter]:
        assert await store.write(lines) == {}
        stop_ns = Q0 + count * QUARTER_NS
        return await store.quarters(kind, devices, start_ns=Q0, stop_ns=stop_ns)

    return place.run(scenario)


def test_a_quarter_is_that_of_its_values(place: Place) -> None:
    lines = [air(f"pm25={at + 1},pm25_qc=1", Q0 + at * 5 * MINUTE) for at in range(5)]
    assert quarters(place, lines, "air-1") == [
        Quarter("air-1", "", "medan-kota", Q0, {"pm25": Stat(3, 6.0, 1.0, 3.0)}),
        Quarter("air-1", "", "medan-kota", Q0 + QUARTER_NS, {"pm25": Stat(2, 9.0, 4.0, 5.0)}),
    ]


def test_only_believed_values_count(place: Place) -> None:
    flags = (1, 2, 3, 4)
    lines = [air(f"pm25={flag},pm25_qc={flag}", Q0 + flag * MINUTE) for flag in flags]
    lines.append(air("pm25_qc=9", Q0 + 9 * MINUTE))
    lines.append(air("pm10=7,pm10_qc=4", Q0 + QUARTER_NS))
    assert quarters(place, lines, "air-1") == [
        Quarter("air-1", "", "medan-kota", Q0, {"pm25": Stat(2, 3.0, 1.0, 2.0)})
    ]


def test_the_end_is_left_out(place: Place) -> None:
    instants = (Q0 - 1, Q0, Q0 + QUARTER_NS - 1, Q0 + QUARTER_NS)
    lines = [air("pm25=1,pm25_qc=1", at) for at in instants]
    (only,) = quarters(place, lines, "air-1", count=1)
    assert only.stats["pm25"].count == 2


def test_devices_and_channels_are_apart_and_in_order(place: Place) -> None:
    lines = [
        air("pm25=1,pm25_qc=1", Q0, device=device, channel=channel)
        for device in ("air-2", "air-1", "it's", "air-3")
        for channel in ("b", "a", "")
    ]
    found = quarters(place, lines, "it's", "air-2", "air-1")
    assert [(one.device, one.channel) for one in found] == [
        (device, channel) for device in ("air-1", "air-2", "it's") for channel in ("", "a", "b")
    ]


def test_directions_come_with_sines_and_cosines(place: Place) -> None:
    lines = [
        f"weather,device=w-1 wind_direction={degrees},wind_direction_qc=1 {Q0 + degrees}".encode()
        for degrees in (0, 90)
    ]
    (quarter,) = quarters(place, lines, "w-1", kind=KINDS["weather"])
    stat = quarter.stats["wind_direction"]
    assert (stat.count, stat.low, stat.high) == (2, 0, 90)
    assert (stat.sin, stat.cos) == pytest.approx((1.0, 1.0))


def test_nothing_there_is_nothing(place: Place) -> None:
    assert quarters(place, [], "air-1") == []


def test_rows_come_newest_first(place: Place) -> None:
    lines = [
        *(air(f"pm25={at}", Q0 + at * MINUTE) for at in range(4)),
        air("pm10=5", Q0 + 2 * MINUTE, device="air-2", channel="b"),
        air("pm10=6", Q0 + 2 * MINUTE, device="air-3"),
    ]

    async def scenario(store: Store) -> list[Row]:
        await store.write(lines)
        return await store.rows(
            HOURS, ["air-2", "air-1"], start_ns=Q0 + MINUTE, stop_ns=Q0 + 3 * MINUTE
        )

    assert place.run(scenario) == [
        Row(Q0 + 2 * MINUTE, "air-1", "", "medan-kota", {"pm25": 2.0}),
        Row(Q0 + 2 * MINUTE, "air-2", "b", "medan-kota", {"pm10": 5.0}),
        Row(Q0 + MINUTE, "air-1", "", "medan-kota", {"pm25": 1.0}),
    ]


def test_a_limit_leaves_the_newest(place: Place) -> None:
    async def scenario(store: Store) -> list[Row]:
        await store.write([air(f"pm25={at}", Q0 + at * MINUTE) for at in range(4)])
        return await store.rows(HOURS, ["air-1"], start_ns=Q0, stop_ns=Q0 + 4 * MINUTE, limit=1)

    (row,) = place.run(scenario)
    assert row.values == {"pm25": 3.0}


def test_duckdb_has_tables_for_measurements(tmp_path: Path) -> None:
    measurement = Measurement("air_1h", ("pm25_mean", "pm25_count"))
    place = Place(lambda kinds: DuckDBStore.open(tmp_path / "one.duckdb", kinds, [measurement]))
    line = f"air_1h,device=air-1 pm25_mean=4.5,pm25_count=2 {Q0}".encode()

    async def scenario(store: Store) -> list[Row]:
        assert await store.write([line]) == {}
        return await store.rows(measurement, ["air-1"], start_ns=Q0, stop_ns=Q0 + 1)

    expected = Row(Q0, "air-1", "", None, {"pm25_mean": 4.5, "pm25_count": 2.0})
    assert place.run(scenario) == [expected]
