"""The registry row by row, so that it comes back on SQLite or PostgreSQL, wherever it was.

{"table": "areas", "row": {"code": "12.71.01", …}}
…
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import orjson
from sqlalchemy import Connection, Table, func, insert, select, text
from sqlalchemy.exc import DBAPIError

from devices.database import MIGRATIONS, Database, Instant
from devices.tables import API_KEYS, AUDIT, DEVICES, METADATA
from gateway.backup.errors import RestoreError
from gateway.backup.progress import Progress

_ROWS: Final = 1_000


class Exported(NamedTuple):
    """What stands in an exported registry."""

    devices: int
    keys: int


def schema_revision() -> str:
    """The schema that this program's registry has, in every database that it opens."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - takes a while to import

    return str(ScriptDirectory(str(MIGRATIONS)).get_current_head())


def export_registry(url: str, file: Path, progress: Progress) -> Exported:
    """Writes every row, as they are at one instant.

    Raises:
        RegistryUnavailableError: the database does not answer.
    """
    counts: dict[str, int] = {}
    progress.begin("copying registry", None)
    with (
        closing(Database.open(url)) as database,
        database.read() as connection,
        file.open("wb") as out,
    ):
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        for table in METADATA.sorted_tables:
            counts[table.name] = 0
            for row in _rows(connection, table):
                line = orjson.dumps({"table": table.name, "row": row}) + b"\n"
                out.write(line)
                counts[table.name] += 1
                progress.advance(len(line))
    return Exported(counts[DEVICES.name], counts[API_KEYS.name])


def is_empty(url: str) -> bool:
    """Whether nobody has registered a device or made a key there.

    Raises:
        RegistryUnavailableError: the database does not answer.
    """
    with closing(Database.open(url)) as database, database.read() as connection:
        return not any(
            connection.scalar(select(func.count()).select_from(table))
            for table in (DEVICES, API_KEYS)
        )


def import_registry(url: str, source: BinaryIO, progress: Progress) -> None:
    """Puts exported rows in the place of all that are there; all or nothing.

    Raises:
        RegistryUnavailableError: the database does not answer.
        RestoreError: the database refuses the rows.
    """
    progress.begin("writing registry", None)
    with closing(Database.open(url)) as database:
        try:
            with database.engine.execution_options(kotahub_write=True).begin() as connection:
                for table in reversed(METADATA.sorted_tables):
                    connection.execute(table.delete())
                for table, rows in _batches(source, progress):
                    connection.execute(insert(table), rows)
                if connection.dialect.name == "postgresql":
                    _count_on(connection)
        except DBAPIError as error:
            shown = database.engine.url.render_as_string(hide_password=True)
            raise RestoreError(
                f"The registry at {shown} refuses the backup: {str(error.orig).strip()}. Nothing "
                "of it was changed"
            ) from error


def _rows(connection: Connection, table: Table) -> Iterator[dict[str, Any]]:
    """A table's rows, in the order of their keys."""
    query = select(table).order_by(*table.primary_key.columns)
    for row in connection.execute(query, execution_options={"yield_per": _ROWS}).mappings():
        yield {str(name): value for name, value in row.items()}


def _batches(
    lines: Iterable[bytes], progress: Progress
) -> Iterator[tuple[Table, list[dict[str, Any]]]]:
    """Rows of one table after the other, some at a time."""
    table: Table | None = None
    batch: list[dict[str, Any]] = []
    for line in lines:
        progress.advance(len(line))
        document = orjson.loads(line)
        named = METADATA.tables[document["table"]]
        if batch and (named is not table or len(batch) == _ROWS):
            assert table is not None  # noqa: S101 - it has rows
            yield table, batch
            batch = []
        table = named
        batch.append(_row(named, document["row"]))
    if table is not None and batch:
        yield table, batch


def _row(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        column.name: datetime.fromisoformat(row[column.name])
        if isinstance(column.type, Instant) and row[column.name] is not None
        else row[column.name]
        for column in table.columns
    }


def _count_on(connection: Connection) -> None:
    """PostgreSQL counts the audit's lines by itself: on from the last one."""
    connection.execute(
        text(
            f"SELECT setval(pg_get_serial_sequence('{AUDIT.name}', 'id'), "  # noqa: S608 - constant
            f"coalesce((SELECT max(id) FROM {AUDIT.name}), 0) + 1, false)"
        )
    )
