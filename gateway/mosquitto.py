"""The folder of a Mosquitto that the hub set up: configuration, logins of services, TLS files."""

import fcntl
import glob
import json
import os
import pwd
import secrets
import shutil
import sysconfig
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any, Final, Literal

from devices.dynamic_security import (
    device_role,
    opens,
    role_name,
    same_roles,
    stored_client,
)
from devices.errors import HubError
from gateway.certificate import Certificate, make_certificate

Service = Literal["hub", "admin", "simulator"]
SERVICES: Final[tuple[Service, ...]] = ("hub", "admin", "simulator")
PRODUCTION_PORT: Final = 8883

_Document = dict[str, Any]
"""A login or a role, in the plugin's own members."""

_PROGRAM: Final = "mosquitto"
_PLUGIN: Final = "mosquitto_dynamic_security.so"
_PLUGIN_FOLDERS: Final = (
    f"/usr/lib/{sysconfig.get_config_var('MULTIARCH')}",
    "/usr/lib/*-linux-gnu*",
    "/usr/lib",
    "/usr/lib64",
    "/usr/lib*/mosquitto",
    "/usr/local/lib",
    "/usr/local/lib/mosquitto",
    "/opt/homebrew/lib",
)


class MissingMosquittoError(HubError):
    """A part of Mosquitto is not installed.

    Attributes:
        part: file name of the part.
    """

    def __init__(self, part: str) -> None:
        self.part = part
        super().__init__(
            f"{part} was not found. Install Mosquitto with: apt-get install mosquitto, or set "
            f"KOTAHUB_MQTT_URL to a broker that runs elsewhere"
        )


class BrokerFilesError(HubError):
    """A file in the broker's folder cannot be used."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        super().__init__(
            f"{path}: {reason}. Put it right, or move the folder away and make a new one with: "
            f"kotahub mosquitto init; then every device needs a new password"
        )


@dataclass(frozen=True, slots=True)
class Login:
    username: str
    password: str

    def url(self, scheme: str, host: str, port: int) -> str:
        return f"{scheme}://{self.username}:{self.password}@{host}:{port}"


@dataclass(frozen=True, slots=True)
class Secrets:
    """Logins of the hub's own services, and the name of its session.

    A dot keeps their user names apart from ids of devices. The client id is as secret as a
    password: whoever connects with it takes the session over, and Mosquitto then throws away all
    queued messages that the other login may not read.
    """

    logins: Mapping[Service, Login]
    hub_client_id: str


@dataclass(frozen=True, slots=True)
class Production:
    """How a broker of its own listens.

    Attributes:
        hostname: the name or address by which sensors and the hub find it.
        certificate: its owner's; where it is None the hub's authority makes one.
        other_names: further names for the certificate that the hub's authority makes.
        log: where it tells what happens: a `file` in the folder, or `stderr` for a container,
            whose log others may read; then without who connects, for that names the hub's session.
    """

    hostname: str
    certificate: Certificate | None = None
    port: int = PRODUCTION_PORT
    other_names: tuple[str, ...] = ()
    log: Literal["file", "stderr"] = "file"


class MosquittoFolder:
    """Paths of the folder; see mosquitto/README.md for what each file is."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.embedded = self.path / "embedded.conf"
        self.production = self.path / "production.conf"
        self.security = self.path / "dynamic-security.json"
        self.secrets = self.path / "secrets.json"
        self.environment = self.path / "hub.env"
        self.log = self.path / "mosquitto.log"
        self.pending = self.path / "pending"
        self.pid = self.path / "broker.pid"
        self.hub_lock = self.path / "hub.lock"
        self.broker_lock = self.path / "broker.lock"

    def init_embedded(self, host: str, port: int, *, plugin: Path | None = None) -> Secrets:
        """Makes or renews everything for `kotahub run`; logins that exist are kept.

        Raises:
            MissingMosquittoError: the dynamic-security plugin is not installed.
            BrokerFilesError: a file of an earlier time cannot be used.
        """
        made = self._init_common()
        values = {"host": host, "port": str(port), "user": _current_user()}
        self._configure(self.embedded, values, plugin or find_plugin())
        return made

    def init_production(
        self, listen: Production, *, plugin: Path | None = None, user: str | None = None
    ) -> Secrets:
        """Makes or renews everything for a broker of its own, and hub.env for the hub.

        Args:
            listen: where and with which certificate.
            plugin: path of the dynamic-security plugin where the broker runs, if not here.
            user: the broker's user; `mosquitto` where that exists, else whoever runs this.

        Raises:
            MissingMosquittoError: the dynamic-security plugin is not installed.
            CertificateError: no certificate was given and none could be made.
            BrokerFilesError: a file of an earlier time cannot be used.
        """
        made = self._init_common()
        owner = user or _broker_user()
        tls = listen.certificate or make_certificate(
            self.path, listen.hostname, *listen.other_names
        )
        values = {
            "port": str(listen.port),
            "user": owner,
            "certificate": str(tls.certificate.resolve()),
            "key": str(tls.key.resolve()),
        }
        self._configure(self.production, values, plugin or find_plugin(), log=listen.log)
        urls = {
            service: login.url("mqtts", listen.hostname, listen.port)
            for service, login in made.logins.items()
        }
        write_private(
            self.environment,
            f"KOTAHUB_MQTT_URL={urls['hub']}\n"
            f"KOTAHUB_MQTT_ADMIN_URL={urls['admin']}\n"
            f"KOTAHUB_MQTT_CA_FILE={tls.ca.resolve()}\n"
            f"KOTAHUB_MQTT_CLIENT_ID={made.hub_client_id}\n",
        )
        self._give_to(owner)
        return made

    def read_secrets(self) -> Secrets | None:
        """The logins that an earlier init made; None before the first.

        Raises:
            BrokerFilesError: the file cannot be read.
        """
        try:
            held = json.loads(self.secrets.read_text())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise BrokerFilesError(self.secrets, str(error)) from error
        try:
            return Secrets(
                logins={
                    service: Login(held[service]["username"], held[service]["password"])
                    for service in SERVICES
                },
                hub_client_id=held["hub"]["client_id"],
            )
        except (KeyError, TypeError) as error:
            raise BrokerFilesError(self.secrets, f"it lacks {error}") from error

    def add_logins(self, logins: Sequence[Mapping[str, Any]]) -> None:
        """Writes logins of devices into the plugin's file, with a role each.

        The broker must not run: it reads the file when it starts and overwrites it later.

        Args:
            logins: as `devices.dynamic_security.stored_client` makes them.

        Raises:
            BrokerFilesError: the file cannot be used.
        """
        clients, roles = self._read_security()
        for login in logins:
            role = device_role(login["username"])
            clients[login["username"]] = dict(login)
            roles[role["rolename"]] = role
        self._write_security(clients, roles)

    def leave_pending(self, logins: Sequence[Mapping[str, Any]]) -> Path:
        """Leaves logins for the hub that looks after the broker; the file goes when they work."""
        path = self.pending / f"{secrets.token_hex(8)}.json"
        write_private(path, json.dumps(logins))
        return path

    def pending_files(self) -> list[Path]:
        return sorted(self.pending.glob("*.json"))

    def add_pending(self, paths: Sequence[Path]) -> None:
        """Takes up what was left. The broker must not run.

        Raises:
            BrokerFilesError: a file cannot be used.
        """
        for path in paths:
            try:
                logins = json.loads(path.read_text())
            except (OSError, ValueError) as error:
                raise BrokerFilesError(path, str(error)) from error
            self.add_logins(logins)

    def remove_logins(self, device_ids: Iterable[str]) -> None:
        """Takes logins of devices out of the plugin's file. The broker must not run.

        Raises:
            BrokerFilesError: the file cannot be used.
        """
        clients, roles = self._read_security()
        for device_id in device_ids:
            clients.pop(device_id, None)
            roles.pop(role_name(device_id), None)
        self._write_security(clients, roles)

    def usernames(self) -> frozenset[str]:
        """Everyone in the plugin's file, services too. Up to date where the broker does not run.

        Raises:
            BrokerFilesError: the file cannot be used.
        """
        clients, _ = self._read_security()
        return frozenset(clients)

    @contextmanager
    def locked(self, lock: Path) -> Iterator[bool]:
        """Holds a lock of the folder, or says that another process does."""
        with lock.open("a") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def _init_common(self) -> Secrets:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.path / "conf.d").mkdir(exist_ok=True)
        self.pending.mkdir(mode=0o700, exist_ok=True)
        held = self.read_secrets()
        made = held or _new_secrets()
        if held is None:
            document: dict[str, dict[str, str]] = {
                service: {"username": login.username, "password": login.password}
                for service, login in made.logins.items()
            }
            document["hub"]["client_id"] = made.hub_client_id
            write_private(self.secrets, json.dumps(document, indent=2) + "\n")
        with self.locked(self.broker_lock) as stopped:
            if stopped:
                self._bootstrap(made)
        return made

    def _bootstrap(self, made: Secrets) -> None:
        """Brings the services' roles and logins in the plugin's file up to date.

        Nothing is written where nothing changes: a production broker may be running.
        """
        clients, roles = self._read_security() if self.security.exists() else ({}, {})
        changed = not self.security.exists()
        for role in json.loads(_shipped("roles.json"))["roles"]:
            held = roles.get(role["rolename"])
            if held is None or not same_roles(held, role):
                roles[role["rolename"]] = role
                changed = True
        for service, login in made.logins.items():
            client = clients.get(login.username)
            if client is None or not opens(client, login.password):
                clients[login.username] = stored_client(login.username, login.password, service)
                changed = True
        if changed:
            self._write_security(clients, roles)

    def _read_security(self) -> tuple[dict[str, _Document], dict[str, _Document]]:
        """Logins by user name, roles by name."""
        try:
            document = json.loads(self.security.read_text())
            return (
                {client["username"]: client for client in document["clients"]},
                {role["rolename"]: role for role in document["roles"]},
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BrokerFilesError(self.security, f"{type(error).__name__} {error}") from error

    def _write_security(
        self, clients: Mapping[str, _Document], roles: Mapping[str, _Document]
    ) -> None:
        access = json.loads(_shipped("roles.json"))["defaultACLAccess"]
        document = {
            "defaultACLAccess": access,
            "clients": list(clients.values()),
            "roles": list(roles.values()),
        }
        write_private(self.security, json.dumps(document))

    def _configure(
        self, path: Path, values: Mapping[str, str], plugin: Path, *, log: str = "file"
    ) -> None:
        place = {
            "folder": str(self.path),
            "plugin": str(plugin),
            "log": f"file {self.log}" if log == "file" else log,
            "notices": "log_type notice" if log == "file" else "# no notices, see above",
        }
        common = Template(_shipped("common.conf")).substitute(place).rstrip()
        written = Template(_shipped(path.name)).substitute({**place, **values, "common": common})
        write_private(path, written)

    def _give_to(self, user: str) -> None:
        """Root makes files for a broker that drops to `user`; anyone else keeps what is theirs."""
        if os.geteuid() != 0:
            return
        entry = pwd.getpwnam(user)
        for path in (self.path, *self.path.rglob("*")):
            os.chown(path, entry.pw_uid, entry.pw_gid)


def find_program() -> Path:
    """Mosquitto itself.

    Raises:
        MissingMosquittoError: it is not installed.
    """
    # Debian keeps it in sbin, which is not on the PATH of everyone.
    search = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    found = shutil.which(_PROGRAM, path=search)
    if found is None:
        raise MissingMosquittoError(_PROGRAM)
    return Path(found)


def find_plugin() -> Path:
    """The dynamic-security plugin, which every distribution keeps elsewhere.

    Raises:
        MissingMosquittoError: it is not installed.
    """
    for folder in _PLUGIN_FOLDERS:
        for found in sorted(glob.glob(f"{folder}/{_PLUGIN}")):  # noqa: PTH207 - absolute patterns
            return Path(found)
    raise MissingMosquittoError(_PLUGIN)


def write_private(path: Path, text: str) -> None:
    """Replaces a file in one step; only its owner may read it."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    new.replace(path)


def _shipped(name: str) -> str:
    return (files("mosquitto") / name).read_text(encoding="utf-8")


def _new_secrets() -> Secrets:
    return Secrets(
        logins={
            service: Login(f"kotahub.{service}", secrets.token_urlsafe(24)) for service in SERVICES
        },
        hub_client_id=f"kotahub-ingest-{secrets.token_hex(8)}",
    )


def _current_user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # A container may run under a number that has no name, never under root's.
        return "mosquitto"


def _broker_user() -> str:
    try:
        return pwd.getpwnam("mosquitto").pw_name
    except KeyError:
        return _current_user()
