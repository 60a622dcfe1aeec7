"""The HTTP server inside the hub's loop."""

import asyncio
import signal
import socket

import httpx
import pytest
from fastapi import FastAPI

from gateway.server import BindError, serve, split_bind


def app(entered: asyncio.Event | None = None) -> FastAPI:
    made = FastAPI(openapi_url=None)

    @made.get("/slow")
    async def slow() -> str:
        if entered is not None:
            entered.set()
            await asyncio.sleep(0.2)
        return "done"

    return made


@pytest.mark.parametrize(
    ("bind", "address"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:80", ("::1", 80)),
        (":8080", ("0.0.0.0", 8080)),  # noqa: S104 - read, not bound
    ],
)
def test_an_address_is_host_and_port(bind: str, address: tuple[str, int]) -> None:
    assert split_bind(bind) == address


@pytest.mark.parametrize("bind", ["", "8080", "localhost", "::1:80", "a:-1", "a:65536", "a:八"])
def test_what_is_no_address_says_how_to_write_one(bind: str) -> None:
    with pytest.raises(BindError, match=r"HOST:PORT.*KOTAHUB_HTTP_BIND"):
        split_bind(bind)


def test_it_serves_while_the_context_lasts() -> None:
    async def run() -> None:
        async with serve(app(), "127.0.0.1:0") as url, httpx.AsyncClient() as client:
            assert (await client.get(f"{url}/slow")).json() == "done"
        async with httpx.AsyncClient() as client:
            with pytest.raises(httpx.ConnectError):
                await client.get(f"{url}/slow")

    asyncio.run(run())


def test_a_running_request_ends_well() -> None:
    async def run() -> httpx.Response:
        entered = asyncio.Event()
        async with httpx.AsyncClient() as client:
            async with serve(app(entered), "127.0.0.1:0") as url:
                request = asyncio.create_task(client.get(f"{url}/slow"))
                await entered.wait()
            return await request

    assert asyncio.run(run()).json() == "done"


def test_signals_stay_with_the_hub() -> None:
    async def run() -> None:
        before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
        async with serve(app(), "127.0.0.1:0"):
            assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before

    asyncio.run(run())


def test_a_taken_port_says_so() -> None:
    async def run(bind: str) -> None:
        async with serve(app(), bind):
            pytest.fail("listens on a taken port")

    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(BindError, match=f"cannot listen on {bind}: .*in use"):
            asyncio.run(run(bind))


def test_an_error_inside_the_context_is_the_callers_own() -> None:
    async def run() -> None:
        async with serve(app(), "127.0.0.1:0"):
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        asyncio.run(run())
