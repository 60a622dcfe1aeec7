"""One running Mosquitto of the hub's folder: started, or found still running."""

import asyncio
import fcntl
import logging
import os
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

from devices.errors import HubError
from gateway.mosquitto import MosquittoFolder, write_private

logger = logging.getLogger(__name__)

_READY_S: Final = 60.0
"""The broker reads its queue before it listens: about 3 s for a million messages."""
_STOP_S: Final = 60.0
"""It writes its queue before it ends: about 2 s for a million messages."""
_POLL_S: Final = 0.05


class PortInUseError(HubError):
    def __init__(self, host: str, port: int, reason: str) -> None:
        self.host = host
        self.port = port
        super().__init__(
            f"Mosquitto cannot listen on {host}:{port}: {reason}. End what listens there, choose "
            f"another with KOTAHUB_MQTT_BIND, or use that broker with KOTAHUB_MQTT_URL"
        )


class BrokerStartError(HubError):
    """Mosquitto ended at once, or did not listen.

    Attributes:
        log: its log.
        reason: the errors in it.
    """

    def __init__(self, log: Path, reason: str) -> None:
        self.log = log
        self.reason = reason
        super().__init__(f"Mosquitto did not start: {reason}. All that it said is in {log}")


class BrokerProcess:
    """A Mosquitto that accepts connections.

    It holds the folder's broker.lock by a descriptor that it inherits and knows nothing of: the
    lock ends with the process, however that ends, and so proves that the id in broker.pid is its.
    """

    def __init__(
        self, folder: MosquittoFolder, pid: int, child: asyncio.subprocess.Process | None
    ) -> None:
        self.pid = pid
        self._folder = folder
        self._child = child

    @classmethod
    async def start(
        cls, program: Path, folder: MosquittoFolder, host: str, port: int
    ) -> "BrokerProcess":
        """Starts the broker and returns when it accepts connections.

        Raises:
            PortInUseError: something else listens there.
            BrokerStartError: it ended, or does not listen.
        """
        await asyncio.to_thread(_check_free, host, port)
        with folder.broker_lock.open("a") as lock, folder.log.open("a") as log:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            said_before = log.tell()
            child = await asyncio.create_subprocess_exec(
                program,
                "-c",
                folder.embedded,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(lock.fileno(),),
                # A session of its own: Ctrl-C in the terminal is for the hub, which drains first.
                start_new_session=True,
            )
        started = cls(folder, child.pid, child)
        try:
            await asyncio.to_thread(write_private, folder.pid, f"{child.pid}\n")
            await started._listening(host, port, said_before)
        except BaseException:
            await started.stop()
            raise
        return started

    @classmethod
    async def find(cls, folder: MosquittoFolder, host: str, port: int) -> "BrokerProcess | None":
        """The broker that a killed hub left behind; one that listens elsewhere is ended."""
        with folder.locked(folder.broker_lock) as nobody:
            if nobody:
                return None
        found = cls(folder, int(folder.pid.read_text()), None)
        if await _accepts(host, port):
            return found
        await found.stop()
        return None

    async def ended(self) -> None:
        """Returns when the process is no more."""
        if self._child is not None:
            await self._child.wait()
            return
        while self._alive():  # noqa: ASYNC110 - another's child tells nobody
            await asyncio.sleep(_POLL_S)

    async def ended_within(self, seconds: float) -> bool:
        """Whether the process was no more after that time at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.ended()
                return True
        return False

    async def stop(self) -> None:
        """Ends the broker; it writes down sessions, queue and retained messages first."""
        if not self._alive():
            return
        os.kill(self.pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP_S):
                await self.ended()
        except TimeoutError:
            logger.error(  # noqa: TRY400 - no traceback says more
                "Mosquitto (%d) does not end within %g s and is killed: what it queued since its "
                "last save is lost",
                self.pid,
                _STOP_S,
            )
            os.kill(self.pid, signal.SIGKILL)
            await self.ended()

    def _alive(self) -> bool:
        if self._child is not None:
            return self._child.returncode is None
        with self._folder.locked(self._folder.broker_lock) as nobody:
            return not nobody

    async def _listening(self, host: str, port: int, said_before: int) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_READY_S):
                while self._alive():
                    if await _accepts(host, port):
                        return
                    await asyncio.sleep(_POLL_S)
        raise BrokerStartError(self._folder.log, _last_words(self._folder.log, said_before))


async def _accepts(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True


def _check_free(host: str, port: int) -> None:
    """Asks by binding: a connection would tell only that somebody listens, not whether we may."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
                probe.listen()
    except OSError as error:
        raise PortInUseError(host, port, error.strerror or str(error)) from error


def _last_words(log: Path, since: int) -> str:
    """What Mosquitto complained of since that size of its log, without the times."""
    with log.open("rb") as handle:
        handle.seek(since)
        lines = handle.read().decode(errors="replace").strip().splitlines()
    said = [line.partition(": ")[2] or line for line in lines]
    errors = [line.strip(". ") for line in said if line.startswith("Error")]
    return "; ".join(errors) or (said[-1] if said else "it said nothing")
