"""`kotahub ledger`."""

import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.cli.opened import NoJournalError
from tests.gateway.door import Door

CLI = CliRunner()


def words(*arguments: str) -> str:
    result = CLI.invoke(app, ["ledger", *arguments], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.stdout


def test_for_programs_it_is_what_the_api_says(door: Door) -> None:
    door.publish("air-01", {"pm25": 1})
    door.publish("air-01", {"pm25": "x"})
    door.publish("stray", {"pm25": 1})
    told = json.loads(words("--json"))
    assert told == door.json("/api/v1/ledger")
    assert list(told["items"][0])[:6] == [
        "device",
        "received",
        "stored",
        "quarantined",
        "duplicate",
        "pending",
    ]
    assert json.loads(words("stray", "--json")) == door.json("/api/v1/ledger", {"device": "stray"})


def test_for_people_the_last_line_is_the_total(door: Door) -> None:
    door.publish("air-01", {"pm25": 1})
    door.publish("flood-01", {"level": "high"})
    total = words().strip().splitlines()[-1].split()
    assert total[:6] == ["total", "2", "0", "1", "0", "1"]
    assert "total" not in words("air-01")


def test_pages(door: Door) -> None:
    for number in range(3):
        door.publish(f"stray-{number}", {"pm25": 1})
    first = json.loads(words("--json", "--limit", "2"))
    second = json.loads(words("--json", "--limit", "2", "--cursor", first["next"]))
    devices = [item["device"] for item in first["items"] + second["items"]]
    assert devices == ["stray-0", "stray-1", "stray-2"]
    assert second["next"] is None
    assert f"--cursor {first['next']}" in words("--limit", "2")


def test_times_are_the_citys(door: Door) -> None:
    door.publish("air-01", {"pm25": 1})
    (row,) = door.hub.journal.ledger()
    local = datetime.fromtimestamp(row.last_received_ns // 10**9, ZoneInfo("Asia/Jakarta"))
    assert f"{local:%Y-%m-%d %H:%M:%S}" in words("air-01")


def test_nothing_yet(door: Door) -> None:
    assert words("air-01").strip() == "(none)"
    assert door.hub.settings.journal_path.is_file()


def test_a_wrong_folder_is_said_and_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOTAHUB_DATA_DIR", str(tmp_path / "elsewhere"))
    result = CLI.invoke(app, ["ledger"])
    assert isinstance(result.exception, NoJournalError)
    assert "KOTAHUB_DATA_DIR" in str(result.exception)
    assert not (tmp_path / "elsewhere").exists()
