"""Grafana's HTTP API, from 9.3 up to 13: all that differs between versions is in this folder.

| what | differs |
|---|---|
| versions of a dashboard | a list; in 12 and 13 an object with `versions` |
| data sources | up to 12 also by number; 13 answers to the uid alone, so always by uid |
| `database` of InfluxDB | 9 at the top level, later in `jsonData.dbName`: both are given |
| `/api` | 13 deprecates it and still answers; `/apis` replaces it from 12 on |
| playlists | where `/api/playlists` is gone, `/apis/playlist.grafana.app/v1` |
| a dashboard saved in the schema v2 (12, 13) | 406 from `/api`; read through `/apis` as v1 |
| `X-Disable-Provenance` | 9 ignores it: what the hub made cannot be edited in its alerting pages |
| provenance that is there already | no version lets it be changed: it is sent back as it is |
| a contact point's uid that is there already | 9 answers 500 |
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final, Protocol

from dashboards.reconciler.errors import GrafanaAnswerError, GrafanaMissingError
from dashboards.reconciler.grafana.alerting import ContactPoints, Route
from dashboards.reconciler.grafana.api import Api
from dashboards.reconciler.grafana.boards import Dashboards
from dashboards.reconciler.grafana.data_sources import DataSources
from dashboards.reconciler.grafana.folders import Folders
from dashboards.reconciler.grafana.library_panels import LibraryPanels
from dashboards.reconciler.grafana.playlists import Playlists
from dashboards.reconciler.resource import Found, Kind, Resource
from dashboards.reconciler.transport import Transport

OLDEST: Final = (9, 3)


class Things(Protocol):
    """The things of one kind in a Grafana."""

    async def found(self, resource: Resource) -> Found | None: ...

    async def leftovers(self, declared: Collection[str]) -> list[Found]:
        """Those that the hub made and that are none of these uids."""

    async def put(self, resource: Resource, found: Found | None) -> None: ...

    async def delete(self, found: Found) -> None: ...


class Grafana:
    """What the reconciler asks of a Grafana."""

    def __init__(self, transport: Transport) -> None:
        self._api = api = Api(transport)
        self._folders = Folders(api)
        self._things: Mapping[Kind, Things] = {
            "folder": self._folders,
            "data source": DataSources(api),
            "library panel": LibraryPanels(api),
            "dashboard": Dashboards(api),
            "playlist": Playlists(api),
            "contact point": ContactPoints(api),
            "notification policy": Route(api),
        }

    async def version(self) -> str:
        """As `11.2.0`.

        Raises:
            GrafanaAnswerError: it is older than 9.3, or no Grafana.
        """
        health = await self._api.call("GET", "/api/health")
        version = str(health.get("version") or "") if isinstance(health, dict) else ""
        if not version:  # hidden from strangers by a setting of Grafana's
            settings = await self._api.call("GET", "/api/frontend/settings")
            version = str(settings.get("buildInfo", {}).get("version", ""))
        numbers = tuple(int(part) for part in version.split("-")[0].split(".") if part.isdigit())
        if numbers < OLDEST:
            raise GrafanaAnswerError(
                200, "GET /api/health", f"its version is '{version}'; the hub needs 9.3 or newer"
            )
        return version

    async def found(self, resource: Resource) -> Found | None:
        """A declared thing as it is; None where there is none."""
        return await self._things[resource.kind].found(resource)

    async def leftovers(self, declared: Iterable[Resource]) -> list[Found]:
        """Everything that the hub made and that is not declared."""
        known = {(one.kind, one.uid) for one in declared}
        return [
            one
            for kind, things in self._things.items()
            for one in await things.leftovers({uid for other, uid in known if other == kind})
        ]

    async def put(self, resource: Resource, found: Found | None) -> None:
        """Makes the thing, or brings it to what is declared."""
        await self._things[resource.kind].put(resource, found)

    async def delete(self, found: Found) -> None:
        """Deletes the thing; that it is gone already is well."""
        try:
            await self._things[found.kind].delete(found)
        except GrafanaMissingError:
            return

    async def strangers_in(self, folder_uid: str, ours: Iterable[str]) -> list[str]:
        """Titles of what stands in a folder and is none of these uids."""
        return await self._folders.strangers_in(folder_uid, ours)
