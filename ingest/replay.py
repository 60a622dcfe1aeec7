"""Quarantined messages, tried again: after a fix, or by themselves once a device is registered."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from ingest.batch import Batch
from ingest.journal import Journal, QuarantineItem, UnknownItemError
from ingest.pipeline import Pipeline, quarantined
from ingest.types import Message, Reason

_PAGE: Final = 500
_PAGE_BYTES: Final = 16 * 1024**2
"""What one transaction of a replay may hold in memory, and a last item beyond it."""


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """`accepted` items are on their way to the store, `still` ones stay in quarantine."""

    accepted: int = 0
    still: int = 0

    def __add__(self, other: "ReplayResult") -> "ReplayResult":
        return ReplayResult(self.accepted + other.accepted, self.still + other.still)


def replay(journal: Journal, pipeline: Pipeline, item_ids: Iterable[int]) -> ReplayResult:
    """Tries items again; one that is gone meanwhile is passed over.

    A reading without a time gets the time at which its message first came.
    """
    result = ReplayResult()
    for items in _pages(_found(journal, item_ids)):
        result += _replay_items(journal, pipeline, items)
    return result


def replay_registered(journal: Journal, pipeline: Pipeline) -> ReplayResult:
    """Replays what waits as `unregistered` and is registered by now."""
    result = ReplayResult()
    for device, reason in journal.quarantine_counts():
        if reason != Reason.UNREGISTERED or not pipeline.knows(device):
            continue
        after = 0
        while items := journal.quarantine(
            device=device, reason=reason, after=after, limit=_PAGE, max_bytes=_PAGE_BYTES
        ):
            result += _replay_items(journal, pipeline, items)
            after = items[-1].id
    return result


def _found(journal: Journal, item_ids: Iterable[int]) -> Iterator[QuarantineItem]:
    for item_id in item_ids:
        with suppress(UnknownItemError):
            yield journal.quarantine_item(item_id)


def _pages(items: Iterable[QuarantineItem]) -> Iterator[list[QuarantineItem]]:
    page: list[QuarantineItem] = []
    size = 0
    for item in items:
        page.append(item)
        size += len(item.payload)
        if len(page) >= _PAGE or size > _PAGE_BYTES:
            yield page
            page, size = [], 0
    if page:
        yield page


def _replay_items(
    journal: Journal, pipeline: Pipeline, items: Sequence[QuarantineItem]
) -> ReplayResult:
    outcomes = [(item, _points(item) if item.line else _retry(pipeline, item)) for item in items]
    changed = [(item, outcome) for item, outcome in outcomes if not _as_before(item, outcome)]
    still = len(outcomes) - len(changed)
    accepted = 0
    resolved = journal.resolve(changed) if changed else []
    for (_, outcome), found in zip(changed, resolved, strict=True):
        still += found and bool(outcome.quarantined)
        accepted += found and not outcome.quarantined
    return ReplayResult(accepted, still)


def _as_before(item: QuarantineItem, outcome: Batch) -> bool:
    return (
        not outcome.lines
        and bool(outcome.quarantined)
        and outcome.quarantined[0].reason == item.reason
    )


def _points(item: QuarantineItem) -> Batch:
    """Points that the store refused go to it once more, as they are."""
    lines = item.payload.split(b"\n")
    return Batch(
        time.time_ns(),
        lines=lines,
        sizes=[len(lines) if item.counted else -len(lines)],
        accepted={item.device: 1} if item.counted else {},
    )


def _retry(pipeline: Pipeline, item: QuarantineItem) -> Batch:
    message = Message(item.topic, item.payload)
    opened = pipeline.reopen(message, item.received_ns)
    batch = Batch(time.time_ns(), lines=opened.lines)
    if opened.fault is None:
        batch.sizes.append(len(opened.lines) if item.counted else -len(opened.lines))
        if item.counted:
            batch.accepted[opened.device] = 1
    else:
        if opened.lines:
            batch.sizes.append(-len(opened.lines))
        batch.quarantined.append(quarantined(message, opened, counted=item.counted))
    return batch
