"""`kotahub simulate`, as a person runs it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from devices.sheet import read_sheet
from devices.simulator import sensors
from gateway.cli import app
from gateway.cli.simulate import InvalidLoginsError, LoginsTwiceError
from tests.devices.simulator.conftest import LOGINS, Mosquitto, mosquitto
from tests.devices.simulator.scene import CITY, KINDS

__all__ = ["mosquitto"]
RUN = CliRunner()
KOTAHUB = Path(sys.executable).with_name("kotahub")


@pytest.fixture
def logins(tmp_path: Path) -> Path:
    file = tmp_path / "logins.csv"
    rows = [f"{device},{user},{word}" for device, (user, word) in LOGINS.items()]
    file.write_text("\n".join(["id,username,password", *rows]), encoding="utf-8")
    return file


def test_the_devices_are_written_as_import_reads_them(tmp_path: Path) -> None:
    file = tmp_path / "simulated.csv"
    told = RUN.invoke(app, ["simulate", "--devices", "40", "--write-devices", str(file), "--json"])
    assert json.loads(told.stdout) == {"file": str(file), "devices": 40}
    sheet = read_sheet(file.read_bytes(), ZoneInfo("Asia/Jakarta"))
    assert not sheet.faults
    read = [row.onto(None) for row in sheet.rows]
    wanted = sensors(CITY, KINDS, 40, 1)
    assert [
        (d.id, d.kind, d.latitude, {k: v for k, v in d.attributes.items() if v}) for d in read
    ] == [(d.id, d.kind, d.latitude, dict(d.attributes)) for d in wanted]


def test_a_run_of_some_seconds_tells_what_was_published(mosquitto: Mosquitto, logins: Path) -> None:
    command = ["simulate", "--devices", "8", "--speed", "60", "--duration-s", "1.5"]
    broker = ["--url", mosquitto.url("nobody"), "--logins", str(logins), "--json"]
    result = subprocess.run([KOTAHUB, *command, *broker], capture_output=True, check=True)
    told = json.loads(result.stdout)
    assert told["published"] == sum(told["by_kind"].values()) >= 8
    assert (told["refused"], told["trouble"]) == (0, None)


def test_refused_messages_make_it_fail(mosquitto: Mosquitto) -> None:
    command = ["simulate", "--devices", "2", "--speed", "60", "--duration-s", "1"]
    result = subprocess.run(
        [KOTAHUB, *command, "--url", mosquitto.url("stranger")], capture_output=True, check=False
    )
    assert result.returncode == 1
    assert b"refused: " in result.stdout
    assert b"refused: 0" not in result.stdout


def states(mosquitto: Mosquitto) -> bytes:
    """The first two states of sensors that an independent client hears."""
    login = ["-p", str(mosquitto.port), "-u", "hub", "-P", "pw-hub"]
    return subprocess.run(
        ["mosquitto_sub", *login, "-t", "sensors/+/status", "-C", "2", "-W", "30"],
        capture_output=True,
        check=True,
    ).stdout


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly_when_told(mosquitto: Mosquitto, how: signal.Signals) -> None:
    env = os.environ | {"KOTAHUB_MQTT_URL": mosquitto.url("shared")}
    with subprocess.Popen(
        [str(KOTAHUB), "simulate", "--devices", "2", "--json"], env=env, stdout=subprocess.PIPE
    ) as child:
        try:
            assert states(mosquitto) == b"online\nonline\n"
            child.send_signal(how)
            told, _ = child.communicate(timeout=30)
        finally:
            child.kill()
    assert child.returncode == 0
    assert json.loads(told)["trouble"] is None
    assert states(mosquitto) == b"offline\noffline\n"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("id,username\nsim-air-001,x\n", "column 'password' is missing"),
        ("id,username,password\n", "8 sensors are not in it, as sim-air-001"),
    ],
)
def test_a_wrong_file_of_logins_is_told(logins: Path, text: str, wanted: str) -> None:
    logins.write_text(text, encoding="utf-8")
    result = RUN.invoke(app, ["simulate", "--devices", "8", "--logins", str(logins)])
    assert isinstance(result.exception, InvalidLoginsError)
    assert wanted in str(result.exception)
    assert "columns id,username,password" in str(result.exception)


def test_logins_come_from_one_place(logins: Path) -> None:
    result = RUN.invoke(app, ["simulate", "--register", "--logins", str(logins)])
    assert isinstance(result.exception, LoginsTwiceError)
