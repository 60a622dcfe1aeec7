"""A stand-in for Grafana on a real socket: the API's rules, its record of calls, and its failures.

The rules are those of Grafana's documentation and of its answers: who may call what, which uids
it takes, versions that must match, what is there twice. `version` chooses whose rules. What it
draws, stores and evaluates is left out.
"""

import asyncio
import base64
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import web

from tests.dashboards.grafana.content import Content
from tests.dashboards.grafana.equipment import Equipment
from tests.dashboards.grafana.state import TOKEN, Json, Refusal

__all__ = ["ADMIN", "TOKEN", "Fault", "Refusal", "StandIn", "show"]

ADMIN: Final = ("admin", "password-of-the-tests")


@dataclass
class Fault:
    """What goes wrong with the next calls that match.

    Attributes:
        status: of the answer; 0 cuts the connection instead.
        carried_out: the call does its work first, and only its answer is lost.
        before: done first, as if somebody else were quicker.
    """

    method: str
    path: str
    status: int = 503
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "injected"
    carried_out: bool = False
    before: Callable[[], None] | None = None


@dataclass
class StandIn(Content, Equipment):
    """Grafana as far as the API shows it; everything in it may be set by tests."""

    port: int = 0
    calls: list[tuple[str, str]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    address: str = "127.0.0.1"
    hides_version: bool = False

    # -- lifetime

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="stand-in")
        self._thread.start()
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def start(self) -> None:
        """Listens, on the same port again after a `stop`."""
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(30)

    def stop(self) -> None:
        """As a restart that has not come back yet."""
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(30)

    async def _start(self) -> None:
        self._runner = web.AppRunner(self.app(), shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.address, self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url_with_password(self) -> str:
        return f"http://{ADMIN[0]}:{ADMIN[1]}@127.0.0.1:{self.port}"

    @property
    def writes(self) -> list[tuple[str, str]]:
        return [call for call in self.calls if call[0] != "GET"]

    def break_next(self, method: str, path: str, **how: Any) -> None:
        self.faults.append(Fault(method, path, **how))

    # -- the app

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._guard])
        route: Any = app.router.add_route  # `_guard` makes responses of what the handlers return
        route("GET", "/api/health", self._health)
        route("GET", "/api/frontend/settings", self._settings)
        route("GET", "/api/search", self._search)
        route("*", "/api/folders", self._new_folder)
        route("*", "/api/folders/{uid}", self._one_folder)
        route("*", "/api/datasources", self._all_data_sources)
        route("*", "/api/datasources/uid/{uid}", self._one_data_source)
        route("*", "/api/library-elements", self._all_library_panels)
        route("*", "/api/library-elements/{uid}", self._one_library_panel)
        route("POST", "/api/dashboards/db", self._save_dashboard)
        route("*", "/api/dashboards/uid/{uid}", self._one_dashboard)
        route("GET", "/api/dashboards/uid/{uid}/versions", self._versions)
        route("GET", "/api/dashboards/uid/{uid}/versions/{number}", self._version_alone)
        if self.version >= (12,):
            number = "v1" if self.version >= (13,) else "v1beta1"
            base = f"/apis/dashboard.grafana.app/{number}/namespaces/default/dashboards"
            route("GET", f"{base}/{{uid}}", self._dashboard_v1)
        if self.version < (13,):
            route("*", "/api/playlists", self._all_playlists)
            route("*", "/api/playlists/{uid}", self._one_playlist)
        else:
            base = "/apis/playlist.grafana.app/v1/namespaces/default/playlists"
            route("*", base, self._all_playlists_v1)
            route("*", f"{base}/{{uid}}", self._one_playlist_v1)
        route("*", "/api/v1/provisioning/contact-points", self._all_contacts)
        route("*", "/api/v1/provisioning/contact-points/{uid}", self._one_contact)
        route("*", "/api/v1/provisioning/policies", self._policies)
        route("GET", "/api/serviceaccounts/search", self._find_accounts)
        route("POST", "/api/serviceaccounts", self._new_account)
        route("POST", "/api/serviceaccounts/{id}/tokens", self._new_token)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.calls.append((request.method, request.path))
        fault = next(
            (
                one
                for one in self.faults
                if one.method == request.method and re.search(one.path, request.path)
            ),
            None,
        )
        if fault is not None:
            fault.times -= 1
            if not fault.times:
                self.faults.remove(fault)
            if fault.before is not None:
                fault.before()
            if fault.carried_out:
                await handler(request)
            if fault.status:
                body = {"message": fault.message}
                return web.json_response(body, status=fault.status, headers=fault.headers)
            if fault.before is None or fault.carried_out:
                assert request.transport is not None
                request.transport.close()
                return web.Response()
        try:
            if request.path != "/api/health":
                self._check_login(request)
            answer = await handler(request)
        except Refusal as refusal:
            return web.json_response(refusal.body, status=refusal.status)
        return web.json_response(answer[1], status=answer[0])

    def _check_login(self, request: web.Request) -> None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic" and base64.b64decode(given).decode() == ":".join(ADMIN):
            role = "Admin"
        elif scheme == "Bearer" and given in self.tokens:
            role = self.tokens[given]
        else:
            raise Refusal(401, "Invalid API key" if scheme == "Bearer" else "Unauthorized")
        reads = request.method == "GET"
        hidden = "serviceaccounts|provisioning"
        for_admins = re.search(hidden if reads else f"{hidden}|datasources", request.path)
        for_editors = not reads or request.path.endswith("/versions")
        if (for_admins and role != "Admin") or (for_editors and role == "Viewer"):
            raise Refusal(403, "You'll need additional permissions to perform this action")

    async def _health(self, _request: web.Request) -> tuple[int, Json]:
        hidden = {"database": "ok"}
        return 200, hidden if self.hides_version else {**hidden, "version": self._version()}

    async def _settings(self, _request: web.Request) -> tuple[int, Json]:
        return 200, {"buildInfo": {"version": self._version()}}

    def _version(self) -> str:
        return ".".join(str(part) for part in self.version)


def show(state: StandIn) -> str:
    """Everything that Grafana would show of itself; no secret may be in it."""
    parts = (
        state.folders,
        state.data_sources,
        state.library_panels,
        state.dashboards,
        state.playlists,
        state.calls,
    )
    return json.dumps(parts, default=str)
