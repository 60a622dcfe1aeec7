"""The registry's database: SQLite or PostgreSQL by URL, brought to the newest schema when opened.

Promises:
1. A schema version is a file in `devices/migrations/versions/`; a migration is all or nothing.
2. Several processes may open the same database at once; one migrates, the others wait for it.
3. Writers stand in line (SQLite: BEGIN IMMEDIATE), readers never wait for them (SQLite: WAL).
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import (
    URL,
    Connection,
    DateTime,
    Dialect,
    Engine,
    TypeDecorator,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.exc import ArgumentError, DBAPIError

from devices.errors import RegistryUnavailableError

MIGRATIONS = Path(__file__).parent / "migrations"

BUSY_TIMEOUT_S = 30
_MIGRATION_LOCK = 0x6B6F7461
"""Key of the advisory lock that PostgreSQL holds while a process migrates."""


class Instant(TypeDecorator[datetime]):
    """A moment in UTC; SQLite keeps it without its zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Database:
    """Transactions on an open, migrated database. Threads may share it."""

    def __init__(self, engine: Engine) -> None:
        self._reader = engine
        self._writer = engine.execution_options(kotahub_write=True)

    @classmethod
    def open(cls, url: str) -> "Database":
        """Opens the database and migrates it.

        Raises:
            RegistryUnavailableError: no such database, no answer, or a newer schema.
        """
        engine = _create_engine(url)
        database = cls(engine)
        try:
            with database.write() as connection:
                _migrate(connection)
        except BaseException:
            engine.dispose()
            raise
        return database

    def close(self) -> None:
        self._reader.dispose()

    @property
    def engine(self) -> Engine:
        return self._reader

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._translated(), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with self._translated(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            shown = self._reader.url.render_as_string(hide_password=True)
            raise RegistryUnavailableError(shown, str(error.orig).strip()) from error


def _create_engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise RegistryUnavailableError(
            "the given address", "it is no URL; give sqlite:///FILE or postgresql://…"
        ) from error
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    backend = parsed.drivername
    if backend == "postgresql+psycopg":
        return create_engine(parsed, pool_pre_ping=True, **_json())
    if backend in {"sqlite", "sqlite+pysqlite"} and parsed.database:
        return _create_sqlite_engine(parsed, parsed.database)
    raise RegistryUnavailableError(
        parsed.render_as_string(hide_password=True),
        "the hub keeps its registry in sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME",
    )


def _json() -> dict[str, Any]:
    return {
        "json_serializer": lambda value: orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode(),
        "json_deserializer": orjson.loads,
    }


def _create_sqlite_engine(url: URL, file: str) -> Engine:
    folder = Path(file).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"the folder {folder} cannot be made ({error.strerror})"
        raise RegistryUnavailableError(str(url), problem) from error
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S}, **_json())

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        # The driver would begin transactions late and commit around DDL: the hub begins them.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("kotahub_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _migrate(connection: Connection) -> None:
    # Alembic takes a while to import, and only those who open a registry need it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    if current == scripts.get_current_head():
        return
    if current is not None and current not in {
        script.revision for script in scripts.walk_revisions()
    }:
        raise RegistryUnavailableError(
            connection.engine.url.render_as_string(hide_password=True),
            f"its schema {current} is newer than this version of kotahub; update kotahub",
        )
    command.upgrade(config, "head")
