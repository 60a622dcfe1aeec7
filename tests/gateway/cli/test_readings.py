"""`kotahub readings`, with the store to itself and through a running hub."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from devices.errors import UnknownDeviceError
from gateway.api.app import create_app
from gateway.cli import app
from gateway.errors import InvalidParameterError
from gateway.running import Running, write_running
from gateway.server import serve
from tests.gateway.door import Door, opened_door

CLI = CliRunner()
WINDOW = ["--start", "2026-01-31T01:00:00Z", "--stop", "2026-01-31T02:00:00Z"]


def invoke(*arguments: str) -> Result:
    return CLI.invoke(app, ["readings", *arguments], env={"COLUMNS": "200"})


def words(*arguments: str) -> str:
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def told(*arguments: str) -> Any:
    return json.loads(words(*arguments, "--json"))


def publish(door: Door) -> None:
    for minute, value in enumerate((10.26, -3, None, 12.5)):
        door.publish(
            "air-01", {"time": f"2026-01-31T01:0{minute}:00Z", "pm25": value, "battery": 88}
        )
    door.publish(
        "traffic-01",
        [
            {"time": "2026-01-31T01:00:00Z", "channel": lane, "volume": 3}
            for lane in ("inbound", "outbound")
        ],
    )
    now = datetime.now(UTC)
    for minutes in (90, 10):
        door.publish("air-01", {"time": (now - timedelta(minutes=minutes)).isoformat(), "pm25": 1})
    door.deliver()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data of a hub that has stopped."""
    monkeypatch.setenv("KOTAHUB_DATA_DIR", str(tmp_path))
    with opened_door(tmp_path) as door:
        publish(door)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_for_programs_newest_first() -> None:
    answer = told("air-01", *WINDOW)
    assert answer["next"] is None
    assert answer["items"][0] == {
        "time": "2026-01-31T01:03:00Z",
        "pm25": 12.5,
        "pm25_qc": 1,
        "battery": 88.0,
    }
    assert len(answer["items"]) == 4


@pytest.mark.usefixtures("folder")
def test_the_last_hour_by_default() -> None:
    assert len(told("air-01")["items"]) == 1
    assert len(told("air-01", "--last", "2h")["items"]) == 2


@pytest.mark.usefixtures("folder")
def test_people_see_local_time_units_and_marks() -> None:
    shown = words("air-01", *WINDOW)
    assert "pm25 µg/m³" in shown
    assert "2026-01-31 08:00:00" in shown
    assert "10.3" in shown
    assert "-3.0!" in shown
    assert "cannot be true" in shown
    assert "channel" not in shown
    assert "inbound" in words("traffic-01", *WINDOW)


@pytest.mark.usefixtures("folder")
def test_one_channel() -> None:
    items = told("traffic-01", *WINDOW, "--channel", "outbound")["items"]
    assert [item["channel"] for item in items] == ["outbound"]


@pytest.mark.usefixtures("folder")
def test_pages() -> None:
    first = told("air-01", *WINDOW, "--limit", "3")
    second = told("air-01", *WINDOW, "--limit", "3", "--cursor", first["next"])
    assert first["items"] + second["items"] == told("air-01", *WINDOW)["items"]
    assert second["next"] is None


@pytest.mark.usefixtures("folder")
def test_a_device_that_is_unknown() -> None:
    assert isinstance(invoke("air-99").exception, UnknownDeviceError)


@pytest.mark.usefixtures("folder")
def test_a_wrong_window_is_named() -> None:
    error = invoke("air-01", "--last", "soon").exception
    assert isinstance(error, InvalidParameterError)
    assert error.field == "last"


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as a process of its own, which DuckDB keeps out of an open file."""
    return subprocess.run(
        [sys.executable, "-c", "from gateway.cli import main; main()", "readings", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def beside(door: Door, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command while the hub runs in this process."""

    async def run() -> subprocess.CompletedProcess[str]:
        async with serve(create_app(door.hub), "127.0.0.1:0") as url:
            running = Running(pid=os.getpid(), url=url, key="local-key")
            write_running(door.hub.settings.data_dir, running)
            return await asyncio.to_thread(command, *arguments)

    return door.run(run())


def test_a_running_hub_is_asked(door: Door) -> None:
    publish(door)
    result = beside(door, "air-01", *WINDOW, "--limit", "2", "--json")
    assert result.stderr == ""
    answer = json.loads(result.stdout)
    assert [item["time"] for item in answer["items"]] == [
        "2026-01-31T01:03:00Z",
        "2026-01-31T01:02:00Z",
    ]
    assert answer["next"]


def test_a_running_hubs_no_is_told(door: Door) -> None:
    result = beside(door, "air-01", "--last", "soon")
    assert result.returncode == 1
    assert "last: 'soon' is not a duration" in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr


def test_a_hub_that_was_killed_is_no_hindrance(folder: Path) -> None:
    # Its process id belongs to another program by now, and nobody listens at its address.
    write_running(folder, Running(pid=os.getpid(), url="http://127.0.0.1:1", key="k"))
    assert len(told("air-01", *WINDOW)["items"]) == 4


def test_a_file_that_is_in_use_says_so(door: Door) -> None:
    assert door.hub.settings.duckdb_path.is_file()
    result = command("air-01")
    assert result.returncode == 1
    assert "readings.duckdb" in result.stderr
    assert "Traceback" not in result.stderr
