"""A hub comes back whole, or nothing is changed; what is in the way is kept."""

import fcntl
import gzip
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from devices.registry import Registry
from gateway.backup.backup import make_backup
from gateway.backup.errors import (
    ArchiveError,
    BackupError,
    HubRunsError,
    NotEmptyError,
    RestoreError,
)
from gateway.backup.progress import Silence
from gateway.backup.restore import restore
from gateway.settings import Settings
from ingest.journal import Journal
from ingest.stores import StoreUnavailableError
from tests.gateway.backup.places import LINES, check_same, make_hub, stored, tree
from tests.gateway.backup.test_archive import foreign, info
from tests.servers import Influx


def on_duckdb(folder: Path) -> Settings:
    return Settings(data_dir=folder, store="duckdb")


def on_influxdb(folder: Path, influxd: Influx) -> Settings:
    return Settings(
        data_dir=folder,
        store="influxdb",
        influx_url=influxd.url,
        influx_token=SecretStr(influxd.token),
        influx_org=influxd.org,
        influx_bucket=influxd.bucket(),
    )


@pytest.fixture
def hub(tmp_path: Path) -> Settings:
    return on_duckdb(tmp_path / "hub")


@pytest.fixture
def key(hub: Settings) -> str:
    return make_hub(hub)


@pytest.fixture
def file(hub: Settings, key: str, tmp_path: Path) -> Path:
    """A backup of the hub."""
    del key
    return make_backup(hub, tmp_path / "backups" / "hub.tar.gz", progress=Silence()).file


def test_a_hub_comes_back(hub: Settings, key: str, file: Path, tmp_path: Path) -> None:
    other = on_duckdb(tmp_path / "other")
    done = restore(other, file, progress=Silence())
    assert (done.written.points, done.written.refused) == (601, 0)
    assert done.moved_aside == []
    assert done.notes == []
    check_same(hub, other, key)


def test_the_backup_says_what_is_in_it_and_is_its_owner_s_alone(
    hub: Settings, key: str, tmp_path: Path
) -> None:
    del key
    before = tree(hub.data_dir)
    made = make_backup(hub, tmp_path / "hub.tar.gz", progress=Silence())
    counts = made.manifest.counts
    assert (counts.devices, counts.keys, counts.points) == (2, 1, 601)
    assert (counts.received, counts.stored, counts.quarantined, counts.pending) == (
        1001,
        600,
        1,
        400,
    )
    assert stat.S_IMODE(made.file.stat().st_mode) == 0o600
    assert made.bytes == made.file.stat().st_size
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hub", "hub.tar.gz"]
    after = tree(hub.data_dir)
    # A reader of SQLite's files leaves an empty log; nothing else is there that was not.
    fresh = after.keys() - before.keys()
    assert {name for name in fresh if not name.endswith(("-wal", "-shm"))} == set()
    assert not any(after[name] for name in fresh if name.endswith("-wal"))
    assert (after["journal.db"], after["mosquitto/mosquitto.db"]) == (
        before["journal.db"],
        before["mosquitto/mosquitto.db"],
    )


def test_readings_may_stay_out(hub: Settings, key: str, tmp_path: Path) -> None:
    made = make_backup(hub, tmp_path / "a.tar.gz", progress=Silence(), readings=False)
    assert made.manifest.left_out == ["readings: not asked for"]
    other = on_duckdb(tmp_path / "other")
    done = restore(other, made.file, progress=Silence())
    assert done.notes == ["not in the backup: readings: not asked for"]
    assert stored(other) == []
    with Journal.open(other.journal_path) as journal:
        assert journal.totals().received == 1001
    del key


@pytest.mark.parametrize("way", ["to influxdb", "from influxdb"])
def test_it_moves_between_stores(way: str, influxd: Influx, tmp_path: Path) -> None:
    duckdb = on_duckdb(tmp_path / "duckdb")
    influxdb = on_influxdb(tmp_path / "influxdb", influxd)
    source, target = (duckdb, influxdb) if way == "to influxdb" else (influxdb, duckdb)
    make_hub(source)
    made = make_backup(source, tmp_path / "a.tar.gz", progress=Silence())
    done = restore(target, made.file, progress=Silence())
    assert (done.written.points, done.written.refused) == (601, 0)
    assert len(stored(target)) == 601
    numbers = {line.replace(b".0", b"") for line in stored(source)}
    assert {line.replace(b".0", b"") for line in stored(target)} == numbers


def test_a_registry_on_postgresql(postgres: Callable[[], str], tmp_path: Path) -> None:
    database = postgres.database  # type: ignore[attr-defined]
    one = Settings(data_dir=tmp_path / "one", database_url=SecretStr(database()))
    key = make_hub(one)
    made = make_backup(one, tmp_path / "a.tar.gz", progress=Silence())
    other = Settings(data_dir=tmp_path / "other", database_url=SecretStr(database()))
    restore(other, made.file, progress=Silence())
    check_same(one, other, key)
    third = Settings(data_dir=tmp_path / "third", database_url=other.database_url)
    with pytest.raises(NotEmptyError, match="KOTAHUB_DATABASE_URL"):
        restore(third, made.file, progress=Silence())
    done = restore(third, made.file, progress=Silence(), force=True)
    (aside,) = done.moved_aside
    assert b"air-01" in (aside / "registry.jsonl").read_bytes()
    check_same(one, third, key)


def test_no_hub_is_overwritten_unless_it_is_said(
    hub: Settings, key: str, file: Path, tmp_path: Path
) -> None:
    other = on_duckdb(tmp_path / "other")
    make_hub(other)
    (other.data_dir / "mine").write_text("mine", encoding="utf-8")
    before = tree(other.data_dir)
    with pytest.raises(NotEmptyError, match="--force") as caught:
        restore(other, file, progress=Silence())
    assert "derived.db" in caught.value.found[1]
    locks = {"journal.db.lock", "mosquitto/hub.lock", "mosquitto/broker.lock"}
    after = tree(other.data_dir)
    assert {name: body for name, body in after.items() if name not in locks} == {
        name: body for name, body in before.items() if name not in locks
    }
    done = restore(other, file, progress=Silence(), force=True)
    check_same(hub, other, key)
    assert not (other.data_dir / "mine").exists()
    kept: dict[str, bytes] = {}
    for aside in done.moved_aside:
        kept |= tree(aside)
    assert kept["mine"] == b"mine"
    assert kept["journal.db"] == before["journal.db"]
    assert kept["dynamic-security.json"] == before["mosquitto/dynamic-security.json"]
    again = make_backup(other, tmp_path / "again.tar.gz", progress=Silence())
    assert not any("before-restore" in part.name for part in again.manifest.parts)


def test_a_bucket_with_readings_is_not_added_to_unless_it_is_said(
    influxd: Influx, tmp_path: Path
) -> None:
    one = on_influxdb(tmp_path / "one", influxd)
    make_hub(one)
    made = make_backup(one, tmp_path / "a.tar.gz", progress=Silence())
    other = one.model_copy(update={"data_dir": tmp_path / "other"})
    with pytest.raises(NotEmptyError, match="holds readings"):
        restore(other, made.file, progress=Silence())
    before = stored(one)
    restore(other, made.file, progress=Silence(), force=True)
    assert stored(other) == before


def test_an_archive_that_is_damaged_changes_nothing(file: Path, tmp_path: Path) -> None:
    body = bytearray(gzip.decompress(file.read_bytes()))
    body[body.index(LINES[300])] ^= 1
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(gzip.compress(body))
    other = on_duckdb(tmp_path / "other")
    with pytest.raises(ArchiveError, match="Nothing was changed") as caught:
        restore(other, broken, progress=Silence())
    assert caught.value.part == "readings/00000001.lp"
    broken.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ArchiveError, match="Nothing was changed"):
        restore(other, broken, progress=Silence())
    assert not other.data_dir.exists()


def test_a_hub_that_runs_is_left_alone(file: Path, tmp_path: Path) -> None:
    other = on_duckdb(tmp_path / "other")
    with Journal.open(other.journal_path), pytest.raises(HubRunsError, match="Stop every kotahub"):
        restore(other, file, progress=Silence(), force=True)
    broker = other.data_dir / "mosquitto"
    broker.mkdir()
    with (broker / "broker.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(HubRunsError, match="Mosquitto uses"):
            restore(other, file, progress=Silence(), force=True)
    assert stored_nothing(other)


def stored_nothing(settings: Settings) -> bool:
    return not (settings.data_dir / "registry.db").exists()


def test_an_interrupted_restore_goes_on(
    hub: Settings, key: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends at each rename in turn, as if the power went; the last time it comes to its end."""
    other = on_duckdb(tmp_path / "other")
    rename = Path.rename
    for stop in range(1, 30):
        left = stop

        def cut(path: Path, target: Path) -> Path:
            nonlocal left
            left -= 1
            if left == 0:
                raise OSError(5, "the power went", str(path))
            return rename(path, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", cut)
            try:
                restore(other, file, progress=Silence())
            except RestoreError:
                continue
            break
    else:
        pytest.fail("it never came to its end")
    assert stop > 5
    check_same(hub, other, key)


def test_a_store_that_is_away_leaves_a_restore_that_goes_on(
    hub: Settings, key: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del hub, key
    monkeypatch.setattr("gateway.backup.readings._TRIES", 1)
    other = Settings(data_dir=tmp_path / "other", store="influxdb", influx_url="http://127.0.0.1:1")
    for force in (False, True):
        with pytest.raises(StoreUnavailableError):
            restore(other, file, progress=Silence(), force=force)
        assert stored_nothing(other)


@pytest.mark.parametrize(
    "name",
    ["files/../../x", "files/journal.db", "files/.restoring/x", "broker/hub.lock", "other/x", "x"],
)
def test_no_name_leads_out_of_the_folders(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    """Even where the manifest knows it: names are looked at again before a file is made."""
    evil = foreign(tmp_path / "evil.tar.gz", info(f"kotahub-backup-1/{name}"))
    manifest = make_backup_manifest(file)
    monkeypatch.setattr("gateway.backup.restore.check", lambda *_: manifest)
    other = on_duckdb(tmp_path / "deep" / "other")
    with pytest.raises(ArchiveError, match="no hub keeps a file of that name"):
        restore(other, evil, progress=Silence())
    outside = [path for path in tmp_path.rglob("x") if ".restoring" not in path.parts]
    assert outside == []


def make_backup_manifest(file: Path) -> object:
    from gateway.backup.archive import check  # noqa: PLC0415 - before the test replaces it

    return check(file, Silence())


def test_settings_that_differ_are_told(
    hub: Settings, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del key
    city = tmp_path / "bandung"
    city.mkdir()
    (city / "areas.geojson").write_text("{}", encoding="utf-8")
    config = tmp_path / "kotahub.toml"
    config.write_text('timezone = "Asia/Makassar"\n', encoding="utf-8")
    monkeypatch.setenv("KOTAHUB_CONFIG", str(config))
    there = hub.model_copy(update={"city": str(city), "timezone": "Asia/Makassar"})
    made = make_backup(there, tmp_path / "a.tar.gz", progress=Silence())
    other = on_duckdb(tmp_path / "other").model_copy(update={"timezone": "Asia/Jakarta"})
    done = restore(other, made.file, progress=Silence())
    words = "\n".join(done.notes)
    assert f"KOTAHUB_CITY was '{city}' in the backed-up hub and is 'medan' here" in words
    assert "KOTAHUB_TIMEZONE was 'Asia/Makassar'" in words
    kept = other.data_dir / "settings-from-backup"
    assert str(kept) in words
    assert tree(kept).keys() == {"kotahub.toml", "city/areas.geojson"}
    again = make_backup(other, tmp_path / "b.tar.gz", progress=Silence())
    assert not any("settings-from-backup" in part.name for part in again.manifest.parts)


def test_a_broker_of_its_own(hub: Settings, key: str, tmp_path: Path) -> None:
    del key
    broker = tmp_path / "broker"
    (hub.data_dir / "mosquitto").rename(broker)
    lost = make_backup(hub, tmp_path / "lost.tar.gz", progress=Silence())
    (words,) = lost.manifest.left_out
    assert "--broker" in words
    made = make_backup(hub, tmp_path / "a.tar.gz", progress=Silence(), broker_folder=broker)
    assert made.manifest.left_out == []
    other = on_duckdb(tmp_path / "other")
    restore(other, made.file, progress=Silence(), broker_folder=tmp_path / "new")
    assert not (other.data_dir / "mosquitto").exists()
    locks = {"hub.lock", "broker.lock", "broker.pid"}
    assert tree(tmp_path / "new").keys() - locks == tree(broker).keys() - locks
    assert (tmp_path / "new" / "conf.d").is_dir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to somebody else")
def test_root_gives_the_files_to_their_owner(hub: Settings, key: str, tmp_path: Path) -> None:
    del key
    for folder in (hub.data_dir, hub.data_dir / "mosquitto"):
        shutil.chown(folder, "nobody")
    made = make_backup(hub, tmp_path / "a.tar.gz", progress=Silence())
    assert made.manifest.owners == {"data": "nobody", "broker": "nobody"}
    other = on_duckdb(tmp_path / "other")
    restore(other, made.file, progress=Silence())
    owners = {path: path.owner() for path in (other.data_dir, *other.data_dir.rglob("*"))}
    assert len(owners) > 10
    assert set(owners.values()) == {"nobody"}


@pytest.mark.parametrize("where", ["hub/inside.tar.gz", "there.tar.gz"])
def test_a_place_that_is_no_place_for_a_backup(
    where: str, hub: Settings, key: str, tmp_path: Path
) -> None:
    del key
    (tmp_path / "there.tar.gz").write_text("older", encoding="utf-8")
    with pytest.raises(BackupError):
        make_backup(hub, tmp_path / where, progress=Silence())
    assert (tmp_path / "there.tar.gz").read_text(encoding="utf-8") == "older"


def test_where_there_is_no_hub_there_is_no_backup(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="There is no hub"):
        make_backup(on_duckdb(tmp_path), tmp_path / "a" / "b.tar.gz", progress=Silence())
    assert list(tmp_path.iterdir()) == []


def test_a_backup_that_fails_leaves_nothing(
    hub: Settings, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del key

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "x")

    monkeypatch.setattr("gateway.backup.backup.export_registry", full)
    with pytest.raises(BackupError, match="No space left"):
        make_backup(hub, tmp_path / "backups" / "a.tar.gz", progress=Silence())
    assert list((tmp_path / "backups").iterdir()) == []


def test_another_schema_is_refused_before_anything_is_changed(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.backup.restore.schema_revision", lambda: "9999")
    with pytest.raises(RestoreError, match="restore with kotahub"):
        restore(on_duckdb(tmp_path / "other"), file, progress=Silence())
    assert not (tmp_path / "other").exists()


def test_an_empty_registry_can_be_asked_after_a_restore(file: Path, tmp_path: Path) -> None:
    other = on_duckdb(tmp_path / "other")
    restore(other, file, progress=Silence())
    registry = Registry.open(other.registry_url)
    assert [device.id for device in registry.devices()] == ["air-01", "lot-1"]
    registry.close()
