"""A backup is made while messages flow; everything is killed; the hub comes back elsewhere.

Real Mosquitto, real InfluxDB, real PostgreSQL; all that is kept is the archive.
"""

import base64
import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from devices.registry import Registry
from gateway.mosquitto import MosquittoFolder
from tests.brokers import MosquittoServer
from tests.conservation import expected_points, reckon, stored_points, whole_ledger
from tests.e2e.stream import Published, devices, stream
from tests.hubs import HubProcess, balanced
from tests.publishers import Flood, Publisher
from tests.servers import Influx, Postgres, free_port, wait_until


def hub_with_own_broker(folder: Path, port: int, **settings: str) -> HubProcess:
    """As `kotahub run` is in a city with one machine."""
    return HubProcess(folder, {"MQTT_BIND": f"127.0.0.1:{port}", **settings})


def on_influxdb(influxd: Influx) -> dict[str, str]:
    return {
        "STORE": "influxdb",
        "INFLUX_URL": influxd.url,
        "INFLUX_TOKEN": influxd.token,
        "INFLUX_ORG": influxd.org,
        "INFLUX_BUCKET": influxd.bucket(),
    }


def broker_of(hub: HubProcess, port: int) -> MosquittoServer:
    """The hub's own broker, as clients see it."""
    folder = MosquittoFolder(hub.folder / "mosquitto")
    return MosquittoServer(folder, port=port, secrets=folder.read_secrets())


def kill_everything(hub: HubProcess) -> None:
    """Power cut and burglary: neither hub nor broker goes on, and their folder is gone."""
    assert hub.server is not None
    if hub.server.process.poll() is None:
        hub.kill()
    kill_broker(hub)
    shutil.rmtree(hub.folder)


def kill_broker(hub: HubProcess) -> None:
    folder = MosquittoFolder(hub.folder / "mosquitto")
    with folder.locked(folder.broker_lock) as nobody:
        if nobody:
            return
    os.kill(int(folder.pid.read_text()), signal.SIGKILL)

    def gone() -> bool:
        with folder.locked(folder.broker_lock) as nobody:
            return nobody

    wait_until(gone, "the broker is gone")


def start(hub: HubProcess) -> None:
    """As `hub.start`, with more patience: three servers start beside it."""
    hub.launch()
    server = hub.server
    assert server is not None
    wait_until(lambda: server.process.poll() is not None or hub.ready(), "ready", within_s=120)
    assert server.process.poll() is None, server.log.read_text()[-2000:]


def restore(back: HubProcess, file: Path) -> dict[str, Any]:
    back.folder.mkdir()
    return back.say("restore", str(file))


def publish_as(device: str, login: Mapping[str, str], port: int, payload: bytes) -> None:
    subprocess.run(
        [
            *("mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), "-q", "1", "-V", "mqttv5"),
            *("-u", login["username"], "-P", login["password"]),
            *("-t", f"sensors/{device}/up", "-m", payload.decode()),
        ],
        check=True,
        timeout=30,
    )


def ask(hub: HubProcess, path: str, key: str) -> dict[str, Any]:
    answer = httpx.get(
        hub.url + path,
        headers={"Authorization": f"Bearer {key}"},
        trust_env=False,
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


@pytest.mark.timeout(420)
def test_a_hub_comes_back_from_a_backup_made_under_load(influxd: Influx, tmp_path: Path) -> None:
    known = devices(20)
    messages = stream(known, good=19_600, bad=400, seed=21)
    port = free_port()
    hub = hub_with_own_broker(tmp_path / "hub", port, **on_influxdb(influxd))
    hub.register(known)
    start(hub)
    key = hub.say("keys", "create", "--scope", "read")["key"]
    login = hub.say("devices", "credentials", "air-000")
    publisher = Publisher(broker_of(hub, port))
    publisher.publish(messages[:2_000])
    flood = Flood(publisher, messages[2_000:], per_s=250)
    publisher.wait_acked(2_500)
    before = dict(publisher.acknowledged)
    file = tmp_path / "hub.tar.gz"
    made = hub.say("backup", str(file))
    assert hub.ready()
    published = messages[: flood.end()]
    publisher.close()
    assert len(published) > len(before)
    original = {item["id"]: item for item in hub.items("quarantine", "list")}
    kill_everything(hub)

    back = hub_with_own_broker(tmp_path / "back", port, **on_influxdb(influxd))
    restored = restore(back, file)
    assert restored["points_refused"] == 0
    assert restored["points_written"] == made["points"] > 0
    start(back)
    wait_until(lambda: not pending(back), "what waited is stored", within_s=60)

    kept = check_acknowledged(back, influxd, published, [published[place] for place in before])
    # Byte for byte, under the numbers that they had.
    shared = [item for item in kept if item["id"] <= max(original)][: made["quarantine_items"]]
    assert len(shared) == made["quarantine_items"] > 0
    assert shared == [original[item["id"]] for item in shared]
    ledger = whole_ledger(back)
    assert sum(row["received"] for row in ledger.values()) >= len(before)
    # People and devices come in as before.
    assert len(ask(back, "/api/v1/devices", key)["items"]) == len(known)
    last = Published("air-000", b'{"time": 1764999999999, "pm25": 1, "pm10": 2}', good=True)
    publish_as("air-000", login, port, last.payload)
    received = ledger["air-000"]["received"]
    wait_until(
        lambda: whole_ledger(back)["air-000"]["received"] == received + 1, "the old login works"
    )
    assert back.stop() == 0


def check_acknowledged(
    hub: HubProcess, influxd: Influx, published: list[Published], acknowledged: list[Published]
) -> list[dict[str, Any]]:
    """What was acknowledged is there, nothing is that never was; gives the quarantine's items."""
    stored = stored_points(hub, influxd)
    assert expected_points(acknowledged) <= stored <= expected_points(published)
    kept = hub.items("quarantine", "list")
    bodies = Counter((item["device"], base64.b64decode(item["payload"])) for item in kept)
    assert Counter((m.device, m.payload) for m in acknowledged if not m.good) <= bodies
    # Each device's ledger adds up, and counts no more than is there.
    ledger = whole_ledger(hub)
    assert balanced(ledger)
    stored_by = Counter(str(point[0]) for point in stored)
    kept_by = Counter(item["device"] for item in kept)
    for device, row in ledger.items():
        assert row["stored"] <= stored_by[device], device
        assert row["quarantined"] == kept_by[device], device
    return kept


@pytest.mark.timeout(300)
def test_what_waits_in_broker_and_journal_comes_back_too(influxd: Influx, tmp_path: Path) -> None:
    """A third is stored, a third is in the journal, a third in the broker of a dead hub."""
    known = devices(8)
    messages = stream(known, good=2_900, bad=100, seed=22)
    port = free_port()
    hub = hub_with_own_broker(tmp_path / "hub", port, **on_influxdb(influxd))
    hub.register(known)
    start(hub)
    publisher = Publisher(broker_of(hub, port))
    publisher.publish(messages[:1_000])
    hub.wait_settled(1_000)
    hub.kill()
    hub.launch(KOTAHUB_INFLUX_URL="http://127.0.0.1:1")
    publisher.publish(messages[1_000:2_000])
    wait_until(
        lambda: sum(row["received"] for row in whole_ledger(hub).values()) == 2_000,
        "in the journal",
    )
    hub.kill()
    publisher.publish(messages[2_000:])
    publisher.close()
    file = tmp_path / "hub.tar.gz"
    made = hub.say("backup", str(file))
    assert made["received"] == 2_000
    assert made["pending"] > 0
    kill_everything(hub)

    back = hub_with_own_broker(tmp_path / "back", port, **on_influxdb(influxd))
    restore(back, file)
    assert {row["device"] for row in back.items("ledger")} == {device.id for device in known}
    start(back)
    back.wait_settled(len(messages))
    found = reckon(back, influxd, messages)
    assert (found.missing, found.doubled) == ([], [])
    assert found.totals["received"] - found.totals["duplicate"] == len(messages)
    assert back.stop() == 0


@pytest.mark.timeout(300)
def test_a_hub_on_duckdb_with_its_registry_on_postgresql(
    postgres: Postgres, tmp_path: Path
) -> None:
    """The hub holds its DuckDB file alone, and gives its readings itself while it runs."""
    known = devices(8)
    messages = stream(known, good=980, bad=20, seed=23)
    port = free_port()
    urls = postgres.database(), postgres.database()
    hub = hub_with_own_broker(tmp_path / "hub", port, STORE="duckdb", DATABASE_URL=urls[0])
    registry = Registry.open(urls[0])
    registry.add_many(known, by="tests")
    registry.close()
    start(hub)
    publisher = Publisher(broker_of(hub, port))
    publisher.publish(messages)
    publisher.close()
    hub.wait_settled(len(messages))
    key = hub.say("keys", "create", "--scope", "read")["key"]
    file = tmp_path / "hub.tar.gz"
    made = hub.say("backup", str(file))
    assert made["points"] >= 980
    ledger, items = whole_ledger(hub), hub.items("quarantine", "list")
    readings = {device.id: all_readings(hub, device.id, key) for device in known}
    assert sum(map(len, readings.values())) == 980
    kill_everything(hub)

    back = hub_with_own_broker(tmp_path / "back", port, STORE="duckdb", DATABASE_URL=urls[1])
    restored = restore(back, file)
    assert restored["points_refused"] == 0
    start(back)
    assert whole_ledger(back) == ledger
    assert back.items("quarantine", "list") == items
    assert {device.id: all_readings(back, device.id, key) for device in known} == readings
    assert len(ask(back, "/api/v1/devices", key)["items"]) == len(known)
    assert back.stop() == 0


def all_readings(hub: HubProcess, device: str, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(
        hub, f"/api/v1/devices/{device}/readings?start=2025-11-01T00:00:00Z&limit=1000", key
    )["items"]
    return found


def pending(hub: HubProcess) -> int:
    return sum(row["pending"] for row in whole_ledger(hub).values())
