"""A Mosquitto whose devices have logins of their own, as the hub sets it up."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiomqtt
import pytest

from devices.simulator import sensors
from tests.devices.simulator.scene import CITY, KINDS
from tests.servers import Server, free_port, lacking

DEVICES: Final = sensors(CITY, KINDS, 8, 1)
LOGINS: Final = {device.id: (device.id, f"pw-{device.id}") for device in DEVICES}

ACL: Final = """\
user hub
topic readwrite #
user shared
topic write sensors/#
user stranger
topic read #
pattern write sensors/%u/#
"""


@dataclass
class Mosquitto:
    """A broker with the users hub, shared (may publish for all), stranger (for none), devices."""

    folder: Path
    port: int = field(default_factory=free_port)
    server: Server | None = None

    def __post_init__(self) -> None:
        users = {name: f"pw-{name}" for name in ("hub", "shared", "stranger", *LOGINS)}
        words = self.folder / "passwords"
        words.write_text("".join(f"{name}:{word}\n" for name, word in users.items()))
        words.chmod(0o600)
        subprocess.run(["mosquitto_passwd", "-U", words], check=True)
        acl = self.folder / "acl"
        acl.write_text(ACL)
        acl.chmod(0o600)
        root = "user root\n" if os.geteuid() == 0 else ""
        (self.folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous false\n{root}"
            f"password_file {words}\nacl_file {acl}\nmax_queued_messages 0\n"
        )

    def url(self, user: str) -> str:
        return f"mqtt://{user}:pw-{user}@127.0.0.1:{self.port}"

    def start(self) -> None:
        self.server = Server(
            ["mosquitto", "-c", self.folder / "mosquitto.conf"], log=self.folder / "log"
        )
        self.server.wait_until(self._listens, "Mosquitto listens")

    def stop(self) -> None:
        assert self.server is not None
        self.server.stop()

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except OSError:
            return False
        return True

    @asynccontextmanager
    async def heard(self) -> AsyncIterator["Heard"]:
        """All that is published on `sensors/#` meanwhile."""
        async with aiomqtt.Client(
            "127.0.0.1", self.port, username="hub", password="pw-hub"
        ) as client:
            await client.subscribe("sensors/#", qos=1)
            heard = Heard()
            listening = asyncio.create_task(heard.listen(client))
            try:
                yield heard
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)


class Heard:
    """Messages in the order in which they came, by topic."""

    def __init__(self) -> None:
        self.messages: dict[str, list[bytes]] = {}
        self._more = asyncio.Condition()

    async def listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            assert message.qos == 1
            async with self._more:
                self.messages.setdefault(message.topic.value, []).append(message.payload)
                self._more.notify_all()

    def count(self, leaf: str) -> int:
        return sum(len(found) for topic, found in self.messages.items() if topic.endswith(leaf))

    def last(self, device_id: str) -> bytes:
        """The last status that the device or its will told."""
        return self.messages.get(f"sensors/{device_id}/status", [b""])[-1]

    async def until(self, leaf: str, count: int) -> None:
        """Until so many messages came on topics that end so."""
        async with asyncio.timeout(30), self._more:
            await self._more.wait_for(lambda: self.count(leaf) >= count)

    async def until_all_are(self, status: bytes) -> None:
        async with asyncio.timeout(30), self._more:
            await self._more.wait_for(
                lambda: all(self.last(device.id) == status for device in DEVICES)
            )


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    if shutil.which("mosquitto") is None or shutil.which("mosquitto_passwd") is None:
        lacking("Mosquitto is not installed")
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.stop()
