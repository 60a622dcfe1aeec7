"""The quarantine over HTTP."""

import base64

import pytest

from gateway.quarantine import PAGE_BYTES
from ingest.types import REASONS, Reason
from tests.gateway.door import Door

PATH = "/api/v1/quarantine"


def test_an_item_is_the_message_byte_for_byte_with_its_reason(door: Door) -> None:
    payload = b'{"pm25": "\xff\x00'
    door.publish("air-01", payload)
    (item,) = door.json(PATH)["items"]
    assert list(item)[:6] == ["id", "device", "topic", "reason", "received_at", "payload"]
    assert base64.b64decode(item["payload"]) == payload
    assert item["topic"] == "sensors/air-01/up"
    assert item["device"] == "air-01"
    assert item["reason"] == "not_json"
    assert item["received_at"].endswith("Z")
    assert door.json(f"{PATH}/{item['id']}") == item


@pytest.mark.parametrize(("accept", "place"), [("en", 0), ("id", 1), ("", 1)])
def test_the_reason_is_explained_in_the_readers_language(
    door: Door, accept: str, place: int
) -> None:
    door.publish("air-01", b"")
    answer = door.get(PATH, headers={"Accept-Language": accept})
    assert answer.json()["items"][0]["explanation"] == REASONS[Reason.EMPTY][place]
    assert answer.headers["Vary"] == "Accept-Language"


def test_filters(door: Door) -> None:
    door.publish("air-01", b"")
    door.publish("air-01", b"[")
    door.publish("flood-01", b"")

    def found(**parameters: str) -> list[tuple[str, str]]:
        items = door.json(PATH, parameters)["items"]
        return [(item["device"], item["reason"]) for item in items]

    assert found(device="air-01") == [("air-01", "empty"), ("air-01", "not_json")]
    assert found(reason="empty") == [("air-01", "empty"), ("flood-01", "empty")]
    assert found(device="flood-01", reason="not_json") == []
    problem = door.problem(422, "invalid-request", PATH, {"reason": "bad luck"})
    assert [fault["field"] for fault in problem["errors"]] == ["reason"]


@pytest.mark.parametrize("limit", [1, 7, 8, 9, 19, 20, 21, 1000])
def test_pages_hold_every_item_once(door: Door, limit: int) -> None:
    for number in range(20):
        door.publish("air-01", f"bad {number}".encode())
    pages = list(door.pages(PATH, {"limit": limit}))
    assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    told = [base64.b64decode(item["payload"]).decode() for page in pages for item in page]
    assert told == [f"bad {number}" for number in range(20)]


def test_large_payloads_make_short_pages(door: Door) -> None:
    for _ in range(5):
        door.publish("air-01", b"x" * (PAGE_BYTES // 2))
    pages = list(door.pages(PATH, {}))
    assert [len(page) for page in pages] == [2, 2, 1]


@pytest.mark.parametrize(
    ("item_id", "status"),
    [("1", 404), (str(2**63 - 1), 404), (str(2**63), 422), ("0", 422), ("-1", 422), ("a", 422)],
)
def test_an_item_that_is_not_there(calm: Door, item_id: str, status: int) -> None:
    slug = {404: "unknown-item", 422: "invalid-request"}[status]
    calm.problem(status, slug, f"{PATH}/{item_id}")
