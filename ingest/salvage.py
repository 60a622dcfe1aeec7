"""Reads what can be read out of a damaged journal into a new one, and keeps the damaged aside.

The damaged file stays, under a name with the time, beside a report of what was read and what was
not. A first page that cannot be read is replaced by that of an empty journal: tables of one
schema begin at the same pages.

A salvage that is interrupted is begun again, or completed, at the next start:

    journal.db.salvaging.begun  why, and the name for the damaged file
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
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from devices.errors import HubError
from ingest.damage import cut_off, is_no_room, read_only
from ingest.damaged_rows import (
    Findings,
    Table,
    key_words,
    last_ids,
    read_rows,
    tables_of,
    typed_row,
)

logger = logging.getLogger(__name__)

_PARTS: Final = ("", "-wal", "-shm")
_ID_GAP: Final = 1_000_000
"""Left free behind the ids that were read: one that was lost must not be given again."""
_SHOWN: Final = 20
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


def salvages(path: Path) -> list[Salvage]:
    """The reports beside a journal, oldest first: of damage that nobody has taken away yet."""
    found = []
    for report in sorted(path.parent.glob(f"{path.name}.damaged-*.json")):
        with suppress(OSError, ValueError, TypeError):  # somebody else's file
            found.append(Salvage(**json.loads(report.read_text(encoding="utf-8"))))
    return found


def finish(path: Path) -> str | None:
    """Completes a salvage that was interrupted; why it was begun if it must begin again."""
    building = _building(path)
    if _report(building).exists():
        _swap(path)
        return None
    for part in (*_PARTS, "-journal", ".part"):
        building.with_name(building.name + part).unlink(missing_ok=True)
    with suppress(FileNotFoundError, ValueError):
        why: str = json.loads(_begun(path).read_text(encoding="utf-8"))["why"]
        return why
    return None


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
    building = _building(path)
    aside = _begin(path, why, now)
    logger.error("%s is damaged (%s): reading what can be read into a new one", path, why)
    findings = Findings()
    try:
        create(building)
        with (
            closing(_source(path, aside, building)) as source,
            closing(sqlite3.connect(building, isolation_level=None)) as target,
        ):
            target.execute("PRAGMA journal_mode = OFF")
            target.execute("PRAGMA synchronous = OFF")
            target.execute("BEGIN")
            for table in tables_of(target):
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
        finish(path)  # makes room again
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
    _begun(path).unlink(missing_ok=True)
    report.replace(_report(aside))
    _fsync(path.parent)


def _begin(path: Path, why: str, now: datetime) -> Path:
    """The name for the damaged file, the same one when it begins again."""
    begun = _begun(path)
    try:
        return path.with_name(json.loads(begun.read_text(encoding="utf-8"))["aside"])
    except (FileNotFoundError, ValueError):
        aside = _free_name(path, now)
        begun.write_text(json.dumps({"why": why, "aside": aside.name}), encoding="utf-8")
        _fsync(begun)
        return aside


def _source(path: Path, aside: Path, empty: Path) -> sqlite3.Connection:
    """The damaged file, opened to be read; text comes as bytes, for it may be none.

    Where its write-ahead log is cut, with what is left of the log or without any, whichever shows
    more of what was committed: what a checkpoint has moved into the file is whole there, while old
    pages from the log before it would lie over new ones.
    """
    with_log, without = _as_bytes(path), _as_bytes(path, log=False)
    if _is_whole_log(with_log, path) or _progress(with_log) > _progress(without):
        without.close()
        return with_log
    with_log.close()
    if _progress(without) >= 0:
        return without
    without.close()
    logger.error("its first page cannot be read: trying with that of a new one")
    new = empty.read_bytes()
    page = bytearray(new[: int.from_bytes(new[16:18])])
    with path.open("r+b") as damaged:
        saved = aside.with_name(f"{aside.name}-page1")
        if not saved.exists():
            saved.write_bytes(damaged.read(len(page)))
            _fsync(saved)
        size = max(os.fstat(damaged.fileno()).st_size, len(page))
        page[18:20] = b"\x02\x02"  # WAL
        page[28:32] = (size // len(page)).to_bytes(4)
        page[32:40] = bytes(8)  # nothing is written to it, so that no page need be free
        damaged.seek(0)
        damaged.write(page)
    return _as_bytes(path)


def _is_whole_log(source: sqlite3.Connection, path: Path) -> bool:
    """Whether nothing of the log is cut off, and the file can be read with it at all."""
    try:
        return not cut_off(source, path) and _progress(source) >= 0
    except sqlite3.Error:
        return False


def _progress(source: sqlite3.Connection) -> int:
    """A number that grows with nearly every transaction; -1 where not even tables are seen."""
    sums = []
    for column, table in (
        ("count(*)", "sqlite_schema"),
        ("sum(seq)", "sqlite_sequence"),
        ("sum(stored + quarantined + duplicate)", "ledger"),
    ):
        try:
            (number,) = source.execute(f"SELECT {column} FROM {table}").fetchone()  # noqa: S608 - constants
            sums.append(int(number or 0))
        except (sqlite3.Error, OverflowError):
            sums.append(0)
    return sum(sums) if sums[0] else -1


def _as_bytes(path: Path, *, log: bool = True) -> sqlite3.Connection:
    source = read_only(path, log=log)
    source.text_factory = bytes
    return source


def _copy(
    table: Table,
    source: sqlite3.Connection,
    target: sqlite3.Connection,
    findings: Findings,
    is_whole: IsWhole,
) -> None:
    places = ", ".join("?" * len(table.columns))
    insert = f"INSERT OR IGNORE INTO {table.name} VALUES ({places})"  # noqa: S608 - of the schema
    for row in read_rows(table, source, findings):
        typed = typed_row(table, row)
        if typed is None or not is_whole(table.name, dict(zip(table.columns, typed, strict=True))):
            findings.lose(table.name, key_words(row[: len(table.key)]))
        else:
            target.execute(insert, typed)
            findings.kept[table.name] += 1


def _continue_ids(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    known = last_ids(source)
    for table in tables_of(target):
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


def _begun(path: Path) -> Path:
    return path.with_name(f"{path.name}.salvaging.begun")


def _report(file: Path) -> Path:
    return file.with_name(f"{file.name}.json")


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
