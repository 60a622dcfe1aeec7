"""Tells a whole journal file from a damaged one, and who has it open.

SQLite finds most damage by itself, some of it only when the page is read, and one kind never: in
the write-ahead log it takes the first frame whose checksum is wrong for the log's end, and drops
what was committed behind it without a word. `lost_commits` finds that.
"""

import fcntl
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

from devices.errors import HubError

CHECK_S: Final = 1.0
"""The most that a look over the file may take at a start."""
_WHOLE_MAX_BYTES: Final = 64 * 1024**2
"""A file up to this is checked page by page; of a larger one as much as the time allows."""
_PROGRESS_STEPS: Final = 20_000
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_UNREADABLE: Final = frozenset(
    {sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS}
)
_NO_ROOM: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})

_WAL_HEADER: Final = 32
_FRAME_HEADER: Final = 24
_WAL_MAGIC: Final = {0x377F0682: "little", 0x377F0683: "big"}
_MASK: Final = 0xFFFFFFFF


class DamagedError(sqlite3.DatabaseError):
    """What SQLite reads without complaint, and cannot be right."""


class JournalDamagedError(HubError):
    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path} is damaged ({why}) and other processes have it open: stop every kotahub on "
            "this data folder and start it again; it then keeps the damaged file aside and goes on"
        )


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error says that the file is not what was written."""
    if isinstance(error, DamagedError) or str(error).startswith("Could not decode to UTF-8"):
        return True
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in _DAMAGED or code in _UNREADABLE


def is_no_room(error: sqlite3.Error) -> bool:
    """Whether an error says that the disk is full."""
    return getattr(error, "sqlite_errorcode", 0) in _NO_ROOM


def read_only(path: Path, *, log: bool = True) -> sqlite3.Connection:
    """A connection that leaves the file and its write-ahead log as they are, also at its end.

    Without `log` it sees the file as the last checkpoint left it.
    """
    how = "mode=ro" if log else "immutable=1"
    return sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, isolation_level=None)


def examine(connection: sqlite3.Connection, path: Path, *, within_s: float = CHECK_S) -> None:
    """Looks for damage: everywhere in a small file, as far as the time goes in a large one.

    The connection is a new one that can only read; nobody else may have the file open.

    Raises:
        sqlite3.DatabaseError: it is damaged.
    """
    if lost := cut_off(connection, path):
        raise DamagedError(f"{lost} transactions at the end of the write-ahead log are cut off")
    size = path.stat().st_size
    if size <= _WHOLE_MAX_BYTES:
        (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if said != "ok":
            raise DamagedError(said)
        return
    deadline = time.monotonic() + within_s
    connection.set_progress_handler(lambda: time.monotonic() > deadline, _PROGRESS_STEPS)
    try:
        _walk(connection)
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", 0) != sqlite3.SQLITE_INTERRUPT:
            raise
    finally:
        connection.set_progress_handler(None, _PROGRESS_STEPS)


def _walk(connection: sqlite3.Connection) -> None:
    """Reads every row's place, but not what is long; tables that everything needs come first."""
    tables = [
        (name, sql)
        for name, sql in connection.execute(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
    ]
    tables.sort(key=lambda table: "WITHOUT ROWID" not in table[1])
    for name, _ in tables:
        connection.execute(
            f"SELECT count(*) FROM {name} NOT INDEXED"  # noqa: S608 - of the schema
        ).fetchone()


def cut_off(connection: sqlite3.Connection, path: Path) -> int:
    """How many committed transactions SQLite passes over because the log is damaged before them."""
    # It has then read the log; in the head of the log's index stands how much of it counts.
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    wal, index = (path.with_name(path.name + part) for part in ("-wal", "-shm"))
    if not (wal.exists() and index.exists()):
        return 0
    with index.open("rb") as head:
        frames = int.from_bytes(head.read(20)[16:], sys.byteorder)
    return lost_commits(wal, frames)


def lost_commits(wal: Path, frames: int) -> int:
    """Committed transactions that stand in a write-ahead log behind the `frames` that count.

    A power cut while a transaction is written may leave one that was not acknowledged.
    Format: https://www.sqlite.org/fileformat2.html, section 4.
    """
    try:
        log = os.open(wal, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    try:
        header = os.pread(log, _WAL_HEADER, 0)
        size = os.fstat(log).st_size
        if size <= _WAL_HEADER:
            return 0
        sound = _sound(header)
        page_bytes = int.from_bytes(header[8:12]) if sound else _page_bytes(wal)
        step = _FRAME_HEADER + page_bytes
        # A broken header takes everything with it; its salts are those of the first frame.
        salts = header[16:24] if sound else os.pread(log, 16, _WAL_HEADER)[8:16]
        commits = 0
        for at in range(_WAL_HEADER + max(frames, 0) * step, size - step + 1, step):
            frame = os.pread(log, _FRAME_HEADER, at)
            if frame[8:16] == salts and frame[4:8] != bytes(4):
                commits += 1
        return commits
    finally:
        os.close(log)


def _sound(header: bytes) -> bool:
    order = _WAL_MAGIC.get(int.from_bytes(header[:4]))
    if order is None:
        return False
    one = two = 0
    for at in range(0, 24, 8):
        first, second = header[at : at + 4], header[at + 4 : at + 8]
        one = (one + _word(first, order) + two) & _MASK
        two = (two + _word(second, order) + one) & _MASK
    return header[24:] == one.to_bytes(4) + two.to_bytes(4)


def _word(four: bytes, order: str) -> int:
    return int.from_bytes(four, "little" if order == "little" else "big")


def _page_bytes(wal: Path) -> int:
    """The page size by the database's own header, for a log that cannot tell."""
    with wal.with_name(wal.name.removesuffix("-wal")).open("rb") as database:
        return int.from_bytes(database.read(18)[16:18]) or 4096


class Guard:
    """Who has a journal open: each holder shares a lock, and whoever repairs it is alone.

    A connection to the file may exist only while its holder shares the lock or is alone.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(
            path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )

    @contextmanager
    def alone(self, *, within_s: float) -> Iterator[bool]:
        """Whether nobody else has it open, or leaves in time; shares it afterwards.

        The caller has no connection at its beginning and at its end: between being one of many
        and being alone, another may have repaired the file.
        """
        deadline = time.monotonic() + within_s
        alone = self._try_alone()
        while not alone and time.monotonic() < deadline:
            time.sleep(0.05)
            alone = self._try_alone()
        try:
            if not alone:
                self.share()
            yield alone
        finally:
            self.share()

    def share(self) -> None:
        """Becomes one of many, as soon as nobody is alone."""
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _try_alone(self) -> bool:
        with suppress(BlockingIOError):
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False
