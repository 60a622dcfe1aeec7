"""Library panels: by uid; their model says which version of it the hub wrote."""

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from dashboards.reconciler.difference import Json
from dashboards.reconciler.grafana.api import LIBRARY, Api, person
from dashboards.reconciler.resource import MARK, UID_PREFIX, Found, Resource

_PANEL: Final = 1


class LibraryPanels:
    def __init__(self, api: Api) -> None:
        self._api = api

    async def found(self, resource: Resource) -> Found | None:
        answer = await self._api.maybe(f"{LIBRARY}/{resource.uid}")
        return None if answer is None else _found(answer["result"])

    async def leftovers(self, declared: Collection[str]) -> list[Found]:
        """One that a dashboard shows is kept: Grafana does not delete it either."""
        left = []
        for row in await self._api.library_panels():
            found = _found(row)
            if not found.ours or found.uid in declared:
                continue
            used = int(row["meta"].get("connectedDashboards") or 0)
            why = f"{used} dashboards show it: take it out of them, then it goes" if used else None
            left.append(replace(found, locked=why))
        return left

    async def put(self, resource: Resource, found: Found | None) -> None:
        """The version that this write makes goes along: a later one is somebody else's."""
        version = 1 if found is None or found.version is None else found.version + 1
        body = {
            "folderUid": resource.body["folder"],
            "name": resource.body["name"],
            "kind": _PANEL,
            "model": {
                **resource.body["model"],
                MARK: {"digest": resource.digest, "version": version},
            },
        }
        if found is None:
            await self._api.call("POST", LIBRARY, {"uid": resource.uid, **body})
        else:
            body["version"] = found.version
            await self._api.call("PATCH", f"{LIBRARY}/{resource.uid}", body)

    async def delete(self, found: Found) -> None:
        await self._api.call("DELETE", f"{LIBRARY}/{found.uid}")


def _found(row: Json) -> Found:
    model, meta = dict(row["model"]), row["meta"]
    mark = model.pop(MARK, None)
    mark = mark if isinstance(mark, dict) else {}
    return Found(
        kind="library panel",
        uid=str(row["uid"]),
        title=str(row["name"]),
        body={"folder": meta.get("folderUid") or "", "name": row["name"], "model": model},
        ours=str(row["uid"]).startswith(UID_PREFIX),
        stamp=mark.get("digest") if mark.get("version") == row["version"] else None,
        by=person((meta.get("updatedBy") or {}).get("name")),
        version=row["version"],
    )
