"""Grafana's HTTP API, from 9.3 up to 13: all that differs between versions is in this file.

| what | differs |
|---|---|
| versions of a dashboard | a list up to 11, an object with `versions` from then on |
| data sources | up to 12 also by number; from 13 by uid alone, so always by uid |
| `database` of InfluxDB | up to 9 at the top level, later in `jsonData.dbName`: both are given |
| playlists | `/api/playlists`; where that is gone, `/apis/playlist.grafana.app/v1` |
| a dashboard in the schema of 12 and later (v2) | 406 from `/api`; read through `/apis` as v1 |
| `X-Disable-Provenance` | ignored by 9: what the hub made cannot be edited in its alerting pages |
"""

import secrets
from collections.abc import Collection, Iterable
from typing import Any, Final

from dashboards.reconciler.declared import (
    CONTACT_NAME,
    CONTACT_UID,
    DATA_SOURCE_NAME,
    LANGUAGES,
    POLICY_UID,
)
from dashboards.reconciler.difference import Json
from dashboards.reconciler.errors import (
    GrafanaAnswerError,
    GrafanaForbiddenError,
    GrafanaMissingError,
)
from dashboards.reconciler.resource import MARK, UID_PREFIX, Found, Kind, Resource
from dashboards.reconciler.transport import Transport

OLDEST: Final = (9, 3)
_STAMP: Final = "kotahub "
_PAGE: Final = 1000
_NOT_ACCEPTABLE: Final = 406
_EDITABLE: Final = {"X-Disable-Provenance": "true"}
_DASHBOARDS_V1: Final = "/apis/dashboard.grafana.app/v1beta1/namespaces/default/dashboards"
_PLAYLISTS: Final = "/api/playlists"
_PLAYLISTS_V1: Final = "/apis/playlist.grafana.app/v1/namespaces/default/playlists"
_CONTACTS: Final = "/api/v1/provisioning/contact-points"
_POLICIES: Final = "/api/v1/provisioning/policies"
_FILE: Final = "it comes from a provisioning file: change the file, or remove it"


class Grafana:
    """What the reconciler asks of a Grafana."""

    def __init__(self, transport: Transport) -> None:
        self._call = transport.call

    async def version(self) -> str:
        """As `11.2.0`.

        Raises:
            GrafanaAnswerError: it is older than 9.3, or no Grafana.
        """
        health = await self._call("GET", "/api/health")
        version = str(health.get("version") or "") if isinstance(health, dict) else ""
        if not version:  # hidden from strangers by a setting of Grafana's
            settings = await self._call("GET", "/api/frontend/settings")
            version = str(settings.get("buildInfo", {}).get("version", ""))
        numbers = tuple(int(part) for part in version.split("-")[0].split(".") if part.isdigit())
        if numbers < OLDEST:
            raise GrafanaAnswerError(
                200, "GET /api/health", f"its version is '{version}'; the hub needs 9.3 or newer"
            )
        return version

    async def found(self, resource: Resource) -> Found | None:
        """A declared thing as it is; None where there is none."""
        match resource.kind:
            case "folder":
                return await self._folder(resource.uid)
            case "data source":
                return await self._data_source(resource.uid)
            case "dashboard":
                return await self._dashboard(resource.uid)
            case "playlist":
                return await self._playlist(resource.uid, resource.title)
            case "contact point":
                return await self._contact()
            case "notification policy":
                return await self._route()

    async def leftovers(self, declared: Collection[tuple[Kind, str]]) -> list[Found]:
        """Everything that carries the hub's mark and is not declared (by kind and uid)."""

        def left(kind: Kind, uid: str) -> bool:
            return uid.startswith(UID_PREFIX) and (kind, uid) not in declared

        found: list[Found | None] = [
            await self._dashboard(str(row["uid"]))
            for row in await self._search(type="dash-db", tag=MARK)
            if left("dashboard", str(row["uid"]))
        ]
        found += [
            await self._folder(str(row["uid"]))
            for row in await self._search(type="dash-folder")
            if left("folder", str(row["uid"]))
        ]
        found += [
            _data_source(row)
            for row in await self._call("GET", "/api/datasources")
            if left("data source", str(row["uid"]))
        ]
        found += [
            await self._playlist(f"{UID_PREFIX}{language}", title)
            for language, (_, title) in LANGUAGES.items()
            if left("playlist", f"{UID_PREFIX}{language}")
        ]
        if left("contact point", CONTACT_UID):
            found += [await self._contact(), await self._route()]
        return [one for one in found if one is not None and one.ours]

    async def put(self, resource: Resource, found: Found | None) -> None:
        """Makes the thing, or brings it to what is declared."""
        match resource.kind:
            case "folder":
                await self._put_folder(resource, found)
            case "data source":
                await self._put_data_source(resource, found)
            case "dashboard":
                await self._put_dashboard(resource, found)
            case "playlist":
                await self._put_playlist(resource, found)
            case "contact point":
                path = _CONTACTS if found is None else f"{_CONTACTS}/{resource.uid}"
                body = {"uid": resource.uid, **resource.body}
                method = "POST" if found is None else "PUT"
                await self._call(method, path, body, headers=_EDITABLE)
            case "notification policy":
                await self._put_route(resource.body)

    async def delete(self, found: Found) -> None:
        """Deletes the thing; that it is gone already is well."""
        try:
            match found.kind:
                case "folder":
                    await self._call("DELETE", f"/api/folders/{found.uid}")
                case "data source":
                    await self._call("DELETE", f"/api/datasources/uid/{found.uid}")
                case "dashboard":
                    await self._call("DELETE", f"/api/dashboards/uid/{found.uid}")
                case "playlist":
                    await self._call("DELETE", f"{found.rest['path']}/{found.rest['reference']}")
                case "contact point":
                    await self._call("DELETE", f"{_CONTACTS}/{found.uid}", headers=_EDITABLE)
                case "notification policy":
                    await self._put_route(None)
        except GrafanaMissingError:
            return

    async def strangers_in(self, folder_uid: str, ours: Iterable[str]) -> list[str]:
        """Titles of what stands in a folder and is none of these uids."""
        known = set(ours)
        rows = await self._search(folderUIDs=folder_uid)
        return [
            str(row["title"])
            for row in rows
            if row["uid"] not in known and row.get("folderUid", folder_uid) == folder_uid
        ]

    # -- folders

    async def _folder(self, uid: str) -> Found | None:
        row = await self._maybe(f"/api/folders/{uid}")
        if row is None:
            return None
        title = str(row["title"])
        return Found(
            kind="folder",
            uid=uid,
            title=title,
            body={"title": title},
            ours=uid.startswith(UID_PREFIX),
            by=_person(row.get("updatedBy")),
            version=row.get("version"),
        )

    async def _put_folder(self, resource: Resource, found: Found | None) -> None:
        if found is None:
            await self._call("POST", "/api/folders", {"uid": resource.uid, **resource.body})
        else:
            body = {**resource.body, "version": found.version}
            await self._call("PUT", f"/api/folders/{resource.uid}", body)

    # -- the data source

    async def _data_source(self, uid: str) -> Found | None:
        """By uid, or else the one of this name: somebody may have made it anew."""
        row = await self._maybe(f"/api/datasources/uid/{uid}")
        if row is None:
            rows = await self._call("GET", "/api/datasources")
            named = [
                one for one in rows if one["name"] == DATA_SOURCE_NAME and one["type"] == "influxdb"
            ]
            if not named:
                return None
            row = await self._call("GET", f"/api/datasources/uid/{named[0]['uid']}")
        return _data_source(row)

    async def _put_data_source(self, resource: Resource, found: Found | None) -> None:
        body = {**resource.body, "secureJsonData": dict(resource.secret)}
        if found is None:
            await self._call("POST", "/api/datasources", {"uid": resource.uid, **body})
            return
        json_data = {**found.rest["jsonData"], **resource.body["jsonData"]}
        sent = {**found.rest, **body, "jsonData": json_data, "uid": found.uid}
        await self._call("PUT", f"/api/datasources/uid/{found.uid}", sent)

    # -- dashboards

    async def _dashboard(self, uid: str) -> Found | None:
        try:
            answer = await self._maybe(f"/api/dashboards/uid/{uid}")
        except GrafanaAnswerError as error:
            if error.status != _NOT_ACCEPTABLE:
                raise
            answer = _from_v1(await self._call("GET", f"{_DASHBOARDS_V1}/{uid}"))
        if answer is None:
            return None
        model, meta = answer["dashboard"], answer["meta"]
        versions = await self._versions(uid)
        last = versions[0] if versions else {}
        message = str(last.get("message") or "")
        marked = MARK in (model.get("tags") or []) or any(
            str(one.get("message") or "").startswith(_STAMP) for one in versions
        )
        return Found(
            kind="dashboard",
            uid=uid,
            title=str(model.get("title", uid)),
            body={
                "folder": meta.get("folderUid") or "",
                "model": {key: model[key] for key in model if key not in {"id", "version"}},
            },
            ours=marked and uid.startswith(UID_PREFIX),
            stamp=message.removeprefix(_STAMP) if message.startswith(_STAMP) else None,
            by=_person(last.get("createdBy") or meta.get("updatedBy")),
            locked=_FILE if meta.get("provisioned") else None,
            version=model.get("version"),
            rest={"id": model.get("id")},
        )

    async def _versions(self, uid: str) -> list[Json]:
        """The newest first."""
        answer = await self._maybe(f"/api/dashboards/uid/{uid}/versions", limit="20")
        rows = answer.get("versions", []) if isinstance(answer, dict) else answer or []
        return sorted(rows, key=lambda row: int(row["version"]), reverse=True)

    async def _put_dashboard(self, resource: Resource, found: Found | None) -> None:
        model = dict(resource.body["model"])
        if found is not None:
            model |= {"id": found.rest["id"], "version": found.version}
        body = {
            "dashboard": model,
            "folderUid": resource.body["folder"],
            "message": f"{_STAMP}{resource.digest}",
            "overwrite": False,
        }
        await self._call("POST", "/api/dashboards/db", body)

    # -- playlists: old Grafanas choose the uid, so they are known by their title

    async def _playlist(self, uid: str, title: str) -> Found | None:
        rows = await self._maybe(_PLAYLISTS, query=title, limit=str(_PAGE))
        if rows is None:
            return await self._playlist_v1(uid, title)
        named = [row for row in rows if row["name"] == title]
        if not named:
            return None
        reference = str(named[0].get("uid") or named[0]["id"])
        row = await self._call("GET", f"{_PLAYLISTS}/{reference}")
        items = row.get("items") or await self._call("GET", f"{_PLAYLISTS}/{reference}/items")
        rest = {"path": _PLAYLISTS, "reference": reference}
        return _playlist(uid, title, row["interval"], items, rest)

    async def _playlist_v1(self, uid: str, title: str) -> Found | None:
        answer = await self._call("GET", _PLAYLISTS_V1)
        for row in answer["items"]:
            if row["spec"]["title"] == title:
                spec, metadata = row["spec"], row["metadata"]
                rest = {
                    "path": _PLAYLISTS_V1,
                    "reference": metadata["name"],
                    "metadata": metadata,
                }
                return _playlist(uid, title, spec["interval"], spec["items"], rest)
        return None

    async def _put_playlist(self, resource: Resource, found: Found | None) -> None:
        old = await self._maybe(_PLAYLISTS, limit="1") is not None
        if old and found is None:
            await self._call("POST", _PLAYLISTS, resource.body)
        elif old and found is not None:
            await self._call("PUT", f"{_PLAYLISTS}/{found.rest['reference']}", resource.body)
        else:
            await self._put_playlist_v1(resource, found)

    async def _put_playlist_v1(self, resource: Resource, found: Found | None) -> None:
        spec = {
            "title": resource.body["name"],
            "interval": resource.body["interval"],
            "items": resource.body["items"],
        }
        head = {"apiVersion": "playlist.grafana.app/v1", "kind": "Playlist"}
        if found is None:
            body = {**head, "metadata": {"name": resource.uid}, "spec": spec}
            await self._call("POST", _PLAYLISTS_V1, body)
        else:
            body = {**head, "metadata": found.rest["metadata"], "spec": spec}
            await self._call("PUT", f"{_PLAYLISTS_V1}/{found.rest['reference']}", body)

    # -- where alerts go

    async def _contact(self) -> Found | None:
        rows = await self._alerting(_CONTACTS)
        for row in rows or []:
            if row.get("uid") == CONTACT_UID:
                body = {key: row[key] for key in ("name", "type", "settings")}
                return Found(
                    kind="contact point", uid=CONTACT_UID, title=row["name"], body=body, ours=True
                )
        return None

    async def _route(self) -> Found | None:
        tree = await self._alerting(_POLICIES)
        for route in (tree or {}).get("routes") or []:
            if route.get("receiver") == CONTACT_NAME:
                return Found(
                    kind="notification policy",
                    uid=POLICY_UID,
                    title=f"alerts labelled {MARK}=true",
                    body={"continue": False, **route},
                    ours=True,
                )
        return None

    async def _put_route(self, route: Json | None) -> None:
        """Grafana has one tree of routes: only the hub's own in it is set or taken out."""
        tree = await self._call("GET", _POLICIES)
        others = [one for one in tree.get("routes") or [] if one.get("receiver") != CONTACT_NAME]
        tree["routes"] = others if route is None else [route, *others]
        await self._call("PUT", _POLICIES, tree, headers=_EDITABLE)

    async def _alerting(self, path: str) -> Any:
        """None where alerting is switched off, or not shown to this login."""
        try:
            return await self._maybe(path)
        except GrafanaForbiddenError:
            return None

    # -- all of them

    async def _maybe(self, path: str, **parameters: str) -> Any:
        try:
            return await self._call("GET", path, parameters=parameters)
        except GrafanaMissingError:
            return None

    async def _search(self, **parameters: str) -> list[Json]:
        rows: list[Json] = []
        while True:
            page = {"limit": str(_PAGE), "page": str(len(rows) // _PAGE + 1)}
            found = await self._call("GET", "/api/search", parameters=parameters | page)
            rows += found
            if len(found) < _PAGE:
                return rows


async def make_login(transport: Transport, name: str) -> str:
    """A new token of the service account of this name, which is made where it is missing.

    Needs a user and password that may manage service accounts.
    """
    call = transport.call
    answer = await call("GET", "/api/serviceaccounts/search", parameters={"query": name})
    named = [row for row in answer["serviceAccounts"] if row["name"] == name]
    account = named[0] if named else None
    if account is None:
        account = await call("POST", "/api/serviceaccounts", {"name": name, "role": "Admin"})
    path = f"/api/serviceaccounts/{account['id']}/tokens"
    made = await call("POST", path, {"name": f"{name}-{secrets.token_hex(4)}"})
    return str(made["key"])


def _data_source(row: Json) -> Found:
    json_data = row.get("jsonData") or {}
    shown = {"name": row["name"], "type": row["type"], "access": row["access"], "url": row["url"]}
    database = row.get("database") or json_data.get("dbName", "")
    return Found(
        kind="data source",
        uid=str(row["uid"]),
        title=str(row["name"]),
        body={**shown, "database": database, "jsonData": json_data},
        ours=MARK in json_data and str(row["uid"]).startswith(UID_PREFIX),
        locked=_FILE if row.get("readOnly") else None,
        version=row.get("version"),
        rest={
            "jsonData": json_data,
            "isDefault": row.get("isDefault", False),
            "basicAuth": row.get("basicAuth", False),
            "version": row.get("version"),
        },
    )


def _playlist(uid: str, title: str, interval: str, items: list[Json], rest: Json) -> Found:
    shown = [{"type": item["type"], "value": item["value"]} for item in items]
    return Found(
        kind="playlist",
        uid=uid,
        title=title,
        body={"name": title, "interval": interval, "items": shown},
        ours=True,
        rest=rest,
    )


def _from_v1(answer: Json) -> Json:
    """The older form of a dashboard that Grafana keeps in its new one."""
    metadata = answer["metadata"]
    notes, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
    number = labels.get("grafana.app/deprecatedInternalID")
    return {
        "dashboard": {
            **answer["spec"],
            "uid": metadata["name"],
            "id": int(number) if number else None,
            "version": metadata.get("generation"),
        },
        "meta": {
            "folderUid": notes.get("grafana.app/folder", ""),
            "provisioned": "grafana.app/managedBy" in notes,
            "updatedBy": notes.get("grafana.app/updatedBy"),
        },
    }


def _person(name: object) -> str | None:
    return str(name) if name and name != "Anonymous" else None
