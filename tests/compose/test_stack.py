"""docker-compose.yml as it is, with the demo, on a real Docker engine: from nothing to data.

The images that a registry would have are stand-ins (standins/README.md). One after the other:
later tests end services and start them again.
"""

import json
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.compose.engine import HOUSE, HUB, Engine
from tests.compose.test_files import SERVERS, SERVICES, TOOLS
from tests.servers import free_port, wait_until

SENSORS: Final = 24
RUNNING: Final = sorted(SERVERS | {"simulator"})
ALL: Final = sorted(SERVICES.keys() - TOOLS)
PATIENCE_S: Final = 300.0


@dataclass
class Stack:
    engine: Engine
    settings: Path
    ports: dict[str, int]
    key: str = field(default="", repr=False)

    def compose(self, *command: str) -> str:
        words = (*self.engine.compose, "--env-file", str(self.settings), "--profile", "demo")
        return self.engine.run(*words, *command)

    def up(self, *services: str) -> None:
        self.compose("up", "-d", "--no-build", *services)

    def id(self, service: str) -> str:
        label = f"label=com.docker.compose.service={service}"
        found = self.engine.docker("ps", "--all", "--quiet", "--filter", label).split()
        assert len(found) == 1, (service, found)
        return found[0]

    def inspect(self, service: str) -> dict[str, Any]:
        return self.engine.inspect(self.id(service))

    def state(self, service: str) -> str:
        """`healthy`, `running` without a health check, `exited 0` and the like."""
        state = self.inspect(service)["State"]
        if state["Status"] == "exited":
            return f"exited {state['ExitCode']}"
        return str(state.get("Health", state).get("Status"))

    def states(self) -> dict[str, str]:
        return {service: self.state(service) for service in ALL}

    def wait_well(self) -> None:
        good = dict.fromkeys(SERVERS, "healthy") | {
            "simulator": "running",
            "prepare": "exited 0",
            "complete": "exited 0",
            "dashboards": "exited 0",
        }
        try:
            wait_until(lambda: self.states() == good, "all is well", within_s=PATIENCE_S)
        except pytest.fail.Exception:
            pytest.fail(f"{self.states()}\n{self.compose('logs', '--tail=20')[-12000:]}")

    def kotahub(self, *words: str) -> str:
        return self.engine.docker("exec", self.id("gateway"), "kotahub", *words)

    def ask(self, path: str) -> dict[str, Any]:
        """The hub's API, as somebody on this machine asks it."""
        answer = httpx.get(
            f"http://127.0.0.1:{self.ports['KOTAHUB_HTTP_PORT']}{path}",
            headers={"Authorization": f"Bearer {self.key}"},
            trust_env=False,
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return said

    def ledger(self) -> dict[str, int]:
        """Sums over all sensors."""
        rows = json.loads(self.kotahub("ledger", "--limit", "1000", "--json"))["items"]
        outcomes = ("received", "stored", "quarantined", "duplicate", "pending")
        return {name: sum(row[name] for row in rows) for name in outcomes}

    def secrets(self) -> dict[str, str]:
        """Every secret in every volume, by its file."""
        shown = {}
        for service, folder in (
            ("postgres", "/secrets"),
            ("influxdb", "/secrets"),
            ("grafana", "/secrets"),
            ("gateway", "/secrets/hub"),
        ):
            names = self.engine.docker("exec", self.id(service), "ls", folder).split()
            for name in names:
                path = f"{folder}/{name}"
                text = self.engine.docker("exec", self.id(service), "cat", path)
                shown[f"{service}:{path}"] = text.strip()
        return shown

    def grafana(self) -> dict[str, Any]:
        """What the stand-in holds."""
        text = self.engine.docker("exec", self.id("grafana"), "cat", "/var/lib/grafana/state.json")
        said: dict[str, Any] = json.loads(text)
        return said

    def count_in_influxdb(self, token: str) -> int:
        """Readings of air that somebody with this token sees, asked from Grafana's container."""
        url = "http://influxdb:8086/query?db=kotahub&q=SELECT+count(pm25)+FROM+air"
        said = self.engine.docker(
            *("exec", self.id("grafana"), "curl", "-fsS", "-H", f"Authorization: {token}", url)
        )
        series = json.loads(said)["results"][0].get("series", [])
        return sum(int(row[1]) for one in series for row in one["values"])


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    # Not below pytest's folder: the paths of sockets in it may not be long.
    folder = Path(tempfile.mkdtemp(prefix="kotahub-docker-"))
    engine = Engine(folder)
    names = ("KOTAHUB_HTTP_PORT", "GRAFANA_PORT", "KOTAHUB_MQTT_PORT")
    ports = {name: free_port() for name in names}
    settings = folder / "env"
    given = {**ports, "SIMULATED_SENSORS": SENSORS, "KOTAHUB_MQTT_ADDRESS": "127.0.0.1"}
    settings.write_text("".join(f"{name}={value}\n" for name, value in given.items()))
    made = Stack(engine, settings, ports)
    try:
        engine.start()
        engine.build_all()
        began = time.monotonic()
        made.up()
        made.wait_well()
        print(f"all is well after {time.monotonic() - began:.0f} s")  # noqa: T201 - shown by -rP
        made.key = json.loads(
            made.compose("run", "--rm", "--no-deps", "prepare", "stack", "passwords", "--json")
        )["API key (scope admin)"]
        yield made
        made.compose("down", "--volumes", "--timeout", "60")
    finally:
        engine.stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_one_up_ends_with_data(stack: Stack) -> None:
    assert len(stack.ask("/api/v1/devices?limit=100")["items"]) == SENSORS
    (air, *_) = stack.ask("/api/v1/devices?kind=air&limit=1")["items"]
    path = f"/api/v1/devices/{air['id']}/readings?last=10m"
    wait_until(lambda: bool(stack.ask(path)["items"]), "readings over HTTP", within_s=120)
    ledger = stack.ledger()
    assert ledger["stored"] >= SENSORS / 2
    assert ledger["quarantined"] == 0


def test_grafana_has_its_dashboards_and_sees_the_data(stack: Stack) -> None:
    held = stack.grafana()
    generated = list((HOUSE / "dashboards" / "generated").rglob("*.json"))
    assert len(held["dashboards"]) == len(generated) > 10
    (source,) = held["data_sources"]
    assert (source["url"], source["jsonData"]["dbName"]) == ("http://influxdb:8086", "kotahub")
    (secret,) = held["secrets"].values()
    token = secret["httpHeaderValue1"]
    wait_until(lambda: stack.count_in_influxdb(token) > 0, "Grafana's token reads", within_s=120)


def test_a_second_apply_has_nothing_to_do(stack: Stack) -> None:
    before = stack.grafana()["writes"]
    said = stack.compose(
        *("run", "--rm", "--no-deps", "dashboards"),
        'kotahub dashboards build /tmp/dashboards --hub-url "$HUB_URL" >/dev/null; '
        "kotahub dashboards apply --from /tmp/dashboards",
    )
    assert "nothing to do" in said
    assert stack.grafana()["writes"] == before


def test_no_secret_is_told(stack: Stack) -> None:
    secrets = stack.secrets()
    public = {"ca.crt", "mqtt_ca_file"}
    hidden = {
        word
        for name, text in secrets.items()
        if Path(name).name not in public
        for word in re.findall(r"[\w-]{24,}={0,2}", text)
    }
    assert len(hidden) >= 10
    told = {
        "docker-compose.yml": (HOUSE / "docker-compose.yml").read_text(encoding="utf-8"),
        "compose config": stack.compose("config"),
        **{f"inspect {name}": json.dumps(stack.inspect(name)) for name in ALL},
        "image": stack.engine.docker("inspect", HUB),
        "history": stack.engine.docker("history", "--no-trunc", HUB),
        "logs": stack.compose("logs"),
    }
    found = {(where, word) for where, text in told.items() for word in hidden if word in text}
    assert found == set()


@pytest.mark.parametrize("service", RUNNING)
def test_nobody_is_root_and_nothing_is_writable_but_volumes(stack: Stack, service: str) -> None:
    here = stack.id(service)
    top = stack.engine.docker("top", here, "-eo", "uid,pid").split("\n")[1:]
    assert {line.split()[0] for line in top if line.strip()} == {
        str(SERVICES[service]["user"]).partition(":")[0]
    }
    status = stack.engine.docker("exec", here, "cat", "/proc/1/status")
    for rights in ("CapPrm", "CapEff", "CapBnd"):
        assert re.search(rf"{rights}:\s+0+\n", status), rights
    assert re.search(r"NoNewPrivs:\s+1\n", status)
    tried = stack.engine.docker(
        *("exec", here, "sh", "-c"),
        "for at in / /etc /usr/bin /opt /home /var/lib; do "
        "touch $at/written 2>/dev/null && echo $at; done; true",
    )
    assert tried.split() == []
    host = stack.inspect(service)["HostConfig"]
    assert host["Memory"] > 0
    assert host["NanoCpus"] > 0
    assert host["ReadonlyRootfs"]


def test_no_compiler_is_in_the_image(stack: Stack) -> None:
    found = stack.engine.docker(
        *("exec", stack.id("gateway"), "sh", "-c"),
        "for name in gcc cc g++ clang make ld pip; do command -v $name; done; "
        "python -c 'import hatchling' 2>/dev/null && echo hatchling; true",
    )
    assert [line for line in found.split() if line.startswith("/opt") or "gcc" in line] == []
    assert "hatchling" not in found


def test_services_read_their_own_secrets_only(stack: Stack) -> None:
    for service in RUNNING:
        mounted = {mount["Destination"] for mount in stack.inspect(service)["Mounts"]}
        others = stack.engine.docker(
            "exec", stack.id(service), "sh", "-c", "ls -d /secrets/* 2>/dev/null; true"
        ).split()
        if service in {"ingest", "gateway", "simulator"}:
            assert "/secrets/hub" in mounted
            readable = stack.engine.docker(
                *("exec", stack.id(service), "sh", "-c"),
                "ls /secrets/postgres /secrets/influxdb /secrets/grafana /secrets/dashboards "
                "2>/dev/null | grep -v : ; true",
            )
            assert readable.split() == []
        elif service != "mosquitto":
            assert len(others) <= 2, others


def test_only_three_ports_are_open(stack: Stack) -> None:
    published = {
        f"{service} {bound['HostIp']}:{bound['HostPort']}"
        for service in RUNNING
        for bounds in stack.inspect(service)["NetworkSettings"]["Ports"].values()
        for bound in bounds or []
    }
    assert published == {
        f"mosquitto 127.0.0.1:{stack.ports['KOTAHUB_MQTT_PORT']}",
        f"grafana 127.0.0.1:{stack.ports['GRAFANA_PORT']}",
        f"gateway 127.0.0.1:{stack.ports['KOTAHUB_HTTP_PORT']}",
    }


def test_a_real_sensor_comes_in_over_tls(stack: Stack, tmp_path: Path) -> None:
    stack.kotahub(
        *("devices", "add", "pm-17", "--kind", "air", "--name", "Simpang Pos"),
        *("--lat", "3.5412", "--lon", "98.6611"),
    )
    login = json.loads(stack.kotahub("devices", "credentials", "pm-17", "--json"))
    assert (login["host"], login["tls"]) == ("localhost", True)
    authority = tmp_path / "ca.crt"
    stack.engine.docker("cp", f"{stack.id('gateway')}:/secrets/hub/ca.crt", str(authority))
    subprocess.run(
        [
            *("mosquitto_pub", "-h", "localhost", "-p", str(stack.ports["KOTAHUB_MQTT_PORT"])),
            *("--cafile", authority, "-q", "1", "-u", "pm-17", "-P", login["password"]),
            *("-t", "sensors/pm-17/up", "-m", '{"pm25": 31.5}'),
        ],
        check=True,
        timeout=30,
    )
    path = "/api/v1/devices/pm-17/readings?last=10m"
    wait_until(lambda: bool(stack.ask(path)["items"]), "the reading", within_s=60)
    assert stack.ask(path)["items"][0]["pm25"] == 31.5


def test_plain_mqtt_is_refused(stack: Stack) -> None:
    refused = subprocess.run(
        [
            *("mosquitto_pub", "-h", "localhost", "-p", str(stack.ports["KOTAHUB_MQTT_PORT"])),
            *("-t", "sensors/pm-17/up", "-m", "{}"),
        ],
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert refused.returncode != 0
    untrusting = ssl.create_default_context()
    with (
        pytest.raises(ssl.SSLError),
        untrusting.wrap_socket(
            socket.create_connection(("localhost", stack.ports["KOTAHUB_MQTT_PORT"])),
            server_hostname="localhost",
        ),
    ):
        pass


@pytest.mark.parametrize("service", RUNNING)
def test_a_killed_service_comes_back(stack: Stack, service: str) -> None:
    before = stack.ledger()
    state = stack.inspect(service)["State"]
    # As the kernel would: `docker kill` counts as stopped by hand and is not started again.
    subprocess.run(["kill", "-9", str(state["Pid"])], check=True)
    wait_until(
        lambda: stack.inspect(service)["State"]["StartedAt"] != state["StartedAt"],
        f"{service} is started again",
        within_s=60,
    )
    if service == "grafana":
        stack.up("dashboards")  # the stand-in forgets everything; the real one would not
    stack.wait_well()
    wait_until(
        lambda: stack.ledger()["stored"] >= before["stored"] + SENSORS // 3,
        "readings go on",
        within_s=240,
    )


def test_down_and_up_keep_the_data(stack: Stack) -> None:
    secrets, before = stack.secrets(), stack.ledger()
    reading = stack.ask("/api/v1/devices/pm-17/readings?last=1d")["items"][-1]
    stack.compose("down", "--timeout", "60")
    stack.up()
    stack.wait_well()
    assert stack.secrets() == secrets
    after = stack.ledger()
    assert after["received"] >= before["received"]
    assert stack.ask("/api/v1/devices/pm-17/readings?last=1d")["items"][-1] == reading
    login = json.loads(stack.kotahub("devices", "show", "pm-17", "--json"))
    assert login["id"] == "pm-17"
    wait_until(
        lambda: stack.ledger()["stored"] >= before["stored"] + SENSORS // 3,
        "readings go on",
        within_s=240,
    )
    ledger = stack.ledger()
    parts = ("stored", "quarantined", "duplicate", "pending")
    assert ledger["received"] == sum(ledger[part] for part in parts)


def test_a_backup_brings_an_empty_installation_back(stack: Stack) -> None:
    tools = ("--profile", "tools", "run", "--rm", "--no-deps", "tools")
    archive = ("/backups/hub.tar.gz", "--broker", "/broker")
    stack.compose(*tools, "backup", *archive)
    before = stack.ledger()
    reading = stack.ask("/api/v1/devices/pm-17/readings?last=1d")["items"][-1]
    stack.compose("down", "--timeout", "60")
    volumes = stack.engine.docker("volume", "ls", "--quiet").split()
    stack.engine.docker("volume", "rm", *(one for one in volumes if "backups" not in one))
    stack.up()
    stack.wait_well()
    stack.compose("stop", "--timeout", "60", "simulator", "ingest", "gateway", "mosquitto")
    stack.compose(*tools, "restore", *archive, "--force")
    stack.up()
    stack.wait_well()
    # The key that was shown then is the one that opens; the new installation's is gone.
    assert stack.ask("/api/v1/devices/pm-17/readings?last=1d")["items"][-1] == reading
    told = stack.compose("run", "--rm", "--no-deps", "prepare", "stack", "passwords", "--json")
    assert json.loads(told)["API key (scope admin)"] is None
    wait_until(
        lambda: stack.ledger()["stored"] > before["received"], "readings go on", within_s=240
    )
