"""DuckDB as the store: one file, no server, for one machine.

One table a kind, a row a point: `time` (TIMESTAMP_NS, UTC), `device`, `area`, `channel` ('' for
none), metrics and device numbers as DOUBLE, flags as UTINYINT. A row is known by device, channel
and time; MERGE keeps it so. A primary key would do the same, but its index is six times the size
of the data (194 MB to 34 MB at 2 million rows) and makes writes a fifth slower. What a write that
reaches far back costs instead is a look at the keys of that span: 0.1 s for 5 million rows.

Columns go in as JSON lists, one parameter a column: 2.4 µs a row of 16 columns, where Python lists
as parameters take 14 and a JSON object of all columns 5.

All calls run in one thread of their own, so that the event loop never waits.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import duckdb
import orjson

from devices.kind import Kind
from ingest.stores import StoreUnavailableError
from ingest.stores.duckdb_queries import (
    identifier,
    quarters,
    quarters_query,
    rows,
    rows_query,
)
from ingest.stores.lines import LineError, Point, parse_line
from ingest.stores.measurement import Measurement, Row
from ingest.stores.quarter import Quarter
from ingest.stores.reading import EARLIEST_NS, LATEST_NS, columns, is_flag, reading

_FLAGS: Final = frozenset({1.0, 2.0, 3.0, 4.0, 9.0})
_KEY: Final = {"time": "BIGINT", "device": "VARCHAR", "channel": "VARCHAR"}
_TAGS: Final = frozenset({"device", "area", "channel"})
_CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    "memory_limit": "256MB",
    "threads": 2,
    # Nothing is fetched from the network, and no query reads other files.
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}

_Result = TypeVar("_Result")
_Point = dict[str, Any]


class DuckDBStore:
    """The store in one file. Only one process can have it open."""

    def __init__(
        self, path: Path, kinds: Mapping[str, Kind], measurements: Iterable[Measurement] = ()
    ) -> None:
        self._path = path
        self._columns = {kind.id: frozenset(columns(kind)) for kind in kinds.values()}
        self._columns |= {one.id: frozenset(one.fields) for one in measurements}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="duckdb")
        self._connection: duckdb.DuckDBPyConnection | None = None

    @classmethod
    def open(
        cls, path: Path, kinds: Mapping[str, Kind], measurements: Iterable[Measurement] = ()
    ) -> Self:
        """Open or create the file; new kinds and measurements become tables, new fields columns.

        Raises:
            StoreUnavailableError: another process has it open, or it cannot be read or written.
        """
        store = cls(path, kinds, measurements)
        store._connected()
        return store

    async def write(self, lines: Sequence[bytes], /) -> Mapping[int, str]:
        """See `Store.write`. All in one transaction."""
        return await self._run(lambda: self._write(lines))

    async def readings(
        self,
        kind: Kind,
        device: str,
        *,
        start_ns: int,
        stop_ns: int,
        limit: int,
        channel: str | None = None,
    ) -> list[dict[str, Any]]:
        """See `Store.readings`."""
        start, last = max(start_ns, EARLIEST_NS), min(stop_ns - 1, LATEST_NS)
        return await self._run(
            lambda: self._select(
                kind, device=device, start=start, last=last, channel=channel, limit=limit
            )
        )

    async def latest(self, kind: Kind, device: str, /) -> dict[str, Any] | None:
        rows = await self.readings(
            kind, device, start_ns=EARLIEST_NS, stop_ns=LATEST_NS + 1, limit=1
        )
        return rows[0] if rows else None

    async def quarters(
        self, kind: Kind, devices: Sequence[str], *, start_ns: int, stop_ns: int
    ) -> list[Quarter]:
        """See `Store.quarters`."""
        bound = {"devices": list(devices), "start": start_ns, "stop": stop_ns}
        return await self._run(
            lambda: list(quarters(kind, self._fetch(quarters_query(kind), bound)))
        )

    async def rows(
        self,
        measurement: Measurement,
        devices: Sequence[str],
        *,
        start_ns: int,
        stop_ns: int,
        limit: int | None = None,
    ) -> list[Row]:
        """See `Store.rows`."""
        bound = {
            "devices": list(devices),
            "start": max(start_ns, EARLIEST_NS),
            "stop": min(stop_ns, LATEST_NS),
        }
        query = rows_query(measurement, limit)
        return await self._run(lambda: list(rows(measurement, self._fetch(query, bound))))

    async def fetch(self, query: str, bound: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """The rows of any query, between the store's own.

        Raises:
            StoreUnavailableError: DuckDB fails at it.
        """
        return await self._run(lambda: self._fetch(query, bound))

    async def ensure(self) -> None:
        """Nothing to make: `open` has made the tables."""

    async def ready(self) -> bool:
        try:
            await self._run(lambda: self._connected().execute("SELECT 1"))
        except StoreUnavailableError:
            return False
        return True

    async def close(self) -> None:
        """Write the log into the file and let go of it."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._disconnect)
        self._thread.shutdown()

    async def _run(self, call: Callable[[], _Result]) -> _Result:
        """A call in the store's thread.

        Raises:
            StoreUnavailableError: DuckDB fails at it.
        """

        def guarded() -> _Result:
            try:
                return call()
            except duckdb.Error as error:
                # After a fault of the disk DuckDB refuses all until the file is opened again.
                self._disconnect()
                raise StoreUnavailableError(
                    f"{self._path} cannot be used: {error}. See that its disk has room and works."
                ) from error

        return await asyncio.get_running_loop().run_in_executor(self._thread, guarded)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # What a full disk keeps it from moving out of its log is read there by the next open.
            with suppress(duckdb.Error):
                connection.close()

    def _connected(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                connection = duckdb.connect(str(self._path), config=_CONFIG)
                for kind, names in self._columns.items():
                    self._extend(connection, kind, names)
            except (duckdb.Error, OSError) as error:
                raise StoreUnavailableError(
                    f"{self._path} cannot be opened: {error}. If another hub has it open, ask that "
                    "one over HTTP or stop it."
                ) from error
            self._connection = connection
        return self._connection

    def _fetch(self, query: str, bound: Mapping[str, object]) -> list[tuple[Any, ...]]:
        return self._connected().execute(query, bound).fetchall()

    @staticmethod
    def _extend(connection: duckdb.DuckDBPyConnection, kind: str, names: frozenset[str]) -> None:
        """See that the kind's table exists and has these columns."""
        declared = "".join(f", {identifier(name)} {_type(name)}" for name in sorted(names))
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {identifier(kind)} (time TIMESTAMP_NS NOT NULL, "
            f"device VARCHAR NOT NULL, area VARCHAR, channel VARCHAR NOT NULL{declared})"
        )
        known = connection.execute(f"DESCRIBE {identifier(kind)}").fetchall()
        for name in sorted(names - {row[0] for row in known}):
            connection.execute(
                f"ALTER TABLE {identifier(kind)} ADD COLUMN {identifier(name)} {_type(name)}"
            )

    def _write(self, lines: Sequence[bytes]) -> dict[int, str]:
        refused: dict[int, str] = {}
        tables: dict[str, dict[tuple[int, str, str], _Point]] = {}
        for index, line in enumerate(lines):
            try:
                point = parse_line(line)
                self._check(point)
            except LineError as error:
                refused[index] = str(error)
                continue
            tags = point.tags
            key = (point.time_ns, tags["device"], tags.get("channel", ""))
            row: _Point = tables.setdefault(point.kind, {}).setdefault(key, {})
            row |= point.fields
            if "area" in tags:
                row["area"] = tags["area"]
        connection = self._connected()
        connection.begin()
        for kind, points in tables.items():
            _merge(connection, kind, points)
        connection.commit()
        return refused

    def _check(self, point: Point) -> None:
        """Refuse what the kind's table cannot hold.

        Raises:
            LineError: it cannot.
        """
        names = self._columns.get(point.kind)
        if names is None:
            raise LineError(
                f"kind '{point.kind}' does not exist; known: {', '.join(self._columns)}"
            )
        if "device" not in point.tags or not point.tags.keys() <= _TAGS:
            raise LineError("a point has the tag device and may have area and channel")
        if not point.fields.keys() <= names:
            unknown = sorted(point.fields.keys() - names)
            raise LineError(f"kind '{point.kind}' has no field {', '.join(unknown)}")
        for name, value in point.fields.items():
            if value not in _FLAGS and is_flag(name):
                raise LineError(f"field '{name}' is {value:g}: flags are 1, 2, 3, 4 and 9")

    def _select(
        self, kind: Kind, *, device: str, start: int, last: int, channel: str | None, limit: int
    ) -> list[dict[str, Any]]:
        connection = self._connected()
        names = columns(kind)
        if not self._columns.get(kind.id, frozenset()) >= set(names):
            self._extend(connection, kind.id, frozenset(names))
            self._columns[kind.id] = frozenset(names)
        bound = {"device": device, "start": start, "last": last, "channel": channel, "limit": limit}
        rows = connection.execute(
            f"SELECT epoch_ns(time), channel, {', '.join(map(identifier, names))} "  # noqa: S608 - quoted
            f"FROM {identifier(kind.id)} WHERE device = $device "
            "AND time BETWEEN make_timestamp_ns($start) AND make_timestamp_ns($last) "
            "AND ($channel IS NULL OR channel = $channel) "
            "ORDER BY time DESC, channel LIMIT $limit",
            bound,
        ).fetchall()
        return [reading(row[0], row[1], zip(names, row[2:], strict=True)) for row in rows]


def _merge(
    connection: duckdb.DuckDBPyConnection, kind: str, rows: Mapping[tuple[int, str, str], _Point]
) -> None:
    """Add the rows, or their values to the rows that have the same key."""
    values = sorted({name for row in rows.values() for name in row})
    types = _KEY | {name: _type(name) for name in values}
    lists: list[Sequence[Any]] = list(zip(*rows, strict=True))
    for name in values:
        got = [row.get(name) for row in rows.values()]
        lists.append([int(flag) if flag else None for flag in got] if is_flag(name) else got)
    times = lists[0]
    new = ", ".join(
        f"""unnest(from_json(${at}, '["{kind_of_value}"]')) AS {identifier(name)}"""
        for at, (name, kind_of_value) in enumerate(types.items(), start=1)
    )
    merged = ", ".join(
        f"{identifier(name)} = coalesce(new.{identifier(name)}, old.{identifier(name)})"
        for name in values
    )
    added = ", ".join(identifier(name) for name in types if name != "time")
    given = ", ".join(f"new.{identifier(name)}" for name in types if name != "time")
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE arrived AS SELECT {new}",
        [orjson.dumps(one).decode() for one in lists],
    )
    # The bounds on time let DuckDB pass over all of the table but the days of these points.
    connection.execute(
        f"MERGE INTO {identifier(kind)} AS old USING arrived AS new "  # noqa: S608 - quoted
        "ON old.device = new.device AND old.channel = new.channel "
        "AND old.time = make_timestamp_ns(new.time) "
        f"AND old.time BETWEEN make_timestamp_ns({min(times)}) AND make_timestamp_ns({max(times)}) "
        f"WHEN MATCHED THEN UPDATE SET {merged} "
        f"WHEN NOT MATCHED THEN INSERT (time, {added}) "
        f"VALUES (make_timestamp_ns(new.time), {given})"
    )


def _type(column: str) -> str:
    if column == "area":
        return "VARCHAR"
    return "UTINYINT" if is_flag(column) else "DOUBLE"
