"""The login that an installer is shown, used as it is shown."""

import json
import shlex
import subprocess
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from devices.errors import UnknownDeviceError
from gateway.cli.credentials import credentials
from gateway.cli.devices import app as devices
from gateway.credentials import NoAdminError
from tests.brokers import MosquittoServer

app = typer.Typer()
app.command()(credentials)


@pytest.fixture(autouse=True)
def _registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOTAHUB_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(devices, ["add", "flood-01", "--kind", "flood"]).exit_code == 0


def use(broker: MosquittoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOTAHUB_MQTT_URL", broker.hub_url)
    monkeypatch.setenv("KOTAHUB_MQTT_ADMIN_URL", broker.admin_url)
    if broker.ca_file is not None:
        monkeypatch.setenv("KOTAHUB_MQTT_CA_FILE", str(broker.ca_file))


@pytest.mark.parametrize("kind", ["broker", "tls_broker"])
def test_the_example_publishes_a_reading(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker: MosquittoServer = request.getfixturevalue(kind)
    use(broker, monkeypatch)
    shown = CliRunner().invoke(app, ["flood-01"]).stdout
    [line] = [line for line in shown.splitlines() if line.startswith("mosquitto_pub")]
    tried = subprocess.run(
        [*shlex.split(line), "-V", "mqttv5", "-d"], capture_output=True, text=True, check=False
    )
    assert tried.returncode == 0
    assert "RC:135" not in tried.stdout
    assert json.loads(shlex.split(line)[-1]) == {"level": 1.0}


def test_a_program_gets_the_same(broker: MosquittoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    use(broker, monkeypatch)
    shown = json.loads(CliRunner().invoke(app, ["flood-01", "--json"]).stdout)
    password = shown.pop("password")
    assert shown == {
        "id": "flood-01",
        "host": "127.0.0.1",
        "port": broker.port,
        "tls": False,
        "ca": None,
        "username": "flood-01",
        "topic": "sensors/flood-01/up",
    }
    assert broker.publish(("flood-01", password), shown["topic"], "1").returncode == 0


def test_the_hubs_own_broker_is_named_before_it_was_ever_started() -> None:
    shown = json.loads(CliRunner().invoke(app, ["flood-01", "--json"]).stdout)
    assert (shown["host"], shown["port"]) == ("127.0.0.1", 1883)
    assert shown["password"]


def test_who_asks_for_too_much_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(CliRunner().invoke(app, ["nobody"]).exception, UnknownDeviceError)
    monkeypatch.setenv("KOTAHUB_MQTT_URL", "mqtt://127.0.0.1:1")
    assert isinstance(CliRunner().invoke(app, ["flood-01"]).exception, NoAdminError)


def test_sensors_are_shown_the_name_that_they_know(
    broker: MosquittoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(broker, monkeypatch)
    monkeypatch.setenv("KOTAHUB_MQTT_PUBLIC_HOST", "mqtt.medan.example")
    shown = CliRunner().invoke(app, ["flood-01"]).stdout
    assert "mosquitto_pub -h mqtt.medan.example -p" in shown
