"""What is DuckDB's alone: one file, one process, one thread."""

import asyncio
import multiprocessing
import resource
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import duckdb
import pytest

from ingest.stores import StoreUnavailableError
from ingest.stores.duckdb import DuckDBStore
from tests.ingest.stores.places import AIR, KINDS, T0, Place, air, everything


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "readings.duckdb"


@pytest.fixture
def embedded(file: Path) -> Place:
    return Place(lambda kinds: DuckDBStore.open(file, kinds))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"parking,device=p-1 free=1 1", "kind 'parking' does not exist; known: air, flood"),
        (air("pm26=1"), "kind 'air' has no field pm26"),
        (air("pm25=1,pm25_qc=5"), "field 'pm25_qc' is 5: flags are 1, 2, 3, 4 and 9"),
        (air("pm25=1,pm25_qc=1.5"), "field 'pm25_qc' is 1.5: flags are 1, 2, 3, 4 and 9"),
        (b"air,area=x pm25=1 1", "a point has the tag device"),
        (b"air,device=a,road=x pm25=1 1", "a point has the tag device"),
    ],
)
def test_what_no_table_can_hold_is_refused(embedded: Place, line: bytes, words: str) -> None:
    refused = embedded.run(lambda store: store.write([air("pm25=1"), line]))
    assert refused.keys() == {1}
    assert words in refused[1]


def test_a_point_has_one_row_however_often_it_comes(embedded: Place, file: Path) -> None:
    for area in ("medan-kota", "medan-baru"):
        line = air("pm25=1,pm25_qc=1").replace(b"medan-kota", area.encode())
        embedded.run(lambda store, line=line: store.write([line, line]))  # type: ignore[misc]
    with duckdb.connect(str(file)) as connection:
        rows = connection.execute("SELECT time, device, area, channel, pm25_qc FROM air").fetchall()
        types = dict(
            connection.execute("SELECT column_name, column_type FROM (DESCRIBE air)").fetchall()
        )
    assert [row[1:] for row in rows] == [("air-1", "medan-baru", "", 1)]
    assert types["time"] == "TIMESTAMP_NS"
    assert types["pm25"] == "DOUBLE"
    assert types["pm25_qc"] == "UTINYINT"


def test_a_second_process_is_told_who_has_the_file(embedded: Place, file: Path) -> None:
    opening = textwrap.dedent(f"""
        from pathlib import Path
        from ingest.stores.duckdb import DuckDBStore
        DuckDBStore.open(Path({str(file)!r}), {{}})
    """)

    async def scenario(_store: object) -> str:
        other = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", opening],
            capture_output=True,
            text=True,
            check=False,
        )
        assert other.returncode != 0
        return other.stderr

    words = embedded.run(scenario)
    assert "StoreUnavailableError" in words
    assert "ask that one over HTTP or stop it" in words
    assert embedded.run(lambda store: store.ready())


def test_a_file_that_is_no_database_is_named(file: Path, embedded: Place) -> None:
    file.parent.mkdir()
    file.write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreUnavailableError, match=str(file)):
        embedded.run(lambda store: store.ready())


def _write_until_killed(file: Path, written: "multiprocessing.Queue[int]") -> None:
    async def flood() -> None:
        store = DuckDBStore.open(file, KINDS)
        for at in range(100_000):
            await store.write([air(f"pm25={at}", T0 + at)])
            written.put(at)

    asyncio.run(flood())


def test_what_was_acknowledged_survives_kill_9(file: Path, embedded: Place) -> None:
    context = multiprocessing.get_context("spawn")
    written: multiprocessing.Queue[int] = context.Queue()
    process = context.Process(target=_write_until_killed, args=(file, written))
    process.start()
    last = 0
    while last < 20:
        last = written.get(timeout=60)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    rows = embedded.run(lambda store: everything(store, AIR, "air-1"))
    values = [row["pm25"] for row in rows]
    assert values == list(range(len(values) - 1, -1, -1))
    assert len(values) > last


def test_a_full_disk_is_told_and_gone_on_from(embedded: Place) -> None:
    """The limit on file sizes stands in for the disk: the system refuses the same write."""
    lines = [air(f"pm25={at}.123456789", T0 + at * 7919) for at in range(5_000)]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    async def scenario(store: DuckDBStore) -> list[object]:
        assert await store.write([air("pm25=1", 0)]) == {}
        resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, before[1]))
        try:
            with pytest.raises(StoreUnavailableError, match="See that its disk has room"):
                await store.write(lines)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        kept = await everything(store, AIR, "air-1")
        refused = await store.write(lines)
        latest = await store.latest(AIR, "air-1")
        return [len(kept), refused, latest and latest["pm25"]]

    try:
        assert embedded.run(scenario) == [1, {}, 4999.123456789]  # type: ignore[arg-type]
    finally:
        signal.signal(signal.SIGXFSZ, ignored)


def test_the_loop_goes_on_while_duckdb_is_busy(embedded: Place) -> None:
    busy, done = threading.Event(), threading.Event()

    async def scenario(store: object) -> list[object]:
        assert isinstance(store, DuckDBStore)

        def long_work() -> None:
            busy.set()
            assert done.wait(60)

        working = asyncio.create_task(store._run(long_work))
        writing = asyncio.create_task(store.write([air("pm25=1")]))
        reading = asyncio.create_task(store.latest(AIR, "air-1"))
        # Would the loop wait for the thread, nothing would ever set `done`.
        await asyncio.to_thread(busy.wait, 60)
        finished = [task.done() for task in (working, writing, reading)]
        done.set()
        latest = await reading
        return [*finished, await writing, latest and latest["pm25"]]

    assert embedded.run(scenario) == [False, False, False, {}, 1.0]
