"""Which files belong to a hub, and which names lead out of its folders."""

from pathlib import Path

import pytest

from gateway.backup.folder import files, is_broker, is_data


@pytest.mark.parametrize(
    "name",
    [
        "kinds/parking.toml",
        "models/acme.toml",
        "gauges.toml",
        "grafana.token",
        "dashboards/20261124.patch",
        "journal.db.damaged-20261124T092209Z",
        "a b/ç.txt",
    ],
)
def test_the_city_s_own_files_are_kept(name: str) -> None:
    assert is_data(name)


@pytest.mark.parametrize(
    "name",
    [
        "journal.db",
        "journal.db-wal",
        "journal.db.lock",
        "journal.db.salvaging.begun",
        "registry.db-shm",
        "quality.db",
        "derived.db",
        "readings.duckdb",
        "readings.duckdb.wal",
        "readings.duckdb.tmp/block",
        "hub.json",
        "hub.4711",
        "ingest.json",
        ".restoring/journal.db",
        "before-restore-20261124T092209Z/journal.db",
        "settings-from-backup/kotahub.toml",
    ],
)
def test_databases_and_what_a_process_needs_are_not_kept_as_files(name: str) -> None:
    assert not is_data(name)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "/etc/passwd", "a/../../x", "a/..", "a//b", "./a", "a/", "a\0b"],
)
def test_a_name_that_leads_elsewhere_is_none(name: str) -> None:
    assert not is_data(name)
    assert not is_broker(name)


def test_the_broker_s_own_files_are_kept() -> None:
    kept = ("dynamic-security.json", "secrets.json", "ca.key", "conf.d/own.conf", "mosquitto.db")
    assert all(map(is_broker, kept))
    running = ("broker.pid", "hub.lock", "broker.lock", "mosquitto.log", "mosquitto.log.1")
    assert not any(map(is_broker, (*running, "mosquitto.db.new", "dynamic-security.json.new")))


def test_files_are_listed_without_a_folder_and_without_links_to_folders(tmp_path: Path) -> None:
    for name in ("b/x", "a", "c/d/y", "mosquitto/z"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to(tmp_path / "c")
    (tmp_path / "linked").symlink_to(tmp_path / "a")
    assert list(files(tmp_path, without=tmp_path / "mosquitto")) == ["a", "linked", "b/x", "c/d/y"]
