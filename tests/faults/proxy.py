"""A real HTTP server before InfluxDB that passes all on, but for the writes that it is told of."""

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, Self

from aiohttp import ClientSession, web

from devices.kind import load_kinds

Handle = Callable[["Proxy", web.Request, bytes], Awaitable[web.StreamResponse]]
"""What becomes of one write; its body is read already."""

_BODY_MAX: Final = 64 * 1024**2
_READINGS: Final = tuple(f"{kind},".encode() for kind in load_kinds())


class Proxy:
    """Orders are for the next writes that hold readings, in their order; `writes` counts those.

    What the hub tells of itself, and what it computes, passes.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self.url = ""
        self.writes = 0
        self._orders: deque[Handle] = deque()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="proxy")

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def order(self, *handles: Handle) -> None:
        self._orders.extend(handles)

    @property
    def left(self) -> int:
        """Orders that no write has met yet."""
        return len(self._orders)

    async def pass_on(self, request: web.Request, body: bytes) -> web.Response:
        """InfluxDB's own answer."""
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in ("host", "content-length", "transfer-encoding")
        }
        async with self._client.request(
            request.method, self.target + request.path_qs, data=body, headers=headers
        ) as answer:
            kept = {
                name: value
                for name, value in answer.headers.items()
                if name.lower() in ("content-type", "retry-after")
            }
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        application = web.Application(client_max_size=_BODY_MAX)
        application.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(application, shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        async with ClientSession(auto_decompress=False) as self._client:
            self._ready.set()
            await self._stop.wait()
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if request.path != "/api/v2/write" or not body.startswith(_READINGS):
            return await self.pass_on(request, body)
        self.writes += 1
        if self._orders:
            return await self._orders.popleft()(self, request, body)
        return await self.pass_on(request, body)


def answer(status: int, message: str, **headers: str) -> Handle:
    """InfluxDB's error in its own form; nothing is written."""

    async def handle(_proxy: Proxy, _request: web.Request, _body: bytes) -> web.StreamResponse:
        return web.json_response(
            {"code": "said by the proxy", "message": message},
            status=status,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )

    return handle


def refuse_lines(*places: int) -> Handle:
    """As InfluxDB does with lines that it cannot parse: names them and writes nothing."""

    async def handle(_proxy: Proxy, _request: web.Request, body: bytes) -> web.StreamResponse:
        lines = body.decode().split("\n")
        rows = [f"unable to parse '{lines[n % len(lines)]}': bad timestamp" for n in places]
        return web.json_response({"code": "invalid", "message": "\n".join(rows)}, status=400)

    return handle


def hang() -> Handle:
    """No answer ever."""

    async def handle(_proxy: Proxy, _request: web.Request, _body: bytes) -> web.StreamResponse:
        await asyncio.sleep(3600)
        raise AssertionError

    return handle


def cut(*, written: bool) -> Handle:
    """The connection ends in the middle of the answer, before or after points are written."""

    async def handle(proxy: Proxy, request: web.Request, body: bytes) -> web.StreamResponse:
        if written:
            await proxy.pass_on(request, body)
        response = web.StreamResponse(status=200, headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"code": "inv')
        assert request.transport is not None
        request.transport.abort()
        return response

    return handle


def half() -> Handle:
    """Only the first half of the points is written, then the connection ends."""

    async def handle(proxy: Proxy, request: web.Request, body: bytes) -> web.StreamResponse:
        lines = body.split(b"\n")
        await proxy.pass_on(request, b"\n".join(lines[: len(lines) // 2]))
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    return handle
