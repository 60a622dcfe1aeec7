"""`kotahub run` as a city starts it: its own Mosquitto, the embedded store, simulated sensors."""

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from devices.device import Device
from tests.hubs import HubProcess, balanced
from tests.servers import Influx, free_port, wait_until

HOUSE = Path(__file__).parents[2]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubProcess]:
    made = HubProcess(
        tmp_path / "hub",
        {"MQTT_BIND": f"127.0.0.1:{free_port()}"},
        ("run", "--simulate", "--sensors", "20"),
    )
    yield made
    if made.server is None:
        return
    if made.server.process.returncode not in (None, 0):
        made.start()  # a killed hub leaves its broker behind, and the next one takes it over
    if made.server.process.poll() is None:
        made.stop()


def first_key(hub: HubProcess) -> str:
    assert hub.server is not None
    found = re.search(r"kh_\S+", hub.server.log.read_text())
    assert found is not None
    return found.group()


def ask(hub: HubProcess, path: str) -> dict[str, list[dict[str, object]]]:
    answer = httpx.get(
        hub.url + path,
        headers={"Authorization": f"Bearer {first_key(hub)}"},
        trust_env=False,
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    said: dict[str, list[dict[str, object]]] = answer.json()
    return said


def has_readings(hub: HubProcess, device: str) -> bool:
    return bool(ask(hub, f"/api/v1/devices/{device}/readings?last=10m")["items"])


def wait_for_readings(hub: HubProcess, device: str) -> None:
    wait_until(lambda: has_readings(hub, device), f"readings of {device}", within_s=60)


def test_readings_of_all_kinds_within_a_minute_and_a_clean_stop(hub: HubProcess) -> None:
    hub.start()
    for kind in ("air", "flood", "traffic", "weather"):
        (device, *_) = ask(hub, f"/api/v1/devices?kind={kind}")["items"]
        wait_for_readings(hub, str(device["id"]))
    ledger = hub.ledger()
    assert balanced(ledger)
    assert hub.stop(signal.SIGINT) == 0
    assert not (hub.folder / "hub.json").exists()
    after = hub.ledger()
    assert balanced(after)
    assert sum(row["pending"] for row in after.values()) == 0
    assert sum(row["stored"] for row in after.values()) >= sum(
        row["stored"] for row in ledger.values()
    )


def test_a_second_start_goes_on_and_shows_no_key(hub: HubProcess) -> None:
    hub.start()
    wait_until(lambda: hub.settled(20), "the first readings")
    before = sum(row["received"] for row in hub.ledger().values())
    hub.kill()
    hub.start()
    wait_until(
        lambda: sum(row["received"] for row in hub.ledger().values()) >= before + 20,
        "the next readings",
        within_s=60,
    )
    assert balanced(hub.ledger())
    assert hub.server is not None
    assert len(re.findall(r"first-run password", hub.server.log.read_text())) == 1
    assert hub.stop() == 0


def parking() -> str:
    """The kind that docs/kinds.md teaches to write."""
    text = (HOUSE / "docs" / "kinds.md").read_text(encoding="utf-8")
    found = re.search(r"```toml\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found.group(1)


@pytest.mark.parametrize("store", ["duckdb", "influxdb"])
def test_a_kind_of_the_city_s_own_needs_no_python(
    store: str, hub: HubProcess, request: pytest.FixtureRequest
) -> None:
    (hub.folder / "kinds").mkdir(parents=True)
    (hub.folder / "kinds" / "parking.toml").write_text(parking(), encoding="utf-8")
    if store == "influxdb":
        influxd: Influx = request.getfixturevalue("influxd")
        hub.environment = {
            **hub.environment,
            "STORE": "influxdb",
            "INFLUX_URL": influxd.url,
            "INFLUX_TOKEN": influxd.token,
            "INFLUX_ORG": influxd.org,
            "INFLUX_BUCKET": influxd.bucket(),
        }
    hub.register([Device("lot-1", "parking")])
    hub.start()
    # Simulated, as real clients, and stored:
    wait_for_readings(hub, "sim-parking-001")
    (reading, *_) = ask(hub, "/api/v1/devices/sim-parking-001/readings?last=10m")["items"]
    assert reading["channel"] in {"ground", "roof"}
    assert {reading["free_qc"], reading["taken_qc"]} == {1}
    # A real one, validated:
    login = hub.say("devices", "credentials", "lot-1")
    for payload in ('{"channel":"roof","free":6000,"taken":3}', '{"free":"many"}'):
        subprocess.run(
            [
                *("mosquitto_pub", "-h", "127.0.0.1", "-p", str(login["port"]), "-q", "1"),
                *("-u", login["username"], "-P", login["password"]),
                *("-t", "sensors/lot-1/up", "-m", payload),
            ],
            check=True,
            timeout=30,
        )
    wait_for_readings(hub, "lot-1")
    (reading,) = ask(hub, "/api/v1/devices/lot-1/readings?last=10m")["items"]
    assert (reading["free"], reading["free_qc"], reading["taken_qc"]) == (6000, 4, 1)
    (item,) = hub.items("quarantine", "list", "--device", "lot-1")
    assert item["reason"] == "wrong_type"
    assert hub.stop() == 0
