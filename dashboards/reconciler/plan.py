"""What an apply would do, decided from what is declared and what was found. No I/O."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from dashboards.reconciler.declared import fingerprint
from dashboards.reconciler.difference import Json, lines
from dashboards.reconciler.resource import MARK, STAMPED, Found, Kind, Resource, projected

Action = Literal["create", "update", "delete", "edited", "taken", "locked"]
DONE: Final[frozenset[Action]] = frozenset({"create", "update", "delete"})
"""What an apply carries out; the others wait for somebody to decide."""


@dataclass(frozen=True, slots=True)
class Step:
    """One difference.

    Attributes:
        action: `edited` was changed by hand, `taken` has the uid and is not the hub's, `locked`
            comes from a file of Grafana's own, or holds what is not the hub's.
        why: for the three that are not carried out, what there is to decide.
        lines: the differences, `+` comes, `-` goes, `~` changes.
    """

    action: Action
    kind: Kind
    uid: str
    title: str
    lines: tuple[str, ...] = ()
    why: str = ""
    declared: Resource | None = None
    found: Found | None = None


def decide(resource: Resource, found: Found | None) -> Step | None:
    """The step for a declared thing; None where there is nothing to do."""
    if found is None:
        return _step("create", resource, None)
    if resource.kind in STAMPED:
        return _decide_stamped(resource, found)
    shown = lines(*_shown(resource.kind, found, *_bodies(resource, found)))
    if not shown:
        return None
    action: Action = "update"
    why = ""
    if found.locked is not None:
        action, why = "locked", found.locked
    elif resource.kind == "data source" and found.body["type"] != resource.body["type"]:
        action, why = "taken", _taken(found)
    elif resource.kind == "folder":  # its title is always the same here, so somebody renamed it
        action, why = "edited", _edited(found)
    return _step(action, resource, found, shown, why)


def leftover(found: Found, strangers: Iterable[str] = ()) -> Step:
    """The step for a thing of the hub's that nobody declares any more."""
    others = list(strangers)
    action: Action = "edited"
    if found.locked is not None:
        action, why = "locked", found.locked
    elif others:
        action, why = "locked", f"others keep things in it: {', '.join(others)}"
    elif found.kind in STAMPED and found.stamp is None:
        why = _edited(found)
    else:
        action, why = "delete", ""
    return Step(action, found.kind, found.uid, found.title, why=why, found=found)


def _decide_stamped(resource: Resource, found: Found) -> Step | None:
    """The stamp decides before the content: newer Grafanas migrate a model when it is read."""
    moved = resource.body["folder"] != found.body["folder"]
    if found.stamp == resource.digest and not moved:
        return None
    bodies = (found.body, resource.body)
    if found.locked is not None and _is_migrated(*bodies):
        bodies = (_outline(found.body), _outline(resource.body))
    shown = lines(*bodies)
    if not shown:
        return None
    if not found.ours:
        return _step("taken", resource, found, shown, _taken(found))
    if found.locked is not None:
        return _step("locked", resource, found, shown, found.locked)
    if found.stamp in {None, resource.digest}:
        return _step("edited", resource, found, shown, _edited(found))
    return _step("update", resource, found, lines(*_bodies(resource, found)) or shown)


def _is_migrated(found: Json, declared: Json) -> bool:
    """Grafana handed it out in a newer form than that of the file, where no stamp tells whose."""
    newer, older = (int(one["model"].get("schemaVersion", 0)) for one in (found, declared))
    return newer > older


def _outline(body: Json) -> Json:
    """What no migration changes."""
    model = body["model"]
    panels = [{"title": panel.get("title")} for panel in model.get("panels", [])]
    return {
        "folder": body["folder"],
        "model": {"title": model.get("title"), "tags": model.get("tags"), "panels": panels},
    }


def _bodies(resource: Resource, found: Found) -> tuple[Json, Json]:
    """Found and declared, as they are compared."""
    return projected(found.body, resource.body), resource.body


def _shown(kind: Kind, found: Found, *bodies: Json) -> list[Json]:
    """Without what may not be told, and what cannot be compared.

    A webhook's address may hold a key: only that it differs is told. The token of a data source
    from a file is known to that file alone.
    """
    if kind == "data source" and found.locked is not None:
        return [
            {**body, "jsonData": {k: v for k, v in body["jsonData"].items() if k != MARK}}
            for body in bodies
        ]
    if kind != "contact point":
        return list(bodies)
    return [
        {
            **body,
            "settings": {
                key: f"(fingerprint {fingerprint(value)})" if isinstance(value, str) else value
                for key, value in body["settings"].items()
            },
        }
        for body in bodies
    ]


def _taken(found: Found) -> str:
    return f"'{found.title}' has this uid and is not the hub's: give it another, or delete it"


def _edited(found: Found) -> str:
    who = f" by {found.by}" if found.by else ""
    return (
        f"it was changed by hand{who}: keep that with kotahub dashboards drift --keep, or undo it "
        "with --overwrite"
    )


def _step(
    action: Action,
    resource: Resource,
    found: Found | None,
    shown: Iterable[str] = (),
    why: str = "",
) -> Step:
    return Step(
        action, resource.kind, resource.uid, resource.title, tuple(shown), why, resource, found
    )
