"""The registry comes back row by row, on whichever database."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devices.area import Area
from devices.device import Device
from devices.registry import Registry
from gateway.backup.errors import RestoreError
from gateway.backup.progress import Silence
from gateway.backup.registry import export_registry, import_registry, is_empty, schema_revision

SQUARE = (((98.6, 3.5), (98.7, 3.5), (98.7, 3.6), (98.6, 3.6), (98.6, 3.5)),)
DEVICES = [
    Device(
        "air-01",
        "air",
        name="Lapangan Merdeka ✓",
        latitude=3.5906123456789,
        longitude=98.6786,
        attributes={"river": "Deli", "Ω": "1"},
        installed_by="ani",
        installed_at=datetime(2026, 1, 31, 8, 0, 0, 123456, tzinfo=UTC),
    ),
    Device("b-2", "flood", address="A84041FFFF123456", status="maintenance"),
]


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes addresses of empty databases."""
    if request.param == "sqlite":
        numbers = iter(range(10))
        return lambda: f"sqlite:///{tmp_path / f'{next(numbers)}.db'}"
    database: Callable[[], str] = request.getfixturevalue("postgres").database
    return database


def fill(url: str) -> str:
    """A registry with something of everything; returns a key."""
    with closing(Registry.open(url)) as registry:
        registry.set_areas([Area("12.71.01", "Medan Kota", (SQUARE,))])
        registry.add_many(DEVICES, by="tests")
        registry.retire("b-2", by="tests")
        revoked = registry.create_key("old", ["admin"])
        registry.revoke_key(revoked.split("_")[1])
        return registry.create_key("reader", ["read"])


def contents(url: str) -> list[object]:
    with closing(Registry.open(url)) as registry:
        return [
            registry.revision(),
            registry.areas(),
            registry.devices(),
            registry.keys(),
            registry.history("b-2"),
        ]


def moved(source: str, target: str, file: Path) -> None:
    export_registry(source, file, Silence())
    with file.open("rb") as rows:
        import_registry(target, rows, Silence())


def test_everything_comes_back(new_url: Callable[[], str], tmp_path: Path) -> None:
    source, target = new_url(), new_url()
    assert is_empty(target)
    key = fill(source)
    assert not is_empty(source)
    exported = export_registry(source, tmp_path / "rows", Silence())
    assert exported == (2, 2)
    moved(source, target, tmp_path / "rows")
    assert contents(target) == contents(source)
    with closing(Registry.open(target)) as registry:
        assert registry.key_scopes(key) == frozenset({"read"})
        # The audit's numbers go on where they were.
        registry.add(Device("c-3", "air"), by="tests")
        assert len(registry.history("c-3")) == 1


def test_it_moves_between_databases(
    new_url: Callable[[], str], postgres_url: str, tmp_path: Path
) -> None:
    source = new_url()
    fill(source)
    moved(source, postgres_url, tmp_path / "rows")
    back = f"sqlite:///{tmp_path / 'back.db'}"
    moved(postgres_url, back, tmp_path / "rows")
    assert contents(back) == contents(source) == contents(postgres_url)


def test_what_was_there_goes_and_a_refusal_changes_nothing(
    new_url: Callable[[], str], tmp_path: Path
) -> None:
    source, target = new_url(), new_url()
    fill(source)
    with closing(Registry.open(target)) as registry:
        registry.add(Device("other", "air"), by="tests")
    before = contents(target)
    export_registry(source, tmp_path / "rows", Silence())
    rows = (tmp_path / "rows").read_bytes().splitlines(keepends=True)
    (tmp_path / "broken").write_bytes(b"".join([*rows, rows[-1]]))
    with (tmp_path / "broken").open("rb") as lines, pytest.raises(RestoreError, match="refuses"):
        import_registry(target, lines, Silence())
    assert contents(target) == before
    with (tmp_path / "rows").open("rb") as lines:
        import_registry(target, lines, Silence())
    assert contents(target) == contents(source)


def test_many_rows_come_in_batches(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, new_url: Callable[[], str]
) -> None:
    monkeypatch.setattr("gateway.backup.registry._ROWS", 7)
    source, target = new_url(), new_url()
    with closing(Registry.open(source)) as registry:
        registry.add_many([Device(f"d-{n:03d}", "air") for n in range(50)], by="tests")
    moved(source, target, tmp_path / "rows")
    assert contents(target) == contents(source)


def test_the_schema_is_that_of_every_opened_registry() -> None:
    assert schema_revision()
