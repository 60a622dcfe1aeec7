"""The hub's containers at their first start: secrets that nobody typed, for each what it needs.

`docker-compose.yml` runs two steps before the services. `prepare` needs no network: it makes
every password and the broker's folder. `complete` needs PostgreSQL and InfluxDB: it brings the
registry's schema up to date and makes tokens that may do no more than their owner must. Both keep
what is there, so they run again with every `docker compose up`.

Each service mounts its own folder of secrets, read-only, and no other's:

| folder | file | what |
|---|---|---|
| `postgres/` | `password` | of the database's user |
| `influxdb/` | `password`, `token` | of InfluxDB's administrator |
| `grafana/` | `password`, `secret-key` | of Grafana's administrator; what Grafana encrypts with |
| `hub/` | settings, `first-run-key`, `ca.crt` | see `KOTAHUB_SECRETS_DIR`; for ingest and gateway |
| `dashboards/` | settings | for `kotahub dashboards apply` |
"""

import os
import secrets
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from devices.errors import HubError
from gateway.certificate import Certificate
from gateway.mosquitto import MosquittoFolder, Production, Secrets, write_private
from gateway.registry import open_registry
from gateway.settings import Settings

BROKER_HOST: Final = "mosquitto"
"""The broker's service, and a name in the certificate that the hub makes for it."""
PLUGIN: Final = Path("/usr/lib/mosquitto_dynamic_security.so")
"""Where eclipse-mosquitto keeps it."""
SYSTEM_AUTHORITIES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
_READABLE: Final = 0o444
"""Each folder is a volume that nobody but its reader mounts, whatever number its user has."""
_PORT: Final = 8883
_OK: Final = 200
_MADE: Final = 201
_TIMEOUT: Final = aiohttp.ClientTimeout(total=30)


class OwnCertificateError(HubError):
    """The folder of the city's own certificate cannot be used."""

    def __init__(self, folder: Path, reason: str) -> None:
        self.folder = folder
        super().__init__(
            f"{folder}: {reason}. It must hold server.crt (with its chain) and server.key, both "
            f"readable by user {os.geteuid()}, and ca.crt where a private authority signed them; "
            f"or nothing, and the hub makes a certificate"
        )


class InfluxSetupError(HubError):
    """InfluxDB does not give the tokens that the hub and Grafana need."""

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        super().__init__(
            f"InfluxDB at {url} made no tokens: {reason}. Does it run, was it set up with the "
            f"token of this stack, and do KOTAHUB_INFLUX_ORG and KOTAHUB_INFLUX_BUCKET exist?"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Folders that the volumes of docker-compose.yml are mounted at."""

    secrets: Path = Path("/secrets")
    broker: Path = Path("/broker")
    own_certificate: Path = Path("/tls")

    @property
    def operator_token(self) -> Path:
        return self.secrets / "influxdb" / "token"

    @property
    def first_key(self) -> Path:
        return self.secrets / "hub" / "first-run-key"

    @property
    def grafana_password(self) -> Path:
        return self.secrets / "grafana" / "password"

    @property
    def authority(self) -> Path:
        return self.secrets / "hub" / "ca.crt"


def prepare(stack: Stack, hostname: str, *, plugin: Path = PLUGIN) -> None:
    """Makes what is missing of secrets and broker; brings the rest up to date.

    Args:
        stack: the folders.
        hostname: name or address by which sensors find the broker.
        plugin: the broker's dynamic-security plugin, where the broker runs.

    Raises:
        OwnCertificateError: the city's certificate is there and cannot be used.
        BrokerFilesError: files of an earlier time are damaged.
    """
    postgres = _kept(stack.secrets / "postgres" / "password")
    for name in ("password", "token"):
        _kept(stack.secrets / "influxdb" / name)
    grafana = _kept(stack.grafana_password)
    _kept(stack.secrets / "grafana" / "secret-key")
    own = _own_certificate(stack.own_certificate)
    made = _prepare_broker(stack, hostname, own, plugin)
    # The city's certificate knows the city's name only; compose gives the broker that name too.
    host = hostname if own else BROKER_HOST
    hub = stack.secrets / "hub"
    _write(hub / "database_url", f"postgresql+psycopg://kotahub:{postgres}@postgres:5432/kotahub")
    _write(hub / "mqtt_url", made.logins["hub"].url("mqtts", host, _PORT))
    _write(hub / "mqtt_admin_url", made.logins["admin"].url("mqtts", host, _PORT))
    _write(hub / "mqtt_client_id", made.hub_client_id)
    _write(hub / "mqtt_ca_file", str(stack.authority if own is None else own.ca))
    _write(stack.secrets / "dashboards" / "grafana_url", f"http://admin:{grafana}@grafana:3000")


async def complete(stack: Stack, settings: Settings) -> None:
    """Brings the registry up to date, makes the first API key, and the tokens for InfluxDB.

    Raises:
        RegistryUnavailableError: PostgreSQL does not answer, or its schema is newer.
        InfluxSetupError: InfluxDB does not answer, or refuses.
    """
    with closing(open_registry(settings)) as registry:
        held = _read(stack.first_key)
        if not registry.keys():
            _write(stack.first_key, registry.create_key("first run", ["admin"], by="first run"))
        elif held is not None and registry.key_scopes(held) is None:
            stack.first_key.unlink()  # revoked, or of the registry before a restore
    operator = stack.operator_token.read_text(encoding="utf-8").strip()
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        influx = _Influx(session, settings.influx_url, operator)
        try:
            bucket = await influx.bucket(settings.influx_org, settings.influx_bucket)
            for path, actions, words in (
                (stack.secrets / "hub" / "influx_token", ("read", "write"), "kotahub"),
                (
                    stack.secrets / "dashboards" / "grafana_influx_token",
                    ("read",),
                    "Grafana of kotahub",
                ),
            ):
                held = _read(path)
                if held is None or not await influx.opens(held, bucket):
                    _write(path, await influx.new_token(bucket, actions, words))
        except (aiohttp.ClientError, TimeoutError, OSError, LookupError) as error:
            raise InfluxSetupError(
                settings.influx_url, str(error) or type(error).__name__
            ) from error


def _prepare_broker(stack: Stack, hostname: str, own: Certificate | None, plugin: Path) -> Secrets:
    folder = MosquittoFolder(stack.broker)
    listen = Production(hostname, own, _PORT, other_names=(BROKER_HOST, "localhost"), log="stderr")
    made = folder.init_production(listen, plugin=plugin, user="mosquitto")
    admin = made.logins["admin"]
    trusted = "--tls-use-os-certs"
    if own is None:
        _write(stack.authority, (stack.broker / "ca.crt").read_text(encoding="utf-8"))
        trusted = f"--cafile {stack.broker / 'ca.crt'}"
    elif own.ca != SYSTEM_AUTHORITIES:
        trusted = f"--cafile {own.ca}"
    # How the health check logs in: mosquitto_sub reads it from $XDG_CONFIG_HOME, and no password
    # stands on a command line. It asks its own machine, whose name is not in every certificate.
    check = stack.broker / "health"
    check.mkdir(mode=0o700, exist_ok=True)
    _write(
        check / "mosquitto_sub",
        f"-h 127.0.0.1\n-p {_PORT}\n{trusted}\n--insecure\n"
        f"-u {admin.username}\n-P {admin.password}\n",
        mode=0o400,
    )
    return made


def _own_certificate(folder: Path) -> Certificate | None:
    given = Certificate(folder / "server.crt", folder / "server.key", folder / "ca.crt")
    there = [path.is_file() for path in (given.certificate, given.key)]
    if not any(there):
        return None
    if not all(there):
        raise OwnCertificateError(folder, "of server.crt and server.key one is missing")
    for path in (given.certificate, given.key):
        if not os.access(path, os.R_OK):
            raise OwnCertificateError(folder, f"{path.name} cannot be read")
    if given.ca.is_file():
        return given
    return Certificate(given.certificate, given.key, SYSTEM_AUTHORITIES)


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8").strip() if path.is_file() else None


def _kept(path: Path) -> str:
    """The secret that an earlier time made, or a new one."""
    held = _read(path)
    if held is not None:
        return held
    made = secrets.token_urlsafe(32)
    _write(path, made)
    return made


def _write(path: Path, text: str, *, mode: int = _READABLE) -> None:
    """Replaces a file in one step where its text differs."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, text)
    path.chmod(mode)


class _Influx:
    """InfluxDB 2 as its administrator sees it."""

    def __init__(self, session: aiohttp.ClientSession, url: str, operator: str) -> None:
        self._session = session
        self._url = url.rstrip("/")
        self._operator = operator

    async def bucket(self, org: str, name: str) -> dict[str, Any]:
        """The bucket with its `id` and `orgID`."""
        found = await self._ask("GET", "/api/v2/buckets", params={"org": org, "name": name})
        return dict(found["buckets"][0])

    async def opens(self, token: str, bucket: dict[str, Any]) -> bool:
        """Whether a token still lets its holder at the bucket."""
        async with self._session.get(
            f"{self._url}/api/v2/buckets/{bucket['id']}",
            headers={"Authorization": f"Token {token}"},
        ) as answer:
            return answer.status == _OK

    async def new_token(self, bucket: dict[str, Any], actions: tuple[str, ...], words: str) -> str:
        resource = {"type": "buckets", "id": bucket["id"], "orgID": bucket["orgID"]}
        made = await self._ask(
            "POST",
            "/api/v2/authorizations",
            json={
                "orgID": bucket["orgID"],
                "description": words,
                "permissions": [{"action": action, "resource": resource} for action in actions],
            },
        )
        return str(made["token"])

    async def _ask(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        async with self._session.request(
            method,
            self._url + path,
            headers={"Authorization": f"Token {self._operator}"},
            **request,
        ) as answer:
            said = await answer.json()
            if answer.status not in {_OK, _MADE}:
                raise LookupError(f"{method} {path}: {answer.status} {said.get('message', '')}")
            return dict(said)
