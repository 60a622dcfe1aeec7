"""Reads what can be read out of a damaged journal into a new one, and keeps the damaged aside.

The damaged file stays, under a name with the time, beside a report of what was read and what was
not. Rows are read in pieces: where a page cannot be read, the piece is halved until just its rows
are lost. A first page that cannot be read is replaced by that of an empty journal: tables of one
schema begin at the same pages.

A salvage that is interrupted is begun again, or completed, at the next start:

    journal.db.salvaging        being filled; complete as soon as there is
    journal.db.salvaging.json   the report
    journal.db.damaged-TIME     the damaged file, with TIME-wal and TIME-shm
    journal.db.damaged-TIME.json
"""

import errno
import json
import logging
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from devices.errors import HubError
from ingest.damage import is_no_room

logger = logging.getLogger(__name__)

_PARTS: Final = ("", "-wal", "-shm")
_FAILURES_MAX: Final = 20_000
"""Pieces of one table that may fail before the rest of it is given up: about a second."""
_ID_MAX: Final = 2**63 - 1
_ID_GAP: Final = 1_000_000
"""Left free behind the ids that were read: one that was lost must not be given again."""
_SHOWN: Final = 20
_TYPES: Final = {"INTEGER": int, "TEXT": str, "BLOB": bytes}

Row = tuple[Any, ...]
IsWhole = Callable[[str, Mapping[str, Any]], bool]
"""Whether a row of a table is what was written."""


class SalvageRoomError(HubError):
    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is damaged, and the disk has no room to read out of it what can be read: "
            f"free up to {path.stat().st_size} bytes and start again"
        )


@dataclass(frozen=True, slots=True)
class Salvage:
    """What became of a damaged journal; `lost` names by table what could not be read."""

    at: str
    why: str
    aside: str
    kept: dict[str, int]
    lost: dict[str, list[str]]

    def __str__(self) -> str:
        kept = ", ".join(f"{count} {name}" for name, count in self.kept.items() if count)
        lost = "; ".join(
            f"{name} {', '.join(places[:_SHOWN])}{' …' if len(places) > _SHOWN else ''}"
            for name, places in self.lost.items()
        )
        return (
            f"the journal was found damaged at {self.at} ({self.why}); it is kept aside as "
            f"{self.aside}; read out of it: {kept or 'nothing'}; "
            f"not to be read: {lost or 'nothing that is known of'}"
        )


@dataclass(slots=True)
class _Findings:
    kept: Counter[str] = field(default_factory=Counter)
    lost: dict[str, list[str]] = field(default_factory=dict)

    def lose(self, table: str, place: str) -> None:
        self.lost.setdefault(table, []).append(place)


class _Table(NamedTuple):
    name: str
    columns: tuple[str, ...]
    types: tuple[type, ...]
    optional: tuple[bool, ...]
    key: tuple[str, ...]
    by_id: bool


def salvages(path: Path) -> list[Salvage]:
    """The reports beside a journal, oldest first: of damage that nobody has taken away yet."""
    found = []
    for report in sorted(path.parent.glob(f"{path.name}.damaged-*.json")):
        with suppress(OSError, ValueError, TypeError):  # somebody else's file
            found.append(Salvage(**json.loads(report.read_text(encoding="utf-8"))))
    return found


def finish(path: Path) -> None:
    """Completes a salvage that was interrupted, or clears away what was begun."""
    building = _building(path)
    if _report(building).exists():
        _swap(path)
    else:
        for part in (*_PARTS, "-journal"):
            building.with_name(building.name + part).unlink(missing_ok=True)


def salvage(path: Path, *, why: str, create: Callable[[Path], None], is_whole: IsWhole) -> Salvage:
    """Replaces a damaged journal by a new one with what can be read; nobody may have it open.

    Args:
        path: the journal.
        why: what was found, for people.
        create: makes an empty journal, not in WAL mode.
        is_whole: judges each row.

    Raises:
        SalvageRoomError: there is no room; the damaged file is as it was.
    """
    now = datetime.now(UTC)
    aside = _free_name(path, now)
    building = _building(path)
    logger.error("%s is damaged (%s): reading what can be read into a new one", path, why)
    findings = _Findings()
    try:
        create(building)
        with (
            closing(_source(path, aside, building)) as source,
            closing(sqlite3.connect(building, isolation_level=None)) as target,
        ):
            target.execute("PRAGMA journal_mode = OFF")
            target.execute("PRAGMA synchronous = OFF")
            target.execute("BEGIN")
            for table in _tables(target):
                _copy(table, source, target, findings, is_whole)
            _continue_ids(source, target)
            target.execute("COMMIT")
        _fsync(building)
        done = Salvage(
            at=now.isoformat(timespec="seconds"),
            why=why,
            aside=aside.name,
            kept=dict(findings.kept),
            lost=findings.lost,
        )
        part = building.with_name(f"{building.name}.part")
        part.write_text(json.dumps(asdict(done), indent=1), encoding="utf-8")
        _fsync(part)
        part.replace(_report(building))
    except (sqlite3.Error, OSError) as error:
        if not _is_full(error):
            raise
        finish(path)
        raise SalvageRoomError(path) from error
    _swap(path)
    logger.error("%s", done)
    return done


def _swap(path: Path) -> None:
    """Puts the new journal in the place of the damaged one; the same again after any interruption.

    The damaged file goes first: without it nothing takes its write-ahead log for another's.
    """
    building = _building(path)
    report = _report(building)
    aside = path.with_name(json.loads(report.read_text(encoding="utf-8"))["aside"])
    if building.exists():
        for part in _PARTS:
            with suppress(FileNotFoundError):
                path.with_name(path.name + part).replace(aside.with_name(aside.name + part))
        building.replace(path)
    report.replace(_report(aside))
    _fsync(path.parent)


def _source(path: Path, aside: Path, empty: Path) -> sqlite3.Connection:
    """The damaged file, opened to be read; text comes as bytes, for it may be none."""
    source = _read_only(path)
    try:
        if source.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            return source
    except sqlite3.Error as error:
        logger.error("its first page cannot be read (%s): trying with that of a new one", error)  # noqa: TRY400 - no trace for people
    source.close()
    new = empty.read_bytes()
    page = bytearray(new[: int.from_bytes(new[16:18])])
    with path.open("r+b") as damaged:
        aside.with_name(f"{aside.name}-page1").write_bytes(damaged.read(len(page)))
        size = max(os.fstat(damaged.fileno()).st_size, len(page))
        page[18:20] = b"\x02\x02"  # WAL
        page[28:32] = (size // len(page)).to_bytes(4)
        page[32:40] = bytes(8)  # nothing is written to it, so that no page need be free
        damaged.seek(0)
        damaged.write(page)
    return _read_only(path)


def _read_only(path: Path) -> sqlite3.Connection:
    """So that closing it does not move the write-ahead log into the damaged file."""
    source = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    source.text_factory = bytes
    return source


def _tables(target: sqlite3.Connection) -> list[_Table]:
    tables = []
    for name, sql in target.execute(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchall():
        about = target.execute(f"PRAGMA table_info({name})").fetchall()
        key = sorted((column[5], column[1]) for column in about if column[5])
        tables.append(
            _Table(
                name,
                columns=tuple(column[1] for column in about),
                types=tuple(_TYPES[column[2]] for column in about),
                optional=tuple(not column[3] and not column[5] for column in about),
                key=tuple(column for _, column in key),
                by_id="WITHOUT ROWID" not in sql,
            )
        )
    return tables


def _copy(
    table: _Table,
    source: sqlite3.Connection,
    target: sqlite3.Connection,
    findings: _Findings,
    is_whole: IsWhole,
) -> None:
    places = ", ".join("?" * len(table.columns))
    insert = f"INSERT OR IGNORE INTO {table.name} VALUES ({places})"  # noqa: S608 - of the schema
    for row in (_by_id if table.by_id else _by_key)(table, source, findings):
        typed = _typed(table, row)
        if typed is None or not is_whole(table.name, dict(zip(table.columns, typed, strict=True))):
            findings.lose(table.name, _place(row[: len(table.key)]))
        else:
            target.execute(insert, typed)
            findings.kept[table.name] += 1


def _columns(table: _Table, source: sqlite3.Connection) -> str:
    """What to select: an older file lacks the columns that came later."""
    with suppress(sqlite3.Error):
        there = {row[1].decode() for row in source.execute(f"PRAGMA table_info({table.name})")}
        return ", ".join(name if name in there else "NULL" for name in table.columns)
    return ", ".join(table.columns)


def _by_id(table: _Table, source: sqlite3.Connection, findings: _Findings) -> Iterator[Row]:
    """Rows by their id; a piece in which one cannot be read is halved."""
    (key,) = table.key
    select = (
        f"SELECT {_columns(table, source)} FROM {table.name} NOT INDEXED "  # noqa: S608 - schema
        f"WHERE {key} BETWEEN ? AND ? ORDER BY {key}"
    )
    pieces = [(1, max(_ids(source).get(table.name, 0), 0) or _ID_MAX)]
    failures = 0
    gap: tuple[int, int] | None = None
    while pieces:
        first, last = pieces.pop()
        at = first - 1
        try:
            for row in source.execute(select, (first, last)):
                if not at < row[0] <= last:
                    break  # a page of something else
                if gap is not None:
                    findings.lose(table.name, _span(*gap))
                    gap = None
                at = row[0]
                yield row
            else:
                continue
        except (sqlite3.Error, OverflowError, TypeError):
            pass
        failures += 1
        if at >= last:
            continue
        if at >= first:  # the piece after what was read is tried as a whole
            pieces.append((at + 1, last))
        elif first == last or failures > _FAILURES_MAX:
            gap = (first if gap is None else gap[0], last)
        else:
            middle = (first + last) // 2
            pieces += [(middle + 1, last), (first, middle)]
    if gap is not None:
        findings.lose(table.name, _span(*gap))


def _by_key(table: _Table, source: sqlite3.Connection, findings: _Findings) -> Iterator[Row]:
    """Rows from the first to where it breaks, and from the last back to where it breaks."""
    width = len(table.key)
    ends: list[Row | None] = []
    for direction in ("", " DESC"):
        order = ", ".join(f"{name}{direction}" for name in table.key)
        select = f"SELECT {_columns(table, source)} FROM {table.name} ORDER BY {order}"  # noqa: S608 - schema
        at: Row | None = None
        try:
            for row in source.execute(select):
                if ends and ends[0] is not None and not row[:width] > ends[0]:
                    break
                at = row[:width]
                yield row
            else:
                if not ends:
                    return
        except (sqlite3.Error, TypeError):
            pass
        ends.append(at)
    before, after = ends
    findings.lose(
        table.name,
        f"between {_place(before) if before else 'its beginning'} and "
        f"{_place(after) if after else 'its end'}",
    )


def _typed(table: _Table, row: Row) -> list[Any] | None:
    """The row with its texts as text; None if a value is of the wrong type."""
    values: list[Any] = []
    for value, kind, optional in zip(row, table.types, table.optional, strict=True):
        read = value
        if kind is str and isinstance(value, bytes):
            try:
                read = value.decode()
            except UnicodeDecodeError:
                return None
        if not (isinstance(read, kind) or (read is None and optional)):
            return None
        values.append(read)
    return values


def _ids(source: sqlite3.Connection) -> dict[str, int]:
    """The last id that each table gave, as far as it can be read."""
    found: dict[str, int] = {}
    with suppress(sqlite3.Error, UnicodeDecodeError, AttributeError):
        for name, last in source.execute("SELECT name, seq FROM sqlite_sequence"):
            if isinstance(last, int):
                found[name.decode()] = last
    return found


def _continue_ids(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    known = _ids(source)
    for table in _tables(target):
        if table.by_id:
            (kept,) = target.execute(f"SELECT max({table.key[0]}) FROM {table.name}").fetchone()  # noqa: S608 - schema
            last = max(known.get(table.name, 0), kept or 0) + _ID_GAP
            target.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table.name,))
            target.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", (table.name, last))


def _free_name(path: Path, now: datetime) -> Path:
    name = f"{path.name}.damaged-{now:%Y%m%dT%H%M%SZ}"
    taken = {found.name.removesuffix(".json") for found in path.parent.glob(f"{name}*")}
    number = 1
    while (free := name if number == 1 else f"{name}.{number}") in taken:
        number += 1
    return path.with_name(free)


def _building(path: Path) -> Path:
    return path.with_name(f"{path.name}.salvaging")


def _report(file: Path) -> Path:
    return file.with_name(f"{file.name}.json")


def _span(first: int, last: int) -> str:
    if last == _ID_MAX:
        return f"{first} and after"
    return str(first) if first == last else f"{first} to {last}"


def _place(key: Row) -> str:
    return " ".join(
        part.decode("utf-8", "backslashreplace") if isinstance(part, bytes) else str(part)
        for part in key
    )


def _is_full(error: sqlite3.Error | OSError) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return is_no_room(error)


def _fsync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
