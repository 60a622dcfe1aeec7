"""Where Grafana's own alerts go: a contact point, and the route to it.

Grafana notes of each where it comes from (`provenance`): from a file it cannot be changed over
the API; from the API it stays so, and Grafana refuses a write that would have it otherwise.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from dashboards.reconciler.declared import CONTACT_NAME, CONTACT_UID, POLICY_UID
from dashboards.reconciler.difference import Json
from dashboards.reconciler.errors import GrafanaForbiddenError
from dashboards.reconciler.grafana.api import FROM_FILE, Api
from dashboards.reconciler.resource import MARK, Found, Resource

_CONTACTS: Final = "/api/v1/provisioning/contact-points"
_POLICIES: Final = "/api/v1/provisioning/policies"
_EDITABLE: Final = {"X-Disable-Provenance": "true"}
_FILE: Final = "file"


class ContactPoints:
    def __init__(self, api: Api) -> None:
        self._api = api

    async def found(self, _resource: Resource) -> Found | None:
        return await self._found()

    async def leftovers(self, declared: Collection[str]) -> list[Found]:
        """One to which others send their alerts stays: Grafana does not delete it either."""
        found = None if CONTACT_UID in declared else await self._found()
        if found is None:
            return []
        tree = await _shown(self._api, _POLICIES) or {}
        if any(not _is_ours(route) for route in _routes_to(tree, found.title)):
            found = replace(found, locked="others send their alerts to it, by routes of their own")
        return [found]

    async def put(self, resource: Resource, found: Found | None) -> None:
        async def is_there() -> bool:
            return await self._found() is not None

        body = {"uid": resource.uid, **resource.body}
        if found is None:  # 9 answers 500 to a second one, as if it were in trouble
            await self._api.call("POST", _CONTACTS, body, headers=_EDITABLE, unless=is_there)
        else:
            path = f"{_CONTACTS}/{resource.uid}"
            await self._api.call("PUT", path, body, headers=_headers(found.rest))

    async def delete(self, found: Found) -> None:
        path = f"{_CONTACTS}/{found.uid}"
        await self._api.call("DELETE", path, headers=_headers(found.rest))

    async def _found(self) -> Found | None:
        rows = await _shown(self._api, _CONTACTS)
        for row in rows or []:
            if row.get("uid") == CONTACT_UID:
                return Found(
                    kind="contact point",
                    uid=CONTACT_UID,
                    title=row["name"],
                    body={key: row[key] for key in ("name", "type", "settings")},
                    ours=True,
                    locked=_locked(row),
                    rest={"provenance": row.get("provenance")},
                )
        return None


class Route:
    """Grafana has one tree of routes: only the hub's own in it is set or taken out."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def found(self, _resource: Resource) -> Found | None:
        tree = await _shown(self._api, _POLICIES) or {}
        route = next((one for one in tree.get("routes") or [] if _is_ours(one)), None)
        if route is None and _locked(tree) is None:
            return None
        return Found(
            kind="notification policy",
            uid=POLICY_UID,
            title=f"alerts labelled {MARK}=true",
            body={} if route is None else {"continue": False, **route},
            ours=route is not None,
            locked=_locked(tree),
        )

    async def leftovers(self, declared: Collection[str]) -> list[Found]:
        if POLICY_UID in declared:
            return []
        found = await self.found(Resource("notification policy", POLICY_UID, "", {}))
        return [found] if found is not None and found.ours else []

    async def put(self, resource: Resource, _found: Found | None) -> None:
        await self._put(resource.body)

    async def delete(self, _found: Found) -> None:
        await self._put(None)

    async def _put(self, route: Json | None) -> None:
        tree = await self._api.call("GET", _POLICIES)
        others = [one for one in tree.get("routes") or [] if not _is_ours(one)]
        tree["routes"] = others if route is None else [route, *others]
        await self._api.call("PUT", _POLICIES, tree, headers=_headers(tree))


def _routes_to(tree: Json, receiver: str) -> Iterator[Json]:
    """The routes of the tree that send to it, at any depth."""
    if tree.get("receiver") == receiver:
        yield tree
    for route in tree.get("routes") or []:
        yield from _routes_to(route, receiver)


def _is_ours(route: Json) -> bool:
    """Somebody else's may go to the hub's contact point too."""
    matchers = route.get("object_matchers") or []
    return route.get("receiver") == CONTACT_NAME and any(one[0] == MARK for one in matchers)


def _locked(row: Json) -> str | None:
    return FROM_FILE if row.get("provenance") == _FILE else None


def _headers(row: Json) -> Mapping[str, str] | None:
    return None if row.get("provenance") else _EDITABLE


async def _shown(api: Api, path: str) -> Any:
    """None where alerting is switched off, or not shown to this login."""
    try:
        return await api.maybe(path)
    except GrafanaForbiddenError:
        return None
