"""Devices get in with the passwords that commands give, against a real Mosquitto."""

import asyncio
import csv
import json
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiomqtt
import pytest
from typer.testing import CliRunner, Result

from gateway.broker import Broker
from gateway.cli.devices import app
from gateway.settings import Settings
from tests.servers import free_port

SHEET = "id,kind,model,name,latitude,longitude\n" + "".join(
    f"air-{number:02},air,,,,\n" for number in range(40)
)


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("KOTAHUB_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("KOTAHUB_MQTT_BIND", f"127.0.0.1:{free_port()}")
    monkeypatch.chdir(tmp_path)
    return Settings()


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result


def import_sheet(sheet: str, passwords: str) -> dict[str, str]:
    """Imports with credentials and returns what the new file says."""
    Path("list.csv").write_text(sheet, encoding="utf-8")
    told = json.loads(run("import", "list.csv", "--credentials", passwords, "--json").stdout)
    path = Path(passwords)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with path.open(encoding="utf-8", newline="") as file:
        made = {row["id"]: row["password"] for row in csv.DictReader(file)}
    assert told["logins"] == len(made)
    return made


async def opens(settings: Settings, username: str, password: str) -> bool:
    """Whether the broker lets a device in that says its status."""
    host, _, port = settings.mqtt_bind.partition(":")
    try:
        async with aiomqtt.Client(
            host,
            int(port),
            username=username,
            password=password,
            protocol=aiomqtt.ProtocolVersion.V5,
        ) as client:
            await client.publish(f"sensors/{username}/status", "online", qos=1)
    except aiomqtt.MqttError:
        return False
    return True


def with_broker(settings: Settings, scenario: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        async with Broker(settings):
            await scenario()

    asyncio.run(main())


def test_imported_devices_get_in_and_retired_ones_no_more(settings: Settings) -> None:
    async def scenario() -> None:
        passwords = await asyncio.to_thread(import_sheet, SHEET, "new.csv")
        assert len(passwords) == 40
        assert await opens(settings, "air-00", passwords["air-00"])
        assert await opens(settings, "air-39", passwords["air-39"])
        assert not await opens(settings, "air-00", passwords["air-39"])

        again = await asyncio.to_thread(import_sheet, SHEET + "air-40,air,,,,\n", "more.csv")
        assert list(again) == ["air-40"]
        assert await opens(settings, "air-00", passwords["air-00"])

        told = await asyncio.to_thread(run, "credentials", "air-00", "--json")
        assert not await opens(settings, "air-00", passwords["air-00"])
        assert await opens(settings, "air-00", json.loads(told.stdout)["password"])

        await asyncio.to_thread(run, "retire", "air-01")
        assert not await opens(settings, "air-01", passwords["air-01"])
        third = await asyncio.to_thread(import_sheet, SHEET, "third.csv")
        assert third == {}

    with_broker(settings, scenario)


def test_devices_imported_before_the_broker_first_starts_get_in(settings: Settings) -> None:
    passwords = import_sheet(SHEET, "new.csv")
    assert len(passwords) == 40

    async def scenario() -> None:
        assert await opens(settings, "air-07", passwords["air-07"])

    with_broker(settings, scenario)
