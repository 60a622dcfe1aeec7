"""The hub as a child process, as it runs in a city, and what it says of its messages."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from devices.device import Device
from devices.registry import Registry
from tests.servers import Server, free_port, wait_until

KOTAHUB: Final = Path(sys.executable).with_name("kotahub")


_started: list["HubProcess"] = []


@pytest.fixture(autouse=True)
def no_hub_left() -> Iterator[None]:
    """A test that fails leaves no hub behind."""
    yield
    while _started:
        hub = _started.pop()
        if hub.server is not None and hub.server.process.poll() is None:
            hub.stop()


@dataclass
class HubProcess:
    """`kotahub` on a data folder, with settings from `environment` (names without KOTAHUB_)."""

    folder: Path
    environment: Mapping[str, str]
    command: tuple[str, ...] = ("run",)
    port: int = field(default_factory=free_port)
    server: Server | None = None

    @property
    def env(self) -> dict[str, str]:
        own = {
            "DATA_DIR": str(self.folder),
            "HTTP_BIND": f"127.0.0.1:{self.port}",
            **self.environment,
        }
        return {
            **{name: value for name, value in os.environ.items() if "KOTAHUB" not in name},
            **{f"KOTAHUB_{name}": value for name, value in own.items()},
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def register(self, devices: Iterable[Device]) -> None:
        self.folder.mkdir(exist_ok=True)
        registry = Registry.open(f"sqlite:///{self.folder / 'registry.db'}")
        registry.add_many(list(devices), by="tests")
        registry.close()

    def start(self, **more: str) -> None:
        """Starts it and waits until it is ready; `more` is environment for this start alone."""
        self.launch(**more)
        assert self.server is not None
        self.server.wait_until(self.ready, "ready")

    def launch(self, **more: str) -> None:
        """Starts it."""
        self.folder.mkdir(exist_ok=True)
        _started.append(self)
        self.server = Server(
            [KOTAHUB, *self.command], log=self.folder / "hub.log", env={**self.env, **more}
        )

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def readiness(self) -> dict[str, Any]:
        said: dict[str, Any] = httpx.get(f"{self.url}/readyz", trust_env=False).json()
        return said

    def kill(self) -> None:
        assert self.server is not None
        self.server.kill()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Asks it to end; returns its exit code."""
        assert self.server is not None
        self.server.stop(how)
        return self.server.process.returncode

    def say(self, *words: str) -> dict[str, Any]:
        """The JSON that a command prints."""
        said = subprocess.run(
            [KOTAHUB, *words, "--json"],
            env=self.env,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert said.returncode == 0, said.stderr
        answer: dict[str, Any] = json.loads(said.stdout)
        return answer

    def items(self, *words: str) -> list[dict[str, Any]]:
        """All items of a command's list, page by page."""
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            more = () if cursor is None else ("--cursor", cursor)
            page = self.say(*words, "--limit", "1000", *more)
            items += page["items"]
            cursor = page["next"]
            if cursor is None:
                return items

    def ledger(self) -> dict[str, dict[str, int]]:
        """The ledger's rows by device."""
        return {row["device"]: row for row in self.items("ledger")}

    def settled(self, received: int) -> bool:
        """Whether that many messages were received and none is pending."""
        with sqlite3.connect(self.folder / "journal.db", timeout=30) as journal:
            done, pending = journal.execute(
                "SELECT coalesce(sum(stored + quarantined), 0), "
                "(SELECT count(*) FROM batch) FROM ledger"
            ).fetchone()
        journal.close()
        return bool(done >= received and pending == 0)

    def wait_settled(self, received: int, *, within_s: float = 60.0) -> None:
        wait_until(
            lambda: self.settled(received), f"{received} messages settled", within_s=within_s
        )


def balanced(ledger: Mapping[str, Mapping[str, int]]) -> bool:
    """The promise: received = stored + quarantined + duplicate + pending, for each device."""
    return all(
        row["received"] == row["stored"] + row["quarantined"] + row["duplicate"] + row["pending"]
        for row in ledger.values()
    )
