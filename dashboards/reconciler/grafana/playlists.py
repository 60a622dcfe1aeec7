"""Playlists: old Grafanas choose the uid, so they are known by their title."""

from collections.abc import Collection
from typing import Final

from dashboards.reconciler.declared import LANGUAGES
from dashboards.reconciler.difference import Json
from dashboards.reconciler.grafana.api import PAGE, Api
from dashboards.reconciler.resource import UID_PREFIX, Found, Resource

_PATH: Final = "/api/playlists"
_V1: Final = "/apis/playlist.grafana.app/v1/namespaces/default/playlists"


class Playlists:
    def __init__(self, api: Api) -> None:
        self._api = api

    async def found(self, resource: Resource) -> Found | None:
        return await self._found(resource.uid, resource.title)

    async def leftovers(self, declared: Collection[str]) -> list[Found]:
        uids = {f"{UID_PREFIX}{language}": title for language, (_, title) in LANGUAGES.items()}
        found = [
            await self._found(uid, title) for uid, title in uids.items() if uid not in declared
        ]
        return [one for one in found if one is not None]

    async def put(self, resource: Resource, found: Found | None) -> None:
        async def is_there() -> bool:
            return await self.found(resource) is not None

        old = await self._api.maybe(_PATH, limit="1") is not None
        if old and found is None:
            await self._api.call("POST", _PATH, resource.body, unless=is_there)
        elif old and found is not None:
            await self._api.call("PUT", f"{_PATH}/{found.rest['reference']}", resource.body)
        else:
            await self._put_v1(resource, found)

    async def delete(self, found: Found) -> None:
        await self._api.call("DELETE", f"{found.rest['path']}/{found.rest['reference']}")

    async def _found(self, uid: str, title: str) -> Found | None:
        rows = await self._api.maybe(_PATH, query=title, limit=str(PAGE))
        if rows is None:
            return await self._found_v1(uid, title)
        named = [row for row in rows if row["name"] == title]
        if not named:
            return None
        reference = str(named[0].get("uid") or named[0]["id"])
        row = await self._api.call("GET", f"{_PATH}/{reference}")
        rest = {"path": _PATH, "reference": reference}
        return _found(uid, title, row["interval"], row["items"], rest)

    async def _found_v1(self, uid: str, title: str) -> Found | None:
        answer = await self._api.call("GET", _V1)
        for row in answer["items"]:
            if row["spec"]["title"] == title:
                spec, metadata = row["spec"], row["metadata"]
                rest = {"path": _V1, "reference": metadata["name"], "metadata": metadata}
                return _found(uid, title, spec["interval"], spec["items"], rest)
        return None

    async def _put_v1(self, resource: Resource, found: Found | None) -> None:
        spec = {
            "title": resource.body["name"],
            "interval": resource.body["interval"],
            "items": resource.body["items"],
        }
        head = {"apiVersion": "playlist.grafana.app/v1", "kind": "Playlist"}
        if found is None:
            body = {**head, "metadata": {"name": resource.uid}, "spec": spec}
            await self._api.call("POST", _V1, body)
        else:
            body = {**head, "metadata": found.rest["metadata"], "spec": spec}
            await self._api.call("PUT", f"{_V1}/{found.rest['reference']}", body)


def _found(uid: str, title: str, interval: str, items: list[Json], rest: Json) -> Found:
    shown = [{"type": item["type"], "value": item["value"]} for item in items]
    return Found(
        kind="playlist",
        uid=uid,
        title=title,
        body={"name": title, "interval": interval, "items": shown},
        ours=True,
        rest=rest,
    )
