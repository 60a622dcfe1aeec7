"""Copies of SQLite files that others are writing."""

import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

from gateway.backup.errors import BackupError
from gateway.backup.manifest import Counts
from gateway.backup.progress import Progress
from ingest.damage import Guard, read_only

_PAGES: Final = 512
_JOURNAL_COUNTS: Final = """
SELECT coalesce(sum(stored), 0), coalesce(sum(quarantined), 0), coalesce(sum(duplicate), 0),
    (SELECT coalesce(sum(messages), 0) FROM batch), (SELECT count(*) FROM quarantine)
FROM ledger
"""


def copy_journal(source: Path, target: Path, progress: Progress) -> Counts:
    """Copies the journal as it is at one instant; the hub goes on writing.

    Raises:
        BackupError: it is damaged.
    """
    # Nobody may have it open without the guard: another could be repairing it.
    with Guard(source) as guard:
        guard.share()
        copy(source, target, progress)
    with closing(read_only(target, log=False)) as connection:
        stored, quarantined, duplicate, pending, items = connection.execute(
            _JOURNAL_COUNTS
        ).fetchone()
    return Counts(
        stored=stored,
        quarantined=quarantined,
        duplicate=duplicate,
        pending=pending,
        quarantine_items=items,
    )


def copy(source: Path, target: Path, progress: Progress) -> None:
    """Copies a database as it is at one instant, whoever writes to it.

    Raises:
        BackupError: it is damaged.
    """
    with ExitStack() as stack:
        try:
            origin = stack.enter_context(closing(read_only(source)))
            made = stack.enter_context(closing(sqlite3.connect(target)))
            # Nobody else uses the copy: it needs no shared memory, which network file systems do
            # not have, and no way back.
            for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = OFF", "synchronous = OFF"):
                made.execute(f"PRAGMA {pragma}")
            # One snapshot for all steps: without it each writer would make the copy begin again.
            origin.execute("BEGIN")
            origin.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            (pages,) = origin.execute("PRAGMA page_count").fetchone()
            (page_bytes,) = origin.execute("PRAGMA page_size").fetchone()
            progress.begin(f"copying {source.name}", pages * page_bytes)
            before = 0

            def told(_status: int, left: int, total: int) -> None:
                nonlocal before
                progress.advance((total - left - before) * page_bytes)
                before = total - left

            origin.backup(made, pages=_PAGES, progress=told)
            (said,) = made.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            said = str(error)
    if said != "ok":
        raise BackupError(
            f"{source} cannot be copied: {said}. If it is damaged, stop the hub and start it "
            "again: it keeps the damaged file aside and goes on; then make the backup again"
        )
