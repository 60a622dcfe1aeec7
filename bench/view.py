"""How a bench reads back what a subject has stored."""

import json
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import duckdb

from bench.servers import Influx
from bench.stream import PROBE


class View(Protocol):
    def probes(self, since_ms: int) -> set[int]:
        """Times in ms of the probes since then that can be read now."""
        ...

    def count(self) -> int:
        """Stored messages of all devices but the probe, once the subject has ended."""
        ...


class InfluxView:
    def __init__(self, influx: Influx) -> None:
        self._influx = influx

    def probes(self, since_ms: int) -> set[int]:
        rows = self._influx.query(
            f"SELECT pm25 FROM air WHERE device = '{PROBE}' AND time >= {since_ms}ms"
        )
        return {int(row[0]) for row in rows}

    def count(self) -> int:
        rows = self._influx.query(f"SELECT count(pm25) FROM air WHERE device != '{PROBE}'")
        return int(rows[0][1]) if rows else 0


class HubView:
    """Over the hub's own API, for only the hub can open its DuckDB file while it runs."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def probes(self, since_ms: int) -> set[int]:
        try:
            hub: dict[str, str] = json.loads((self._data / "hub.json").read_bytes())
        except FileNotFoundError:  # it is still starting
            return set()
        request = urllib.request.Request(  # noqa: S310 - an address that the hub wrote
            f"{hub['url']}/api/v1/devices/{PROBE}/readings?start={since_ms}&limit=1000",
            headers={"Authorization": f"Bearer {hub['key']}"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
            items: list[dict[str, Any]] = json.loads(answer.read())["items"]
        return {round(datetime.fromisoformat(item["time"]).timestamp() * 1000) for item in items}

    def count(self) -> int:
        with duckdb.connect(self._data / "readings.duckdb", read_only=True) as file:
            row = file.execute("SELECT count(*) FROM air WHERE device <> ?", [PROBE]).fetchone()
        return int(row[0]) if row else 0
