"""Folders and what is in them: dashboards, library panels."""

import copy
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests.dashboards.grafana.state import Json, Refusal, State, valid_uid


class Content(State):
    # -- what a person does in the browser

    def save_by_hand(self, uid: str, change: Callable[[Json], None], who: str = "ani") -> None:
        """Edits a dashboard as a person does, who leaves no message."""
        model = copy.deepcopy(self.dashboards[uid]["model"])
        change(model)
        self._store(model, self.dashboards[uid]["folder"], "", who)

    def edit_panel_by_hand(self, uid: str, change: Json, who: str = "ani") -> None:
        """Saves a library panel as the browser does, which keeps members it does not know."""
        held = self.library_panels[uid]
        mark = {"kotahub": held["model"]["kotahub"]}
        version = held["version"] + 1
        self.library_panels[uid] = {
            **held,
            "model": {**change, **mark},
            "version": version,
            "updatedBy": who,
        }

    # -- folders

    async def _new_folder(self, request: web.Request) -> tuple[int, Any]:
        if request.method == "GET":
            return 200, list(self.folders.values())
        body = await request.json()
        if body["uid"] in self.folders:
            raise Refusal(412, "the folder has been changed by someone else")
        if any(one["title"] == body["title"] for one in self.folders.values()):
            raise Refusal(409, "a folder with the same name already exists in the folder")
        folder = {
            "id": self.new_id(),
            "uid": valid_uid(body["uid"]),
            "title": body["title"],
            "version": 1,
        }
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
            inside = [k for k, v in self.library_panels.items() if v["folderUid"] == uid]
            if any(self._boards_with(panel) for panel in inside):
                raise Refusal(403, "Folder could not be deleted because it contains panels in use")
            for panel in inside:
                del self.library_panels[panel]
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

    # -- dashboards

    async def _save_dashboard(self, request: web.Request) -> tuple[int, Json]:
        body = await request.json()
        model, folder = body["dashboard"], body.get("folderUid", "")
        uid, held = valid_uid(model.get("uid", "")), self.dashboards.get(model.get("uid", ""))
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
        own_id = self.new_id() if held is None else held["model"]["id"]
        stored = {**copy.deepcopy(model), "id": own_id, "version": number}
        self.dashboards[uid] = {"model": stored, "folder": folder}
        versions.insert(
            0,
            {
                "version": number,
                "parentVersion": number - 1,
                "message": message,
                "createdBy": who,
            },
        )

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
        rows = [
            one if one["parentVersion"] else {**one, "message": "Initial save"}
            for one in self.history.get(request.match_info["uid"], [])
        ]
        rows = rows[: int(request.query.get("limit", 1000))]
        return 200, {"continueToken": "", "versions": rows} if self.version >= (11,) else rows

    async def _version_alone(self, request: web.Request) -> tuple[int, Any]:
        for one in self.history.get(request.match_info["uid"], []):
            if str(one["version"]) == request.match_info["number"]:
                return 200, {**one, "createdBy": "Anonymous"}
        raise Refusal(404, "Dashboard version not found")

    # -- library panels

    async def _all_library_panels(self, request: web.Request) -> tuple[int, Json]:
        if request.method == "GET":
            size, page = int(request.query["perPage"]), int(request.query["page"])
            rows = [self._shown_panel(uid) for uid in self.library_panels]
            rows = rows[(page - 1) * size : page * size]
            return 200, {"result": {"elements": rows, "totalCount": len(self.library_panels)}}
        body = await request.json()
        uid = valid_uid(body["uid"])
        if uid in self.library_panels or self._panel_named(body["name"], body["folderUid"]):
            raise Refusal(400, "library element with that name or UID already exists")
        if body["folderUid"] and body["folderUid"] not in self.folders:
            raise Refusal(400, "failed to get folder")
        self.library_panels[uid] = {**body, "version": 1, "updatedBy": "sa-kotahub"}
        return 200, {"result": self._shown_panel(uid)}

    async def _one_library_panel(self, request: web.Request) -> tuple[int, Json]:
        uid = request.match_info["uid"]
        if uid not in self.library_panels:
            raise Refusal(404, "library element could not be found")
        held = self.library_panels[uid]
        if request.method == "DELETE":
            if self._boards_with(uid):
                raise Refusal(403, "the library element has connections")
            del self.library_panels[uid]
            return 200, {"message": "Library element deleted"}
        if request.method == "PATCH":
            body = await request.json()
            if body["version"] != held["version"]:
                raise Refusal(412, "the library element has been changed by someone else")
            version = held["version"] + 1
            self.library_panels[uid] = {**held, **body, "uid": uid, "version": version}
            self.library_panels[uid]["updatedBy"] = "sa-kotahub"
        return 200, {"result": self._shown_panel(uid)}

    def _shown_panel(self, uid: str) -> Json:
        held = self.library_panels[uid]
        meta = {
            "folderUid": held["folderUid"],
            "connectedDashboards": len(self._boards_with(uid)),
            "updatedBy": {"name": held["updatedBy"]},
        }
        return {**{key: held[key] for key in ("uid", "name", "model", "version")}, "meta": meta}

    def _panel_named(self, name: str, folder: str) -> bool:
        return any(
            (one["name"], one["folderUid"]) == (name, folder)
            for one in self.library_panels.values()
        )

    def _boards_with(self, panel: str) -> list[str]:
        return [
            uid
            for uid, board in self.dashboards.items()
            if any(
                one.get("libraryPanel", {}).get("uid") == panel
                for one in board["model"].get("panels", [])
            )
        ]
