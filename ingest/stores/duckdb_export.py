"""All points of the DuckDB file as line protocol; DuckDB itself writes the lines."""

from collections.abc import AsyncIterator, Mapping
from typing import Final

from ingest.stores.duckdb import DuckDBStore
from ingest.stores.duckdb_queries import identifier, lines_query

_ROWS_MAX: Final = 20_000
"""Rows that are made lines at once: about 5 MB, and the readings of others wait 0.1 s for them."""
_SPAN: Final = "time BETWEEN make_timestamp_ns($start) AND make_timestamp_ns($last)"
_NO_FIELDS: Final = frozenset({"time", "device", "area", "channel"})


class DuckDBExport:
    """See `Export`. Readings are written and read between its queries."""

    def __init__(self, store: DuckDBStore) -> None:
        self._store = store
        self._fields: dict[str, tuple[str, ...]] = {}

    async def measurements(self) -> Mapping[str, tuple[str, ...]]:
        rows = await self._store.fetch(
            "SELECT table_name, column_name FROM duckdb_columns() "
            "WHERE schema_name = 'main' AND NOT internal "
            "AND database_name = current_database() ORDER BY table_name, column_name",
            {},
        )
        found: dict[str, list[str]] = {}
        for table, column in rows:
            fields = found.setdefault(table, [])
            if column not in _NO_FIELDS:
                fields.append(column)
        self._fields = {table: tuple(fields) for table, fields in found.items() if fields}
        return self._fields

    async def first(self, measurement: str, start_ns: int) -> int | None:
        ((first,),) = await self._store.fetch(
            f"SELECT epoch_ns(min(time)) FROM {identifier(measurement)} "  # noqa: S608 - quoted
            "WHERE time >= make_timestamp_ns($start)",
            {"start": start_ns},
        )
        return None if first is None else int(first)

    async def lines(self, measurement: str, *, start_ns: int, last_ns: int) -> AsyncIterator[bytes]:
        count_query = f"SELECT count(*) FROM {identifier(measurement)} WHERE {_SPAN}"  # noqa: S608 - quoted
        query = lines_query(measurement, self._fields[measurement], _SPAN)
        spans = [(start_ns, last_ns)]
        while spans:
            start, last = spans.pop()
            bound = {"start": start, "last": last}
            ((count,),) = await self._store.fetch(count_query, bound)
            if count > _ROWS_MAX and start < last:
                middle = (start + last) // 2
                spans += [(middle + 1, last), (start, middle)]
            elif count:
                ((text,),) = await self._store.fetch(query, bound)
                yield f"{text}\n".encode()
