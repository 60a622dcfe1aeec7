"""Rows of a damaged SQLite file, as far as they can be read, table by table.

Where a page cannot be read, the piece of the table that was asked for is halved, until just the
rows of that page are missing.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

_FAILURES_MAX: Final = 100_000
"""Pieces of one table that may fail before the rest of it is given up: about ten seconds."""
_PROBES: Final = 64
"""Places of a table that are tried before it is taken for lost as a whole."""
_ID_MAX: Final = 2**63 - 1
_TYPES: Final = {"INTEGER": int, "TEXT": str, "BLOB": bytes}


Row = tuple[Any, ...]


@dataclass(slots=True)
class Findings:
    kept: Counter[str] = field(default_factory=Counter)
    lost: dict[str, list[str]] = field(default_factory=dict)

    def lose(self, table: str, place: str) -> None:
        self.lost.setdefault(table, []).append(place)


class Table(NamedTuple):
    name: str
    columns: tuple[str, ...]
    types: tuple[type, ...]
    optional: tuple[bool, ...]
    key: tuple[str, ...]
    by_id: bool


def tables_of(target: sqlite3.Connection) -> list[Table]:
    tables = []
    for name, sql in target.execute(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchall():
        about = target.execute(f"PRAGMA table_info({name})").fetchall()
        key = sorted((column[5], column[1]) for column in about if column[5])
        tables.append(
            Table(
                name,
                columns=tuple(column[1] for column in about),
                types=tuple(_TYPES[column[2]] for column in about),
                optional=tuple(not column[3] and not column[5] for column in about),
                key=tuple(column for _, column in key),
                by_id="WITHOUT ROWID" not in sql,
            )
        )
    return tables


def read_rows(table: Table, source: sqlite3.Connection, findings: Findings) -> Iterator[Row]:
    """Every row that can be read, in the order of its key; what cannot is told to `findings`."""
    if _came_later(table, source):
        return iter(())
    if not table.by_id:
        return _by_key(table, source, findings)
    last = max(last_ids(source).get(table.name, 0), 0) or _ID_MAX
    if _hopeless(table, source, last):
        findings.lose(table.name, _span(1, last))
        return iter(())
    return _by_id(table, source, findings, last)


def _came_later(table: Table, source: sqlite3.Connection) -> bool:
    """Whether the file is of a version that had no such table yet."""
    with suppress(sqlite3.Error):
        names = {row[0] for row in source.execute("SELECT CAST(name AS BLOB) FROM sqlite_schema")}
        return bool(names) and table.name.encode() not in names
    return False


def _columns(table: Table, source: sqlite3.Connection) -> str:
    """What to select: an older file lacks the columns that came later."""
    with suppress(sqlite3.Error):
        there = {row[1].decode() for row in source.execute(f"PRAGMA table_info({table.name})")}
        return ", ".join(name if name in there else "NULL" for name in table.columns)
    return ", ".join(table.columns)


def _by_id(
    table: Table, source: sqlite3.Connection, findings: Findings, last_id: int
) -> Iterator[Row]:
    """Rows by their id; a piece in which one cannot be read is halved."""
    (key,) = table.key
    select = (
        f"SELECT {_columns(table, source)} FROM {table.name} NOT INDEXED "  # noqa: S608 - schema
        f"WHERE {key} BETWEEN ? AND ? ORDER BY {key}"
    )
    pieces = [(1, last_id)]
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


def _hopeless(table: Table, source: sqlite3.Connection, last: int) -> bool:
    """Whether no place of a table can be read, so that no piece need be tried."""
    (key,) = table.key
    places = [number * last // _PROBES for number in range(_PROBES + 1)]
    for order, compare in (("", ">="), (" DESC", "<=")):
        probe = f"SELECT {key} FROM {table.name} NOT INDEXED WHERE {key} {compare} ? ORDER BY {key}{order} LIMIT 1"  # noqa: S608, E501 - schema
        for place in places:
            with suppress(sqlite3.Error):
                source.execute(probe, (place,)).fetchone()
                return False
    return True


def _by_key(table: Table, source: sqlite3.Connection, findings: Findings) -> Iterator[Row]:
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
        f"between {key_words(before) if before else 'its beginning'} and "
        f"{key_words(after) if after else 'its end'}",
    )


def typed_row(table: Table, row: Row) -> list[Any] | None:
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


def last_ids(source: sqlite3.Connection) -> dict[str, int]:
    """The last id that each table gave, as far as it can be read."""
    found: dict[str, int] = {}
    with suppress(sqlite3.Error, UnicodeDecodeError, AttributeError):
        for name, last in source.execute("SELECT name, seq FROM sqlite_sequence"):
            if isinstance(last, int):
                found[name.decode()] = last
    return found


def _span(first: int, last: int) -> str:
    if last == _ID_MAX:
        return f"{first} and after"
    return str(first) if first == last else f"{first} to {last}"


def key_words(key: Row) -> str:
    return " ".join(
        part.decode("utf-8", "backslashreplace") if isinstance(part, bytes) else str(part)
        for part in key
    )
