"""The broker and the store around a bench, fresh in a folder of their own, on this host only."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from bench.machine import HOUSE
from bench.process import Process

HOST: Final = "127.0.0.1"
START_S: Final = 60.0
TIMEOUT_S: Final = 60
ORG: Final = "kotahub"
BUCKET: Final = "kotahub"
TOKEN: Final = "bench-only"  # noqa: S105 - opens a server that lives as long as the bench


class ServerError(Exception):
    """A server cannot be had; the text says what to do."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def await_port(port: int, process: Process) -> None:
    """Returns as soon as somebody listens.

    Raises:
        ServerError: nobody does in time.
    """
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        process.check()
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise ServerError(f"{process.name} does not listen on port {port} after {START_S:.0f} s")


def built(tool: str) -> Path:
    """The binary of tools/<tool>, built when it is not there yet.

    Raises:
        ServerError: it cannot be built.
    """
    done = subprocess.run(
        [HOUSE / "tools" / tool / "build.sh"], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise ServerError(f"tools/{tool}/build.sh did not succeed; its words are above")
    return Path(done.stdout.split()[-1])


class Mosquitto:
    """A broker that lets everybody on this host in, with limits as large as the hub's."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/local/sbin:/usr/sbin")
        if program is None:
            raise ServerError("Mosquitto is missing: scripts/system.sh mosquitto")
        self.port = free_port()
        config = folder / "mosquitto.conf"
        config.write_text(
            f"listener {self.port} {HOST}\n"
            "allow_anonymous true\n"
            "max_inflight_messages 65535\n"
            "max_queued_messages 0\n"
            "set_tcp_nodelay true\n"
            "persistence false\n",
            encoding="utf-8",
        )
        self.process = Process(
            "mosquitto", [program, "-c", config], log=folder / "mosquitto.log", folder=folder
        )
        await_port(self.port, self.process)

    @property
    def url(self) -> str:
        return f"mqtt://{HOST}:{self.port}"


class Influx:
    """InfluxDB with one organisation and one bucket; `query` speaks InfluxQL.

    What the folder holds already is served again; `options` go to influxd.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        port = free_port()
        self.url = f"http://{HOST}:{port}"
        data = folder / "influxdb"
        command: list[str | Path] = [
            built("influxd"),
            f"--http-bind-address={HOST}:{port}",
            f"--bolt-path={data / 'influxd.bolt'}",
            f"--sqlite-path={data / 'influxd.sqlite'}",
            f"--engine-path={data / 'engine'}",
            "--reporting-disabled",
            "--log-level=warn",
            *options,
        ]
        data.mkdir(exist_ok=True)
        self.process = Process("influxd", command, log=folder / "influxd.log", folder=folder)
        await_port(port, self.process)
        self._port = port
        self._connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_S)
        if self._request("GET", "/api/v2/setup")["allowed"]:
            self._request(
                "POST",
                "/api/v2/setup",
                {
                    "username": "bench",
                    "password": "bench-only-password",
                    "org": ORG,
                    "bucket": BUCKET,
                    "token": TOKEN,
                },
            )

    def close(self) -> None:
        self._connection.close()
        self.process.stop()

    def query(self, words: str) -> list[list[Any]]:
        """Rows of an InfluxQL query; times in ms."""
        answer = self._request("GET", _query_path(words))
        series = answer["results"][0].get("series", [])
        return [row for one in series for row in one["values"]]

    def timed(self, words: str) -> tuple[bytes, float]:
        """The whole answer to an InfluxQL query, and the seconds until its last byte."""
        # A connection of its own: influxd closes one that is not used for long.
        with closing(http.client.HTTPConnection(HOST, self._port, timeout=TIMEOUT_S)) as connection:
            connection.connect()
            begun = time.perf_counter()
            answer = self._bytes("GET", _query_path(words), connection=connection)
            return answer, time.perf_counter() - begun

    def write(self, lines: bytes, *, precision: str) -> None:
        """Writes line protocol; several threads may do so at once."""
        with closing(http.client.HTTPConnection(HOST, self._port, timeout=TIMEOUT_S)) as connection:
            words = urlencode({"org": ORG, "bucket": BUCKET, "precision": precision})
            self._bytes("POST", f"/api/v2/write?{words}", lines, connection)

    def _request(
        self, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> dict[str, Any]:
        answer = self._bytes(method, path, None if body is None else json.dumps(body).encode())
        return dict(json.loads(answer))

    def _bytes(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        connection: http.client.HTTPConnection | None = None,
    ) -> bytes:
        connection = connection or self._connection
        connection.request(method, path, body=body, headers={"Authorization": f"Token {TOKEN}"})
        response = connection.getresponse()
        answer = response.read()
        if response.status >= 300:
            raise ServerError(f"influxd answers {response.status} to {method} {path}: {answer!r}")
        return answer


def _query_path(words: str) -> str:
    return f"/query?{urlencode({'db': BUCKET, 'epoch': 'ms', 'q': words})}"
