"""Whatever happens to a journal's file: what is read is what was written; a loss is reported."""

import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from ingest.batch import Batch, Quarantined
from ingest.damage import JournalDamagedError
from ingest.journal import Journal, LedgerRow, QuarantineItem
from ingest.journal_file import PAGE_BYTES, SCHEMA_VERSION
from ingest.salvage import Salvage
from ingest.types import Reason

ALL: Final = 1 << 30
DEVICES: Final = [f"deli-{number:03d}" for number in range(300)]


class Content(NamedTuple):
    batches: dict[int, list[bytes]]
    items: dict[int, QuarantineItem]
    ledger: dict[str, LedgerRow]


def batch(number: int, points: int) -> Batch:
    device = DEVICES[number % len(DEVICES)]
    lines = [b"flood,device=%b level=%d.5 %d" % (device.encode(), number, n) for n in range(points)]
    made = Batch(number + 1, lines=lines, sizes=[1] * points, accepted={device: points})
    made.identities.extend(range(number, number + 3))
    return made


def refused(number: int) -> Batch:
    device = DEVICES[number % len(DEVICES)]
    topic = f"sensors/{device}/up"
    item = Quarantined(device, topic, Reason.NOT_JSON, "why", number, b"{%d" % number * 9)
    return Batch(number, quarantined=[item])


def fill(path: Path) -> None:
    """Settled counts for every device, then what is pending and quarantined."""
    with Journal.open(path) as journal:
        settled = Batch(1, [b"x"] * len(DEVICES), [1] * len(DEVICES), dict.fromkeys(DEVICES, 1))
        journal.commit(settled)
        journal.settle(journal.take(max_bytes=ALL), {})
        journal.commit(Batch(7, presence={DEVICES[0]: (True, 7)}, unknown={(DEVICES[0], "x"): 2}))
        for number in range(60):
            journal.commit(batch(number, 1 if number % 2 else 800))
            for other in range(10):
                journal.commit(refused(10 * number + other))


def content(journal: Journal) -> Content:
    return Content(
        {taken.id: taken.lines for taken in journal.take(max_bytes=ALL)},
        {item.id: item for item in journal.quarantine()},
        {row.device: row for row in journal.ledger()},
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Content]:
    """A journal's file without a write-ahead log, and what is in it."""
    path = tmp_path_factory.mktemp("whole") / "journal.db"
    fill(path)
    with Journal.open(path) as journal:
        there = content(journal)
    return path.read_bytes(), there


def opened(path: Path) -> tuple[Content, list[Salvage]]:
    """What can be read of a file, twice the same."""
    with Journal.open(path) as journal:
        first, reports = content(journal), journal.salvages()
    with Journal.open(path) as journal:
        assert (content(journal), journal.salvages()) == (first, reports)
        journal.commit(batch(1, 1))
        assert len(journal.take(max_bytes=ALL)) == len(first.batches) + 1
    return first, reports


def zeros(page: bytes, _rng: random.Random) -> bytes:
    return bytes(len(page))


def noise(page: bytes, rng: random.Random) -> bytes:
    return rng.randbytes(len(page))


def torn(page: bytes, rng: random.Random) -> bytes:
    return page[:4096] + rng.randbytes(len(page) - 4096)


@pytest.mark.parametrize("damage", [zeros, noise, torn])
@pytest.mark.parametrize("seed", range(12))
def test_damaged_pages_lose_their_own_rows_and_no_others(
    damage: Callable[[bytes, random.Random], bytes],
    seed: int,
    whole: tuple[bytes, Content],
    tmp_path: Path,
) -> None:
    image, there = whole
    path = tmp_path / "journal.db"
    rng = random.Random(seed)  # noqa: S311 - no secret
    pages = len(image) // PAGE_BYTES
    hit = rng.sample(range(pages), 1 if seed % 3 else 3)
    spoilt = bytearray(image)
    for page in hit:
        place = slice(page * PAGE_BYTES, (page + 1) * PAGE_BYTES)
        spoilt[place] = damage(image[place], rng)
    path.write_bytes(spoilt)
    found, reports = opened(path)
    assert found.batches.items() <= there.batches.items()
    complete = found.batches == there.batches and found.items == there.items
    assert complete or reports
    for report in reports:
        aside = path.with_name(report.aside)
        assert aside.exists()
        assert aside.name in str(report)
    lost = len(there.batches) - len(found.batches)
    assert bool(lost) == any("batch" in report.lost for report in reports) or complete


def test_any_flipped_bit_of_a_pending_batch_is_found(
    whole: tuple[bytes, Content], tmp_path: Path
) -> None:
    image, there = whole
    path = tmp_path / "journal.db"
    rng = random.Random(5)  # noqa: S311 - no secret
    for _ in range(60):
        at = image.index(b"level=", rng.randrange(len(image) * 3 // 4)) + rng.randrange(6)
        spoilt = bytearray(image)
        spoilt[at] ^= 1 << rng.randrange(8)
        path.write_bytes(spoilt)
        with Journal.open(path) as journal:
            found = content(journal)
            reports = journal.salvages()
        assert found.batches.items() <= there.batches.items()
        assert len(found.batches) >= len(there.batches) - 1
        assert bool(reports) == (len(found.batches) < len(there.batches))
        for left in tmp_path.glob("journal.db*"):
            left.unlink()


@pytest.mark.parametrize("page", ["zeros", "noise"])
def test_a_lost_first_page_loses_nothing(
    page: str, whole: tuple[bytes, Content], tmp_path: Path
) -> None:
    image, there = whole
    path = tmp_path / "journal.db"
    first = bytes(PAGE_BYTES) if page == "zeros" else random.Random(1).randbytes(PAGE_BYTES)  # noqa: S311 - no secret
    path.write_bytes(first + image[PAGE_BYTES:])
    found, (report,) = opened(path)
    assert found == there
    assert report.lost == {}
    assert path.with_name(f"{report.aside}-page1").read_bytes() == first


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.7, 0.99])
def test_a_file_that_was_cut_keeps_its_beginning(
    share: float, whole: tuple[bytes, Content], tmp_path: Path
) -> None:
    image, there = whole
    path = tmp_path / "journal.db"
    path.write_bytes(image[: int(share * len(image))])
    found, reports = opened(path)
    assert found.batches.items() <= there.batches.items()
    assert found.items.items() <= there.items.items()
    (report,) = reports
    assert bool(found.batches) == (share >= 0.3)
    assert report.kept.get("batch", 0) == len(found.batches)


@pytest.mark.parametrize("noise_bytes", [1, 100, 5_000_000])
def test_noise_instead_of_a_journal(noise_bytes: int, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(random.Random(2).randbytes(noise_bytes))  # noqa: S311 - no secret
    found, (report,) = opened(path)
    assert found == Content({}, {}, {})
    assert path.with_name(report.aside).stat().st_size >= noise_bytes


KILLED = """
import os, signal, sys
from pathlib import Path
from ingest.journal import Journal
from tests.ingest.test_salvage import batch
journal = Journal.open(Path(sys.argv[1]))
for number in range(30):
    journal.commit(batch(number, 20))
    if number + 1 == int(sys.argv[2]):
        journal._writer.execute("PRAGMA wal_checkpoint(PASSIVE)")
        held = journal._reader.execute("SELECT * FROM batch")  # so that the log is not begun anew
        held.fetchone()
os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(path: Path, *, checkpoint: int = 0) -> bytes:
    """Makes a journal whose 30 batches stand in the write-ahead log; the log.

    After `checkpoint` of them they are moved into the file as well.
    """
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), str(checkpoint)],
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    return path.with_name("journal.db-wal").read_bytes()


def test_a_log_that_is_whole_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    killed(path)
    found, reports = opened(path)
    assert (len(found.batches), reports) == (30, [])


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9])
def test_commits_behind_a_damaged_place_of_the_log_are_missed(share: float, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    log = bytearray(killed(path))
    at = max(int(share * len(log)), 24)
    log[at : at + 64] = bytes(byte ^ 0x55 for byte in log[at : at + 64])
    path.with_name("journal.db-wal").write_bytes(log)
    found, (report,) = opened(path)
    assert list(found.batches.values()) == [batch(n, 20).lines for n in range(len(found.batches))]
    assert len(found.batches) < 30
    assert "write-ahead log" in report.why
    assert path.with_name(f"{report.aside}-wal").read_bytes() == log


@pytest.mark.parametrize("checkpoint", [1, 7, 15, 24, 30])
@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9])
def test_what_a_checkpoint_moved_is_not_missed(
    share: float, checkpoint: int, tmp_path: Path
) -> None:
    path = tmp_path / "journal.db"
    log = bytearray(killed(path, checkpoint=checkpoint))
    at = max(int(share * len(log)), 24)
    log[at : at + 64] = bytes(byte ^ 0x55 for byte in log[at : at + 64])
    path.with_name("journal.db-wal").write_bytes(log)
    found, _reports = opened(path)
    assert list(found.batches.values()) == [batch(n, 20).lines for n in range(len(found.batches))]
    assert len(found.batches) >= checkpoint
    assert len(found.ledger) == len(found.batches)


def test_a_log_whose_last_transaction_was_not_finished_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    log = killed(path)
    path.with_name("journal.db-wal").write_bytes(log[: -PAGE_BYTES // 2])
    found, reports = opened(path)
    assert len(found.batches) == 29
    assert reports == []


def damage_in_place(path: Path, word: bytes) -> None:
    """Overwrites a batch on the disk while others have the file open."""
    image = path.read_bytes()
    with path.open("r+b") as file:
        file.seek(image.index(word))
        file.write(b"\0" * 600)


def test_damage_while_it_is_open_is_repaired_on_the_way(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    fill(path)
    with Journal.open(path) as journal:
        before = content(journal)
        damage_in_place(path, b"level=58.5 400")
        # A page may still stand in a cache, so that it is the next look that finds it.
        journal._reader.execute("PRAGMA cache_size = 0")
        taken = journal.take(max_bytes=ALL)
        lost = before.batches.keys() - {one.id for one in taken}
        assert len(lost) == 1
        assert {one.id: one.lines for one in taken}.items() <= before.batches.items()
        (report,) = journal.salvages()
        assert report.lost == {"batch": [str(*lost)]}
        journal.commit(batch(3, 2))
        assert max(one.id for one in journal.take(max_bytes=ALL)) > max(before.batches)
        assert content(journal).items == before.items


def test_a_batch_that_was_taken_before_the_damage_is_counted_when_it_is_settled(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.db"
    fill(path)
    with Journal.open(path) as journal:
        before = journal.totals()
        taken = journal.take(max_bytes=ALL)
        damage_in_place(path, b"level=58.5 400")
        journal._reader.execute("PRAGMA cache_size = 0")
        journal.take(max_bytes=ALL)
        assert len(journal.salvages()) == 1
        journal.settle(taken, {})
        after = journal.totals()
    assert (after.received, after.pending) == (before.received, 0)
    assert after.stored == before.stored + before.pending


def test_a_file_that_others_have_open_is_left_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.journal._ALONE_S", 0.1)
    path = tmp_path / "journal.db"
    fill(path)
    with Journal.open(path) as journal, Journal.open(path):
        damage_in_place(path, b"level=58.5 400")
        journal._reader.execute("PRAGMA cache_size = 0")
        with pytest.raises(JournalDamagedError, match="stop every kotahub"):
            journal.take(max_bytes=ALL)
        journal.commit(batch(1, 1))
    assert Journal.open(path).salvages() == []


INTERRUPTED = """
import os, signal, sys
from pathlib import Path
import ingest.salvage
from ingest.journal import Journal
left = int(sys.argv[2])
def counted(real):
    def call(*arguments, **named):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)
    return call
Path.replace = counted(Path.replace)
os.fsync = counted(os.fsync)
Journal.open(Path(sys.argv[1])).close()
"""


@pytest.mark.parametrize("step", range(1, 13))
def test_a_salvage_that_is_killed_at_any_step_is_finished_at_the_next_start(
    step: int, whole: tuple[bytes, Content], tmp_path: Path
) -> None:
    image, there = whole
    path = tmp_path / "journal.db"
    path.write_bytes(bytes(PAGE_BYTES) + image[PAGE_BYTES:])
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(path), str(step)],
        cwd=Path(__file__).parents[2],
        check=False,
    )
    found, reports = opened(path)
    assert found == there
    assert len(reports) == 1
    assert (done.returncode == 0) == (step == 12)
    names = {left.name.replace(reports[0].aside, "ASIDE") for left in tmp_path.iterdir()}
    assert names <= {
        *("journal.db", "journal.db.lock", "ASIDE", "ASIDE.json", "ASIDE-page1"),
        *("ASIDE-wal", "ASIDE-shm"),
    }


def test_a_file_of_the_version_before_is_upgraded(
    whole: tuple[bytes, Content], tmp_path: Path
) -> None:
    image, there = whole
    path = tmp_path / "journal.db"
    path.write_bytes(image)
    with sqlite3.connect(path, isolation_level=None) as older:
        older.execute("ALTER TABLE batch DROP COLUMN digest")
        older.execute("DROP TABLE counter")
        older.execute("PRAGMA user_version = 1")
    older.close()
    found, reports = opened(path)
    assert found == there
    assert reports == []
    with sqlite3.connect(path) as newer:
        assert newer.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    newer.close()


def test_damage_in_a_file_of_the_version_before_loses_no_table_that_it_did_not_have(
    whole: tuple[bytes, Content], tmp_path: Path
) -> None:
    image, there = whole
    path = tmp_path / "journal.db"
    path.write_bytes(image)
    with sqlite3.connect(path, isolation_level=None) as older:
        older.execute("DROP TABLE counter")
        older.execute("UPDATE batch SET lines = zeroblob(length(lines)) WHERE id = 3")
        older.execute("PRAGMA user_version = 2")
    older.close()
    with Journal.open(path) as journal:
        found = content(journal)
        (report,) = journal.salvages()
        assert journal.counters() == {}
    assert set(report.lost) == {"batch"}
    assert found.batches.keys() == there.batches.keys() - {3}
