"""Opening the registry's database: migrations, old databases, several openers, bad addresses."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from devices import database
from devices.database import Database
from devices.device import Device
from devices.errors import RegistryUnavailableError
from devices.registry import Registry
from devices.tables import METADATA

OLD = sorted((Path(__file__).parent / "databases").glob("*.sql"))

BROKEN_VERSION = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "0001"

def upgrade():
    op.create_table("half", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("INSERT INTO half VALUES (1)")
    op.execute("UPDATE revision SET number = 77")
    op.execute("SELECT nonsense")
"""


def test_the_migrations_make_the_tables_that_the_code_knows(database_url: str) -> None:
    opened = Database.open(database_url)
    with opened.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
    opened.close()


@pytest.mark.parametrize("script", OLD, ids=lambda path: path.stem)
def test_an_old_database_is_upgraded_and_keeps_all(tmp_path: Path, script: Path) -> None:
    file = tmp_path / "old.db"
    with sqlite3.connect(file) as connection:
        connection.executescript(script.read_text(encoding="utf-8"))
    connection.close()
    for _ in range(2):
        registry = Registry.open(f"sqlite:///{file}")
        air, flood = registry.devices()
        assert air == Device(
            id="air-01",
            kind="air",
            name="Balai Kota",
            latitude=3.59,
            longitude=98.67,
            area="n",
            status="retired",
            attributes={"road": "Jl. Kapten Maulana Lubis"},
            installed_by="Dinas Kominfo",
            installed_at=datetime(2026, 3, 1, 2, tzinfo=UTC),
        )
        assert (flood.address, flood.model) == ("24e124713b000001", "milesight-em500-udl")
        assert [change.who for change in registry.history("air-01")] == ["budi", "ani"]
        assert registry.key_scopes("kh_0123456789ab_first") == frozenset({"read"})
        assert registry.revision() == 4
        registry.close()
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


def test_a_migration_is_all_or_nothing(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry.open(database_url)
    registry.add(Device("a1", "air"), by="ani")
    registry.close()
    versions = tmp_path / "migrations" / "versions"
    versions.mkdir(parents=True)
    for source in database.MIGRATIONS.rglob("*.py"):
        target = versions.parent / source.relative_to(database.MIGRATIONS)
        target.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    (versions / "broken.py").write_text(BROKEN_VERSION, encoding="utf-8")
    with monkeypatch.context() as patched:
        patched.setattr(database, "MIGRATIONS", versions.parent)
        with pytest.raises(RegistryUnavailableError, match="nonsense"):
            Registry.open(database_url)
    registry = Registry.open(database_url)
    assert registry.revision() == 1
    assert "half" not in inspect(registry._database.engine).get_table_names()
    registry.close()


def test_a_newer_schema_is_left_alone(database_url: str) -> None:
    opened = Database.open(database_url)
    with opened.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    opened.close()
    with pytest.raises(RegistryUnavailableError, match=r"9999 is newer.*update kotahub"):
        Database.open(database_url)


def test_several_may_open_a_new_database_at_once(database_url: str) -> None:
    start = threading.Barrier(4)

    def open_and_add(number: int) -> int:
        start.wait()
        registry = Registry.open(database_url)
        try:
            return registry.add(Device(f"d{number}", "air"), by="ani").revision
        finally:
            registry.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(open_and_add, range(4))) == [1, 2, 3, 4]


def test_sqlite_keeps_foreign_keys_and_a_log(tmp_path: Path) -> None:
    opened = Database.open(f"sqlite:///{tmp_path}/new/folder/registry.db")
    with opened.read() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    with pytest.raises(RegistryUnavailableError, match="FOREIGN KEY"), opened.write() as connection:
        connection.execute(
            text(
                "INSERT INTO devices (id, kind, name, area, status, attributes, installed_by, "
                "revision) VALUES ('a1', 'air', '', 'nowhere', 'active', '{}', '', 1)"
            )
        )
    opened.close()


def test_a_failed_transaction_leaves_nothing(database_url: str) -> None:
    opened = Database.open(database_url)

    def fail_halfway() -> None:
        with opened.write() as connection:
            connection.execute(text("UPDATE revision SET number = 5"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway()
    with opened.read() as connection:
        assert connection.execute(text("SELECT number FROM revision")).scalar() == 0
    opened.close()


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_every_name_of_postgresql_opens_it(postgres_url: str, scheme: str) -> None:
    with pytest.raises(RegistryUnavailableError, match="does not exist"):
        Registry.open(f"{scheme}://{postgres_url.partition('://')[2].rpartition('/')[0]}/absent")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "it is no URL"),
        ("mysql+pymysql://root:hunter2@127.0.0.1/x", "sqlite:///FILE or postgresql://"),
        ("sqlite://", "sqlite:///FILE"),
        ("postgresql://hub:hunter2@127.0.0.1:1/x", "connection"),
        ("sqlite:////proc/none/registry.db", "folder /proc/none cannot be made"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_without_its_password(url: str, words: str) -> None:
    with pytest.raises(RegistryUnavailableError) as caught:
        Registry.open(url)
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)
