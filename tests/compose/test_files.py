"""docker-compose.yml and Dockerfile as they are written: what must hold without starting them."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import SecretStr
from ruamel.yaml import YAML

from gateway.settings import Settings

HOUSE: Final = Path(__file__).parents[2]
TEXT: Final = (HOUSE / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: Final[dict[str, Any]] = YAML(typ="safe").load(TEXT)
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
DOCKERFILE: Final = (HOUSE / "Dockerfile").read_text(encoding="utf-8")
OPERATIONS: Final = (HOUSE / "docs" / "operations.md").read_text(encoding="utf-8")

STEPS: Final = {"prepare", "complete", "dashboards"}
"""Services that do one thing and end."""
PLAYS: Final = {"simulator"}
TOOLS: Final = {"tools"}
"""Services that wait for a person's command."""
SERVERS: Final = set(SERVICES) - STEPS - PLAYS - TOOLS

every_service = pytest.mark.parametrize("name", SERVICES)


def mounts(service: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Volume and whether it may be written to."""
    for mount in service.get("volumes", []):
        source, _, rest = re.sub(r"\$\{\w+:-(\w+)\}", r"\1", mount).partition(":")
        yield source, not rest.endswith(":ro")


def test_the_services_are_those_of_the_plan() -> None:
    assert {"mosquitto", "postgres", "influxdb", "grafana", "ingest", "gateway"} == SERVERS
    profiles = {name: one["profiles"] for name, one in SERVICES.items() if "profiles" in one}
    assert profiles == {"simulator": ["demo"], "tools": ["tools"]}


@every_service
def test_it_has_no_right_that_it_does_not_need(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    assert re.fullmatch(r"[1-9]\d*:\d+", service["user"]), "a number, and not root's"


@every_service
def test_it_has_limits(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"(\$\{\w+:-)?\d+[mg]\}?", service["mem_limit"])
    assert re.fullmatch(r"(\$\{\w+:-)?[\d.]+\}?", str(service["cpus"]))
    assert service["pids_limit"] > 0
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_tells_its_health_and_comes_back(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert {"interval", "timeout", "retries", "start_period"} <= check.keys()


@pytest.mark.parametrize("name", STEPS | TOOLS)
def test_a_step_ends(name: str) -> None:
    assert SERVICES[name]["restart"] in {"no", "on-failure:10"}
    assert SERVICES[name]["healthcheck"] == {"disable": True}


def test_every_image_is_pinned() -> None:
    images = {name: one["image"] for name, one in SERVICES.items() if "build" not in one}
    assert images == {
        "mosquitto": "eclipse-mosquitto:2",
        "postgres": "postgres:17-bookworm",
        "influxdb": "influxdb:2.9",
        "grafana": "grafana/grafana:12.3.1",
    }


def test_the_image_has_the_version_of_the_program() -> None:
    version = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "version"
    ]
    own = {one["image"] for one in SERVICES.values() if "build" in one}
    assert own == {f"kotahub:${{KOTAHUB_VERSION:-{version}}}"}


def test_only_what_people_and_sensors_need_is_published() -> None:
    published = {name: one["ports"] for name, one in SERVICES.items() if "ports" in one}
    assert published == {
        "mosquitto": ["${KOTAHUB_MQTT_ADDRESS:-0.0.0.0}:${KOTAHUB_MQTT_PORT:-8883}:8883"],
        "grafana": ["${KOTAHUB_HTTP_ADDRESS:-127.0.0.1}:${GRAFANA_PORT:-3000}:3000"],
        "gateway": ["${KOTAHUB_HTTP_ADDRESS:-127.0.0.1}:${KOTAHUB_HTTP_PORT:-8080}:8080"],
    }
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert SERVICES["postgres"]["networks"] == SERVICES["influxdb"]["networks"] == ["inside"]


@every_service
def test_no_secret_stands_in_its_environment(name: str) -> None:
    secret_settings = {
        f"KOTAHUB_{setting.upper()}"
        for setting, field in Settings.model_fields.items()
        if SecretStr in (field.annotation, *getattr(field.annotation, "__args__", ()))
    }
    assert "KOTAHUB_INFLUX_TOKEN" in secret_settings
    assert "KOTAHUB_DATABASE_URL" in secret_settings
    environment = SERVICES[name].get("environment", {})
    assert secret_settings & environment.keys() == set()
    for variable, value in environment.items():
        if re.search(r"PASSWORD|TOKEN|SECRET|KEY", variable):
            assert variable.endswith(("_FILE", "_DIR")), variable
            assert value.startswith("/secrets"), variable


@every_service
def test_every_setting_exists(name: str) -> None:
    known = {f"KOTAHUB_{setting.upper()}" for setting in Settings.model_fields}
    known |= {"KOTAHUB_SECRETS_DIR", "KOTAHUB_CONFIG"}
    environment = SERVICES[name].get("environment", {})
    assert {one for one in environment if one.startswith("KOTAHUB_")} - known == set()


def test_each_service_sees_its_own_secrets_only() -> None:
    seen: dict[str, dict[str, bool]] = {}
    for name, one in SERVICES.items():
        for volume, writes in mounts(one):
            if volume.startswith("secrets-"):
                seen.setdefault(volume, {})[name] = writes
    assert seen == {
        "secrets-hub": {
            "prepare": True,
            "complete": True,
            "ingest": False,
            "gateway": False,
            "simulator": False,
            "tools": False,
        },
        "secrets-dashboards": {"prepare": True, "complete": True, "dashboards": False},
        "secrets-postgres": {"prepare": True, "postgres": False},
        "secrets-influxdb": {"prepare": True, "complete": False, "influxdb": False},
        "secrets-grafana": {"prepare": True, "grafana": False},
    }
    broker = {name for name, one in SERVICES.items() if "broker" in dict(mounts(one))}
    assert broker == {"prepare", "mosquitto", "tools"}


def test_every_volume_is_declared_used_and_explained() -> None:
    used = {volume for one in SERVICES.values() for volume, _ in mounts(one)}
    assert used == set(COMPOSE["volumes"])
    assert {volume for volume in used if f"`{volume}`" not in OPERATIONS} == set()


def test_everything_that_a_city_may_set_is_documented() -> None:
    may_set = set(re.findall(r"\$\{(\w+)", TEXT))
    told = set(re.findall(r"`([A-Z_]+)`", OPERATIONS))
    assert may_set - told == set()
    rows = re.findall(r"^\| (`[A-Z_`, ]+`) \|", OPERATIONS, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"\w+", row)} - may_set == set()


def test_nothing_must_be_set() -> None:
    assert set(re.findall(r"\$\{\w+\}|\$\{\w+:\?", TEXT)) == set()


def test_what_depends_waits_for_what_it_needs() -> None:
    steps = {"service_completed_successfully"}
    for name, one in SERVICES.items():
        for other, wait in one.get("depends_on", {}).items():
            expected = steps if other in STEPS else {"service_healthy"}
            assert wait["condition"] in expected, f"{name} → {other}"


# -- Dockerfile


def test_the_base_can_be_chosen() -> None:
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["${PYTHON_IMAGE}"] * 2
    (base,) = re.findall(r"^ARG PYTHON_IMAGE=(\S+)", DOCKERFILE, re.MULTILINE)
    assert re.fullmatch(r"python:3\.\d+-slim-\w+", base)
    args = SERVICES["ingest"]["build"]["args"]
    assert args == {"PYTHON_IMAGE": f"${{PYTHON_IMAGE:-{base}}}"}


def test_packages_come_by_their_hash_and_nothing_is_compiled() -> None:
    assert "--require-hashes --only-binary :all: -r requirements.txt" in DOCKERFILE
    assert re.search(r"gcc|build-essential|apt-get", DOCKERFILE) is None


def test_the_image_is_not_root_and_tells_its_health() -> None:
    end = DOCKERFILE.rpartition("FROM ")[2]
    assert "\nUSER 1883:1883\n" in end
    assert "\nHEALTHCHECK" in end
    assert re.search(r"^(ARG|ENV).*(PASSWORD|TOKEN|SECRET)", DOCKERFILE, re.MULTILINE) is None


def test_all_of_the_program_reaches_the_build_and_nothing_else() -> None:
    project = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))
    packages = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    sources = {source for line in copied for source in line.split()}
    needed = {"pyproject.toml", "requirements.txt", "README.md", "LICENSE"}
    assert sources == packages | needed
    ignore = (HOUSE / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignore[1] == "*"
    assert {line[1:] for line in ignore if line.startswith("!")} == sources
