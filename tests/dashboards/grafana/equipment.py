"""Data sources, playlists, alerting and service accounts."""

from typing import Any

from aiohttp import web

from tests.dashboards.grafana.state import Json, Refusal, State, valid_uid


class Equipment(State):
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
        made = {
            "id": self.new_id(),
            "version": 1,
            "readOnly": False,
            **body,
            "uid": valid_uid(body["uid"]),
        }
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
        if body.get("version", held["version"]) < held["version"]:
            raise Refusal(409, "Datasource has already been updated by someone else")
        self.secrets.setdefault(uid, {}).update(body.pop("secureJsonData", {}))
        version = {"version": held["version"] + 1}
        self.data_sources[uid] = self._as_stored({**held, **body, "uid": uid, **version})
        return 200, {"message": "Datasource updated"}

    # -- playlists

    async def _all_playlists(self, request: web.Request) -> tuple[int, Any]:
        if request.method == "GET":
            rows = [
                {key: one[key] for key in ("uid", "name", "interval")}
                for one in self.playlists.values()
                if request.query.get("query", "").lower() in one["name"].lower()
            ]
            return 200, rows
        made = {"uid": f"p{self.new_id()}", **(await request.json())}
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
        return 200, self.playlists[uid]

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
            return 200, self.contacts
        body = await request.json()
        if self._contact(body["uid"]) is not None:
            status = 500 if self.version < (10,) else 400
            raise Refusal(status, f"receiver configuration with UID '{body['uid']}' already exist")
        made = {"disableResolveMessage": False, **body, "provenance": self._provenance(request)}
        self.contacts.append(made)
        return 202, made

    async def _one_contact(self, request: web.Request) -> tuple[int, Any]:
        held = self._contact(request.match_info["uid"])
        if held is None and request.method == "DELETE":
            return 202, {"message": "contactpoint deleted"}
        if held is None:
            raise Refusal(404, "contact point not found")
        if request.method == "DELETE":
            if any(one["receiver"] == held["name"] for one in self.policy.get("routes", [])):
                status = 500 if self.version < (10,) else 409
                raise Refusal(status, "contact point is currently used by a notification policy")
            self.contacts.remove(held)
            return 202, {"message": "contactpoint deleted"}
        self._check_provenance(held, request)
        held |= await request.json()
        return 202, {"message": "contactpoint updated"}

    async def _policies(self, request: web.Request) -> tuple[int, Any]:
        if request.method == "GET":
            return 200, self.policy
        body = await request.json()
        known = {"grafana-default-email", *(one["name"] for one in self.contacts)}
        for route in (body, *body.get("routes", [])):
            if route["receiver"] not in known:
                raise Refusal(400, f"invalid object specification: receiver {route['receiver']}")
        self._check_provenance(self.policy, request)
        self.policy = {**body, "provenance": self._provenance(request)}
        return 202, {"message": "policies updated"}

    def _contact(self, uid: str) -> Json | None:
        return next((one for one in self.contacts if one["uid"] == uid), None)

    def _provenance(self, request: web.Request) -> str:
        hidden = self.version >= (10,) and "X-Disable-Provenance" in request.headers
        return "" if hidden else "api"

    def _check_provenance(self, held: Json, request: web.Request) -> None:
        old, new = held.get("provenance", ""), self._provenance(request)
        if old not in {"", new}:
            status = 500 if self.version < (10,) else 409
            raise Refusal(status, f"cannot change provenance from '{old}' to '{new}'")

    # -- service accounts

    async def _find_accounts(self, request: web.Request) -> tuple[int, Any]:
        query = request.query.get("query", "")
        rows = [one for one in self.accounts.values() if query in one["name"]]
        return 200, {"totalCount": len(rows), "serviceAccounts": rows}

    async def _new_account(self, request: web.Request) -> tuple[int, Any]:
        body = await request.json()
        if any(one["name"] == body["name"] for one in self.accounts.values()):
            raise Refusal(400, "service account already exists")
        made = {"id": self.new_id(), **body}
        self.accounts[made["id"]] = made
        return 201, made

    async def _new_token(self, request: web.Request) -> tuple[int, Any]:
        account = self.accounts[int(request.match_info["id"])]
        key = f"glsa_made_{self.new_id()}"
        self.tokens[key] = account["role"]
        return 200, {"id": self.new_id(), "name": (await request.json())["name"], "key": key}
