"""What a server, a proxy or the network may do to the store, played by a real HTTP server."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from ingest.stores import StoreUnavailableError
from ingest.stores.influxdb import RETRY_AFTER_MAX_S, InfluxStore, retry_after
from tests.ingest.stores.places import AIR, T0, air, everything
from tests.servers import free_port

Answer = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]

LINES: Final = [air(f"pm25={at}", T0 + at) for at in range(8)]
NOW: Final = datetime(2026, 1, 31, 12, tzinfo=UTC)


async def with_server(
    answer: Answer, scenario: Callable[[InfluxStore], Awaitable[Any]], **settings: Any
) -> Any:
    """What the scenario makes of a store whose server answers so."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return await answer(request, await request.read())

    app = web.Application(client_max_size=64 * 1024**2)
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", free_port())
    await site.start()
    store = InfluxStore(site.name, token="t", org="o", bucket="b", **settings)
    try:
        return await scenario(store)
    finally:
        await store.close()
        await runner.cleanup()


def play(
    answer: Answer,
    scenario: Callable[[InfluxStore], Awaitable[Any]] = lambda store: store.write(LINES),
    **settings: Any,
) -> Any:
    return asyncio.run(with_server(answer, scenario, **settings))


def unavailable(answer: Answer, **settings: Any) -> StoreUnavailableError:
    """The error of a write that is answered so."""
    with pytest.raises(StoreUnavailableError) as caught:
        play(answer, **settings)
    return caught.value


def always(status: int, body: str = "", **headers: str) -> Answer:
    async def answer(_request: web.Request, _body: bytes) -> web.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, text=body, headers=named)

    return answer


def says(status: int, words: str) -> web.Response:
    return web.json_response({"code": "x", "message": words}, status=status)


def test_a_write_is_one_request_in_nanoseconds_with_the_token() -> None:
    seen = []

    async def answer(request: web.Request, body: bytes) -> web.Response:
        token = request.headers["Authorization"]
        seen.append((request.method, request.path, dict(request.query), token, body))
        return web.Response(status=204)

    assert play(answer) == {}
    query = {"org": "o", "bucket": "b", "precision": "ns"}
    assert seen == [("POST", "/api/v2/write", query, "Token t", b"\n".join(LINES))]


def test_bodies_are_as_large_as_they_may_be_and_in_order() -> None:
    bodies = []

    async def answer(_request: web.Request, body: bytes) -> web.Response:
        bodies.append(body)
        return web.Response(status=204)

    assert play(answer, batch_max_bytes=3 * (len(LINES[0]) + 1)) == {}
    assert [len(body.splitlines()) for body in bodies] == [3, 3, 2]
    assert b"\n".join(bodies) == b"\n".join(LINES)
    bodies.clear()
    assert play(answer, batch_max_bytes=1) == {}
    assert bodies == LINES


def test_a_body_too_large_for_the_server_is_split() -> None:
    written = []

    async def answer(_request: web.Request, body: bytes) -> web.Response:
        if len(body) > 2 * len(LINES[0]) + 1 or b"pm25=5" in body:
            return web.Response(status=413)
        written.extend(body.splitlines())
        return web.Response(status=204)

    assert play(answer) == {5: "413: the line is too large"}
    assert written == [line for line in LINES if b"pm25=5" not in line]


@pytest.mark.parametrize(
    ("status", "todo"),
    [
        (401, "Set KOTAHUB_INFLUX_TOKEN to a token of this server"),
        (403, "Set KOTAHUB_INFLUX_TOKEN to a token that may read and write bucket 'b'"),
        (404, "Check KOTAHUB_INFLUX_ORG and KOTAHUB_INFLUX_BUCKET"),
        (500, "See the log of InfluxDB"),
        (302, "See the log of InfluxDB"),
        (200, "See the log of InfluxDB"),
    ],
)
def test_an_answer_that_says_nothing_of_points_says_what_to_do(status: int, todo: str) -> None:
    error = unavailable(always(status, '{"message": "its words"}'))
    assert str(status) in str(error)
    assert "its words" in str(error)
    assert todo in str(error)
    assert error.retry_after_s is None


@pytest.mark.parametrize("status", [429, 503])
def test_the_server_is_given_the_time_that_it_asks_for(status: int) -> None:
    assert unavailable(always(status, Retry_After="7")).retry_after_s == 7


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("0", 0),
        (" 12 ", 12),
        ("999999999999", RETRY_AFTER_MAX_S),
        ("Sat, 31 Jan 2026 12:00:30 GMT", 30),
        ("Sat, 31 Jan 2026 12:00:30 -0000", 30),
        ("Saturday, 31-Jan-26 12:00:30 GMT", 30),
        ("Sat, 31 Jan 2026 11:00:00 GMT", 0),
        ("Sun, 31 Jan 2027 11:00:00 GMT", RETRY_AFTER_MAX_S),
        ("Sat, 99 Jan 2026 11:00:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


@given(st.text())
def test_no_retry_after_is_more_than_we_wait(header: str) -> None:
    seconds = retry_after(header, NOW)
    assert seconds is None or 0 <= seconds <= timedelta(seconds=RETRY_AFTER_MAX_S).total_seconds()


@pytest.mark.parametrize("status", [400, 422])
def test_a_bad_request_that_is_not_influxdbs_refuses_no_point(status: int) -> None:
    for body in ("<html>Bad Request</html>", "", "[]", "null", '"text"', "{}", '{"message":'):
        assert str(status) in str(unavailable(always(status, body)))


def test_a_shard_that_is_just_removed_refuses_no_point() -> None:
    words = "partial write: shard 7 is pending deletion dropped=8"
    assert "pending deletion" in str(unavailable(always(422, f'{{"message": "{words}"}}')))


def test_a_hanging_server_is_left() -> None:
    async def answer(_request: web.Request, _body: bytes) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    error = unavailable(answer, timeout_s=0.2)
    assert "did not answer within 0.2 s" in str(error)


def test_an_answer_that_never_ends_is_left() -> None:
    async def answer(request: web.Request, _body: bytes) -> web.StreamResponse:
        response = web.StreamResponse(status=503)
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65_536)

    assert "503" in str(unavailable(answer, timeout_s=30))


def test_an_answer_that_drips_is_left() -> None:
    async def answer(request: web.Request, _body: bytes) -> web.StreamResponse:
        response = web.StreamResponse(status=400)
        response.content_length = 100
        await response.prepare(request)
        await response.write(b"x")
        await asyncio.Event().wait()
        raise AssertionError

    assert "did not answer within" in str(unavailable(answer, timeout_s=0.2))


@pytest.mark.parametrize("status", [400, 422, 503])
def test_an_answer_cut_in_the_middle_refuses_no_point(status: int) -> None:
    async def answer(request: web.Request, _body: bytes) -> web.StreamResponse:
        response = web.StreamResponse(status=status)
        response.content_length = 1000
        await response.prepare(request)
        await response.write(b'{"code":"invalid","message":"unable to parse')
        assert request.transport is not None
        request.transport.abort()
        return response

    assert "cannot be reached" in str(unavailable(answer))


def test_a_connection_cut_while_the_lines_are_sent() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1000)
        writer.transport.abort()

    async def scenario() -> str:
        server = await asyncio.start_server(cut, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        store = InfluxStore(f"http://127.0.0.1:{port}", token="t", org="o", bucket="b")
        with pytest.raises(StoreUnavailableError) as caught:
            await store.write([air("pm25=1", T0 + at) for at in range(50_000)])
        await store.close()
        server.close()
        await server.wait_closed()
        return str(caught.value)

    assert "cannot be reached" in asyncio.run(scenario())


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://no.such.host.invalid", "nonsense"])
def test_no_server_there(url: str) -> None:
    async def scenario() -> tuple[str, bool]:
        store = InfluxStore(url, token="t", org="o", bucket="b")
        with pytest.raises(StoreUnavailableError) as caught:
            await store.write(LINES)
        ready = await store.ready()
        await store.close()
        return str(caught.value), ready

    words, ready = asyncio.run(scenario())
    assert url in words
    assert "KOTAHUB_INFLUX_URL" in words
    assert not ready


def test_too_many_bad_lines_to_name_are_found_all_the_same() -> None:
    """The words on all of them are longer than what is read of an answer."""
    lines = [b"%d %s" % (at, b"x" * 4000) for at in range(400)]
    lines[100] = LINES[0]
    written = []

    async def answer(_request: web.Request, body: bytes) -> web.Response:
        bad = [line.decode() for line in body.split(b"\n") if line != LINES[0]]
        if bad:
            return says(400, "\n".join(f"unable to parse '{line}': missing fields" for line in bad))
        written.append(body)
        return web.Response(status=204)

    refused = play(answer, lambda store: store.write(lines))
    assert sorted(refused) == [at for at in range(400) if at != 100]
    assert all(words.endswith(": missing fields") for words in refused.values())
    assert written == [LINES[0]]


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, '{"results":[{"error":"database not found: b"}]}', "influx v1 dbrp list"),
        (200, "<html>", "does not answer as InfluxDB does"),
        (200, '{"results":[]}', "does not answer as InfluxDB does"),
        (200, "[]", "does not answer as InfluxDB does"),
        (400, '{"message": "failed to parse query"}', "failed to parse query"),
        (401, '{"message": "Unauthorized"}', "KOTAHUB_INFLUX_TOKEN"),
        (503, "", "503"),
    ],
)
def test_a_read_that_fails_says_why(status: int, body: str, words: str) -> None:
    with pytest.raises(StoreUnavailableError, match=words):
        play(always(status, body), lambda store: everything(store, AIR, "air-1"))


def test_more_rows_than_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.stores.influxdb._ROWS_MAX_BYTES", 10)
    with pytest.raises(StoreUnavailableError, match="Ask for fewer"):
        play(always(200, "[" * 11), lambda store: everything(store, AIR, "air-1"))


def test_a_bucket_that_somebody_else_makes_meanwhile_is_there() -> None:
    async def answer(request: web.Request, _body: bytes) -> web.Response:
        if request.path == "/api/v2/orgs":
            return web.json_response({"orgs": [{"id": "1"}]})
        return says(404 if request.method == "GET" else 422, "bucket with name b already exists")

    play(answer, lambda store: store.ensure())


@pytest.mark.parametrize("status", [200, 401, 500, 503])
def test_a_server_that_knows_no_buckets_is_told_of(status: int) -> None:
    with pytest.raises(StoreUnavailableError, match=str(status)):
        play(always(status, "<html>"), lambda store: store.ensure())
