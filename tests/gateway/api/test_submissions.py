"""Readings over HTTP: the same journal, ledger and answers as over MQTT."""

import base64
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from devices.device import Device
from ingest.batch import Batch
from ingest.dialects import DIALECTS, PUSHED, SELF_NAMED, push_topic
from ingest.journal import JournalFullError
from ingest.route import find_route
from ingest.types import Message
from tests.gateway.door import Door
from tests.hubs import HubProcess, balanced
from tests.servers import free_port

PATH = "/api/v1/readings"
AIRROHR = Device("air-07", "air", model="sensor-community-airrohr", address="7654321")
PUSH = {
    "esp8266id": "7654321",
    "sensordatavalues": [
        {"value_type": "SDS_P1", "value": "31.20"},
        {"value_type": "SDS_P2", "value": "19.85"},
    ],
}


@pytest.fixture
def writer(door: Door) -> Door:
    """A door whose hub takes readings, asked with a key that may send them."""
    hub, pipeline = door.hub, door.pipeline
    pipeline.update([hub.registry.add(AIRROHR, by="tests")])

    async def submit(messages: Sequence[Message]) -> Batch:
        batch = pipeline.process(messages, time.time_ns())
        hub.journal.commit(batch)
        return batch

    return door.change(submit=submit).knock(
        hub.registry.create_key("sensor", ["write"], by="tests")
    )


def post(
    door: Door, path: str, body: object, *, language: str = "en", key: str | None = None
) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    scheme = key if key and " " in key else f"Bearer {key or door.key}"
    headers = {"Authorization": scheme, "Accept-Language": language}

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(door._app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
            return await client.post(path, content=content, headers=headers)

    return door.run(ask())


def accepted(answer: httpx.Response) -> Mapping[str, Any]:
    assert answer.status_code == 202, answer.text
    told: Mapping[str, Any] = answer.json()
    return told


def problem(answer: httpx.Response, status: int, slug: str) -> Mapping[str, Any]:
    document: Mapping[str, Any] = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.status_code, document["type"]) == (status, f"urn:kotahub:problem:{slug}")
    return document


def counts(door: Door, device: str) -> tuple[int, int, int]:
    (row,) = door.hub.journal.ledger(device=device)
    return row.received, row.quarantined, row.duplicate


def test_a_reading_is_durable_when_it_is_accepted(writer: Door) -> None:
    told = accepted(post(writer, f"{PATH}/flood-01", {"level": 1.42, "odd": 1}))
    assert told == {
        "result": "accepted",
        "device": "flood-01",
        "readings": 1,
        "unknown": {"odd": 1},
    }
    assert counts(writer, "flood-01") == (1, 0, 0)
    assert writer.hub.journal.state().pending_messages == 1


def test_a_batch_is_one_message(writer: Door) -> None:
    batch = [{"time": "2026-01-05T03:00:00Z", "level": 1}, {"time": 1767582060, "level": 2}]
    told = accepted(post(writer, f"{PATH}/flood-01", batch))
    assert (told["result"], told["readings"]) == ("accepted", 2)
    again = accepted(post(writer, f"{PATH}/flood-01", batch))
    assert (again["result"], again["readings"]) == ("duplicate", 0)
    assert counts(writer, "flood-01") == (2, 0, 1)


def test_what_cannot_be_read_is_kept_and_named(writer: Door) -> None:
    body = b'{"level": "high"}'
    told = problem(post(writer, f"{PATH}/flood-01", body), 422, "quarantined")
    assert told["reason"] == "wrong_type"
    (fault,) = told["errors"]
    assert (fault["where"], fault["field"]) == ("body", "level")
    assert "not str" in fault["problem"]
    assert "A member that must be a number is something else." in told["detail"]
    assert "kept in quarantine" in told["detail"]
    (item,) = writer.hub.journal.quarantine(device="flood-01")
    assert (item.payload, item.topic) == (body, "sensors/flood-01/up")


def test_the_reason_is_told_in_the_readers_language(writer: Door) -> None:
    answer = post(writer, f"{PATH}/flood-01", b"{", language="id")
    assert "Isi pesan bukan JSON yang sah." in problem(answer, 422, "quarantined")["detail"]


def test_the_good_elements_of_a_batch_are_accepted(writer: Door) -> None:
    told = problem(
        post(writer, f"{PATH}/flood-01", [{"level": 1}, {"level": "x"}]), 422, "quarantined"
    )
    assert "1 readings of the same batch are accepted" in told["detail"]
    (item,) = writer.hub.journal.quarantine(device="flood-01")
    assert item.payload == b'[{"level": "x"}]'


def test_a_device_that_is_not_registered_is_kept(writer: Door) -> None:
    told = problem(post(writer, f"{PATH}/flood-99", {"level": 1}), 422, "quarantined")
    assert told["reason"] == "unregistered"
    assert "flood-99 is not a registered id or address" in told["errors"][0]["problem"]


def test_a_network_pushes(writer: Door) -> None:
    told = accepted(post(writer, f"{PATH}?dialect=sensorcommunity", PUSH))
    assert told == {"result": "accepted", "device": "air-07", "readings": 1, "unknown": {}}


def test_a_device_speaks_its_own_dialect(writer: Door) -> None:
    pms = Device("air-08", "air", model="airgradient-one")
    writer.hub.registry.add(pms, by="tests")
    told = problem(
        post(writer, f"{PATH}/air-08?dialect=airgradient", {"pm02": 12}), 422, "quarantined"
    )
    assert told["reason"] == "unregistered"  # this pipeline was not told of it
    (item,) = writer.hub.journal.quarantine(device="air-08")
    assert item.topic == "airgradient/readings/air-08"


def test_a_networks_own_talk_is_no_reading(writer: Door) -> None:
    frame = {"src": "x", "method": "NotifyEvent", "params": {}}
    told = accepted(post(writer, f"{PATH}/air-01?dialect=shelly", frame))
    assert told == {"result": "no_reading", "device": None, "readings": 0, "unknown": {}}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (f"{PATH}/air-07?dialect=sensorcommunity", "POST /api/v1/readings?dialect=sensorcommunity"),
        (f"{PATH}/air-07?dialect=morse", "is none of airgradient, native"),
        (f"{PATH}/air-07?dialect=sparkplug", "is none of"),
        (f"{PATH}?dialect=tasmota", "POST /api/v1/readings/DEVICE?dialect=tasmota"),
        (f"{PATH}?dialect=esphome", "is none of chirpstack"),
        (PATH, "Field required"),
        (f"{PATH}/-bad-", "String should match pattern"),
    ],
)
def test_a_dialect_and_device_that_do_not_fit(writer: Door, path: str, words: str) -> None:
    assert words in problem(post(writer, path, PUSH), 422, "invalid-request")["detail"]
    assert writer.hub.journal.ledger() == []


def test_the_key_may_write_or_not(writer: Door, door: Door) -> None:
    problem(post(writer, f"{PATH}/flood-01", {"level": 1}, key=door.key), 403, "scope-missing")
    problem(post(writer, f"{PATH}/flood-01", {"level": 1}, key="wrong"), 401, "key-required")
    local = door.hub.local_key
    problem(post(writer, f"{PATH}/flood-01", {"level": 1}, key=local), 403, "scope-missing")
    admin = door.hub.registry.create_key("admin", ["admin"], by="tests")
    accepted(post(writer, f"{PATH}/flood-01", {"level": 1}, key=admin))


def test_a_sensor_that_knows_only_a_password_sends_the_key_so(writer: Door) -> None:
    pair = base64.b64encode(f"anyone:{writer.key}".encode()).decode()
    accepted(post(writer, f"{PATH}/flood-01", {"level": 1}, key=f"Basic {pair}"))
    for wrong in ("Basic !", "Basic ", "Basic /w==", f"Basic {pair[:12]}", f"Digest {pair}"):
        answer = post(writer, f"{PATH}/flood-01", {"level": 1}, key=wrong)
        problem(answer, 401, "key-required")


@pytest.mark.parametrize("more", [0, 1])
def test_a_body_has_a_bound(writer: Door, more: int) -> None:
    most = writer.hub.settings.payload_max_bytes
    body = b'{"level": 1.5, "pad": "' + b"x" * (most - 25 + more) + b'"}'
    assert len(body) == most + more
    answer = post(writer, f"{PATH}/flood-01", body)
    if more:
        assert str(most) in problem(answer, 413, "payload-too-large")["detail"]
        assert writer.hub.journal.ledger() == []
    else:
        accepted(answer)


def test_a_process_without_ingest_says_so(door: Door) -> None:
    reader = door.hub.registry.create_key("sensor", ["write"], by="tests")
    answer = post(door, f"{PATH}/flood-01", {"level": 1}, key=reader)
    problem(answer, 503, "no-ingest")
    assert answer.headers["Retry-After"] == "5"


def test_a_full_journal_keeps_nothing(writer: Door) -> None:
    async def submit(messages: Sequence[Message]) -> Batch:
        raise JournalFullError(f"no room for {len(messages)}")

    answer = post(writer.change(submit=submit), f"{PATH}/flood-01", {"level": 1})
    assert "no room for 1" in problem(answer, 503, "journal-full")["detail"]
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("dialect", sorted(PUSHED))
def test_a_pushed_message_can_be_replayed(dialect: str) -> None:
    filters = {topic: name for name, module in DIALECTS.items() for topic in module.FILTERS}
    assert find_route(push_topic(dialect, "air-07"), {}, filters).dialect == dialect
    assert SELF_NAMED <= PUSHED


def test_over_http_a_reading_survives_a_kill(tmp_path: Path) -> None:
    hub = HubProcess(tmp_path / "hub", {"MQTT_BIND": f"127.0.0.1:{free_port()}"})
    hub.register([Device("deli-01", "flood"), AIRROHR])
    key = hub.say("keys", "create", "--name", "sensor", "--scope", "write")["key"]
    headers = {"Authorization": f"Bearer {key}"}
    hub.start()
    try:
        with httpx.Client(base_url=hub.url, headers=headers, trust_env=False) as client:
            for number in range(20):
                reading = {"time": 1767582000 + number, "level": number}
                assert client.post(f"{PATH}/deli-01", json=reading).status_code == 202
            assert client.post(f"{PATH}/deli-01", json={"level": "x"}).status_code == 422
            pushed = client.post(PATH, params={"dialect": "sensorcommunity"}, json=PUSH)
            assert pushed.status_code == 202
        hub.kill()
        hub.start()
        hub.wait_settled(22)
        ledger = hub.ledger()
        assert balanced(ledger)
        assert (ledger["deli-01"]["stored"], ledger["deli-01"]["quarantined"]) == (20, 1)
        assert ledger["air-07"]["stored"] == 1
    finally:
        hub.stop()
