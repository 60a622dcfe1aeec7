"""Folders: one a language, by uid."""

from collections.abc import Collection, Iterable

from dashboards.reconciler.declared import LANGUAGES
from dashboards.reconciler.grafana.api import Api, person
from dashboards.reconciler.resource import UID_PREFIX, Found, Resource


class Folders:
    def __init__(self, api: Api) -> None:
        self._api = api

    async def found(self, resource: Resource) -> Found | None:
        return await self._found(resource.uid)

    async def leftovers(self, declared: Collection[str]) -> list[Found]:
        """A folder carries no mark: only the uids that the hub ever makes are its own."""
        uids = (f"{UID_PREFIX}{language}" for language in LANGUAGES)
        found = [await self._found(uid) for uid in uids if uid not in declared]
        return [one for one in found if one is not None]

    async def put(self, resource: Resource, found: Found | None) -> None:
        if found is None:
            await self._api.call("POST", "/api/folders", {"uid": resource.uid, **resource.body})
        else:
            body = {**resource.body, "version": found.version}
            await self._api.call("PUT", f"/api/folders/{resource.uid}", body)

    async def delete(self, found: Found) -> None:
        await self._api.call("DELETE", f"/api/folders/{found.uid}")

    async def strangers_in(self, folder_uid: str, ours: Iterable[str]) -> list[str]:
        """Titles of the dashboards and library panels in a folder that are none of these uids."""
        known = set(ours)
        boards = await self._api.search(folderUIDs=folder_uid)
        panels = await self._api.library_panels()
        return [
            *(
                str(row["title"])
                for row in boards
                if row["uid"] not in known and row.get("folderUid", folder_uid) == folder_uid
            ),
            *(
                str(row["name"])
                for row in panels
                if row["uid"] not in known and row["meta"].get("folderUid") == folder_uid
            ),
        ]

    async def _found(self, uid: str) -> Found | None:
        row = await self._api.maybe(f"/api/folders/{uid}")
        if row is None:
            return None
        title = str(row["title"])
        return Found(
            kind="folder",
            uid=uid,
            title=title,
            body={"title": title},
            ours=True,
            by=person(row.get("updatedBy")),
            version=row.get("version"),
        )
