"""What the real InfluxDB 2.9.1 says; the store stands on these words."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.stores import StoreUnavailableError
from ingest.stores.influxdb import InfluxStore
from tests.ingest.stores.places import AIR, air, everything
from tests.servers import Influx, influxd_binary

HOUR_NS = 3600 * 10**9


def store_in(influxd: Influx, bucket: str, token: str | None = None) -> InfluxStore:
    return InfluxStore(influxd.url, token=token or influxd.token, org=influxd.org, bucket=bucket)


def run(store: InfluxStore, scenario: Callable[[InfluxStore], Awaitable[Any]]) -> Any:
    async def closing() -> Any:
        try:
            return await scenario(store)
        finally:
            await store.close()

    return asyncio.run(closing())


def written(influxd: Influx, *writes: list[bytes], keep_s: int = 0) -> tuple[Any, list[float]]:
    """What the last write refuses, and the values of the device that are there then."""

    async def scenario(store: InfluxStore) -> tuple[Any, list[float]]:
        refused = [await store.write(lines) for lines in writes]
        return refused[-1], [row["pm25"] for row in await everything(store, AIR, "air-1")]

    return run(store_in(influxd, influxd.bucket(keep_s=keep_s)), scenario)  # type: ignore[no-any-return]


async def answer(store: InfluxStore, *lines: bytes) -> tuple[int, str]:
    """Status and words of one write as the server gives them."""
    got = await store._post(b"\n".join(lines))
    return got.status, got.words


def test_unparsable_lines_are_named_and_nothing_is_written(influxd: Influx) -> None:
    async def scenario(store: InfluxStore) -> Any:
        said = await answer(store, air("pm25=1"), b"garbage", air("pm25=", 7), air("pm25=2"))
        return said, await everything(store, AIR, "air-1")

    said, rows = run(store_in(influxd, influxd.bucket()), scenario)
    status, words = said
    assert status == 400
    assert words == (
        "unable to parse 'garbage': missing fields\n"
        "unable to parse 'air,area=medan-kota,device=air-1 pm25= 7': missing field value"
    )
    assert rows == []


def test_a_type_conflict_is_named_once_and_the_rest_is_written(influxd: Influx) -> None:
    now = time.time_ns()

    async def scenario(store: InfluxStore) -> Any:
        await store.write([air("pm25=0,pm10=0", now)])
        said = await answer(
            store,
            air("pm25=1", now + 1),
            air("pm25=2i", now + 2),
            air("pm10=true", now + 3),
            air("pm25=4", now + 4),
        )
        return said, [row["pm25"] for row in await everything(store, AIR, "air-1")]

    said, values = run(store_in(influxd, influxd.bucket()), scenario)
    status, words = said
    assert status == 422
    assert words == (
        "failure writing points to database: partial write: field type conflict: input field "
        '"pm25" on measurement "air" is type integer, already exists as type float dropped=2'
    )
    assert values == [4, 1, 0]


def test_a_point_outside_the_retention_is_told_and_the_rest_is_written(influxd: Influx) -> None:
    now = time.time_ns()

    async def scenario(store: InfluxStore) -> Any:
        said = await answer(store, air("pm25=1", now), air("pm25=2", 1), air("pm25=3", 2))
        return said, [row["pm25"] for row in await everything(store, AIR, "air-1")]

    (status, words), values = run(store_in(influxd, influxd.bucket(keep_s=3600)), scenario)
    assert status == 422
    assert words.startswith(
        "failure writing points to database: partial write: dropped 2 points outside retention "
        "policy of duration 1h0m0s - oldest point air,area=medan-kota,device=air-1 at "
        "1970-01-01T00:00:00.000000001Z dropped because it violates a Retention Policy Lower Bound"
    )
    assert values == [1]


def test_each_bad_point_of_any_kind_is_refused_in_words_that_fit(influxd: Influx) -> None:
    now = time.time_ns()
    lines = [
        air("pm25=1", now + 1),
        air("pm25=2", 1),
        air("pm25=3i", now + 3),
        b"garbage",
        air("pm10=true", now + 4),
        air("pm25=5", now + 5),
        air("pm25=6", 2),
        air("time=7", now + 7),
        air("pm25=8", now - 2 * HOUR_NS),
    ]
    refused, values = written(influxd, [air("pm25=0,pm10=0", now)], lines, keep_s=3600)
    assert values == [5, 1, 0]
    assert sorted(refused) == [1, 2, 3, 4, 6, 7, 8]
    assert "outside retention policy" in refused[1]
    assert '"pm25" on measurement "air" is type integer' in refused[2]
    assert refused[3] == "unable to parse 'garbage': missing fields"
    assert '"pm10" on measurement "air" is type boolean' in refused[4]
    assert "outside retention policy" in refused[6]
    assert 'invalid field name: input field "time"' in refused[7]
    assert "outside retention policy" in refused[8]


def test_a_type_holds_for_one_shard_and_only_there(influxd: Influx) -> None:
    now = time.time_ns()
    month = 30 * 24 * HOUR_NS
    foreign = [air("pm25=1i", now - month)]
    lines = [air(f"pm25={at}", now - (at % 2) * month + at + 1) for at in range(40)]
    refused, values = written(influxd, foreign, lines)
    assert sorted(refused) == list(range(1, 40, 2))
    assert all("already exists as type integer" in words for words in refused.values())
    assert values == [*range(38, -1, -2), 1]


def test_values_of_others_that_are_no_numbers_are_left_out(influxd: Influx) -> None:
    now = time.time_ns()
    foreign = [b'air,device=air-1 pm25="text",pm10=true,no2=7i,so2=8 %d' % now]

    async def scenario(store: InfluxStore) -> Any:
        assert await store.write(foreign) == {}
        return await store.latest(AIR, "air-1")

    row = run(store_in(influxd, influxd.bucket()), scenario)
    assert {name: value for name, value in row.items() if name != "time"} == {"no2": 7, "so2": 8}


def test_a_token_of_nobody(influxd: Influx) -> None:
    async def scenario(store: InfluxStore) -> bool:
        with pytest.raises(StoreUnavailableError, match=r"401: unauthorized access\. Set"):
            await store.write([air("pm25=1")])
        with pytest.raises(StoreUnavailableError, match="401"):
            await store.latest(AIR, "air-1")
        with pytest.raises(StoreUnavailableError, match="401"):
            await store.ensure()
        return await store.ready()

    assert run(store_in(influxd, influxd.bucket(), "wrong"), scenario) is False


def test_a_token_that_may_only_read(influxd: Influx) -> None:
    bucket = influxd.bucket()

    async def scenario(store: InfluxStore) -> bool:
        with pytest.raises(StoreUnavailableError, match="403: insufficient permissions for write"):
            await store.write([air("pm25=1")])
        assert await store.latest(AIR, "air-1") is None
        return await store.ready()

    assert run(store_in(influxd, bucket, influxd.limited_token(bucket, "read")), scenario) is False


def test_a_token_that_may_only_write(influxd: Influx) -> None:
    bucket = influxd.bucket()

    async def scenario(store: InfluxStore) -> bool:
        assert await store.write([air("pm25=1")]) == {}
        with pytest.raises(StoreUnavailableError, match="that the token may read it"):
            await store.latest(AIR, "air-1")
        return await store.ready()

    assert run(store_in(influxd, bucket, influxd.limited_token(bucket, "write")), scenario) is True


def test_a_missing_bucket_is_created_once(influxd: Influx) -> None:
    async def scenario(store: InfluxStore) -> Any:
        assert await store.ready() is False
        with pytest.raises(StoreUnavailableError, match='404: bucket "made" not found'):
            await store.write([air("pm25=1")])
        with pytest.raises(StoreUnavailableError, match="database not found: made"):
            await store.latest(AIR, "air-1")
        await store.ensure()
        await store.ensure()
        assert await store.write([air("pm25=1", 1)]) == {}
        return await store.latest(AIR, "air-1"), await store.ready()

    row, ready = run(store_in(influxd, "made"), scenario)
    assert row == {"time": "1970-01-01T00:00:00.000000001Z", "pm25": 1.0}
    assert ready


def test_a_bucket_that_the_token_may_not_create(influxd: Influx) -> None:
    other = influxd.bucket()
    store = store_in(influxd, "absent", influxd.limited_token(other, "read", "write"))
    with pytest.raises(StoreUnavailableError, match="influx bucket create --name absent"):
        run(store, lambda store: store.ensure())


def test_a_token_for_the_bucket_alone_is_enough(influxd: Influx) -> None:
    bucket = influxd.bucket()

    async def scenario(store: InfluxStore) -> Any:
        await store.ensure()
        assert await store.write([air("pm25=1", 1)]) == {}
        return await store.latest(AIR, "air-1")

    row = run(store_in(influxd, bucket, influxd.limited_token(bucket, "read", "write")), scenario)
    assert row["pm25"] == 1


def test_an_organisation_that_is_not_there(influxd: Influx) -> None:
    store = InfluxStore(influxd.url, token=influxd.token, org="nobody", bucket="b")
    with pytest.raises(StoreUnavailableError, match="KOTAHUB_INFLUX_ORG"):
        run(store, lambda store: store.ensure())


def test_what_was_acknowledged_survives_kill_9_of_the_server(tmp_path: Path) -> None:
    influxd = Influx(influxd_binary(), tmp_path)
    try:
        influxd.start()
        influxd.set_up()
        bucket = influxd.bucket()

        async def scenario(store: InfluxStore) -> Any:
            assert await store.write([air(f"pm25={at}", at) for at in range(1000)]) == {}
            assert influxd.server is not None
            influxd.server.kill()
            assert influxd.server.process.returncode == -signal.SIGKILL
            assert await store.ready() is False
            with pytest.raises(StoreUnavailableError, match="cannot be reached"):
                await store.write([air("pm25=1000", 1000)])
            await asyncio.to_thread(influxd.start)
            assert await store.write([air("pm25=1000", 1000)]) == {}
            return await store.readings(AIR, "air-1", start_ns=0, stop_ns=2000, limit=2000)

        rows = run(store_in(influxd, bucket), scenario)
    finally:
        influxd.stop()
    assert [row["pm25"] for row in rows] == list(range(1000, -1, -1))


def test_texts_go_together_and_an_open_one_takes_nobody_with_it(influxd: Influx) -> None:
    now = time.time_ns()
    texts = ['"a b"', r'"say \"yes\""', r'"ends \\"', '"a,b=c d"', '""', '"x"']
    closed = [
        b"told,device=d-%d name=%b,pm25=%d %d" % (at, texts[at % len(texts)].encode(), at, now)
        for at in range(300)
    ]
    odd = [
        rb'told,device=open name="never ends %d' % now,
        rb'told,device=slash name="ends \" %d' % now,
        b'told,device=a"b name="tag %d' % now,
    ]
    lines = [*closed[:100], odd[0], *closed[100:200], odd[1], odd[2], *closed[200:]]
    writes: list[bytes] = []

    class Counted(InfluxStore):
        async def _post(self, body: bytes) -> Any:
            writes.append(body)
            return await super()._post(body)

    async def scenario(store: InfluxStore) -> Any:
        refused = await store.write(lines)
        (result,) = await store._query('SELECT count("name"), count("pm25") FROM "told"')
        return refused, result["series"][0]["values"][0][1:]

    store = Counted(influxd.url, token=influxd.token, org=influxd.org, bucket=influxd.bucket())
    refused, counts = run(store, scenario)
    assert [lines[index] for index in refused] == odd
    assert counts == [300, 300]
    assert len(writes) == 1 + len(odd)
