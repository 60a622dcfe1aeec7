"""The journal: what the hub has promised and not yet handed on.

Promises:

1. What `commit` returned from survives the death of the process and of the machine: one SQLite
   transaction, WAL, `synchronous=FULL`.
2. A batch ends written, refused or kept; `settle` deletes it in the transaction that moves its
   counts. Nothing else removes one, but damage.
3. Ledger, for each device and at any instant: received = stored + quarantined + duplicate +
   pending, because `received` is that sum and each move between its terms is one transaction.
4. At the disk budget, or when the disk is all but full, `commit` raises and has changed nothing.
   Settling, discarding and reading go on, in the room that is left on the disk for them.
5. A damaged file is kept aside, whatever can be read of it is read into a new one, and work goes
   on: at `open` and at any time after. What the store is sent is what was committed, to the bit.

Tables: `batch` (accepted points and their counts, until settled), `quarantine`, `ledger` (settled
counts), `identity` (see `ingest.identity`), `presence` and `unknown` (what the devices say of
themselves), `counter` (totals of cumulative counters, moved with the readings of their growth:
no growth is counted twice or left out, whenever the hub dies). Several processes may have the file
open.
"""

import os
import sqlite3
import threading
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Concatenate, Final, NamedTuple, ParamSpec, Self, TypeVar

import orjson

from devices.errors import HubError
from ingest.batch import NOBODY, Batch, Quarantined
from ingest.damage import (
    DamagedError,
    Guard,
    JournalDamagedError,
    is_damage,
    is_no_room,
)
from ingest.identity import WINDOW
from ingest.journal_file import (
    PAGE_BYTES,
    SCHEMA_VERSION,
    batch_digest,
    connect,
    is_batch,
    make_whole,
    set_aside,
    transaction,
)
from ingest.salvage import Salvage, salvages
from ingest.types import Reason

_UNKNOWN_PER_DEVICE: Final = 32
_ALONE_S: Final = 10.0
"""How long a repair waits for others, such as a command, to close the file."""
_RESERVE_MAX_BYTES: Final = 64 * 1024**2
_RESERVE_SHARE: Final = 8
"""A commit leaves this part of the disk free, at most `_RESERVE_MAX_BYTES`: settling needs room."""

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")


class JournalFullError(HubError):
    """There is no room for the batch; nothing of it was kept and nothing was acknowledged."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The journal is full ({why}): acknowledging stops until there is room. "
            "Is the store reachable? Free disk space or raise KOTAHUB_JOURNAL_MAX_BYTES"
        )


class JournalVersionError(HubError):
    def __init__(self, path: Path, version: int) -> None:
        super().__init__(
            f"{path} has schema version {version}, this program writes {SCHEMA_VERSION}: "
            "run the program that wrote it"
        )


class UnknownItemError(HubError):
    def __init__(self, item_id: int) -> None:
        self.item_id = item_id
        super().__init__(
            f"Quarantine holds no item {item_id}: it was replayed or discarded. "
            "List what it holds with: kotahub quarantine list"
        )


class LedgerRow(NamedTuple):
    """What became of a device's messages; `received` is the sum of the four after it."""

    device: str
    received: int
    stored: int
    quarantined: int
    duplicate: int
    pending: int
    last_received_ns: int


@dataclass(frozen=True, slots=True)
class QuarantineItem:
    """One message in quarantine; `line` tells that the payload is points that the store refused."""

    id: int
    device: str
    topic: str
    reason: str
    detail: str
    received_ns: int
    payload: bytes
    counted: bool
    line: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """A batch on its way to the store."""

    id: int
    received_ns: int
    messages: int
    lines: list[bytes]
    sizes: "array[int] | None"
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Presence:
    online: bool
    since_ns: int


@dataclass(frozen=True, slots=True)
class JournalState:
    """`bytes` is what is in use of `max_bytes`; `full` that commits are being refused.

    `lack` says in words what there is too little of; None where it cannot be told.
    """

    batches: int
    pending_messages: int
    oldest_pending_ns: int | None
    bytes: int
    max_bytes: int
    full: bool
    lack: str | None = None


def _repairing(
    method: "Callable[Concatenate[Journal, Asked], Answer]",
) -> "Callable[Concatenate[Journal, Asked], Answer]":
    """Where the method finds the file damaged it is repaired, and the method called once more."""

    @wraps(method)
    def repairing(self: "Journal", /, *arguments: Asked.args, **named: Asked.kwargs) -> Answer:
        opened = self._opened
        try:
            return method(self, *arguments, **named)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            self._repair(opened, str(error))
        return method(self, *arguments, **named)

    return repairing


class Journal:
    """One journal file. Methods block; asynchronous callers use a thread. Thread-safe."""

    def __init__(self, path: Path, guard: Guard, max_bytes: int) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self._guard = guard
        self._lock = threading.Lock()
        self._reader_lock = threading.Lock()
        self._full = False
        self._opened = 0
        self._open()

    @classmethod
    def open(cls, path: Path, *, max_bytes: int = 4 * 1024**3) -> Self:
        """Opens or creates the file; a damaged one is kept aside, see `ingest.salvage`.

        Raises:
            JournalVersionError: another version of the program wrote it.
            JournalDamagedError: it is damaged and others have it open.
            SalvageRoomError: it is damaged, and the disk has no room for a new one.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        guard = Guard(path)
        try:
            with guard.alone(within_s=0) as alone:
                if alone:
                    make_whole(path)
            return cls(path, guard, max_bytes)
        except sqlite3.DatabaseError as error:
            guard.close()
            if is_damage(error):
                raise JournalDamagedError(path, str(error)) from error
            raise
        except BaseException:
            guard.close()
            raise

    def close(self) -> None:
        with self._lock, self._reader_lock:
            self._reader.close()
            self._writer.close()
            self._guard.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def salvages(self) -> list[Salvage]:
        """Reports of damage whose files are still kept beside the journal, oldest first."""
        return salvages(self.path)

    # -- the hub's way in and out ------------------------------------------------------------

    @_repairing
    def commit(self, batch: Batch) -> None:
        """Makes a batch durable, all of it or nothing.

        Raises:
            JournalFullError: at the disk budget, or the disk is full. Try the same batch again.
        """
        with self._lock:
            if (lack := self._lack(self._used_bytes(self._writer))) is not None:
                self._full = True
                raise JournalFullError(lack)
            with self._written():
                self._insert(batch)

    @_repairing
    def take(self, *, after: int = 0, stop: int | None = None, max_bytes: int) -> list[Taken]:
        """The oldest batches after one id and up to another, at least one if there is any.

        They are at most `max_bytes` of lines, or one batch.
        """
        taken: list[Taken] = []
        size = 0
        with self._reader_lock:
            rows = self._reader.execute(
                "SELECT id, received_ns, messages, lines, sizes, counts, digest FROM batch "
                "WHERE id > ? AND id <= ? ORDER BY id",
                (after, _ID_MAX if stop is None else stop),
            )
            for number, received_ns, messages, lines, sizes, counts, digest in rows:
                if not is_batch(digest, lines, sizes, counts):
                    raise DamagedError(f"batch {number} is not what was written")
                size += len(lines)
                if taken and size > max_bytes:
                    break
                taken.append(
                    Taken(
                        number,
                        received_ns,
                        messages,
                        lines.split(b"\n"),
                        None if sizes is None else array("i", sizes),
                        orjson.loads(counts),
                    )
                )
            rows.close()
        return taken

    @_repairing
    def newest(self) -> int:
        """Id of the last batch, 0 if there is none."""
        with self._reader_lock:
            return self._reader.execute("SELECT coalesce(max(id), 0) FROM batch").fetchone()[0]  # type: ignore[no-any-return]

    @_repairing
    def settle(self, taken: Sequence[Taken], refused: Mapping[int, str]) -> None:
        """Ends batches: their messages are stored, but for those with a line that was refused.

        `refused` holds the store's words by index into the lines of all of `taken`, one after the
        other. A batch that damage took meanwhile is counted all the same: it is in the store.

        Raises:
            JournalFullError: the disk is full. Try the same again.
        """
        stored: Counter[str] = Counter()
        last: dict[str, int] = {}
        items: list[Quarantined] = []
        first = 0
        for batch in taken:
            stored.update(batch.counts)
            last.update(dict.fromkeys(batch.counts, batch.received_ns))
            if refused:
                items.extend(_refused_messages(batch, first, refused))
                first += len(batch.lines)
        for item in items:
            if item.counted:
                stored[item.device] -= 1
        with self._lock, self._written():
            cursor = self._writer.executemany(
                "DELETE FROM batch WHERE id = ?", [(batch.id,) for batch in taken]
            )
            if cursor.rowcount != len(taken) and not self._opened:
                raise HubError("a batch was settled twice: run one hub on a data folder")
            self._writer.executemany(
                "INSERT INTO ledger (device, stored, last_received_ns) VALUES (?, ?, ?) "
                "ON CONFLICT (device) DO UPDATE SET stored = stored + excluded.stored, "
                "last_received_ns = max(last_received_ns, excluded.last_received_ns)",
                [(device, count, last.get(device, 0)) for device, count in stored.items()],
            )
            self._quarantine(items, line=True)

    @_repairing
    def identities(self) -> Iterator[int]:
        """Identities of the last messages, oldest first, to fill a window with."""
        with self._reader_lock:
            rows = self._reader.execute("SELECT hashes FROM identity ORDER BY id").fetchall()
        return (identity for (hashes,) in rows for identity in array("Q", hashes))

    @_repairing
    def counters(self) -> dict[str, dict[str, float]]:
        """Last totals of models' cumulative counters, by device."""
        with self._reader_lock:
            rows = self._reader.execute("SELECT device, totals FROM counter").fetchall()
        return {device: _totals(totals) for device, totals in rows}

    # -- what people ask ---------------------------------------------------------------------

    @_repairing
    def state(self) -> JournalState:
        with self._reader_lock:
            batches, messages, oldest = self._reader.execute(
                "SELECT count(*), coalesce(sum(messages), 0), min(received_ns) FROM batch"
            ).fetchone()
            used = self._used_bytes(self._reader)
        lack = self._lack(used)
        full = self._full or lack is not None
        return JournalState(batches, messages, oldest, used, self.max_bytes, full, lack)

    @_repairing
    def ledger(
        self, *, device: str | None = None, after: str | None = None, limit: int | None = None
    ) -> list[LedgerRow]:
        """Rows by device; `after` is the last device of the page before."""
        with self._reader_lock, _snapshot(self._reader):
            settled = {
                row[0]: row[1:]
                for row in self._reader.execute(
                    "SELECT device, stored, quarantined, duplicate, last_received_ns FROM ledger "
                    "WHERE ?1 IS NULL OR device = ?1",
                    (device,),
                )
            }
            batches = self._reader.execute("SELECT received_ns, counts FROM batch").fetchall()
        pending: Counter[str] = Counter()
        last: dict[str, int] = {}
        for received_ns, counts in batches:
            for name, count in _counts(counts).items():
                pending[name] += count
                last[name] = received_ns
        names = sorted(
            name
            for name in settled.keys() | pending.keys()
            if (device is None or name == device) and (after is None or name > after)
        )
        rows = []
        for name in names[:limit]:
            stored, refused, duplicate, seen = settled.get(name, (0, 0, 0, 0))
            waiting = pending.get(name, 0)
            received = stored + refused + duplicate + waiting
            seen = max(seen, last.get(name, 0)) if waiting else seen
            rows.append(LedgerRow(name, received, stored, refused, duplicate, waiting, seen))
        return rows

    @_repairing
    def totals(self) -> LedgerRow:
        """The ledger of all devices together, in one row named ``."""
        with self._reader_lock, _snapshot(self._reader):
            stored, refused, duplicate, seen = self._reader.execute(
                "SELECT coalesce(sum(stored), 0), coalesce(sum(quarantined), 0), "
                "coalesce(sum(duplicate), 0), coalesce(max(last_received_ns), 0) FROM ledger"
            ).fetchone()
            pending, last = self._reader.execute(
                "SELECT coalesce(sum(messages), 0), coalesce(max(received_ns), 0) FROM batch"
            ).fetchone()
        received = stored + refused + duplicate + pending
        return LedgerRow("", received, stored, refused, duplicate, pending, max(seen, last))

    @_repairing
    def quarantine(
        self,
        *,
        device: str | None = None,
        reason: str | None = None,
        after: int | None = None,
        limit: int | None = None,
        max_bytes: int | None = None,
    ) -> list[QuarantineItem]:
        """Items, oldest first; `after` is the last id of the page before.

        A page of `max_bytes` of payload ends with the item that goes beyond them.
        """
        wanted = {"device": device, "reason": reason}
        given = {column: value for column, value in wanted.items() if value is not None}
        where = "".join(f" AND {column} = :{column}" for column in given)
        items: list[QuarantineItem] = []
        size = 0
        with self._reader_lock:
            rows = self._reader.execute(
                f"SELECT {_ITEM_COLUMNS} FROM quarantine "  # noqa: S608 - constant columns
                f"WHERE id > :after{where} ORDER BY id LIMIT :limit",
                {**given, "after": after or 0, "limit": -1 if limit is None else limit},
            )
            for row in rows:
                items.append(_item(row))
                size += len(items[-1].payload)
                if max_bytes is not None and size > max_bytes:
                    break
            rows.close()
        return items

    @_repairing
    def quarantine_item(self, item_id: int) -> QuarantineItem:
        """One item.

        Raises:
            UnknownItemError: it is not there (any more).
        """
        with self._reader_lock:
            row = self._reader.execute(
                f"SELECT {_ITEM_COLUMNS} FROM quarantine WHERE id = ?",  # noqa: S608 - constant
                (item_id,),
            ).fetchone()
        if row is None:
            raise UnknownItemError(item_id)
        return _item(row)

    @_repairing
    def quarantine_counts(self) -> dict[tuple[str, str], int]:
        """Items by device and reason."""
        with self._reader_lock:
            rows = self._reader.execute(
                "SELECT device, reason, count(*) FROM quarantine GROUP BY device, reason"
            ).fetchall()
        return {(device, reason): count for device, reason, count in rows}

    @_repairing
    def discard(self, item_ids: Sequence[int]) -> int:
        """Forgets items for good; the ledger goes on counting their messages as quarantined.

        Raises:
            JournalFullError: the disk is full.
        """
        with self._lock, self._written():
            cursor = self._writer.executemany(
                "DELETE FROM quarantine WHERE id = ?", [(number,) for number in item_ids]
            )
            return cursor.rowcount

    @_repairing
    def resolve(self, outcomes: Sequence[tuple[QuarantineItem, Batch]]) -> list[bool]:
        """Takes items out of quarantine and puts their outcomes in, in one transaction.

        False stands for an item that was not there any more: nothing is done for it.

        Raises:
            JournalFullError: the disk is full.
        """
        found: list[bool] = []
        merged = Batch(time.time_ns())
        with self._lock, self._written():
            for item, outcome in outcomes:
                gone = self._writer.execute("DELETE FROM quarantine WHERE id = ?", (item.id,))
                found.append(gone.rowcount == 1)
                if found[-1]:
                    merged.add(outcome)
            left = Counter(
                item.device
                for (item, _), there in zip(outcomes, found, strict=True)
                if there and item.counted
            )
            for device, count in left.items():
                self._writer.execute(
                    "UPDATE ledger SET quarantined = quarantined - ? WHERE device = ?",
                    (count, device),
                )
                # A network address becomes a device: nothing is left under the old name.
                self._writer.execute(
                    "DELETE FROM ledger WHERE device = ? "
                    "AND stored = 0 AND quarantined = 0 AND duplicate = 0",
                    (device,),
                )
            self._insert(merged)
        return found

    @_repairing
    def presence(self, device: str) -> Presence | None:
        """What the device (or its last will) said of itself; None if it never did."""
        with self._reader_lock:
            row = self._reader.execute(
                "SELECT online, since_ns FROM presence WHERE device = ?", (device,)
            ).fetchone()
        return None if row is None else Presence(bool(row[0]), row[1])

    @_repairing
    def unknown_members(self, device: str) -> dict[str, int]:
        """Members of the device's payloads that nobody knows, with their counts."""
        with self._reader_lock:
            return dict(
                self._reader.execute(
                    "SELECT member, count FROM unknown WHERE device = ? ORDER BY member", (device,)
                ).fetchall()
            )

    # -- the file ----------------------------------------------------------------------------

    def _open(self) -> None:
        self._writer = connect(self.path)
        version = self._writer.execute("PRAGMA user_version").fetchone()[0]
        if version != SCHEMA_VERSION:
            self._writer.close()
            raise JournalVersionError(self.path, version)
        self._reader = connect(self.path)
        self._file = self.path.stat().st_ino

    def _repair(self, opened: int, why: str) -> None:
        with self._lock, self._reader_lock:
            if self._opened != opened:
                return  # another thread was quicker
            self._reader.close()
            self._writer.close()
            with self._guard.alone(within_s=_ALONE_S) as alone:
                if alone and self.path.stat().st_ino == self._file:
                    set_aside(self.path, why)
            self._open()
            if not alone:
                raise JournalDamagedError(self.path, why)
            self._opened += 1

    @contextmanager
    def _written(self) -> Iterator[None]:
        """A transaction; the lock is held by the caller.

        Raises:
            JournalFullError: the disk is full; nothing was changed.
        """
        try:
            with transaction(self._writer):
                yield
        except sqlite3.OperationalError as error:
            if not is_no_room(error):
                raise
            self._full = True
            raise JournalFullError("the disk has no room") from error
        self._full = False

    def _lack(self, used: int) -> str | None:
        """What there is too little room of for a commit, None where there is room."""
        if used >= self.max_bytes:
            return f"{used} of {self.max_bytes} bytes"
        disk = os.statvfs(self.path.parent)
        free = disk.f_bavail * disk.f_frsize
        reserve = min(_RESERVE_MAX_BYTES, disk.f_blocks * disk.f_frsize // _RESERVE_SHARE)
        if free < reserve:
            return f"{free} bytes are free on the disk, the last {reserve} are kept for settling"
        return None

    # -- within a transaction ----------------------------------------------------------------

    def _insert(self, batch: Batch) -> None:
        write = self._writer
        if batch.lines:
            plain = all(size == 1 for size in batch.sizes)
            lines = b"\n".join(batch.lines)
            sizes = None if plain else array("i", batch.sizes).tobytes()
            counts = orjson.dumps(batch.accepted)
            write.execute(
                "INSERT INTO batch (received_ns, messages, lines, sizes, counts, digest) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (
                    batch.received_ns,
                    sum(batch.accepted.values()),
                    lines,
                    sizes,
                    counts,
                    batch_digest(lines, sizes, counts),
                ),
            )
        self._quarantine(batch.quarantined, line=False)
        if batch.duplicate:
            write.executemany(
                "INSERT INTO ledger (device, duplicate, last_received_ns) VALUES (?, ?, ?) "
                "ON CONFLICT (device) DO UPDATE SET duplicate = duplicate + excluded.duplicate, "
                "last_received_ns = max(last_received_ns, excluded.last_received_ns)",
                [(name, count, batch.received_ns) for name, count in batch.duplicate.items()],
            )
        if batch.identities:
            self._remember(batch)
        for device, (online, since_ns) in batch.presence.items():
            write.execute(
                "INSERT INTO presence VALUES (?, ?, ?) ON CONFLICT (device) DO UPDATE SET "
                "online = excluded.online, since_ns = excluded.since_ns "
                "WHERE online != excluded.online",
                (device, online, since_ns),
            )
        for (device, member), count in batch.unknown.items():
            write.execute(
                "INSERT INTO unknown SELECT ?1, ?2, ?3 WHERE (SELECT count(*) FROM unknown "
                "WHERE device = ?1 AND member != ?2) < ?4 "
                "ON CONFLICT (device, member) DO UPDATE SET count = count + excluded.count",
                (device, member, count, _UNKNOWN_PER_DEVICE),
            )

        write.executemany(
            "INSERT OR REPLACE INTO counter VALUES (?, ?)",
            [(name, orjson.dumps(totals.after)) for name, totals in batch.counters.items()],
        )

    def _quarantine(self, items: Sequence[Quarantined], *, line: bool) -> None:
        if not items:
            return
        self._writer.executemany(
            "INSERT INTO quarantine "
            "(device, topic, reason, detail, received_ns, counted, line, payload) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    item.device,
                    item.topic,
                    item.reason,
                    item.detail,
                    item.received_ns,
                    item.counted,
                    line,
                    item.payload,
                )
                for item in items
            ],
        )
        self._writer.executemany(
            "INSERT INTO ledger (device, quarantined, last_received_ns) VALUES (?, 1, ?) "
            "ON CONFLICT (device) DO UPDATE SET quarantined = quarantined + 1, "
            "last_received_ns = max(last_received_ns, excluded.last_received_ns)",
            [(item.device, item.received_ns) for item in items if item.counted],
        )

    def _remember(self, batch: Batch) -> None:
        cursor = self._writer.execute(
            "INSERT INTO identity (hashes) VALUES (?)", (batch.identities.tobytes(),)
        )
        if (cursor.lastrowid or 0) % _PRUNE_EVERY == 0:
            self._writer.execute(
                "DELETE FROM identity WHERE id <= (SELECT id FROM (SELECT id, "
                "sum(length(hashes)) OVER (ORDER BY id DESC) AS kept FROM identity) "
                "WHERE kept > ? ORDER BY id DESC LIMIT 1)",
                (WINDOW * 8,),
            )

    def _used_bytes(self, connection: sqlite3.Connection) -> int:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        free = connection.execute("PRAGMA freelist_count").fetchone()[0]
        return (pages - free) * PAGE_BYTES  # type: ignore[no-any-return]


_ID_MAX: Final = 2**63 - 1
_PRUNE_EVERY: Final = 4096
_ITEM_COLUMNS: Final = "id, device, topic, reason, detail, received_ns, payload, counted, line"


def _item(row: tuple[int, str, str, str, str, int, bytes, int, int]) -> QuarantineItem:
    return QuarantineItem(*row[:7], bool(row[7]), bool(row[8]))


@contextmanager
def _snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("COMMIT")


def _refused_messages(
    batch: Taken, first: int, refused: Mapping[int, str]
) -> Iterator[Quarantined]:
    """The messages of a batch that have a refused line; `first` is the index of its first line."""
    start = first
    for size in batch.sizes or [1] * len(batch.lines):
        stop = start + abs(size)
        bad = [index for index in range(start, stop) if index in refused]
        if bad:
            lines = [batch.lines[index - first] for index in bad]
            yield Quarantined(
                device=_device_of(lines[0]),
                topic="",
                reason=Reason.STORE_REJECTED,
                detail=refused[bad[0]],
                received_ns=batch.received_ns,
                payload=b"\n".join(lines),
                counted=size > 0,
            )
        start = stop


def _device_of(line: bytes) -> str:
    """The device of one of our lines: its last tag, in letters that need no escape."""
    return line.partition(b",device=")[2].partition(b" ")[0].decode("utf-8", "replace") or NOBODY


def _totals(stored: bytes) -> dict[str, float]:
    try:
        totals: dict[str, float] = orjson.loads(stored)
    except orjson.JSONDecodeError as error:
        raise DamagedError("the totals of a counter are not what was written") from error
    return totals


def _counts(stored: bytes) -> dict[str, int]:
    try:
        counts: dict[str, int] = orjson.loads(stored)
    except orjson.JSONDecodeError as error:
        raise DamagedError("the counts of a batch are not what was written") from error
    return counts
