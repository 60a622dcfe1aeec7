"""Real Mosquitto for tests: made by the hub's own code, on a free port of 127.0.0.1."""

import asyncio
import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from devices.credentials import BrokerCredentials
from devices.dynamic_security import new_password, role_name, stored_client
from gateway.mosquitto import (
    MissingMosquittoError,
    MosquittoFolder,
    Production,
    Secrets,
    Service,
    find_plugin,
    find_program,
)
from tests.servers import Server, free_port, lacking, wait_until

CLIENT_S: Final = 15.0
"""How long mosquitto_pub and mosquitto_sub may take for what they are asked."""


@dataclass
class MosquittoServer:
    """A broker in a folder of its own; `start` again brings it back with what it kept."""

    folder: MosquittoFolder
    port: int = field(default_factory=free_port)
    tls: bool = False
    host: str = "127.0.0.1"
    server: Server | None = None
    secrets: Secrets | None = None

    def init(self) -> None:
        if self.tls:
            listen = Production("localhost", port=self.port)
            me = pwd.getpwuid(os.geteuid()).pw_name
            self.secrets = self.folder.init_production(listen, user=me)
            self.host = "localhost"
        else:
            self.secrets = self.folder.init_embedded(self.host, self.port)

    @property
    def ca_file(self) -> Path | None:
        return self.folder.path / "ca.crt" if self.tls else None

    def url(self, service: Service) -> str:
        assert self.secrets is not None
        scheme = "mqtts" if self.tls else "mqtt"
        return self.secrets.logins[service].url(scheme, self.host, self.port)

    @property
    def hub_url(self) -> str:
        return self.url("hub")

    @property
    def admin_url(self) -> str:
        return self.url("admin")

    @property
    def simulator_url(self) -> str:
        return self.url("simulator")

    def start(self) -> None:
        """Starts it and waits until it listens."""
        configuration = self.folder.production if self.tls else self.folder.embedded
        self.server = Server(
            [find_program(), "-c", configuration], log=self.folder.path / "output.log"
        )
        self.server.wait_until(self.listens, "Mosquitto listens")

    def listens(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), timeout=1) as connection:
                if self.tls:
                    trusted = ssl.create_default_context(cafile=self.ca_file)
                    with trusted.wrap_socket(connection, server_hostname=self.host):
                        pass
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """Ends it in good order."""
        if self.server is not None:
            self.server.stop()
            self.server = None

    def kill(self) -> None:
        """As a power cut."""
        if self.server is not None:
            self.server.kill()
            self.server = None

    def pause(self) -> None:
        """It hears and answers nothing until `resume`; its connections stay open."""
        assert self.server is not None
        self.server.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.server is not None
        self.server.process.send_signal(signal.SIGCONT)

    def credentials(self, *device_ids: str) -> dict[str, str]:
        """New password by device, whether the broker runs or not."""
        if self.server is not None:
            admin = BrokerCredentials(self.admin_url, ca_file=self.ca_file)
            return asyncio.run(admin.create(device_ids))
        passwords = {device_id: new_password() for device_id in device_ids}
        self.folder.add_logins(
            [stored_client(name, secret, role_name(name)) for name, secret in passwords.items()]
        )
        return passwords

    def login(self, service: Service) -> tuple[str, str]:
        """User name and password of a service."""
        assert self.secrets is not None
        login = self.secrets.logins[service]
        return login.username, login.password

    def publish(
        self, login: tuple[str, str] | None, topic: str, message: str, *more: str
    ) -> "subprocess.CompletedProcess[str]":
        """mosquitto_pub over MQTT 5 at QoS 1; its output tells the broker's reason code."""
        return self._client(
            "mosquitto_pub", login, ["-q", "1", "-d", "-t", topic, "-m", message, *more]
        )

    def subscribe(
        self, login: tuple[str, str] | None, topic: str, *more: str
    ) -> "subprocess.CompletedProcess[str]":
        """mosquitto_sub over MQTT 5 at QoS 1, until `more` (-E, -C, -W) ends it."""
        return self._client("mosquitto_sub", login, ["-q", "1", "-d", "-t", topic, *more])

    def vanish(self, login: tuple[str, str], *more: str) -> None:
        """A subscriber that loses its power while it is connected; the broker has noticed."""
        arguments = [*self.arguments(login), "-i", "vanishing", *more]
        with subprocess.Popen(["mosquitto_sub", *arguments]) as client:
            try:
                self.wait_log(" as vanishing ")
            finally:
                client.kill()
        self.wait_log("Client vanishing closed its connection")

    def wait_log(self, words: str) -> None:
        wait_until(lambda: words in self.folder.log.read_text(), f"in Mosquitto's log: {words}")

    def arguments(self, login: tuple[str, str] | None) -> list[str]:
        """Options of Mosquitto's clients for this broker."""
        user = [] if login is None else ["-u", login[0], "-P", login[1]]
        secure = [] if self.ca_file is None else ["--cafile", str(self.ca_file)]
        return ["-h", self.host, "-p", str(self.port), "-V", "mqttv5", *user, *secure]

    def _client(
        self, program: str, login: tuple[str, str] | None, arguments: Sequence[str]
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [program, *self.arguments(login), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=CLIENT_S,
            env={"PATH": os.environ["PATH"]},
        )


def _made(folder: Path, *, tls: bool) -> MosquittoServer:
    try:
        find_program()
        find_plugin()
    except MissingMosquittoError as error:
        lacking(str(error))
    if shutil.which("mosquitto_pub") is None:
        lacking("mosquitto_pub is missing: apt-get install mosquitto-clients")
    made = MosquittoServer(MosquittoFolder(folder), tls=tls)
    made.init()
    return made


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[MosquittoServer]:
    """A running Mosquitto as `kotahub run` has it."""
    made = _made(tmp_path / "mosquitto", tls=False)
    made.start()
    try:
        yield made
    finally:
        made.kill()


@pytest.fixture
def tls_broker(tmp_path: Path) -> Iterator[MosquittoServer]:
    """A running Mosquitto as in production, with a certificate of the hub's own authority."""
    made = _made(tmp_path / "mosquitto", tls=True)
    made.start()
    try:
        yield made
    finally:
        made.kill()
