"""All points of a store come out as line protocol, and go into any store."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.stores import StoreUnavailableError
from ingest.stores.duckdb import DuckDBStore
from ingest.stores.duckdb_export import DuckDBExport
from ingest.stores.export import Export, declare, declared, every_line
from ingest.stores.influxdb import InfluxStore
from ingest.stores.influxdb_export import InfluxExport
from ingest.stores.lines import parse_line
from ingest.stores.measurement import Measurement
from ingest.stores.reading import EARLIEST_NS, LATEST_NS
from tests.ingest.stores.places import KINDS, T0
from tests.servers import Influx

YEAR_NS = 365 * 86_400 * 10**9
LINES = [
    b"air,area=12.71.01,device=air-1 pm25=31.5,pm25_qc=1 %d" % T0,
    b"air,area=12.71.01,device=air-1 no2_qc=9,pm25=-0.1,pm25_qc=4 %d" % (T0 + 1),
    b"air,device=air-2 battery=1e-07,pm10=123456789012345680.0,rssi=-71.0,time_qc=2 %d" % T0,
    b"air,device=air-2 pm25=0.30000000000000004 %d" % (T0 - 30 * YEAR_NS),
    rb"traffic,area=Medan\ Kota,channel=n\,1\=x,device=t-1 volume=3.0,volume_qc=1 %d" % T0,
    b"air_1h,device=air-1 pm25=31.5,pm25_count=60.0 %d" % T0,
]
HOURS = Measurement("air_1h", ("pm25", "pm25_count"))


def points(lines: Iterable[bytes]) -> list[tuple[object, ...]]:
    """Points as they mean, whatever the order of their fields and how numbers are written."""
    found = map(parse_line, lines)
    return sorted(
        (p.kind, p.time_ns, *sorted(p.tags.items()), *sorted(p.fields.items())) for p in found
    )


async def export_all(export: Export) -> tuple[list[bytes], list[bytes]]:
    """Comments, and the lines behind them."""
    blocks = [block async for block in every_line(export)]
    assert all(block.endswith(b"\n") or not block for block in blocks)
    lines = b"".join(blocks).splitlines()
    comments = [line for line in lines if line.startswith(b"#")]
    assert lines[: len(comments)] == comments
    return comments, lines[len(comments) :]


@asynccontextmanager
async def open_until_here(store: DuckDBStore | InfluxStore) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await store.close()


def opened(folder: Path) -> DuckDBStore:
    return DuckDBStore.open(folder / "readings.duckdb", KINDS, [HOURS])


def bucket_of(influxd: Influx) -> tuple[InfluxStore, InfluxExport]:
    bucket = influxd.bucket()
    store = InfluxStore(influxd.url, token=influxd.token, org=influxd.org, bucket=bucket)
    return store, InfluxExport(influxd.url, token=influxd.token, bucket=bucket)


def test_duckdb_gives_back_what_was_written(tmp_path: Path) -> None:
    async def scenario() -> tuple[list[bytes], list[bytes]]:
        store = opened(tmp_path)
        async with open_until_here(store):
            assert await store.write(LINES) == {}
            return await export_all(DuckDBExport(store))

    comments, lines = asyncio.run(scenario())
    assert points(lines) == points(LINES)
    assert b"# air_1h pm25 pm25_count" in comments


def test_duckdb_splits_a_span_of_many_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.stores.duckdb_export._ROWS_MAX", 10)
    written = [b"air,device=air-%d pm25=%d.0 %d" % (n % 3, n, T0 + n // 4) for n in range(500)]

    async def scenario() -> tuple[list[bytes], list[bytes]]:
        store = opened(tmp_path)
        async with open_until_here(store):
            assert await store.write(written) == {}
            return await export_all(DuckDBExport(store))

    _, lines = asyncio.run(scenario())
    merged = {(p.kind, p.tags["device"], p.time_ns): p for p in map(parse_line, written)}
    assert len(lines) == len(merged)
    assert {(p.kind, p.tags["device"], p.time_ns): p.fields for p in map(parse_line, lines)} == {
        key: p.fields for key, p in merged.items()
    }


def test_influxdb_gives_back_what_was_written(influxd: Influx) -> None:
    store, export = bucket_of(influxd)
    texts = [
        rb'device,device=air-1,kind=air name="Jl. \"A\" \\ B, C=D",since=1.5,up=true,n=3i %d' % T0,
        b'device,device=air-2 name="x" %d' % T0,
    ]

    async def scenario() -> tuple[list[bytes], list[bytes]]:
        async with open_until_here(store):
            assert await store.write([*LINES, *texts]) == {}
            return await export_all(export)

    comments, lines = asyncio.run(scenario())
    plain = [line for line in lines if not line.startswith(b"device,")]
    assert points(plain) == points(LINES)
    assert sorted(line for line in lines if line.startswith(b"device,")) == [
        rb'device,device=air-1,kind=air n=3i,name="Jl. \"A\" \\ B, C=D",since=1.5,up=true %d' % T0,
        b'device,device=air-2 name="x" %d' % T0,
    ]
    assert b"# device since" in comments


def test_influxdb_gives_back_many_chunks_and_both_ends_of_time(influxd: Influx) -> None:
    store, export = bucket_of(influxd)
    written = [b"flood,device=f-%d level=%d.5 %d" % (n % 7, n, T0 + n) for n in range(25_000)]
    ends = [b"flood,device=f-1 level=1.0 %d" % at for at in (EARLIEST_NS, LATEST_NS)]

    async def scenario() -> tuple[list[bytes], list[bytes]]:
        async with open_until_here(store):
            assert await store.write([*written, *ends]) == {}
            return await export_all(export)

    _, lines = asyncio.run(scenario())
    assert points(lines) == points([*written, *ends])


def test_an_empty_store_has_no_lines(tmp_path: Path, influxd: Influx) -> None:
    async def scenario() -> list[tuple[list[bytes], list[bytes]]]:
        store = opened(tmp_path)
        async with open_until_here(store):
            return [await export_all(e) for e in (DuckDBExport(store), bucket_of(influxd)[1])]

    (comments, lines), nothing = asyncio.run(scenario())
    assert lines == []
    assert len(comments) == len(KINDS) + 1
    assert nothing == ([], [])


@pytest.mark.parametrize("wrong", ["url", "token", "bucket"])
def test_an_influxdb_that_does_not_answer_is_told(influxd: Influx, wrong: str) -> None:
    right = {"url": influxd.url, "token": influxd.token, "bucket": "first"}
    broken = {"url": "http://127.0.0.1:1", "token": "wrong", "bucket": "no-such-bucket"}
    used = {**right, wrong: broken[wrong]}
    export = InfluxExport(used["url"], token=used["token"], bucket=used["bucket"])
    with pytest.raises(StoreUnavailableError, match="KOTAHUB_INFLUX"):
        asyncio.run(export_all(export))


def test_an_answer_that_breaks_off_is_no_whole_export() -> None:
    """A server that dies while it answers: the last chunk is missing."""

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"res\r\n')
        await writer.drain()
        writer.close()

    async def scenario() -> None:
        server = await asyncio.start_server(cut, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            await export_all(InfluxExport(f"http://127.0.0.1:{port}", token="t", bucket="b"))

    with pytest.raises(StoreUnavailableError, match="cannot be read"):
        asyncio.run(scenario())


_NAME = st.text("abc_ ,1", min_size=1).filter(lambda name: name.strip() == name)


@given(name=_NAME, fields=st.lists(_NAME, unique=True).map(tuple))
def test_a_comment_tells_what_was_declared(name: str, fields: tuple[str, ...]) -> None:
    assert declared(declare(name, fields).rstrip(b"\n")) == (name, fields)
