"""`kotahub maintenance`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.cli.opened import NoQualityError
from tests.gateway.api.test_quality import MAINTENANCE, play
from tests.gateway.door import Door

CLI = CliRunner()


def words(*arguments: str) -> str:
    result = CLI.invoke(app, ["maintenance", *arguments], env={"COLUMNS": "80"})
    assert result.exit_code == 0, result.output
    return result.stdout


def test_for_programs_it_is_what_the_api_says(door: Door) -> None:
    play(door, "air-01", [{"pm25": 20}, *[{"pm25": -1}] * 3], ago_min=3)
    told = json.loads(words("--json"))
    assert told == door.json(MAINTENANCE)
    assert told["items"][0]["device"] == "air-01"


def test_for_people_it_says_what_why_and_since_when(door: Door) -> None:
    assert "(none)" in words()
    play(door, "air-01", [{"pm25": 20}, *[{"pm25": -1}] * 3], ago_min=3)
    shown = " ".join(words().split())
    assert "air-01" in shown
    assert "PM2,5 terbaca -1,0 µg/m³" in shown


def test_without_a_hub_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOTAHUB_DATA_DIR", str(tmp_path))
    result = CLI.invoke(app, ["maintenance"])
    assert isinstance(result.exception, NoQualityError)
    assert "kotahub run" in str(result.exception)
    assert not (tmp_path / "quality.db").exists()
