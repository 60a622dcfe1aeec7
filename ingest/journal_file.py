"""The journal's file: its tables, how it is made, opened, upgraded and seen to be whole.

Who may have it open when is told by `ingest.damage.Guard`.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import xxhash

from ingest.damage import DamagedError, examine, is_damage, read_only
from ingest.salvage import finish, salvage

SCHEMA_VERSION: Final = 3

_SCHEMA: Final = """
CREATE TABLE batch (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    received_ns INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    lines BLOB NOT NULL,
    sizes BLOB,
    counts BLOB NOT NULL,
    digest INTEGER
);
CREATE TABLE ledger (
    device TEXT PRIMARY KEY,
    stored INTEGER NOT NULL DEFAULT 0,
    quarantined INTEGER NOT NULL DEFAULT 0,
    duplicate INTEGER NOT NULL DEFAULT 0,
    last_received_ns INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    device TEXT NOT NULL,
    topic TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    received_ns INTEGER NOT NULL,
    counted INTEGER NOT NULL,
    line INTEGER NOT NULL DEFAULT 0,
    payload BLOB NOT NULL
);
CREATE INDEX quarantine_device ON quarantine (device, id);
CREATE INDEX quarantine_reason ON quarantine (reason, id);
CREATE TABLE identity (id INTEGER PRIMARY KEY AUTOINCREMENT, hashes BLOB NOT NULL);
CREATE TABLE presence (device TEXT PRIMARY KEY, online INTEGER NOT NULL, since_ns INTEGER NOT NULL)
    WITHOUT ROWID;
CREATE TABLE unknown (
    device TEXT NOT NULL, member TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (device, member)
) WITHOUT ROWID;
"""
_COUNTER: Final = """
CREATE TABLE counter (device TEXT PRIMARY KEY, totals BLOB NOT NULL) WITHOUT ROWID
"""

_UPGRADES: Final = {1: "ALTER TABLE batch ADD COLUMN digest INTEGER", 2: _COUNTER}
"""What makes a file of a version one of the next."""

PAGE_BYTES: Final = 8192
_BUSY_S: Final = 30.0


def connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
    )
    for pragma in (
        f"page_size = {PAGE_BYTES}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "journal_size_limit = 67108864",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _create(path: Path) -> None:
    """Makes an empty journal, not yet in WAL mode."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        with transaction(connection):
            for statement in (*_SCHEMA.split(";"), _COUNTER):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def make_whole(path: Path) -> None:
    """Sees that there is a journal, of our version and as far as can be seen undamaged.

    Nobody else may have it open.
    """
    begun = finish(path)
    if begun is not None:
        set_aside(path, begun)
        return
    if not path.exists():
        new = path.with_name(f"{path.name}.new")
        new.unlink(missing_ok=True)
        _create(new)
        new.replace(path)
        return
    try:
        with closing(read_only(path)) as connection:
            version = _version(connection)
            if version == 0:  # nobody writes such a one: it is put in place with its tables
                raise DamagedError("it holds no journal")
            if version not in (SCHEMA_VERSION, *_UPGRADES):
                return  # whoever opens it now is told
            examine(connection, path)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        set_aside(path, str(error))
        return
    with closing(connect(path)) as connection:
        for older in range(version, SCHEMA_VERSION):
            with transaction(connection):
                connection.execute(_UPGRADES[older])
                connection.execute(f"PRAGMA user_version = {older + 1}")


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def set_aside(path: Path, why: str) -> None:
    """Replaces a damaged file by a new one with what can be read of it, see `ingest.salvage`.

    Nobody may have it open.

    Raises:
        SalvageRoomError: the disk has no room for it.
    """
    salvage(path, why=why, create=_create, is_whole=_is_whole)


def _is_whole(table: str, row: Mapping[str, Any]) -> bool:
    return table != "batch" or is_batch(row["digest"], row["lines"], row["sizes"], row["counts"])


def is_batch(digest: object, lines: object, sizes: object, counts: object) -> bool:
    """Whether it is the digest of these; a batch of an older version has none."""
    if not (isinstance(lines, bytes) and isinstance(counts, bytes)):
        return False
    if not (sizes is None or isinstance(sizes, bytes)):
        return False
    return digest is None or digest == batch_digest(lines, sizes, counts)


def batch_digest(lines: bytes, sizes: bytes | None, counts: bytes) -> int:
    """64 bits, signed as SQLite has them, that hardly any damage leaves as they are."""
    state = xxhash.xxh3_64(lines)
    state.update(sizes or b"")
    state.update(counts)
    return int.from_bytes(state.digest(), signed=True)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
