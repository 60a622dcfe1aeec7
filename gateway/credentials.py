"""Logins of devices on whichever broker the settings name."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Final, Protocol

from devices.credentials import BrokerCredentials
from devices.dynamic_security import new_password, role_name, stored_client
from devices.errors import CredentialsUnavailableError, HubError
from gateway.broker import bind_address, mosquitto_folder, service_url
from gateway.mosquitto import MosquittoFolder
from gateway.settings import Settings

_ASK_MOST: Final = 25
"""Above this many at once the file is quicker than asking: Mosquitto 2.0 saves everything after
every command, so 10,000 commands took 4 minutes where the file takes 3 s."""
_TAKEN_UP_S: Final = 120.0
_LOOK_S: Final = 0.05


class NoAdminError(HubError):
    def __init__(self) -> None:
        super().__init__(
            "Nobody may manage the broker's logins: KOTAHUB_MQTT_URL names a broker, but "
            "KOTAHUB_MQTT_ADMIN_URL does not name a dynamic-security admin of it. Set that, or "
            "make the login with the broker's own tools"
        )


class Credentials(Protocol):
    """Creates, replaces and deletes logins; see `devices.credentials.BrokerCredentials`."""

    async def create(self, device_ids: Iterable[str]) -> dict[str, str]: ...

    async def delete(self, device_ids: Iterable[str]) -> None: ...

    async def exists(self, device_ids: Iterable[str]) -> frozenset[str]: ...


def open_credentials(settings: Settings) -> Credentials:
    """The logins of the broker in the settings, or of the hub's own.

    Raises:
        NoAdminError: the broker is another's and no admin of it is known.
        InvalidBrokerError: the admin's address cannot be read.
        BrokerAddressError: `mqtt_bind` is no address and port.
    """
    if settings.mqtt_admin_url is not None:
        return BrokerCredentials(
            settings.mqtt_admin_url.get_secret_value(), ca_file=settings.mqtt_ca_file
        )
    if settings.mqtt_url is not None:
        raise NoAdminError
    host, port = bind_address(settings)
    return OwnCredentials(mosquitto_folder(settings), host, port)


class OwnCredentials:
    """Logins of the hub's own Mosquitto, whether it runs or not.

    While it rests they are written into its file. While it runs it is asked, a few at a time;
    many are left for its hub, which stops it, writes the file and starts it again: sensors are
    disconnected for about a second, instead of the broker being deaf for minutes.
    """

    def __init__(self, folder: MosquittoFolder, host: str, port: int) -> None:
        self._folder = folder
        self._host = host
        self._port = port

    async def create(self, device_ids: Iterable[str]) -> dict[str, str]:
        """As `BrokerCredentials.create`.

        Raises:
            MissingMosquittoError: there is no Mosquitto here, whose logins these could be.
            BrokerFilesError: its files are damaged.
            CredentialsError: as `BrokerCredentials.create`.
        """
        wanted = list(dict.fromkeys(device_ids))
        online = await self._online()
        with self._resting() as resting:
            if resting:
                return await asyncio.to_thread(self._write, wanted)
        if len(wanted) <= _ASK_MOST or not self._looked_after():
            return await online.create(wanted)
        return await self._leave(wanted)

    async def delete(self, device_ids: Iterable[str]) -> None:
        online = await self._online()
        with self._resting() as resting:
            if resting:
                await asyncio.to_thread(self._folder.remove_logins, list(device_ids))
                return
        await online.delete(device_ids)

    async def exists(self, device_ids: Iterable[str]) -> frozenset[str]:
        online = await self._online()
        with self._resting() as resting:
            if resting:
                known = await asyncio.to_thread(self._folder.usernames)
                return known.intersection(device_ids)
        return await online.exists(device_ids)

    async def _online(self) -> BrokerCredentials:
        made = await asyncio.to_thread(self._folder.init_embedded, self._host, self._port)
        return BrokerCredentials(service_url(made, "admin", self._host, self._port))

    @contextmanager
    def _resting(self) -> Iterator[bool]:
        """Whether neither hub nor broker runs; none starts while the context is open."""
        with ExitStack() as stack:
            yield all(
                stack.enter_context(self._folder.locked(lock))
                for lock in (self._folder.hub_lock, self._folder.broker_lock)
            )

    def _looked_after(self) -> bool:
        with self._folder.locked(self._folder.hub_lock) as nobody:
            return not nobody

    def _write(self, device_ids: list[str]) -> dict[str, str]:
        passwords = {device_id: new_password() for device_id in device_ids}
        self._folder.add_logins(_stored(passwords))
        return passwords

    async def _leave(self, device_ids: list[str]) -> dict[str, str]:
        passwords = {device_id: new_password() for device_id in device_ids}
        logins = await asyncio.to_thread(_stored, passwords)
        left = await asyncio.to_thread(self._folder.leave_pending, logins)
        try:
            async with asyncio.timeout(_TAKEN_UP_S):
                while left.exists():  # noqa: ASYNC110 - the hub is another process
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            left.unlink(missing_ok=True)
            raise CredentialsUnavailableError(
                f"{self._host}:{self._port}",
                f"its hub did not take up the logins within {_TAKEN_UP_S:g} s",
            ) from None
        return passwords


def _stored(passwords: Mapping[str, str]) -> list[dict[str, object]]:
    return [
        stored_client(device_id, password, role_name(device_id))
        for device_id, password in passwords.items()
    ]
