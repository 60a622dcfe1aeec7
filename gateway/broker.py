"""The hub's own Mosquitto, looked after: started, started again, given logins, ended.

Two locks tell who is there: `hub.lock` is held by the hub that looks after the broker,
`broker.lock` by the broker itself. A hub that finds only the second was killed before; the broker
went on queueing for it, and is taken over as it runs.
"""

import asyncio
import logging
import os
import shutil
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pydantic import SecretStr

from devices.errors import HubError
from gateway.broker_process import BrokerProcess
from gateway.mosquitto import MosquittoFolder, Secrets, Service, find_program
from gateway.settings import Settings

logger = logging.getLogger(__name__)

_LOOK_S: Final = 0.25
_HUB_LOCK_S: Final = 10.0
"""A command that adds logins to the file of a resting broker holds the hub's lock that long."""
_BACKOFF_FIRST_S: Final = 0.1
_BACKOFF_MAX_S: Final = 30.0
_HEALTHY_S: Final = 60.0
_LOG_MAX_BYTES: Final = 10 * 1024**2
_PORT_MAX: Final = 65535
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not bound, replaced


class BrokerAddressError(HubError):
    def __init__(self, bind: str) -> None:
        self.bind = bind
        super().__init__(
            f"KOTAHUB_MQTT_BIND is '{bind}': it must be an address and a port, as 127.0.0.1:1883"
        )


class HubRunningError(HubError):
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(
            f"Another kotahub looks after the broker in {folder}. Stop it, or give this one a "
            f"folder of its own with KOTAHUB_DATA_DIR"
        )


class Broker:
    """Runs Mosquitto while the context is open, and starts it again when it dies.

    Entering raises:
        MissingMosquittoError: it is not installed.
        PortInUseError: something else listens there.
        HubRunningError: another hub has this data folder.
        BrokerStartError: it ended at once; its words are in the error.
        BrokerFilesError: its files are damaged.

    Raises:
        BrokerAddressError: `mqtt_bind` is no address and port.
    """

    def __init__(self, settings: Settings) -> None:
        self._host, self._port = bind_address(settings)
        self._folder = mosquitto_folder(settings)
        self._secrets: Secrets | None = None
        self._process: BrokerProcess | None = None
        self._program = Path()
        self._stack = AsyncExitStack()

    @property
    def hub_url(self) -> SecretStr:
        """The hub's own login: reads everything, writes to devices."""
        return self._url("hub")

    @property
    def admin_url(self) -> SecretStr:
        """A login that may manage the logins of devices, and nothing else."""
        return self._url("admin")

    @property
    def simulator_url(self) -> SecretStr:
        """A login that may publish for any sensor."""
        return self._url("simulator")

    @property
    def hub_client_id(self) -> str:
        """Name of the hub's session; a secret, see `gateway.mosquitto.Secrets`."""
        return self._opened().hub_client_id

    @property
    def pid(self) -> int | None:
        """Id of the broker's process; None between two of them."""
        return None if self._process is None else self._process.pid

    async def __aenter__(self) -> Self:
        self._program = find_program()
        async with AsyncExitStack() as stack:
            self._secrets = await asyncio.to_thread(
                self._folder.init_embedded, self._host, self._port
            )
            await self._take_hub_lock(stack)
            stack.push_async_callback(self._stop)
            self._process = await BrokerProcess.find(self._folder, self._host, self._port)
            if self._process is None:
                await self._start_with_pending()
            else:
                logger.info("Mosquitto (%d) still runs and is taken over", self._process.pid)
            watch = asyncio.create_task(self._supervise(), name="broker.supervise")
            stack.push_async_callback(_end, watch)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    def _url(self, service: Service) -> SecretStr:
        return SecretStr(service_url(self._opened(), service, self._host, self._port))

    def _opened(self) -> Secrets:
        if self._secrets is None:
            raise RuntimeError("a broker has logins once it was entered")
        return self._secrets

    async def _take_hub_lock(self, stack: AsyncExitStack) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_HUB_LOCK_S):
                while True:
                    async with AsyncExitStack() as attempt:
                        if attempt.enter_context(self._folder.locked(self._folder.hub_lock)):
                            stack.push_async_exit(attempt.pop_all())
                            return
                    await asyncio.sleep(_LOOK_S)
        raise HubRunningError(self._folder.path)

    async def _supervise(self) -> None:
        loop = asyncio.get_running_loop()
        backoff_s, since = _BACKOFF_FIRST_S, loop.time()
        while True:
            if self._process is None:
                await asyncio.sleep(backoff_s)
                backoff_s, since = min(2 * backoff_s, _BACKOFF_MAX_S), loop.time()
                await self._try_start()
            elif await self._process.ended_within(_LOOK_S):
                logger.warning("Mosquitto (%d) ended and is started again", self._process.pid)
                self._process = None
                if loop.time() - since > _HEALTHY_S:
                    backoff_s = _BACKOFF_FIRST_S
            elif self._folder.pending_files():
                logger.info("Mosquitto (%d) pauses to take in many logins", self._process.pid)
                await self._process.stop()
                self._process = None
                await self._try_start()
            else:
                await asyncio.to_thread(_rotate, self._folder.log)

    async def _try_start(self) -> None:
        try:
            await self._start_with_pending()
        except HubError as error:
            logger.warning("%s; it is tried again", error)

    async def _start_with_pending(self) -> None:
        """Starts the broker with the logins that `gateway.credentials` left for its file."""
        pending = self._folder.pending_files()
        await asyncio.to_thread(self._folder.add_pending, pending)
        self._process = await BrokerProcess.start(
            self._program, self._folder, self._host, self._port
        )
        # Only now: whoever waits for the file to go may use the logins at once.
        for path in pending:
            path.unlink(missing_ok=True)

    async def _stop(self) -> None:
        if self._process is not None:
            await self._process.stop()
            self._process = None


def mosquitto_folder(settings: Settings) -> MosquittoFolder:
    """Where the hub's own broker keeps everything."""
    return MosquittoFolder(settings.data_dir / "mosquitto")


def bind_address(settings: Settings) -> tuple[str, int]:
    """Host and port of the hub's own broker.

    Raises:
        BrokerAddressError: `mqtt_bind` is no address and port.
    """
    host, colon, port = settings.mqtt_bind.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) <= _PORT_MAX:
        raise BrokerAddressError(settings.mqtt_bind)
    return host.removeprefix("[").removesuffix("]"), int(port)


def service_url(known: Secrets, service: Service, host: str, port: int) -> str:
    """Address with login; a broker that listens everywhere is reached on this machine."""
    reached = _EVERYWHERE.get(host, host)
    return known.logins[service].url("mqtt", f"[{reached}]" if ":" in reached else reached, port)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _rotate(log: Path) -> None:
    """Keeps one older log. Mosquitto appends, so the file may be cut under its hands."""
    with suppress(FileNotFoundError):
        if log.stat().st_size > _LOG_MAX_BYTES:
            shutil.copyfile(log, log.with_name(f"{log.name}.1"))
            os.truncate(log, 0)
