"""The hub: validates, flags, keeps its journal and ledger, and acknowledges what is durable."""

import csv
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bench.process import Process
from bench.servers import BUCKET, ORG, TOKEN
from bench.subjects import World

COMMAND: Final = Path(sys.executable).with_name("kotahub")
COUNTS: Final = ("received", "stored", "quarantined", "duplicate", "pending")
PAGE: Final = 1000


class Hub:
    name = "hub"

    def start(self, world: World) -> Process:
        environment = self._environment(world)
        devices = world.folder / "devices.csv"
        with devices.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["id", "kind", "model", "name", "latitude", "longitude"])
            for number, device in enumerate(world.devices):
                latitude, longitude = 3.50 + number % 50 / 250, 98.60 + number // 50 % 50 / 400
                rows.writerow([device, "air", "", device, f"{latitude:.4f}", f"{longitude:.4f}"])
        self._run(world, "devices", "import", str(devices))
        return Process(
            self.name,
            [COMMAND, "ingest"],
            log=world.folder / "hub.log",
            environment=environment,
            folder=world.folder,
        )

    def account(self, world: World) -> Mapping[str, Any]:
        """The ledger's counts, summed over all devices."""
        total: Counter[str] = Counter()
        cursor: str | None = None
        while True:
            more = [] if cursor is None else ["--cursor", cursor]
            page = json.loads(self._run(world, "ledger", "--json", "--limit", str(PAGE), *more))
            for row in page["items"]:
                total.update({name: row[name] for name in COUNTS})
            cursor = page["next"]
            if cursor is None:
                return dict(total)

    def _run(self, world: World, *words: str) -> str:
        return subprocess.run(
            [COMMAND, *words],
            env={**os.environ, **self._environment(world)},
            cwd=world.folder,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout

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
