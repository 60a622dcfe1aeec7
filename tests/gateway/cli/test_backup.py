"""What the two commands print, and that they find the hub of the settings."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from gateway.backup.errors import ArchiveError, NotEmptyError
from gateway.cli.backup import backup, restore
from gateway.settings import Settings
from tests.gateway.backup.places import check_same, make_hub

app = typer.Typer()
app.command("backup")(backup)
app.command("restore")(restore)


@pytest.fixture(autouse=True)
def _settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOTAHUB_DATA_DIR", str(tmp_path / "hub"))
    monkeypatch.setenv("KOTAHUB_STORE", "duckdb")
    monkeypatch.chdir(tmp_path)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_there_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Settings()
    key = make_hub(hub)
    file = tmp_path / "hub.tar.gz"
    made = json.loads(run("backup", file, "--json").stdout)
    assert (made["devices"], made["received"], made["pending"], made["points"]) == (
        2,
        1001,
        400,
        601,
    )
    assert (made["bytes"], made["notes"]) == (file.stat().st_size, [])
    checked = json.loads(run("restore", file, "--check", "--json").stdout)
    assert {name: made[name] for name in checked} == checked
    refused = run("restore", file)
    assert isinstance(refused.exception, NotEmptyError)

    monkeypatch.setenv("KOTAHUB_DATA_DIR", str(tmp_path / "other"))
    done = json.loads(run("restore", file, "--json").stdout)
    assert (done["points_written"], done["points_refused"], done["moved_aside"]) == (601, 0, [])
    check_same(hub, Settings(), key)
    again = run("restore", file, "--force")
    assert "before-restore-" in again.stdout
    assert "Start it with: kotahub run" in again.stdout
    check_same(hub, Settings(), key)


def test_people_are_told_what_is_not_in_it(tmp_path: Path) -> None:
    make_hub(Settings())
    said = run("backup", tmp_path / "hub.tar.gz", "--no-readings")
    assert said.exit_code == 0
    assert "Note: not in the backup: readings" in said.stderr
    assert "received: 1001" in said.stdout


def test_a_check_of_a_damaged_archive_fails(tmp_path: Path) -> None:
    file = tmp_path / "hub.tar.gz"
    make_hub(Settings())
    assert run("backup", file).exit_code == 0
    file.write_bytes(file.read_bytes()[:-20])
    assert isinstance(run("restore", file, "--check").exception, ArchiveError)
