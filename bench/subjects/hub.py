"""The hub: validates, flags, keeps its journal and ledger, and acknowledges what is durable."""

import csv
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bench.process import Process, ProcessError
from bench.servers import BUCKET, HOST, ORG, TOKEN, free_port
from bench.stream import PROBE
from bench.subjects import World
from bench.view import HubView, InfluxView, View

COMMAND: Final = Path(sys.executable).with_name("kotahub")
COUNTS: Final = ("received", "stored", "quarantined", "duplicate", "pending")
PAGE: Final = 1000


class Hub:
    """The ingest service alone, with InfluxDB."""

    name = "hub"

    def start(self, world: World) -> Process:
        self._register(world)
        return self._start(world, "ingest", {})

    def view(self, world: World) -> View:
        return InfluxView(world.influx)

    def account(self, world: World) -> Mapping[str, int]:
        """The ledger's counts, summed over all devices but the probe."""
        total: Counter[str] = Counter()
        cursor: str | None = None
        while True:
            more = [] if cursor is None else ["--cursor", cursor]
            page = json.loads(self._run(world, "ledger", "--json", "--limit", str(PAGE), *more))
            for row in page["items"]:
                if row["device"] != PROBE:
                    total.update({name: row[name] for name in COUNTS})
            cursor = page["next"]
            if cursor is None:
                return dict(total)

    def _register(self, world: World) -> None:
        devices = world.folder / "devices.csv"
        with devices.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["id", "kind", "model", "name", "latitude", "longitude"])
            for number, device in enumerate(world.devices):
                latitude, longitude = 3.50 + number % 50 / 250, 98.60 + number // 50 % 50 / 400
                rows.writerow([device, "air", "", device, f"{latitude:.4f}", f"{longitude:.4f}"])
        self._run(world, "devices", "import", str(devices))

    def _start(self, world: World, service: str, environment: Mapping[str, str]) -> Process:
        return Process(
            self.name,
            [COMMAND, service],
            log=world.folder / "hub.log",
            environment={**self._environment(world), **environment},
            folder=world.folder,
        )

    def _run(self, world: World, *words: str) -> str:
        done = subprocess.run(
            [COMMAND, *words],
            env={**os.environ, **self._environment(world)},
            cwd=world.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ProcessError(f"kotahub {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def _environment(self, world: World) -> Mapping[str, str]:
        return {
            "KOTAHUB_DATA_DIR": str(world.folder / "hub"),
            "KOTAHUB_MQTT_URL": world.mosquitto.url,
            "KOTAHUB_STORE": "influxdb",
            "KOTAHUB_INFLUX_URL": world.influx.url,
            "KOTAHUB_INFLUX_TOKEN": TOKEN,
            "KOTAHUB_INFLUX_ORG": ORG,
            "KOTAHUB_INFLUX_BUCKET": BUCKET,
        }


class EmbeddedHub(Hub):
    """All of the hub in one process, with DuckDB: its cost includes that of the store."""

    name = "hub-duckdb"

    def start(self, world: World) -> Process:
        self._register(world)
        bind = {"KOTAHUB_HTTP_BIND": f"{HOST}:{free_port()}"}
        return self._start(world, "run", bind)

    def view(self, world: World) -> View:
        return HubView(world.folder / "hub")

    def _environment(self, world: World) -> Mapping[str, str]:
        return {**super()._environment(world), "KOTAHUB_STORE": "duckdb"}
