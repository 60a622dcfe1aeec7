"""The hub's own broker: found again, started again, given logins, ended."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from devices.credentials import BrokerCredentials
from devices.errors import CredentialsUnavailableError
from gateway.broker import Broker, BrokerAddressError, HubRunningError
from gateway.broker_process import BrokerStartError, PortInUseError
from gateway.credentials import NoAdminError, OwnCredentials, open_credentials
from gateway.mosquitto import MosquittoFolder
from gateway.settings import Settings
from tests.servers import free_port, wait_until

ORPHAN = """
import asyncio, sys
from pathlib import Path
from gateway.broker import Broker
from gateway.settings import Settings

async def main():
    settings = Settings(data_dir=Path(sys.argv[1]), mqtt_bind=sys.argv[2])
    async with Broker(settings) as broker:
        print(broker.pid, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", mqtt_bind=f"127.0.0.1:{free_port()}")


async def until(ready: Callable[[], Awaitable[bool]], what: str) -> None:
    deadline = time.monotonic() + 30
    while not await ready():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def published(url: str) -> bool:
    """Whether Mosquitto's client may publish to `mqtt://user:password@host:port/topic`."""
    command = ["mosquitto_pub", "-L", url, "-q", "1", "-m", "1"]
    return subprocess.run(command, capture_output=True, check=False, timeout=15).returncode == 0


async def opens(broker: Broker, device_id: str) -> bool:
    """Whether the broker answers its admin and knows the device."""
    admin = BrokerCredentials(broker.admin_url.get_secret_value())
    try:
        return device_id in await admin.exists([device_id])
    except CredentialsUnavailableError:
        return False


def test_it_listens_when_entered_and_is_gone_afterwards(settings: Settings) -> None:
    async def main() -> int:
        async with Broker(settings) as broker:
            assert broker.pid is not None
            for url in (broker.hub_url, broker.admin_url, broker.simulator_url):
                assert url.get_secret_value().endswith(settings.mqtt_bind)
            assert not await opens(broker, "nobody")
            return broker.pid

    assert not alive(asyncio.run(main()))


def test_a_broker_that_dies_is_started_again(settings: Settings) -> None:
    async def main() -> None:
        async with Broker(settings) as broker:
            await BrokerCredentials(broker.admin_url.get_secret_value()).create(["mine"])
            first = broker.pid
            assert first is not None
            os.kill(first, signal.SIGKILL)
            await until(lambda: opens(broker, "mine"), "the broker did not come back")
            assert broker.pid != first

    asyncio.run(main())


def test_a_taken_port_is_named(settings: Settings) -> None:
    async def main() -> None:
        async with Broker(settings):
            pass

    host, _, port = settings.mqtt_bind.partition(":")
    with (
        socket.create_server((host, int(port))),
        pytest.raises(PortInUseError, match=r"in use.*KOTAHUB_MQTT_BIND"),
    ):
        asyncio.run(main())
    asyncio.run(main())


def test_a_broker_that_cannot_start_says_why(settings: Settings) -> None:
    async def main() -> None:
        async with Broker(settings):
            pass

    folder = settings.data_dir / "mosquitto" / "conf.d"
    folder.mkdir(parents=True)
    (folder / "own.conf").write_text("no_such_option 1\n")
    with pytest.raises(BrokerStartError, match="no_such_option"):
        asyncio.run(main())


@pytest.mark.parametrize("bind", ["127.0.0.1", ":1883", "127.0.0.1:0", "127.0.0.1:x", "h:65536"])
def test_an_address_is_an_address_and_a_port(bind: str, tmp_path: Path) -> None:
    with pytest.raises(BrokerAddressError, match=r"127\.0\.0\.1:1883"):
        Broker(Settings(data_dir=tmp_path, mqtt_bind=bind))


def test_a_killed_hub_finds_its_broker_running(settings: Settings) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ORPHAN, settings.data_dir, settings.mqtt_bind],
        stdout=subprocess.PIPE,
        text=True,
    ) as hub:
        assert hub.stdout is not None
        left = int(hub.stdout.readline())
        hub.kill()
    assert alive(left)

    async def main() -> None:
        async with Broker(settings) as broker:
            assert broker.pid == left
            created = await open_credentials(settings).create(["mine"])
            assert created.keys() == {"mine"}
            os.kill(left, signal.SIGKILL)
            await until(lambda: opens(broker, "mine"), "the broker did not come back")
            assert broker.pid != left

    asyncio.run(main())
    wait_until(lambda: not alive(left), "the old broker is gone")


def test_a_broker_left_on_another_port_is_ended(settings: Settings, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ORPHAN, settings.data_dir, settings.mqtt_bind],
        stdout=subprocess.PIPE,
        text=True,
    ) as hub:
        assert hub.stdout is not None
        left = int(hub.stdout.readline())
        hub.kill()
    moved = Settings(data_dir=tmp_path / "data", mqtt_bind=f"127.0.0.1:{free_port()}")

    async def main() -> None:
        async with Broker(moved) as broker:
            assert broker.pid != left
            assert not await opens(broker, "nobody")

    asyncio.run(main())
    wait_until(lambda: not alive(left), "the old broker is gone")


def test_two_hubs_do_not_share_a_folder(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.broker._HUB_LOCK_S", 0.3)

    async def main() -> None:
        async with Broker(settings):
            with pytest.raises(HubRunningError, match="KOTAHUB_DATA_DIR"):
                async with Broker(settings):
                    pass

    asyncio.run(main())


def test_logins_are_made_before_the_first_start(settings: Settings) -> None:
    logins = open_credentials(settings)
    many = [f"many-{number}" for number in range(200)]

    async def main() -> None:
        assert list(await logins.create(many)) == many
        assert await logins.exists(["many-7", "stranger"]) == {"many-7"}
        await logins.delete(["many-8", "stranger"])
        async with Broker(settings) as broker:
            assert await opens(broker, "many-7")
            assert not await opens(broker, "many-8")
            assert await logins.exists(["many-7", "many-8"]) == {"many-7"}

    asyncio.run(main())


def test_many_logins_work_when_they_are_given(settings: Settings) -> None:
    logins = open_credentials(settings)
    many = [f"many-{number}" for number in range(1000)]

    async def main() -> None:
        async with Broker(settings) as broker:
            first = broker.pid
            few = await logins.create(["few"])
            assert broker.pid == first
            passwords = await logins.create(many)
            assert broker.pid not in {first, None}
            for name, password in (*few.items(), ("many-999", passwords["many-999"])):
                url = f"mqtt://{name}:{password}@{settings.mqtt_bind}/sensors/{name}/up"
                assert await asyncio.to_thread(published, url)
                assert not await asyncio.to_thread(published, url.replace(password, "wrong"))
            await logins.delete(["many-999"])
            assert not await opens(broker, "many-999")

    asyncio.run(main())


def test_the_settings_say_whose_logins(tmp_path: Path) -> None:
    url = "mqtt://admin:secret@broker.example:1883"
    own = open_credentials(Settings(data_dir=tmp_path))
    assert isinstance(own, OwnCredentials)
    other = Settings.model_validate({"data_dir": tmp_path, "mqtt_url": url, "mqtt_admin_url": url})
    assert isinstance(open_credentials(other), BrokerCredentials)
    with pytest.raises(NoAdminError, match="KOTAHUB_MQTT_ADMIN_URL"):
        open_credentials(Settings.model_validate({"data_dir": tmp_path, "mqtt_url": url}))


def test_a_long_log_is_set_aside(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.broker._LOG_MAX_BYTES", 2000)
    folder = MosquittoFolder(settings.data_dir / "mosquitto")
    old = folder.log.with_name("mosquitto.log.1")

    async def main() -> None:
        async with Broker(settings) as broker:

            async def talked() -> bool:
                await opens(broker, "nobody")
                return old.exists()

            await until(talked, "the log was not set aside")
            assert folder.log.stat().st_size < old.stat().st_size
            size = folder.log.stat().st_size
            await opens(broker, "nobody")
            assert b"\0" not in folder.log.read_bytes()
            assert folder.log.stat().st_size > size

    asyncio.run(main())
