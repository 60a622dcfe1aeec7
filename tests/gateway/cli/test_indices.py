"""`kotahub indices`, with the store to itself and through a running hub."""

import asyncio
import json
import os
import subprocess
import sys
import time
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from devices.errors import UnknownDeviceError
from gateway.api.app import create_app
from gateway.cli import app
from gateway.running import Running, write_running
from gateway.server import serve
from ingest.derived.measurements import AIR_INDEX, FLOOD_LEVEL, point
from ingest.derived.touched import Touched
from tests.gateway.door import Door, opened_door

CLI = CliRunner()
AT = 1_769_821_200_000_000_000
"""2026-01-31T01:00:00Z"""


def fill(door: Door) -> None:
    air = {"ispu": 84, "ispu_category": 2, "aqi_category": 0, "pm25_hours": 24, "pm25_ispu": 84}
    lines = [
        point(AIR_INDEX, air, device="air-01", area=None, time_ns=AT),
        point(FLOOD_LEVEL, {"level": 1.5, "siaga": 3}, device="flood-01", area=None, time_ns=AT),
    ]
    assert door.run(door.hub.store.write(lines)) == {}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data of a hub that has stopped."""
    monkeypatch.setenv("KOTAHUB_DATA_DIR", str(tmp_path))
    with opened_door(tmp_path) as door:
        fill(door)
    return tmp_path


def words(*arguments: str) -> str:
    result = CLI.invoke(app, ["indices", *arguments], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.usefixtures("folder")
def test_people_see_both_languages_and_local_time() -> None:
    shown = words("air-01")
    assert "value: 84" in shown
    assert "id: Sedang" in shown
    assert "en: Moderate" in shown
    assert "decided by: pm25" in shown
    assert "2026-01-31 08:00:00" in shown
    assert "en: not enough data: NowCast needs 2 of the last 3 hours" in shown


@pytest.mark.usefixtures("folder")
def test_for_programs() -> None:
    answer: Any = json.loads(words("air-01", "--json"))
    assert answer["next"] is None
    assert [item["index"] for item in answer["items"]] == ["ispu", "aqi"]
    assert answer["items"][0]["time"] == "2026-01-31T01:00:00Z"


def test_thresholds_come_from_the_data_folder(folder: Path) -> None:
    (folder / "gauges.toml").write_text(
        "[[gauges.flood-01.versions]]\nvalid_from = 2020-01-01\n"
        "siaga3_m = 1.0\nsiaga2_m = 2.0\nsiaga1_m = 3.0\n"
    )
    shown = words("flood-01")
    assert "id: Waspada (Siaga III)" in shown
    assert "siaga2_m 2" in shown


def test_days_are_computed_again(folder: Path) -> None:
    today = datetime.now(ZoneInfo("Asia/Jakarta")).date()
    words("flood-01", "--again-since", (today - timedelta(days=2)).isoformat())
    with closing(Touched.open(folder / "derived.db")) as touched:
        found = touched.take(1000)
    assert set(found.by_device) == {"flood-01"}
    begins = sorted(found.by_device["flood-01"])
    assert 2 * 96 <= len(begins) <= 3 * 96
    assert datetime.fromtimestamp(begins[0] / 1e9, ZoneInfo("Asia/Jakarta")).isoformat() == (
        f"{today - timedelta(days=2)}T00:00:00+07:00"
    )
    assert begins[-1] <= time.time_ns() < begins[-1] + 900 * 10**9


@pytest.mark.usefixtures("folder")
def test_a_device_that_is_unknown() -> None:
    result = CLI.invoke(app, ["indices", "air-99"])
    assert isinstance(result.exception, UnknownDeviceError)


def test_a_running_hub_is_asked(door: Door) -> None:
    fill(door)
    command = [sys.executable, "-c", "from gateway.cli import main; main()", "indices", "air-01"]

    async def run() -> subprocess.CompletedProcess[str]:
        async with serve(create_app(door.hub), "127.0.0.1:0") as url:
            running = Running(pid=os.getpid(), url=url, key="local-key")
            write_running(door.hub.settings.data_dir, running)
            return await asyncio.to_thread(
                lambda: subprocess.run(
                    command, capture_output=True, text=True, check=False, timeout=60
                )
            )

    result = door.run(run())
    assert result.stderr == ""
    assert "value: 84" in result.stdout
