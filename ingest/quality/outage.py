"""Outages: many devices that fall silent together are one event.

A group (everything, a network, a kind, an area) has an outage when at least `MEMBERS_MIN` of its
devices, and at least half of those that were heard before, are silent and fell silent within
`WITHIN_NS` of each other (or their usual interval, where that is longer). The widest group takes
its members; a device is in one outage at most. An outage is over when fewer than a fifth of its
members are still silent.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, NamedTuple

MEMBERS_MIN: Final = 5
SHARE: Final = 0.5
OVER: Final = 0.2
GROUPS: Final = ("all", "network", "kind", "area")
"""Widest first."""
WITHIN_NS: Final = 15 * 60 * 1_000_000_000


class Scope(NamedTuple):
    """What has fallen silent; `name` is empty for everything."""

    group: str
    name: str


class Silence(NamedTuple):
    """A device that was heard before and is silent."""

    device: str
    scopes: tuple[Scope, ...]
    """The groups that it belongs to, the widest first."""
    silent_ns: int
    """When it was heard last."""
    interval_ns: int
    """How often it is usually heard."""


@dataclass(frozen=True, slots=True)
class Outage:
    """Members that fell silent together; `since_ns` is when the first was heard last."""

    scope: Scope
    since_ns: int
    members: frozenset[str]


def find_outages(
    silent: Iterable[Silence], sizes: Mapping[Scope, int], before: Mapping[Scope, Outage]
) -> dict[Scope, Outage]:
    """The outages now; `sizes` counts the devices of each group that were ever heard.

    `before` are the outages of the last look.
    """
    groups: dict[Scope, list[Silence]] = {}
    for device in silent:
        for scope in device.scopes:
            groups.setdefault(scope, []).append(device)
    found: dict[Scope, Outage] = {}
    taken: set[str] = set()
    for scope in sorted(
        groups, key=lambda scope: (GROUPS.index(scope.group), -sizes[scope], scope.name)
    ):
        free = [one for one in groups[scope] if one.device not in taken]
        outage = _outage(scope, free, sizes[scope], before.get(scope))
        if outage is not None:
            found[scope] = outage
            taken |= outage.members
    return found


def _outage(
    scope: Scope, silent: Sequence[Silence], size: int, before: Outage | None
) -> Outage | None:
    within_ns = max(WITHIN_NS, int(median(one.interval_ns for one in silent))) if silent else 0
    if before is not None:
        still = {one.device for one in silent if one.device in before.members}
        if still and len(still) >= OVER * len(before.members):
            together = _together(silent, before.since_ns, within_ns)
            return Outage(scope, before.since_ns, frozenset(still | together))
    need = max(MEMBERS_MIN, SHARE * size)
    if len(silent) < need:
        return None
    starts = sorted(one.silent_ns for one in silent)
    at = max(range(len(starts)), key=lambda at: bisect_right(starts, starts[at] + within_ns) - at)
    members = _together(silent, starts[at], within_ns)
    return Outage(scope, starts[at], frozenset(members)) if len(members) >= need else None


def _together(silent: Iterable[Silence], since_ns: int, within_ns: int) -> set[str]:
    return {one.device for one in silent if since_ns <= one.silent_ns <= since_ns + within_ns}
