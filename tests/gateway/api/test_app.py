"""The API as a whole: what it says of itself, and how it says no."""

import logging
import sqlite3
from contextlib import closing

import pytest

from tests.gateway.door import Door


def test_a_path_that_is_nothing(calm: Door) -> None:
    calm.problem(404, "not-found", "/api/v1/parking")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_reading_is_all_there_is(calm: Door, method: str) -> None:
    answer = calm.get("/api/v1/devices/air-01", method=method)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET"
    assert answer.json()["type"] == "urn:kotahub:problem:method-not-allowed"


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
def test_no_page_that_needs_the_internet(calm: Door, path: str) -> None:
    calm.problem(404, "not-found", path)


def test_a_registry_that_fails(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    local = door.knock(door.hub.local_key)
    with closing(sqlite3.connect(door.hub.settings.data_dir / "registry.db")) as database:
        database.execute("DROP TABLE devices")
        database.commit()
    with caplog.at_level(logging.ERROR):
        problem = local.problem(503, "registry-unavailable", "/api/v1/devices")
    assert "no such table" not in problem["detail"]
    assert "no such table" in caplog.text


def test_a_journal_that_fails(door: Door) -> None:
    with closing(sqlite3.connect(door.hub.settings.journal_path)) as database:
        database.execute("DROP TABLE quarantine")
        database.commit()
    door.problem(503, "journal-unavailable", "/api/v1/quarantine")


def test_a_fault_of_the_hub_tells_the_log_alone(
    calm: Door, caplog: pytest.LogCaptureFixture
) -> None:
    def last_error() -> str:
        raise ZeroDivisionError("secret thing")

    broken = calm.change(broker_connected=lambda: False, last_error=last_error)
    with caplog.at_level(logging.ERROR):
        problem = broken.problem(500, "internal", "/readyz")
    assert "secret thing" not in str(problem)
    assert "secret thing" in caplog.text


def test_every_endpoint_is_described(calm: Door) -> None:
    document = calm.json("/api/openapi.json")
    assert set(document["components"]["securitySchemes"]) == {"bearer", "header"}
    described = [
        (path, operation)
        for path, operations in document["paths"].items()
        for operation in operations.values()
    ]
    for path, operation in described:
        assert operation["summary"], path
        open_to_all = path in ("/healthz", "/readyz") or path.startswith("/public/")
        assert ("security" in operation) is not open_to_all, path
        for parameter in operation.get("parameters", []):
            assert parameter.get("description") or "item_id" in parameter["name"], (path, parameter)
        for status, response in operation["responses"].items():
            if int(status) >= 400 and path != "/readyz":
                assert list(response["content"]) == ["application/problem+json"], path


def test_the_description_is_the_same_every_time(calm: Door) -> None:
    assert calm.json("/api/openapi.json") == calm.json("/api/openapi.json")
