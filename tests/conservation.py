"""The promise above all, as a check: what was acknowledged is stored or quarantined, just once."""

import base64
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from ingest.journal import Journal
from tests.brokers import MosquittoServer
from tests.e2e.stream import METRICS, Published
from tests.hubs import HubProcess, balanced
from tests.servers import Influx

_LARGE: Final = 100_000
"""Messages from which on the ledger is not read by its command."""

Point = tuple[object, ...]
"""Device, time in ns, and the metrics' values in the order of METRICS."""


def hub_on(broker: MosquittoServer, influxd: Influx, folder: Path, **settings: str) -> HubProcess:
    """A hub on these servers with a bucket of its own; `settings` without KOTAHUB_."""
    return HubProcess(
        folder,
        {
            "MQTT_URL": broker.hub_url,
            "STORE": "influxdb",
            "INFLUX_URL": influxd.url,
            "INFLUX_TOKEN": influxd.token,
            "INFLUX_ORG": influxd.org,
            "INFLUX_BUCKET": influxd.bucket(),
            **settings,
        },
    )


def stored_points(hub: HubProcess, influxd: Influx) -> set[Point]:
    """Every point of the bucket, asked of InfluxDB."""
    return {
        (row[1], row[0], *row[2:])
        for kind, metrics in METRICS.items()
        for row in _rows(hub, influxd, f"SELECT device, {', '.join(metrics)} FROM {kind}")  # noqa: S608 - constants
    }


def stored_count(hub: HubProcess, influxd: Influx, kind: str, metric: str) -> int:
    """How many points of a kind have this metric."""
    rows = _rows(hub, influxd, f"SELECT count({metric}) FROM {kind}")  # noqa: S608 - constants
    return sum(int(row[1]) for row in rows)


def _rows(hub: HubProcess, influxd: Influx, query: str) -> list[list[Any]]:
    answer = httpx.post(
        f"{influxd.url}/query",
        params={"db": hub.environment["INFLUX_BUCKET"], "epoch": "ns", "q": query},
        headers={"Authorization": f"Token {influxd.token}"},
        timeout=120,
        trust_env=False,
    )
    found = answer.json()["results"][0].get("series", [])
    return [row for series in found for row in series["values"]]


def point_of(message: Published) -> Point:
    values = json.loads(message.payload)
    metrics = METRICS[message.device.partition("-")[0]]
    return (message.device, values["time"] * 1_000_000, *(values[name] for name in metrics))


def expected_points(messages: Iterable[Published]) -> set[Point]:
    return {point_of(message) for message in messages if message.good}


def whole_ledger(hub: HubProcess) -> dict[str, dict[str, int]]:
    """As `hub.ledger`, in one piece: a command for each page of 100,000 devices takes minutes."""
    with Journal.open(hub.folder / "journal.db") as journal:
        return {row.device: row._asdict() for row in journal.ledger()}


@dataclass(frozen=True)
class Reckoning:
    """What is missing of the messages, what is there twice, and the ledger's sums."""

    missing: list[Published]
    doubled: list[tuple[str, bytes]]
    totals: Mapping[str, int]


def reckon(hub: HubProcess, influxd: Influx, messages: Sequence[Published]) -> Reckoning:
    """Compares the published messages with store, quarantine and ledger, device by device.

    Whatever is missing: nothing is stored that was not published, with just these values, and the
    ledger counts what is there. Good messages have distinct times a device.
    """
    stored = stored_points(hub, influxd)
    assert stored <= expected_points(messages)
    bad = Counter((m.device, m.payload) for m in messages if not m.good)
    kept = Counter(
        (item["device"], base64.b64decode(item["payload"]))
        for item in hub.items("quarantine", "list")
    )
    assert kept.keys() <= bad.keys()
    ledger = hub.ledger() if len(messages) < _LARGE else whole_ledger(hub)
    assert balanced(ledger)
    stored_of = Counter(str(point[0]) for point in stored)
    kept_of = Counter(device for device, _ in kept.elements())
    assert set(ledger) <= {message.device for message in messages}
    for device in {message.device for message in messages}:
        row = ledger.get(device, dict.fromkeys(("stored", "quarantined", "pending"), 0))
        assert (row["stored"], row["quarantined"]) == (stored_of[device], kept_of[device]), device
        assert row["pending"] == 0
    missing = [m for m in messages if m.good and point_of(m) not in stored]
    missing += [Published(*key, good=False) for key in (bad - kept).elements()]
    names = ("received", "stored", "quarantined", "duplicate")
    totals = {name: sum(row[name] for row in ledger.values()) for name in names}
    return Reckoning(missing, list((kept - bad).elements()), totals)


def check_conserved(
    hub: HubProcess, influxd: Influx, messages: Sequence[Published]
) -> Mapping[str, int]:
    """InfluxDB holds exactly the good, quarantine exactly the bad, the ledger adds up."""
    found = reckon(hub, influxd, messages)
    assert found.missing == []
    assert found.doubled == []
    return found.totals
