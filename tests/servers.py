"""Real servers for tests: each on a free port of 127.0.0.1, in a folder of its own, ended by pid.

Where a server's program is missing the test is skipped and says why; with CI=true it fails.
"""

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn

import httpx
import psycopg
import pytest

READY_WITHIN_S: Final = 30.0
INFLUXD: Final = Path("kotahub") / "influxd-2.9.1" / "influxd"


def lacking(what: str) -> NoReturn:
    """Skip the test for want of a program; in CI nothing is skipped."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(ready: Callable[[], bool], what: str, *, within_s: float = READY_WITHIN_S) -> None:
    """Ask until it is so; fail the test, saying what did not happen, when it takes too long."""
    deadline = time.monotonic() + within_s
    while not ready():
        if time.monotonic() > deadline:
            pytest.fail(f"within {within_s:g} s: not {what}")
        time.sleep(0.02)


class Server:
    """A child process that is a server, and its output in a file."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        user: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                user=user,
                group=user,
                extra_groups=[] if user else None,
                cwd=log.parent,
                env=env,
            )

    def wait_until(self, ready: Callable[[], bool], what: str) -> None:
        """As the function, and fail with the server's own words when it ends before."""

        def ready_or_dead() -> bool:
            if self.process.poll() is not None:
                pytest.fail(f"{self.process.args!r} ended: {self.log.read_text()[-2000:]}")
            return ready()

        wait_until(ready_or_dead, f"{what}: {self.log}")

    def kill(self) -> None:
        """As a power cut."""
        self.process.kill()
        self.process.wait()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end, and kill it if it does not."""
        self.process.send_signal(how)
        try:
            self.process.wait(timeout=READY_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.kill()


@dataclass
class Influx:
    """An InfluxDB server that is set up; `token` may do everything."""

    binary: Path
    folder: Path
    port: int = field(default_factory=free_port)
    org: str = "kotahub-tests"
    token: str = "token-of-the-tests"
    names: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    server: Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, or start again with what was stored, on the same port."""
        self.server = Server(
            [
                self.binary,
                "--reporting-disabled",
                "--log-level=error",
                f"--http-bind-address=127.0.0.1:{self.port}",
                f"--bolt-path={self.folder / 'influxd.bolt'}",
                f"--sqlite-path={self.folder / 'influxd.sqlite'}",
                f"--engine-path={self.folder / 'engine'}",
            ],
            log=self.folder / "influxd.log",
        )
        self.server.wait_until(self.answers, "InfluxDB answers")

    def answers(self) -> bool:
        try:
            return bool(self.request("GET", "/health")["status"] == "pass")
        except httpx.TransportError:
            return False

    def set_up(self) -> None:
        self.request(
            "POST",
            "/api/v2/setup",
            {
                "username": "tests",
                "password": "password-of-the-tests",
                "org": self.org,
                "bucket": "first",
                "token": self.token,
            },
        )

    def stop(self) -> None:
        if self.server is not None:
            self.server.stop()

    def request(
        self, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> dict[str, Any]:
        """A call of the API with JSON, with the token that may do everything."""
        answer = httpx.request(
            method,
            self.url + path,
            json=body,
            headers={"Authorization": f"Token {self.token}"},
            timeout=READY_WITHIN_S,
            trust_env=False,
        )
        assert answer.is_success, answer.text
        said: dict[str, Any] = answer.json() if answer.content else {}
        return said

    @property
    def org_id(self) -> str:
        return str(self.request("GET", f"/api/v2/orgs?org={self.org}")["orgs"][0]["id"])

    def bucket(self, *, keep_s: int = 0) -> str:
        """The name of a new bucket; `keep_s` is its retention, at least an hour, 0 for ever."""
        name = f"bucket-{next(self.names)}"
        rules = [{"type": "expire", "everySeconds": keep_s}] if keep_s else []
        self.request(
            "POST",
            "/api/v2/buckets",
            {"orgID": self.org_id, "name": name, "retentionRules": rules},
        )
        return name

    def limited_token(self, bucket: str, *actions: str) -> str:
        """A token that may only do these (`read`, `write`) with the points of a bucket."""
        found = self.request("GET", f"/api/v2/buckets?org={self.org}&name={bucket}")
        resource = {"type": "buckets", "id": found["buckets"][0]["id"], "orgID": self.org_id}
        permissions = [{"action": action, "resource": resource} for action in actions]
        made = self.request(
            "POST", "/api/v2/authorizations", {"orgID": self.org_id, "permissions": permissions}
        )
        return str(made["token"])


def influxd_binary() -> Path:
    """InfluxDB's program: KOTAHUB_TEST_INFLUXD, the user's cache, or PATH."""
    if named := os.environ.get("KOTAHUB_TEST_INFLUXD"):
        return Path(named)
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    if (built := cache / INFLUXD).is_file():
        return built
    if found := shutil.which("influxd"):
        return Path(found)
    lacking("influxd (InfluxDB 2.9.1) is not on this machine; build it with: make influxd")


@pytest.fixture(scope="session")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influx]:
    """A real InfluxDB for all tests; each takes a bucket of its own."""
    influx = Influx(influxd_binary(), tmp_path_factory.mktemp("influxd"))
    try:
        influx.start()
        influx.set_up()
        yield influx
    finally:
        influx.stop()


@dataclass(frozen=True)
class Postgres:
    """A PostgreSQL server whose superuser `kotahub` needs no password from this host."""

    port: int
    names: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(
            f"host=127.0.0.1 port={self.port} user=kotahub dbname=postgres", autocommit=True
        )

    def answers(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def database(self) -> str:
        """The SQLAlchemy URL of a new, empty database."""
        name = f"test_{next(self.names)}"
        with contextlib.closing(self.connect()) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"postgresql+psycopg://kotahub@127.0.0.1:{self.port}/{name}"


def postgres_programs() -> Path:
    """The folder with `initdb` and `postgres`, of the newest version that Debian installed."""
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(versions, key=lambda path: int(path.parts[-3]), default=None)
    if found := shutil.which("initdb") or newest:
        return Path(found).resolve().parent
    lacking("PostgreSQL is not on this machine (Debian: apt-get install postgresql)")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL for all tests, run by the user postgres where we are root."""
    programs = postgres_programs()
    user = "postgres" if os.geteuid() == 0 else None
    if user and user not in {entry.pw_name for entry in pwd.getpwall()}:
        lacking("PostgreSQL does not run as root, and there is no user postgres")
    # Not below pytest's folder, into which nobody else may look.
    folder = Path(tempfile.mkdtemp(prefix="kotahub-postgres-"))
    if user:
        shutil.chown(folder, user, user)
    data, log = folder / "data", folder / "postgres.log"
    server = None
    try:
        subprocess.run(
            [
                *(programs / "initdb", "--pgdata", data, "--username=kotahub", "--auth=trust"),
                *("--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            user=user,
            group=user,
            extra_groups=[] if user else None,
            cwd=folder,
        )
        port = free_port()
        server = Server(
            [
                *(programs / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port)),
                *("-c", "unix_socket_directories=", "-c", "fsync=off"),
            ],
            log=log,
            user=user,
        )
        found = Postgres(port)
        server.wait_until(found.answers, "PostgreSQL answers")
        yield found
    finally:
        if server is not None:
            server.stop(signal.SIGINT)  # SIGTERM would wait for clients to leave
        shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres: Postgres) -> str:
    """The SQLAlchemy URL of an empty database of a real PostgreSQL."""
    return postgres.database()
