"""Who may ask."""

from collections.abc import Mapping

import pytest

from tests.gateway.door import Door

GUARDED = (
    "/api/v1/devices",
    "/api/v1/devices/air-01",
    "/api/v1/devices/air-01/readings",
    "/api/v1/devices/air-01/quality",
    "/api/v1/maintenance",
    "/api/v1/devices/air-01/indices",
    "/api/v1/ledger",
    "/api/v1/lines",
    "/api/v1/quarantine",
    "/api/v1/quarantine/1",
    "/api/openapi.json",
    "/metrics",
)

SENT = ("/api/v1/readings", "/api/v1/readings/air-01")


@pytest.mark.parametrize("path", SENT)
def test_without_a_key_nothing_is_taken(calm: Door, path: str) -> None:
    assert calm.knock(None).get(path, method="POST").status_code == 401


@pytest.mark.parametrize("path", GUARDED)
def test_without_a_key_nothing_is_told(calm: Door, path: str) -> None:
    nobody = calm.knock(None)
    assert nobody.get(path).headers["WWW-Authenticate"] == 'Bearer realm="kotahub"'
    nobody.problem(401, "key-required", path)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_asks_for_no_key(calm: Door, path: str) -> None:
    assert calm.knock(None).get(path).status_code == 200


def test_no_path_is_forgotten(calm: Door) -> None:
    told = {
        path
        for path in calm.json("/api/openapi.json")["paths"]
        if "health" not in path and not path.startswith("/public/")
    }
    patterns = {
        path.replace("air-01", "{device_id}").replace("/1", "/{item_id}")
        for path in (*GUARDED, *SENT)
    }
    assert told - {"/readyz"} == patterns - {"/api/openapi.json"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer kh_made_up"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic dTpw"},
        {"Authorization": b"Bearer \xe9"},
        {"X-API-Key": "kh_made_up"},
        {"X-API-Key": ""},
    ],
)
def test_a_key_that_is_none(calm: Door, headers: Mapping[str, str | bytes]) -> None:
    calm.knock(None).problem(401, "key-required", "/api/v1/ledger", headers=headers)


def test_either_header_carries_the_key(calm: Door) -> None:
    nobody, key = calm.knock(None), calm.key
    assert key is not None
    nobody.json("/api/v1/ledger", headers={"X-API-Key": key})
    nobody.json("/api/v1/ledger", headers={"Authorization": f"bearer {key}"})


def test_a_key_for_other_things_is_refused(door: Door) -> None:
    writer = door.knock(door.hub.registry.create_key("writer", ["write"]))
    problem = writer.problem(403, "scope-missing", "/api/v1/ledger")
    assert "'read'" in problem["detail"]


def test_who_may_administer_may_read(door: Door) -> None:
    door.knock(door.hub.registry.create_key("first run", ["admin"])).json("/api/v1/ledger")


def test_a_revoked_key_is_none(door: Door) -> None:
    door.json("/api/v1/ledger")
    (key,) = door.hub.registry.keys()
    door.hub.registry.revoke_key(key.id)
    door.problem(401, "key-required", "/api/v1/ledger")


def test_the_running_hubs_own_key_reads(door: Door) -> None:
    local = door.knock(door.hub.local_key)
    local.json("/api/v1/ledger")
    local.change(local_key=None).problem(401, "key-required", "/api/v1/ledger")
