"""The data source: by uid, or else by name."""

from collections.abc import Collection

from dashboards.reconciler.declared import DATA_SOURCE_NAME
from dashboards.reconciler.difference import Json
from dashboards.reconciler.grafana.api import FROM_FILE, Api
from dashboards.reconciler.resource import MARK, UID_PREFIX, Found, Resource

_BY_UID = "/api/datasources/uid"


class DataSources:
    def __init__(self, api: Api) -> None:
        self._api = api

    async def found(self, resource: Resource) -> Found | None:
        """By uid, or else the one of this name: somebody may have made it anew."""
        row = await self._api.maybe(f"{_BY_UID}/{resource.uid}")
        if row is None:
            rows = await self._api.call("GET", "/api/datasources")
            named = [
                one for one in rows if one["name"] == DATA_SOURCE_NAME and one["type"] == "influxdb"
            ]
            if not named:
                return None
            row = await self._api.call("GET", f"{_BY_UID}/{named[0]['uid']}")
        return _found(row)

    async def leftovers(self, declared: Collection[str]) -> list[Found]:
        rows = await self._api.call("GET", "/api/datasources")
        found = [_found(row) for row in rows if str(row["uid"]).startswith(UID_PREFIX)]
        return [one for one in found if one.ours and one.uid not in declared]

    async def put(self, resource: Resource, found: Found | None) -> None:
        body = {**resource.body, "secureJsonData": dict(resource.secret)}
        if found is None:
            await self._api.call("POST", "/api/datasources", {"uid": resource.uid, **body})
            return
        json_data = {**found.rest["jsonData"], **resource.body["jsonData"]}
        sent = {**found.rest, **body, "jsonData": json_data, "uid": found.uid}
        await self._api.call("PUT", f"{_BY_UID}/{found.uid}", sent)

    async def delete(self, found: Found) -> None:
        await self._api.call("DELETE", f"{_BY_UID}/{found.uid}")


def _found(row: Json) -> Found:
    json_data = row.get("jsonData") or {}
    shown = {"name": row["name"], "type": row["type"], "access": row["access"], "url": row["url"]}
    database = row.get("database") or json_data.get("dbName", "")
    return Found(
        kind="data source",
        uid=str(row["uid"]),
        title=str(row["name"]),
        body={**shown, "database": database, "jsonData": json_data},
        ours=MARK in json_data and str(row["uid"]).startswith(UID_PREFIX),
        locked=FROM_FILE if row.get("readOnly") else None,
        version=row.get("version"),
        rest={
            "jsonData": json_data,
            "isDefault": row.get("isDefault", False),
            "basicAuth": row.get("basicAuth", False),
            "version": row.get("version"),
        },
    )
