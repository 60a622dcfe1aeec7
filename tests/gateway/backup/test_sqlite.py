"""A copy of a SQLite file is one instant of it, whoever writes."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from gateway.backup.errors import BackupError
from gateway.backup.progress import Silence
from gateway.backup.sqlite import copy, copy_journal
from ingest.batch import Batch, Quarantined
from ingest.journal import Journal
from ingest.types import Reason
from tests.servers import wait_until


def points(device: str, at_ns: int) -> Batch:
    lines = [b"air,device=%b pm25=1.0 %d" % (device.encode(), at_ns)]
    refused = Quarantined(device, f"sensors/{device}/up", Reason.NOT_JSON, "why", 5, b"\x00{")
    return Batch(at_ns, lines=lines, sizes=[1], accepted={device: 1}, quarantined=[refused])


def test_a_copy_under_writers_balances_and_is_a_journal(tmp_path: Path) -> None:
    """Each batch is a pending and a quarantined message: the copy has as many of both."""
    source, over = tmp_path / "journal.db", threading.Event()
    with Journal.open(source) as journal:

        def write() -> None:
            number = 0
            while not over.is_set():
                number += 1
                journal.commit(points("a-1", number))

        writer = threading.Thread(target=write)
        writer.start()
        try:
            before = 0
            for number in range(5):
                wait_until(lambda: len(journal.quarantine()) > before, "more was committed")  # noqa: B023
                target = tmp_path / f"copy-{number}.db"
                counts = copy_journal(source, target, Silence())
                assert counts.pending == counts.quarantined == counts.quarantine_items > before
                before = counts.pending
                assert [path.name for path in tmp_path.glob(f"{target.name}-*")] == []
                with Journal.open(target) as copied:
                    (row,) = copied.ledger()
                    assert (row.pending, row.quarantined) == (before, before)
                    assert len(copied.quarantine()) == before
        finally:
            over.set()
            writer.join()


def test_the_bytes_of_a_copy_tell_how_far_it_is(tmp_path: Path) -> None:
    source = tmp_path / "a.db"
    with closing(sqlite3.connect(source)) as made:
        made.execute("CREATE TABLE t (x)")
        made.execute("INSERT INTO t VALUES (zeroblob(10000000))")
        made.commit()
    told: list[int] = []

    class Listener(Silence):
        def begin(self, what: str, total: int | None) -> None:
            assert (what, total) == ("copying a.db", source.stat().st_size)

        def advance(self, count: int) -> None:
            told.append(count)

    copy(source, tmp_path / "b.db", Listener())
    assert len(told) > 1
    assert sum(told) == source.stat().st_size


def test_a_damaged_database_makes_no_backup(tmp_path: Path) -> None:
    source = tmp_path / "a.db"
    with closing(sqlite3.connect(source)) as made:
        made.execute("CREATE TABLE t (x)")
        made.executemany("INSERT INTO t VALUES (?)", [(b"x" * 1000,) for _ in range(1000)])
        made.commit()
    body = bytearray(source.read_bytes())
    body[5 * 4096 : 5 * 4096 + 64] = b"\xff" * 64
    source.write_bytes(body)
    with pytest.raises(BackupError, match="cannot be copied"):
        copy(source, tmp_path / "b.db", Silence())
    source.write_bytes(b"no database at all" * 1000)
    with pytest.raises(BackupError, match="cannot be copied"):
        copy(source, tmp_path / "c.db", Silence())
