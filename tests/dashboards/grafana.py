"""A stand-in for Grafana on a real socket: the API's rules, its record of calls, and its failures.

The rules are those of Grafana's documentation and of its answers: who may call what, which uids
it takes, versions that must match, what is there twice. `version` chooses whose rules. What it
draws, stores and evaluates is left out.
"""

import asyncio
import base64
import copy
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import web

Json = dict[str, Any]

ADMIN: Final = ("admin", "password-of-the-tests")
TOKEN: Final = "glsa_token_of_the_tests"
_UID: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")


class Refusal(Exception):  # noqa: N818 - it is an answer
    def __init__(self, status: int, message: str, code: str = "") -> None:
        self.status = status
        self.body = {"message": message, **({"status": code} if code else {})}
        super().__init__(message)


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
class StandIn:
    """Grafana as far as the API shows it; everything in it may be set by tests."""

    version: tuple[int, ...] = (11, 2, 0)
    port: int = 0
    folders: dict[str, Json] = field(default_factory=dict)
    data_sources: dict[str, Json] = field(default_factory=dict)
    dashboards: dict[str, Json] = field(default_factory=dict)
    history: dict[str, list[Json]] = field(default_factory=dict)
    playlists: dict[str, Json] = field(default_factory=dict)
    contacts: dict[str, Json] = field(default_factory=dict)
    policy: Json = field(default_factory=lambda: {"receiver": "grafana-default-email"})
    accounts: dict[int, Json] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=lambda: {TOKEN: "Admin"})
    calls: list[tuple[str, str]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    ids: int = 0
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

    # -- what a person does in the browser

    def save_by_hand(self, uid: str, change: Callable[[Json], None], who: str = "ani") -> None:
        """Edits a dashboard as a person does, who leaves no message."""
        model = copy.deepcopy(self.dashboards[uid]["model"])
        change(model)
        self._store(model, self.dashboards[uid]["folder"], "", who)

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
        route("POST", "/api/dashboards/db", self._save_dashboard)
        route("*", "/api/dashboards/uid/{uid}", self._one_dashboard)
        route("GET", "/api/dashboards/uid/{uid}/versions", self._versions)
        if self.version >= (12,):
            base = "/apis/dashboard.grafana.app/v1beta1/namespaces/default/dashboards"
            route("GET", f"{base}/{{uid}}", self._dashboard_v1)
        if self.version < (13,):
            route("*", "/api/playlists", self._all_playlists)
            route("*", "/api/playlists/{uid}", self._one_playlist)
            route("GET", "/api/playlists/{uid}/items", self._playlist_items)
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
        wants_admin = re.search("datasources|serviceaccounts|provisioning", request.path)
        if role == "Viewer" and (request.method != "GET" or wants_admin):
            raise Refusal(403, "You'll need additional permissions to perform this action")
        if role == "Editor" and wants_admin:
            raise Refusal(403, "Permissions needed: datasources:write")

    def _id(self) -> int:
        self.ids += 1
        return self.ids

    # -- folders

    async def _health(self, _request: web.Request) -> tuple[int, Json]:
        hidden = {"database": "ok"}
        return 200, hidden if self.hides_version else {**hidden, "version": self._version()}

    async def _settings(self, _request: web.Request) -> tuple[int, Json]:
        return 200, {"buildInfo": {"version": self._version()}}

    def _version(self) -> str:
        return ".".join(str(part) for part in self.version)

    async def _new_folder(self, request: web.Request) -> tuple[int, Any]:
        if request.method == "GET":
            return 200, list(self.folders.values())
        body = await request.json()
        if body["uid"] in self.folders:
            raise Refusal(409, "the folder has been changed by someone else")
        if any(one["title"] == body["title"] for one in self.folders.values()):
            raise Refusal(409, "a folder with the same name already exists in the folder")
        folder = {"id": self._id(), "uid": _uid(body["uid"]), "title": body["title"], "version": 1}
        self.folders[body["uid"]] = folder
        return 200, folder

    async def _one_folder(self, request: web.Request) -> tuple[int, Json]:
        uid = request.match_info["uid"]
        if uid not in self.folders:
            raise Refusal(404, "folder not found", "not-found")
        folder = self.folders[uid]
        if request.method == "PUT":
            body = await request.json()
            if not body.get("overwrite") and body.get("version") != folder["version"]:
                raise Refusal(412, "the folder has been changed by someone else")
            folder |= {"title": body["title"], "version": folder["version"] + 1}
        elif request.method == "DELETE":
            for one in [k for k, v in self.dashboards.items() if v["folder"] == uid]:
                del self.dashboards[one]
            return 200, self.folders.pop(uid)
        return 200, folder

    async def _search(self, request: web.Request) -> tuple[int, list[Json]]:
        asked = request.query
        rows = [
            {"uid": uid, "title": one["title"], "type": "dash-folder"}
            for uid, one in self.folders.items()
            if "folderUIDs" not in asked
        ] + [
            {
                "uid": uid,
                "title": one["model"]["title"],
                "type": "dash-db",
                "tags": one["model"].get("tags", []),
                **({"folderUid": one["folder"]} if one["folder"] else {}),
            }
            for uid, one in self.dashboards.items()
            if asked.get("folderUIDs", one["folder"]) == one["folder"]
        ]
        if "type" in asked:
            rows = [row for row in rows if row["type"] == asked["type"]]
        if "tag" in asked:
            rows = [row for row in rows if asked["tag"] in row.get("tags", [])]
        limit, page = int(asked.get("limit", 1000)), int(asked.get("page", 1))
        return 200, rows[(page - 1) * limit : page * limit]

    # -- data sources

    async def _all_data_sources(self, request: web.Request) -> tuple[int, Any]:
        if request.method == "GET":
            return 200, list(self.data_sources.values())
        body = await request.json()
        if any(one["name"] == body["name"] for one in self.data_sources.values()):
            raise Refusal(409, "data source with the same name already exists")
        if body["uid"] in self.data_sources:
            raise Refusal(409, "data source with the same uid already exists")
        self.secrets[body["uid"]] = body.pop("secureJsonData", {})
        made = {"id": self._id(), "version": 1, "readOnly": False, **body, "uid": _uid(body["uid"])}
        self.data_sources[body["uid"]] = self._as_stored(made)
        return 200, {"datasource": made, "message": "Datasource added"}

    def _as_stored(self, data_source: Json) -> Json:
        if self.version >= (12,):  # as newer ones do: the top-level member is for the old ones
            data_source["database"] = ""
        elif self.version < (10,):
            data_source["jsonData"] = {**data_source.get("jsonData", {})}
        return data_source

    async def _one_data_source(self, request: web.Request) -> tuple[int, Json]:
        uid = request.match_info["uid"]
        if uid not in self.data_sources:
            raise Refusal(404, "Data source not found")
        held = self.data_sources[uid]
        if request.method == "GET":
            fields = dict.fromkeys(self.secrets.get(uid, {}), True)
            return 200, {**held, "secureJsonFields": fields}
        if held.get("readOnly"):
            raise Refusal(403, "Cannot update read-only data source")
        if request.method == "DELETE":
            del self.data_sources[uid]
            return 200, {"message": "Data source deleted"}
        body = await request.json()
        if body.get("version", held["version"]) != held["version"]:
            raise Refusal(409, "Datasource has already been updated by someone else")
        self.secrets.setdefault(uid, {}).update(body.pop("secureJsonData", {}))
        version = {"version": held["version"] + 1}
        self.data_sources[uid] = self._as_stored({**held, **body, "uid": uid, **version})
        return 200, {"message": "Datasource updated"}

    # -- dashboards

    async def _save_dashboard(self, request: web.Request) -> tuple[int, Json]:
        body = await request.json()
        model, folder = body["dashboard"], body.get("folderUid", "")
        uid, held = _uid(model.get("uid", "")), self.dashboards.get(model.get("uid", ""))
        if not model.get("title"):
            raise Refusal(400, "Dashboard title cannot be empty")
        if folder and folder not in self.folders:
            raise Refusal(400, "folder not found")
        if model.get("id") and (held is None or held["model"]["id"] != model["id"]):
            raise Refusal(404, "Dashboard not found", "not-found")
        if held is not None and held.get("provisioned"):
            raise Refusal(400, "Cannot save provisioned dashboard")
        overwrite = body.get("overwrite", False)
        if held is not None and not overwrite and model.get("version") != held["model"]["version"]:
            words = "The dashboard has been changed by someone else"
            raise Refusal(412, words, "version-mismatch")
        if self.version < (11, 2) and any(
            one["model"]["title"] == model["title"] and one["folder"] == folder and other != uid
            for other, one in self.dashboards.items()
        ):
            words = "A dashboard with the same name in the folder already exists"
            raise Refusal(412, words, "name-exists")
        self._store(model, folder, body.get("message", ""), "sa-1-kotahub")
        return 200, {"uid": uid, "version": self.dashboards[uid]["model"]["version"]}

    def _store(self, model: Json, folder: str, message: str, who: str) -> None:
        uid = model["uid"]
        versions = self.history.setdefault(uid, [])
        held = self.dashboards.get(uid)
        number = 1 if held is None else held["model"]["version"] + 1
        own_id = self._id() if held is None else held["model"]["id"]
        stored = {**copy.deepcopy(model), "id": own_id, "version": number}
        self.dashboards[uid] = {"model": stored, "folder": folder}
        versions.insert(0, {"version": number, "message": message, "createdBy": who})

    async def _one_dashboard(self, request: web.Request) -> tuple[int, Json]:
        uid = request.match_info["uid"]
        if uid not in self.dashboards:
            raise Refusal(404, "Dashboard not found")
        held = self.dashboards[uid]
        if request.method == "DELETE":
            if held.get("provisioned"):
                raise Refusal(400, "provisioned dashboard cannot be deleted")
            del self.dashboards[uid]
            return 200, {"title": held["model"]["title"]}
        if held.get("schema") == "v2":
            raise Refusal(406, "dashboard api version not supported, use v2 instead")
        model = held["model"]
        if self.version >= (12,):  # migrates what it hands out
            model = {**model, "schemaVersion": 42, "preload": False}
        meta = {"folderUid": held["folder"], "provisioned": held.get("provisioned", False)}
        return 200, {"dashboard": model, "meta": meta}

    async def _dashboard_v1(self, request: web.Request) -> tuple[int, Json]:
        held = self.dashboards[request.match_info["uid"]]
        spec = {key: value for key, value in held["model"].items() if key not in {"id", "version"}}
        metadata = {
            "name": spec.pop("uid"),
            "generation": held["model"]["version"],
            "labels": {"grafana.app/deprecatedInternalID": str(held["model"]["id"])},
            "annotations": {"grafana.app/folder": held["folder"]},
        }
        return 200, {"metadata": metadata, "spec": spec}

    async def _versions(self, request: web.Request) -> tuple[int, Any]:
        rows = self.history.get(request.match_info["uid"], [])
        rows = rows[: int(request.query.get("limit", 1000))]
        return 200, {"continueToken": "", "versions": rows} if self.version >= (11,) else rows

    # -- playlists

    async def _all_playlists(self, request: web.Request) -> tuple[int, Any]:
        if request.method == "GET":
            rows = [
                {key: one[key] for key in ("uid", "name", "interval")}
                for one in self.playlists.values()
                if request.query.get("query", "").lower() in one["name"].lower()
            ]
            return 200, rows
        made = {"uid": f"p{self._id()}", **(await request.json())}
        self.playlists[made["uid"]] = made
        return 200, made

    async def _one_playlist(self, request: web.Request) -> tuple[int, Json]:
        uid = request.match_info["uid"]
        if uid not in self.playlists:
            raise Refusal(404, "Playlist not found")
        if request.method == "DELETE":
            self.playlists.pop(uid)
            return 200, {}
        if request.method == "PUT":
            self.playlists[uid] |= await request.json()
        held = self.playlists[uid]
        if self.version < (10,):  # there the items are asked for by themselves
            held = {key: held[key] for key in ("uid", "name", "interval")}
        return 200, held

    async def _playlist_items(self, request: web.Request) -> tuple[int, Any]:
        items = self.playlists[request.match_info["uid"]]["items"]
        return 200, [{"id": n, "order": n, "title": "", **one} for n, one in enumerate(items, 1)]

    async def _all_playlists_v1(self, request: web.Request) -> tuple[int, Any]:
        if request.method == "GET":
            return 200, {"kind": "PlaylistList", "items": list(self.playlists.values())}
        body = await request.json()
        name = body["metadata"]["name"]
        if name in self.playlists:
            raise Refusal(409, f'playlists.playlist.grafana.app "{name}" already exists')
        body["metadata"]["resourceVersion"] = "1"
        self.playlists[name] = body
        return 201, body

    async def _one_playlist_v1(self, request: web.Request) -> tuple[int, Any]:
        uid = request.match_info["uid"]
        if uid not in self.playlists:
            raise Refusal(404, "not found")
        if request.method == "DELETE":
            return 200, self.playlists.pop(uid)
        held, body = self.playlists[uid], await request.json()
        if body["metadata"].get("resourceVersion") != held["metadata"]["resourceVersion"]:
            raise Refusal(409, "the object has been modified")
        body["metadata"]["resourceVersion"] = str(int(held["metadata"]["resourceVersion"]) + 1)
        self.playlists[uid] = body
        return 200, body

    # -- alerting

    async def _all_contacts(self, request: web.Request) -> tuple[int, Any]:
        if request.method == "GET":
            return 200, list(self.contacts.values())
        body = await request.json()
        if body["uid"] in self.contacts:
            raise Refusal(400, f"receiver with uid {body['uid']} already exists")
        self.contacts[body["uid"]] = {"disableResolveMessage": False, **body}
        return 202, self.contacts[body["uid"]]

    async def _one_contact(self, request: web.Request) -> tuple[int, Any]:
        uid = request.match_info["uid"]
        if uid not in self.contacts:
            raise Refusal(404, "contact point not found")
        if request.method == "DELETE":
            name = self.contacts[uid]["name"]
            if any(one["receiver"] == name for one in self.policy.get("routes", [])):
                raise Refusal(409, "contact point is currently used by a notification policy")
            del self.contacts[uid]
            return 202, {"message": "contactpoint deleted"}
        self.contacts[uid] |= await request.json()
        return 202, {"message": "contactpoint updated"}

    async def _policies(self, request: web.Request) -> tuple[int, Any]:
        if request.method == "GET":
            return 200, self.policy
        body = await request.json()
        known = {"grafana-default-email", *(one["name"] for one in self.contacts.values())}
        for route in (body, *body.get("routes", [])):
            if route["receiver"] not in known:
                raise Refusal(400, f"invalid object specification: receiver {route['receiver']}")
        self.policy = body
        return 202, {"message": "policies updated"}

    # -- service accounts

    async def _find_accounts(self, request: web.Request) -> tuple[int, Any]:
        query = request.query.get("query", "")
        rows = [one for one in self.accounts.values() if query in one["name"]]
        return 200, {"totalCount": len(rows), "serviceAccounts": rows}

    async def _new_account(self, request: web.Request) -> tuple[int, Any]:
        body = await request.json()
        if any(one["name"] == body["name"] for one in self.accounts.values()):
            raise Refusal(400, "service account already exists")
        made = {"id": self._id(), **body}
        self.accounts[made["id"]] = made
        return 201, made

    async def _new_token(self, request: web.Request) -> tuple[int, Any]:
        account = self.accounts[int(request.match_info["id"])]
        key = f"glsa_made_{self._id()}"
        self.tokens[key] = account["role"]
        return 200, {"id": self._id(), "name": (await request.json())["name"], "key": key}


def _uid(uid: str) -> str:
    if len(uid) > 40:
        raise Refusal(400, "uid too long, max 40 characters")
    if not _UID.fullmatch(uid):
        raise Refusal(400, "uid contains illegal characters")
    return uid


def show(state: StandIn) -> str:
    """Everything that Grafana would show of itself; no secret may be in it."""
    parts = (state.folders, state.data_sources, state.dashboards, state.playlists, state.calls)
    return json.dumps(parts, default=str)
