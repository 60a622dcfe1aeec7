"""The stand-in's rules are Grafana's: the same calls get the same statuses from both.

Where `KOTAHUB_TEST_GRAFANA` is the address of an empty Grafana 9.3 with an administrator's
USER:PASSWORD@, it is asked too.
"""

import asyncio
import os
import secrets
from collections.abc import Iterator
from typing import Any, Final

import pytest

from dashboards.reconciler.errors import GrafanaAnswerError
from dashboards.reconciler.transport import Transport
from tests.dashboards.grafana import StandIn

REAL: Final = os.environ.get("KOTAHUB_TEST_GRAFANA")
FOLDER: Final = {"uid": "rules", "title": "Rules"}
PANEL: Final = {"folderUid": "rules", "kind": 1, "model": {"type": "text", "title": "A"}}
SOURCE: Final = {
    "uid": "rules-source",
    "name": "rules",
    "type": "influxdb",
    "access": "proxy",
    "url": "http://127.0.0.1:9",
    "jsonData": {"a": 1},
}
BOARD: Final = {"uid": "rules-board", "title": "Board", "panels": []}
SHOWING: Final = {
    "uid": "rules-showing",
    "title": "Showing",
    "panels": [{"id": 1, "gridPos": {}, "libraryPanel": {"uid": "rules-panel", "name": "Panel"}}],
}
MAIL: Final = {"name": "rules", "type": "email", "settings": {"addresses": "a@b.example"}}
ROUTE: Final = {"receiver": "rules", "object_matchers": [["rules", "=", "1"]]}
TREE: Final = {"receiver": "grafana-default-email", "group_by": ["alertname"]}
PLAYLIST: Final = {
    "name": "rules",
    "interval": "30s",
    "items": [{"type": "dashboard_by_uid", "value": "rules-board"}],
}

STEPS: Final[tuple[tuple[int, str, str, Any], ...]] = (
    # folders
    (404, "GET", "/api/folders/rules", None),
    (200, "POST", "/api/folders", FOLDER),
    (412, "POST", "/api/folders", FOLDER),
    (409, "POST", "/api/folders", {"uid": "rules-other", "title": "Rules"}),
    (400, "POST", "/api/folders", {"uid": "not/allowed", "title": "x"}),
    (400, "POST", "/api/folders", {"uid": "x" * 41, "title": "x"}),
    (412, "PUT", "/api/folders/rules", {"title": "Renamed", "version": 7}),
    (200, "PUT", "/api/folders/rules", {"title": "Renamed", "version": 1}),
    (404, "PUT", "/api/folders/rules-none", {"title": "x", "version": 1}),
    # data sources
    (404, "GET", "/api/datasources/uid/rules-source", None),
    (200, "POST", "/api/datasources", SOURCE),
    (409, "POST", "/api/datasources", {**SOURCE, "uid": "rules-other"}),
    (409, "POST", "/api/datasources", {**SOURCE, "name": "rules-other"}),
    (200, "PUT", "/api/datasources/uid/rules-source", {**SOURCE, "version": 1}),
    (409, "PUT", "/api/datasources/uid/rules-source", {**SOURCE, "version": 1}),
    # library panels
    (404, "GET", "/api/library-elements/rules-panel", None),
    (200, "POST", "/api/library-elements", {**PANEL, "uid": "rules-panel", "name": "Panel"}),
    (400, "POST", "/api/library-elements", {**PANEL, "uid": "rules-panel", "name": "Other"}),
    (400, "POST", "/api/library-elements", {**PANEL, "uid": "rules-other", "name": "Panel"}),
    (412, "PATCH", "/api/library-elements/rules-panel", {**PANEL, "name": "B", "version": 7}),
    (200, "PATCH", "/api/library-elements/rules-panel", {**PANEL, "name": "B", "version": 1}),
    # dashboards
    (404, "GET", "/api/dashboards/uid/rules-board", None),
    (400, "POST", "/api/dashboards/db", {"dashboard": {**BOARD, "title": ""}}),
    (400, "POST", "/api/dashboards/db", {"dashboard": {**BOARD, "uid": "x" * 41}}),
    (200, "POST", "/api/dashboards/db", {"dashboard": BOARD, "folderUid": "rules"}),
    (412, "POST", "/api/dashboards/db", {"dashboard": BOARD, "folderUid": "rules"}),
    (
        200,
        "POST",
        "/api/dashboards/db",
        {"dashboard": {**BOARD, "version": 1}, "folderUid": "rules"},
    ),
    (
        412,
        "POST",
        "/api/dashboards/db",
        {"dashboard": {**BOARD, "uid": "rules-same"}, "folderUid": "rules"},
    ),
    (200, "POST", "/api/dashboards/db", {"dashboard": SHOWING, "folderUid": "rules"}),
    (403, "DELETE", "/api/library-elements/rules-panel", None),
    (200, "GET", "/api/dashboards/uid/rules-board/versions", None),
    # playlists
    (404, "GET", "/api/playlists/rules-none", None),
    (200, "POST", "/api/playlists", PLAYLIST),
    (200, "POST", "/api/playlists", PLAYLIST),
    # alerting
    (200, "POST", "/api/v1/provisioning/contact-points", {**MAIL, "uid": "rules-mail"}),
    (500, "POST", "/api/v1/provisioning/contact-points", {**MAIL, "uid": "rules-mail"}),
    (200, "PUT", "/api/v1/provisioning/contact-points/rules-mail", MAIL),
    (404, "PUT", "/api/v1/provisioning/contact-points/rules-none", MAIL),
    (400, "PUT", "/api/v1/provisioning/policies", {**TREE, "receiver": "rules-none"}),
    (200, "PUT", "/api/v1/provisioning/policies", {**TREE, "routes": [ROUTE]}),
    (500, "DELETE", "/api/v1/provisioning/contact-points/rules-mail", None),
    (200, "PUT", "/api/v1/provisioning/policies", {**TREE, "routes": []}),
    (200, "DELETE", "/api/v1/provisioning/contact-points/rules-mail", None),
    (200, "DELETE", "/api/v1/provisioning/contact-points/rules-mail", None),
    # and away with them
    (403, "DELETE", "/api/folders/rules", None),
    (200, "DELETE", "/api/dashboards/uid/rules-showing", None),
    (200, "DELETE", "/api/library-elements/rules-panel", None),
    (200, "DELETE", "/api/folders/rules", None),
    (404, "GET", "/api/dashboards/uid/rules-board", None),
    (404, "DELETE", "/api/dashboards/uid/rules-board", None),
    (404, "DELETE", "/api/library-elements/rules-panel", None),
    (404, "DELETE", "/api/folders/rules", None),
    (200, "DELETE", "/api/datasources/uid/rules-source", None),
    (404, "DELETE", "/api/datasources/uid/rules-source", None),
)


@pytest.fixture(params=["stand-in", *(["real"] if REAL else [])])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "real":
        assert REAL is not None
        yield REAL
        return
    with StandIn(version=(9, 3, 2)) as stand_in:
        yield stand_in.url_with_password


def test_each_call_gets_the_status_that_grafana_gives(url: str) -> None:
    async def ask() -> list[int]:
        async with Transport(url, patience_s=0) as transport:
            return [await status(transport, *step[1:]) for step in STEPS]

    wanted = [f"{step[0]} {step[1]} {step[2]} {number}" for number, step in enumerate(STEPS)]
    found = asyncio.run(ask())
    assert [
        f"{got} {step[1]} {step[2]} {number}"
        for number, (got, step) in enumerate(zip(found, STEPS, strict=True))
    ] == wanted


ALLOWED: Final[tuple[tuple[str, str, Any, str], ...]] = (
    ("GET", "/api/search", None, "Viewer"),
    ("GET", "/api/folders", None, "Viewer"),
    ("GET", "/api/datasources", None, "Viewer"),
    ("GET", "/api/library-elements?perPage=1&page=1", None, "Viewer"),
    ("GET", "/api/playlists", None, "Viewer"),
    ("POST", "/api/folders", FOLDER, "Editor"),
    ("DELETE", "/api/folders/rules", None, "Editor"),
    ("POST", "/api/playlists", PLAYLIST, "Editor"),
    ("POST", "/api/datasources", SOURCE, "Admin"),
    ("DELETE", "/api/datasources/uid/rules-source", None, "Admin"),
    ("GET", "/api/v1/provisioning/contact-points", None, "Admin"),
    ("GET", "/api/v1/provisioning/policies", None, "Admin"),
    ("GET", "/api/serviceaccounts/search?query=rules", None, "Admin"),
)
"""With the least role that may."""


@pytest.mark.parametrize("role", ["Viewer", "Editor", "Admin"])
def test_each_role_may_do_what_grafana_lets_it(url: str, role: str) -> None:
    async def ask() -> list[int]:
        name = f"rules-{secrets.token_hex(4)}"
        async with Transport(url, patience_s=0) as admin:
            path = "/api/serviceaccounts"
            account = await admin.call("POST", path, {"name": name, "role": role})
            token = await admin.call("POST", f"{path}/{account['id']}/tokens", {"name": name})
        async with Transport(url, token=token["key"], patience_s=0) as transport:
            return [await status(transport, *one[:3]) for one in ALLOWED]

    roles = ("Viewer", "Editor", "Admin")
    wanted = [200 if roles.index(role) >= roles.index(one[3]) else 403 for one in ALLOWED]
    assert asyncio.run(ask()) == wanted


async def status(transport: Transport, method: str, path: str, body: object) -> int:
    try:
        await transport.call(method, path, body)
    except GrafanaAnswerError as error:
        return error.status
    return 200
