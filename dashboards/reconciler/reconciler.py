"""The reconciler: finds what differs, carries it out, keeps or undoes what was done by hand."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from dashboards.reconciler.declared import DATA_SOURCE_UID, bound_to, patch_path, rebound
from dashboards.reconciler.difference import differences
from dashboards.reconciler.errors import GrafanaAnswerError
from dashboards.reconciler.grafana import Grafana
from dashboards.reconciler.plan import DONE, Step, decide, leftover
from dashboards.reconciler.resource import KINDS, STAMPED, Found, Kind, Resource

_KEPT: Final[frozenset[Kind]] = frozenset({*STAMPED, "folder", "playlist"})
"""Edits of these can be kept; data source and contact hold secrets and follow the settings."""

_CONFLICTS: Final = frozenset({400, 409, 412})
"""400 too: library panels are refused with it where the uid or name is there already."""


class Reconciler:
    """One Grafana and what is declared for it."""

    def __init__(self, grafana: Grafana, resources: Sequence[Resource]) -> None:
        self._grafana = grafana
        self._resources = list(resources)
        self._data_source_uid = DATA_SOURCE_UID

    async def plan(self) -> list[Step]:
        """Everything that differs, in the order in which it is put right. Changes nothing.

        Raises:
            GrafanaError: it does not answer, or refuses.
        """
        await self._grafana.version()
        steps: list[Step | None] = []
        for resource in self._resources:
            found = await self._grafana.found(resource)
            if found is not None and found.kind == "data source":
                self._data_source_uid = found.uid
            steps.append(decide(self._bound(resource), found))
        left = await self._grafana.leftovers(self._resources)
        left.sort(key=lambda one: KINDS.index(one.kind), reverse=True)
        steps += [leftover(one, await self._strangers(one, left)) for one in left]
        return [step for step in steps if step is not None]

    async def apply(
        self, steps: Iterable[Step], done: Callable[[Step], None] = lambda _step: None
    ) -> list[Step]:
        """Carries out what needs nobody's decision, and returns the rest.

        A conflict is looked at again: an earlier try of the same write may have arrived, or
        somebody may just have edited the thing, which is then among the rest.

        Args:
            steps: of `plan`, or edited ones that were cleared to be undone by `undoing`.
            done: told of each step that was carried out.

        Raises:
            GrafanaError: it does not answer, or refuses; what was done stands.
        """
        rest = []
        for step in steps:
            if step.action not in DONE:
                rest.append(step)
            elif step.declared is None:
                assert step.found is not None  # noqa: S101 - a deletion is of something found
                await self._grafana.delete(step.found)
                done(step)
            else:
                left = await self._put(step, step.declared)
                if left is None:
                    done(step)
                else:
                    rest.append(left)
        return rest

    def keep(self, step: Step, base: Resource, patches: Path) -> Path | None:
        """Writes a hand edit as a JSON patch (RFC 6902) that `declared` reads from now on.

        Args:
            step: of `hand_edits`.
            base: the same thing as declared without any kept edit.
            patches: the folder.

        Returns:
            The file; None where an edit of this kind cannot be kept.
        """
        if step.kind not in _KEPT or step.found is None or step.declared is None:
            return None
        edited = rebound(step.found.body, self._data_source_uid, DATA_SOURCE_UID)
        text = json.dumps(list(differences(base.body, edited)), indent=2, ensure_ascii=False)
        patches.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = patch_path(patches, step.kind, step.uid)
        new = path.with_suffix(".new")
        new.write_text(text + "\n", encoding="utf-8")
        new.replace(path)
        return path

    async def _put(self, step: Step, resource: Resource) -> Step | None:
        try:
            await self._grafana.put(resource, step.found)
        except GrafanaAnswerError as error:
            if error.status not in _CONFLICTS:
                raise
            again = decide(resource, await self._grafana.found(resource))
            if again is None or again.action not in DONE:
                return again
            await self._grafana.put(resource, again.found)
        return None

    async def _strangers(self, found: Found, left: Sequence[Found]) -> list[str]:
        """What would be deleted with a folder."""
        if found.kind != "folder":
            return []
        goes = [one.uid for one in left if one.stamp is not None and one.locked is None]
        return await self._grafana.strangers_in(found.uid, goes)

    def _bound(self, resource: Resource) -> Resource:
        return bound_to(resource, self._data_source_uid)


def hand_edits(steps: Iterable[Step]) -> list[Step]:
    """What differs because somebody changed it in Grafana.

    Of playlists, data source, contact point and route Grafana does not tell who changed them
    last: whatever differs there is taken for an edit.
    """
    return [
        step
        for step in steps
        if step.action == "edited" or (step.action == "update" and step.kind not in STAMPED)
    ]


def undoing(step: Step) -> Step:
    """The step that brings back what is declared."""
    return replace(step, action="delete" if step.declared is None else "update")
