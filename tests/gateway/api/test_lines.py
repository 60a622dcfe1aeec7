"""The whole store over HTTP."""

import pytest

from ingest.stores import StoreUnavailableError
from ingest.stores.lines import parse_line
from tests.gateway.door import Door


def test_every_reading_comes_as_line_protocol(door: Door) -> None:
    for n in range(300):
        door.publish("flood-01", {"time": 1_764_000_000 + n, "level": n / 10})
    door.deliver()
    answer = door.get("/api/v1/lines")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.headers["Cache-Control"] == "no-store"
    lines = answer.content.splitlines()
    comments = [line for line in lines if line.startswith(b"#")]
    assert any(line.startswith(b"# flood ") for line in comments)
    found = [parse_line(line) for line in lines[len(comments) :]]
    assert [point.fields["level"] for point in found] == [n / 10 for n in range(300)]
    assert {point.tags["device"] for point in found} == {"flood-01"}


def test_a_store_that_cannot_be_read_is_a_problem(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fetch(*_: object) -> None:
        raise StoreUnavailableError("the disk is gone")

    monkeypatch.setattr(type(door.hub.store), "fetch", fetch)
    problem = door.problem(503, "store-unavailable", "/api/v1/lines")
    assert "the disk is gone" in problem["detail"]
