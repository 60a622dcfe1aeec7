"""A month that is put into InfluxDB's own files is what InfluxDB then tells."""

import json
import math
import struct
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import tsm
from bench.fill import fill
from bench.month import DAY, Month, Series, Stream, month
from bench.servers import Influx
from tests.servers import influxd_binary

TUESDAY: Final = 1_767_700_800
"""Two days before it are in two shards."""


def told(influx: Influx, one: Series) -> list[dict[str, object]]:
    """All points of a series, by InfluxDB."""
    name, *tags = one.key.decode().split(",")
    pairs = [tag.split("=", maxsplit=1) for tag in tags]
    # The hub's own row has no tag, where others of its measurement have.
    pairs = pairs or [["kind", ""], ["reason", ""]]
    where = " AND ".join(f"\"{tag}\" = '{value}'" for tag, value in pairs)
    answer, _ = influx.timed(f'SELECT * FROM "{name}" WHERE {where}')  # noqa: S608 - names of ours
    (series,) = json.loads(answer)["results"][0]["series"]
    return [dict(zip(series["columns"], row, strict=True)) for row in series["values"]]


def written(city: Month, stream: Stream, one: Series) -> list[dict[str, object]]:
    """The same, as the month says."""
    return [
        {"time": (at_s + one.late_s) * 1_000, **city.row(stream, one, at_s)}
        for at_s in stream.ticks(city.start_s, city.stop_s)
    ]


def test_influxdb_tells_every_value_of_every_sort_of_series(tmp_path: Path) -> None:
    influxd_binary()  # skips where there is none
    city = month(8, 2, stop_s=TUESDAY)
    fill(tmp_path, city)
    points = 0
    with closing(Influx(tmp_path)) as influx:
        for stream in city.streams:
            for one in {series.key.split(b",")[0]: series for series in stream.series}.values():
                right = written(city, stream, one)
                found = told(influx, one)
                assert [{name: row[name] for name in right[0]} for row in found] == right
                points += len(right)
        assert influx.query('SELECT count("open") FROM "incident"')[0][1] == len(city.incidents)
    assert points > 5 * 2 * DAY // 60


def test_a_month_counts_its_points() -> None:
    city = month(8, 2, stop_s=TUESDAY)
    assert city.stop_s - city.start_s == 2 * DAY
    # Two of the eight are counters of traffic, which tell of both directions.
    assert city.readings == 10 * 2 * DAY // 60
    assert city.points > 2 * city.readings


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_floats_come_back_as_they_were(values: list[float]) -> None:
    assert [struct.pack(">d", value) for value in decoded(tsm.floats(values))] == [
        struct.pack(">d", value) for value in values
    ]


def test_keys_that_are_out_of_order_are_refused(tmp_path: Path) -> None:
    with closing(tsm.TsmFile(tmp_path / "x.tsm")) as file:
        file.add(b"b", tsm.FLOAT, [])
        with pytest.raises(ValueError, match="b'a' comes after b'b'"):
            file.add(b"a", tsm.FLOAT, [])


def decoded(block: bytes) -> list[float]:
    """Floats as the paper says that they are read."""
    bits = "".join(f"{byte:08b}" for byte in block[1:])
    at, leading, wide = 64, 0, 64
    pattern = int(bits[:64], 2)
    found: list[float] = []
    while not math.isnan(value := struct.unpack(">d", struct.pack(">Q", pattern))[0]):
        found.append(value)
        changed, new = bits[at], bits[at + 1 : at + 2]
        at += 1
        if changed == "0":
            continue
        at += 1
        if new == "1":
            leading, wide = int(bits[at : at + 5], 2), int(bits[at + 5 : at + 11], 2) or 64
            at += 11
        pattern ^= int(bits[at : at + wide], 2) << (64 - leading - wide)
        at += wide
    return found
