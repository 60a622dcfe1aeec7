"""The HTTP server, run inside the hub's own event loop."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from fastapi import FastAPI

from devices.errors import HubError

GRACE_S = 5
"""How long running requests may still take when the hub stops."""


class BindError(HubError):
    """The HTTP server cannot listen on the address of the settings."""

    def __init__(self, bind: str, why: str) -> None:
        self.bind = bind
        super().__init__(
            f"The HTTP server cannot listen on {bind}: {why}. "
            "Choose another address: KOTAHUB_HTTP_BIND=127.0.0.1:8081"
        )


def split_bind(bind: str) -> tuple[str, int]:
    """`127.0.0.1:8080`, `[::]:8080` or `:8080` (every IPv4 address) as host and port.

    Raises:
        BindError: it is none of them.
    """
    host, colon, port = bind.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    number = int(port) if port.isascii() and port.isdigit() else -1
    if not colon or not 0 <= number <= 65535 or (":" in host and not bracketed):  # noqa: PLR2004 - the last port
        raise BindError(bind, "it does not read HOST:PORT")
    return host.strip("[]") or "0.0.0.0", number  # noqa: S104 - asked for by an empty host


def _listen(bind: str) -> socket.socket:
    host, port = split_bind(bind)
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=1024)
    except OSError as error:
        raise BindError(bind, error.strerror or str(error)) from error


def _url(listener: socket.socket) -> str:
    """Where a program on the same machine reaches the listener."""
    host, port = listener.getsockname()[:2]
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{here}]:{port}" if ":" in here else f"http://{here}:{port}"


class _Server(uvicorn.Server):
    """Uvicorn that leaves the signals to the hub and tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@contextlib.asynccontextmanager
async def serve(app: FastAPI, bind: str) -> AsyncIterator[str]:
    """Serves `app` on `bind` while the context lasts; gives the URL, with the port taken for 0.

    Leaving the context takes no new requests and lets running ones end, at most `GRACE_S`.

    Raises:
        BindError: the port is taken, forbidden, or the host is not this machine's.
    """
    listener = _listen(bind)
    url = _url(listener)
    config = uvicorn.Config(
        app,
        loop="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="hub.http")
    listening = asyncio.create_task(server.listening.wait(), name="hub.http.listening")
    try:
        await asyncio.wait({task, listening}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        yield url
    finally:
        listening.cancel()
        server.should_exit = True
        await task
        listener.close()
