"""What stands in a Grafana: as it is declared, and as it was found."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from dashboards.reconciler.difference import Json

Kind = Literal[
    "folder",
    "data source",
    "library panel",
    "dashboard",
    "playlist",
    "contact point",
    "notification policy",
]
KINDS: Final[tuple[Kind, ...]] = (
    "folder",
    "data source",
    "library panel",
    "dashboard",
    "playlist",
    "contact point",
    "notification policy",
)
"""In the order in which they are made; they are deleted in the reverse one."""

STAMPED: Final[frozenset[Kind]] = frozenset({"library panel", "dashboard"})
"""These carry a digest of the declaration that the hub wrote last, until somebody edits them."""

UID_PREFIX: Final = "kotahub-"
MARK: Final = "kotahub"
"""Tag of the hub's dashboards and key of its data source's mark: a stranger's has neither."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One declared thing.

    Attributes:
        body: what Grafana shall show of it, without ids and versions. A dashboard's is
            `{"folder": uid, "model": {…}}`, a library panel's has its `name` too.
        secret: what goes into Grafana's secret store; a fingerprint of it is in the body.
    """

    kind: Kind
    uid: str
    title: str
    body: Json
    secret: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def digest(self) -> str:
        """Tells declarations apart; 64 bits, as hexadecimal digits."""
        text = json.dumps(self.body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing as Grafana has it.

    Attributes:
        body: in the form of `Resource.body`, with what Grafana adds.
        ours: it carries the hub's mark.
        stamp: digest of the declaration that the hub wrote, where its last change was the hub's;
            only those of `STAMPED` have one.
        by: who changed it last, as far as Grafana tells.
        locked: why it cannot be changed over the API.
        rest: what an update must send back, or needs to name it.
    """

    kind: Kind
    uid: str
    title: str
    body: Json
    ours: bool
    stamp: str | None = None
    by: str | None = None
    locked: str | None = None
    version: int | None = None
    rest: Json = field(default_factory=dict)


def projected(found: Any, declared: Any) -> Any:
    """`found` without the members that nobody declared: Grafana adds defaults of its own."""
    if isinstance(found, dict) and isinstance(declared, dict):
        return {
            key: projected(value, declared[key]) for key, value in found.items() if key in declared
        }
    if isinstance(found, list) and isinstance(declared, list) and len(found) == len(declared):
        return [projected(one, other) for one, other in zip(found, declared, strict=True)]
    return found
