"""Dashboards: by uid; the message of a version says whose it is."""

from collections.abc import Collection
from typing import Final

from dashboards.reconciler.difference import Json
from dashboards.reconciler.errors import GrafanaAnswerError
from dashboards.reconciler.grafana.api import FROM_FILE, Api, person
from dashboards.reconciler.resource import MARK, UID_PREFIX, Found, Resource

_STAMP: Final = f"{MARK} "
_NOT_ACCEPTABLE: Final = 406
_V1: Final = tuple(
    f"/apis/dashboard.grafana.app/{version}/namespaces/default/dashboards"
    for version in ("v1", "v1beta1")
)
"""13 has the first, 12 the second."""


class Dashboards:
    def __init__(self, api: Api) -> None:
        self._api = api

    async def found(self, resource: Resource) -> Found | None:
        return await self._found(resource.uid)

    async def leftovers(self, declared: Collection[str]) -> list[Found]:
        uids = [str(row["uid"]) for row in await self._api.search(type="dash-db", tag=MARK)]
        found = [await self._found(uid) for uid in uids if uid not in declared]
        return [one for one in found if one is not None and one.ours]

    async def put(self, resource: Resource, found: Found | None) -> None:
        model = dict(resource.body["model"])
        if found is not None:
            model |= {"id": found.rest["id"], "version": found.version}
        body = {
            "dashboard": model,
            "folderUid": resource.body["folder"],
            "message": f"{_STAMP}{resource.digest}",
            "overwrite": False,
        }
        await self._api.call("POST", "/api/dashboards/db", body)

    async def delete(self, found: Found) -> None:
        await self._api.call("DELETE", f"/api/dashboards/uid/{found.uid}")

    async def _found(self, uid: str) -> Found | None:
        try:
            answer = await self._api.maybe(f"/api/dashboards/uid/{uid}")
        except GrafanaAnswerError as error:
            if error.status != _NOT_ACCEPTABLE:
                raise
            answer = await self._in_v1(uid)
        if answer is None:
            return None
        model, meta = answer["dashboard"], answer["meta"]
        tagged = MARK in (model.get("tags") or [])
        versions = await self._versions(uid, all_of_them=not tagged)
        last = versions[0] if versions else {}
        message = str(last.get("message") or "")
        marked = tagged or any(str(one["message"] or "").startswith(_STAMP) for one in versions)
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
            by=person(last.get("createdBy") or meta.get("updatedBy")),
            locked=FROM_FILE if meta.get("provisioned") else None,
            version=model.get("version"),
            rest={"id": model.get("id")},
        )

    async def _in_v1(self, uid: str) -> Json | None:
        """The older form of a dashboard that Grafana keeps in its new one."""
        for path in _V1:
            answer = await self._api.maybe(f"{path}/{uid}")
            if answer is not None:
                return _from_v1(answer)
        return None

    async def _versions(self, uid: str, *, all_of_them: bool) -> list[Json]:
        """The newest first, the messages as they were left of the newest, or of all of them.

        In the list Grafana calls every first version "Initial save"; asked for by itself, it has
        the message that came with it.
        """
        path = f"/api/dashboards/uid/{uid}/versions"
        answer = await self._api.maybe(path, limit="20")
        rows = answer.get("versions", []) if isinstance(answer, dict) else answer or []
        rows = sorted(rows, key=lambda row: int(row["version"]), reverse=True)
        for place, row in enumerate(rows):
            if not row.get("parentVersion") and (place == 0 or all_of_them):
                alone = await self._api.maybe(f"{path}/{row['version']}")
                rows[place] = {**row, "message": (alone or row).get("message")}
        return rows


def _from_v1(answer: Json) -> Json:
    """As `/api` would answer."""
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
