"""A Docker engine of the test's own, and the images that a registry would have."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.servers import Server, influxd_binary

HOUSE: Final = Path(__file__).parents[2]
STANDINS: Final = Path(__file__).parent / "standins"
HUB: Final = "kotahub:0.1.0"
_PACKAGES: Final = (
    *("python3", "python3-venv", "mosquitto", "mosquitto-clients", "postgresql"),
    *("openssl", "ca-certificates", "curl", "wget"),
)
_NAMES: Final = {
    "python": "python:3.11-slim-bookworm",
    "mosquitto": "eclipse-mosquitto:2",
    "postgres": "postgres:17-bookworm",
    "influxdb": "influxdb:2.9",
    "grafana": "grafana/grafana:12.3.1",
}
_BUILD_S: Final = 1800.0


@dataclass
class Engine:
    """dockerd on a socket, a data folder and addresses of its own; ended by its id.

    It uses the machine's packet filter where there is one. `KOTAHUB_COMPOSE_DRIVER` chooses how
    it stores images, where its own choice does not go: vfs goes everywhere, and copies everything.
    """

    folder: Path
    server: Server | None = None
    compose: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
        # Debian 12 has version 1 only, as a program of its own.
        self.compose = ("docker", "compose") if plugin.returncode == 0 else ("docker-compose",)

    @property
    def environment(self) -> dict[str, str]:
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("KOTAHUB_", "DOCKER_", "COMPOSE_")) or name == "DOCKER_CONFIG"
        }
        return {
            **clean,
            "DOCKER_HOST": f"unix://{self.folder}/docker.sock",
            "DOCKER_BUILDKIT": "0",
            "COMPOSE_PROJECT_NAME": "kotahub-test",
        }

    def start(self) -> None:
        filters = subprocess.run(
            ["iptables", "-t", "nat", "-L", "-n"], capture_output=True, check=False
        )
        flags = [] if filters.returncode == 0 else ["--iptables=false"]
        if driver := os.environ.get("KOTAHUB_COMPOSE_DRIVER"):
            flags.append(f"--storage-driver={driver}")
        self.server = Server(
            [
                *("dockerd", f"--host=unix://{self.folder}/docker.sock", "--bridge=none"),
                f"--data-root={self.folder}/data",
                f"--exec-root={self.folder}/exec",
                f"--pidfile={self.folder}/docker.pid",
                "--default-address-pool=base=10.213.0.0/16,size=24",
                *flags,
            ],
            log=self.folder / "dockerd.log",
        )
        self.server.wait_until(self.answers, "the Docker engine answers")

    def answers(self) -> bool:
        said = subprocess.run(
            ["docker", "version"], env=self.environment, capture_output=True, check=False
        )
        return said.returncode == 0

    def stop(self) -> None:
        if self.server is not None:
            self.server.stop()

    def run(
        self, *command: str, env: Mapping[str, str] | None = None, timeout_s: float = _BUILD_S
    ) -> str:
        """The output of a program that speaks to this engine; fails with its words."""
        done = subprocess.run(
            command,
            env={**self.environment, **(env or {})},
            cwd=HOUSE,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-6000:]}"
        return done.stdout

    def docker(self, *command: str) -> str:
        return self.run("docker", *command)

    def inspect(self, name: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = json.loads(self.docker("inspect", name))
        return found[0]

    def build(self, tag: str, context: Path, *options: str) -> None:
        """Without network: everything must be in the context or in the base."""
        self.docker("build", "--quiet", "--network=none", f"--tag={tag}", *options, str(context))

    def build_all(self) -> None:
        """The stand-ins under the real ones' names, and the hub's image by its own Dockerfile."""
        self.docker("import", str(debian()), "kotahub-debian")
        contexts = self.folder / "contexts"
        for name, tag in _NAMES.items():
            context = contexts / name
            shutil.copytree(STANDINS / name, context)
            if name == "python":
                shutil.copytree(wheels(), context / "wheels")
            elif name == "influxdb":
                shutil.copy(influxd_binary(), context / "influxd")
            elif name == "grafana":
                _copy_stand_in(context)
            self.build(tag, context)
            if name == "python":
                self.build(HUB, HOUSE)
                self.docker("tag", HUB, "kotahub-under-test")


def debian() -> Path:
    """A file system of Debian's packages, kept in the user's cache."""
    release = next(
        line.partition("=")[2]
        for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
        if line.startswith("VERSION_CODENAME=")
    )
    made = _cache() / f"compose-{release}-{_key(_PACKAGES)}.tar"
    if made.is_file():
        return made
    root = made.with_suffix(".root")
    shutil.rmtree(root, ignore_errors=True)
    subprocess.run(
        [
            *("debootstrap", "--variant=minbase", f"--include={','.join(_PACKAGES)}"),
            *(release, str(root)),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=_BUILD_S,
    )
    shutil.rmtree(root / "var" / "cache" / "apt")
    shutil.rmtree(root / "var" / "lib" / "postgresql")
    fresh = made.with_suffix(".new")
    subprocess.run(
        ["tar", "-C", root, "--numeric-owner", "-cf", fresh, "."], check=True, timeout=_BUILD_S
    )
    fresh.replace(made)
    shutil.rmtree(root)
    return made


def wheels() -> Path:
    """The locked wheels for Python 3.11, kept in the user's cache."""
    lock = HOUSE / "requirements.txt"
    made = _cache() / f"compose-wheels-{_key([lock.read_text(encoding='utf-8')])}"
    if made.is_dir():
        return made
    fresh = made.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--quiet", "download"),
            *("--require-hashes", "--only-binary", ":all:", "--python-version", "3.11"),
            *("--requirement", lock, "--dest", fresh),
        ],
        check=True,
        timeout=_BUILD_S,
    )
    fresh.replace(made)
    return made


def _copy_stand_in(context: Path) -> None:
    tests = context / "tests"
    for package in (Path(), Path("dashboards")):
        (tests / package).mkdir()
        (tests / package / "__init__.py").touch()
    shutil.copytree(HOUSE / "tests" / "dashboards" / "grafana", tests / "dashboards" / "grafana")


def _cache() -> Path:
    made = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "kotahub"
    made.mkdir(parents=True, exist_ok=True)
    return made


def _key(words: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]
