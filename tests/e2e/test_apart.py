"""The hub's services apart, on a broker of its own with TLS, as docker-compose.yml runs them."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.brokers import MosquittoServer
from tests.conservation import hub_on
from tests.hubs import KOTAHUB, HubProcess, balanced
from tests.servers import Influx, Server, wait_until


@dataclass
class Apart:
    ingest: HubProcess
    gateway: HubProcess

    def health(self, *service: str) -> tuple[int, dict[str, str | None]]:
        """Exit code of `kotahub health`, and why each service is not well."""
        said = subprocess.run(
            [KOTAHUB, "health", *service, "--json"],
            env=self.gateway.env,
            capture_output=True,
            text=True,
            check=False,
        )
        items = json.loads(said.stdout)["items"]
        return said.returncode, {item["service"]: item["why"] for item in items}


@pytest.fixture
def apart(tls_broker: MosquittoServer, influxd: Influx, tmp_path: Path) -> Apart:
    assert tls_broker.secrets is not None
    made = hub_on(
        tls_broker,
        influxd,
        tmp_path / "hub",
        MQTT_ADMIN_URL=tls_broker.admin_url,
        MQTT_CA_FILE=str(tls_broker.ca_file),
        MQTT_CLIENT_ID=tls_broker.secrets.hub_client_id,
    )
    ingest = HubProcess(made.folder, made.environment, ("ingest",))
    gateway = HubProcess(made.folder, made.environment, ("gateway",))
    gateway.register([])  # migrates: two services that start at once must not both do it
    ingest.launch()
    gateway.launch()
    # The gateway is ready when ingest tells it that messages can arrive.
    wait_until(gateway.ready, "both are well", within_s=90)
    return Apart(ingest, gateway)


def test_simulated_sensors_register_and_are_served(apart: Apart) -> None:
    gateway = apart.gateway
    words = ("simulate", "--register", "--devices", "8", "--speed", "60")
    player = Server([KOTAHUB, *words], log=gateway.folder / "play.log", env=gateway.env)
    try:
        player.wait_until(lambda: sum_stored(gateway) >= 8, "readings are stored")
    finally:
        player.stop()
    assert len(gateway.items("devices", "list")) == 8
    assert {row.get("quarantined") for row in gateway.ledger().values()} == {0}
    apart.ingest.stop()
    assert balanced(gateway.ledger())


def sum_stored(hub: HubProcess) -> int:
    return sum(row["stored"] for row in hub.ledger().values())


def test_both_tell_what_is_wrong(apart: Apart, tls_broker: MosquittoServer) -> None:
    assert apart.gateway.ready()
    assert apart.health() == (0, {"gateway": None, "ingest": None})
    tls_broker.stop()
    wait_until(lambda: not apart.gateway.ready(), "the gateway says so", within_s=60)
    code, why = apart.health("ingest")
    assert code == 1
    assert why["ingest"] is not None
    apart.ingest.stop()
    assert apart.health("ingest") == (1, {})
    code, why = apart.health()
    assert code == 1
    assert "the ingest service does not run" in str(why["gateway"])
