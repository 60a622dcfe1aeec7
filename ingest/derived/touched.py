"""`derived.db`: which quarters of which devices new readings touched, until they are computed.

Readings are noted after the store has them and before the journal forgets them, so that a crash
leaves no quarter out: at worst one is computed twice. Only quarters that are not noted yet are
written, so that live readings cost one row a device and quarter, not one a message.
"""

import logging
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self

from ingest.derived.calendar import quarter_start
from ingest.journal import Taken
from ingest.stores.quarter import QUARTER_NS
from ingest.stores.reading import LATEST_NS

logger = logging.getLogger(__name__)

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS touched (
    device TEXT NOT NULL, quarter INTEGER NOT NULL, round INTEGER NOT NULL,
    PRIMARY KEY (device, quarter)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS touched_quarter ON touched (quarter);
CREATE TABLE IF NOT EXISTS done (what TEXT PRIMARY KEY, until_ns INTEGER NOT NULL) WITHOUT ROWID;
"""
_BUSY_S: Final = 30.0

_STAMP: Final = slice(-19, -11)
"""The digits of a line that count hundreds of seconds, in the years 2001 to 2262."""
_STAMP_NS: Final = 10**11
_DEVICE: Final = b",device="
_STAMPS_A_QUARTER: Final = QUARTER_NS // _STAMP_NS
_FEW: Final = 2
"""Quarters in a batch that each of its devices may be taken to have touched: as many as devices
that report now have, around the end of a quarter."""


class Quarters(NamedTuple):
    """Quarters to be computed, by device, and the round that took them."""

    round: int
    by_device: dict[str, set[int]]
    more: bool
    """Whether others are waiting."""


class Touched:
    """The file. Methods block; thread-safe. Several processes may have it open."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._noted: set[tuple[str, int]] = set()
        newest = connection.execute("SELECT coalesce(max(round), 0) FROM touched").fetchone()[0]
        self._round: int = newest + 1

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or create the file; a damaged one is set aside, since readings can be read again."""
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return cls(_connect(path))
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            aside = path.with_suffix(".damaged")
            path.replace(aside)
            logger.exception(
                "%s was damaged and is set aside: late readings of its last minutes "
                "are in no roll-up or index",
                path,
            )
            return cls(_connect(path))

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def note(self, taken: Iterable[Taken]) -> None:
        """Remember what these batches touched, which the store has."""
        found = set[tuple[str, int]]()
        for batch in taken:
            found |= _touched(batch)
        self.add(found)

    def add(self, quarters: Iterable[tuple[str, int]]) -> None:
        """Remember quarters: device and begin in ns."""
        with self._lock:
            fresh = set(quarters) - self._noted
            if not fresh:
                return
            try:
                with self._connection:
                    self._connection.executemany(
                        "INSERT INTO touched VALUES (?, ?, ?) "
                        "ON CONFLICT (device, quarter) DO UPDATE SET round = excluded.round",
                        [(device, quarter, self._round) for device, quarter in fresh],
                    )
            except sqlite3.OperationalError as error:
                # Readings go on; the next one of the same quarter notes it again.
                logger.warning("%d quarters of an hour are not noted: %s", len(fresh), error)
            else:
                self._noted |= fresh

    def take(self, limit: int, *, before_ns: int = LATEST_NS) -> Quarters:
        """Quarters that began before an instant, the newest first; `finish` them, or take again."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT device, quarter FROM touched WHERE quarter < ? "
                "ORDER BY quarter DESC LIMIT ?",
                (before_ns, limit + 1),
            ).fetchall()
            # What is touched from now on belongs to the next round.
            this, self._round = self._round, self._round + 1
            self._noted = {key for key in self._noted if key[1] >= before_ns}
        by_device: dict[str, set[int]] = {}
        for device, quarter in rows[:limit]:
            by_device.setdefault(device, set()).add(quarter)
        return Quarters(this, by_device, len(rows) > limit)

    def since(self, at_ns: int) -> set[str]:
        """Devices with quarters that began at an instant or later."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT DISTINCT device FROM touched WHERE quarter >= ?", (at_ns,)
            ).fetchall()
        return {device for (device,) in rows}

    def finish(self, quarters: Quarters) -> None:
        """Forget what was computed, but for what was touched meanwhile."""
        keys = [
            (device, quarter, quarters.round)
            for device, starts in quarters.by_device.items()
            for quarter in starts
        ]
        with self._lock, self._connection:
            self._connection.executemany(
                "DELETE FROM touched WHERE device = ? AND quarter = ? AND round <= ?", keys
            )

    def done_until(self, what: str) -> int | None:
        """Until which instant something was computed; None: never."""
        with self._lock:
            row = self._connection.execute(
                "SELECT until_ns FROM done WHERE what = ?", (what,)
            ).fetchone()
        return None if row is None else int(row[0])

    def set_done(self, what: str, until_ns: int) -> None:
        with self._lock, self._connection:
            self._connection.execute("INSERT OR REPLACE INTO done VALUES (?, ?)", (what, until_ns))


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_S, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.executescript(_SCHEMA)
    return connection


def _touched(batch: Taken) -> set[tuple[str, int]]:
    """Devices and quarters of a batch's points; rarely a quarter too many."""
    stamps = {line[_STAMP] for line in batch.lines}
    if not all(map(bytes.isdigit, stamps)):
        return _looked_up(batch.lines)
    # Only the good elements of a quarantined message belong to a device that is not counted.
    if batch.sizes is None or min(batch.sizes) > 0:
        quarters = {_quarter(stamp) for stamp in stamps}
        if len(quarters) <= _FEW:
            return {(device, quarter) for device in batch.counts for quarter in quarters}
    found = {(_device(line), line[_STAMP]) for line in batch.lines}
    return {(device.decode(), _quarter(stamp)) for device, stamp in found if device}


def _looked_up(lines: Sequence[bytes]) -> set[tuple[str, int]]:
    """Any points, one by one; those before 1970 are in no roll-up."""
    points = ((_device(line), line.rpartition(b" ")[2]) for line in lines)
    return {
        (device.decode(), quarter_start(int(stamp)))
        for device, stamp in points
        if device and stamp.isdigit()
    }


def _device(line: bytes) -> bytes:
    """The last tag; no other tag's value has an equals sign without a backslash before it.

    Empty for what is no point of ours, which the store has refused.
    """
    return line.partition(_DEVICE)[2].partition(b" ")[0]


def _quarter(stamp: bytes) -> int:
    return int(stamp) // _STAMPS_A_QUARTER * QUARTER_NS
