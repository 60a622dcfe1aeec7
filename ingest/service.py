"""Ingest as a whole: its parts, their lifetimes, and the one loop that makes messages durable.

source -> inbox -> pipeline.process -> journal.commit (fsync) -> acknowledge -> delivery
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Final

from devices.registry import Registry
from ingest.batch import Batch
from ingest.delivery import Delivery
from ingest.derived.deriver import Deriver
from ingest.faults import FaultPoint, fault_pass
from ingest.journal import Journal, JournalFullError
from ingest.pipeline import Pipeline
from ingest.quality.keeper import QualityKeeper
from ingest.replay import replay_registered
from ingest.sources import Source
from ingest.types import Acknowledge, Message

logger = logging.getLogger(__name__)

_REGISTRY_POLL_S: Final = 1.0
_FULL_RETRY_S: Final = 1.0
_INBOX_HIGH: Final = 50_000
_INBOX_LOW: Final = 10_000
_RUN_MAX: Final = 2_000
"""Messages in one batch: more would keep the loop from the network for too long."""


class Ingest:
    """Runs a source's messages through the pipeline into the journal, and on into the store."""

    def __init__(
        self,
        *,
        source: Source,
        pipeline: Pipeline,
        journal: Journal,
        delivery: Delivery,
        registry: Registry,
        revision: int,
        keeper: QualityKeeper,
        deriver: Deriver,
    ) -> None:
        self.source = source
        self.delivery = delivery
        self._pipeline = pipeline
        self._journal = journal
        self._registry = registry
        self._revision = revision
        self.keeper = keeper
        self.deriver = deriver
        self._inbox: list[tuple[list[Message], Acknowledge]] = []
        self._waiting = 0
        self._held = False
        self._wake = asyncio.Event()
        self._pass = fault_pass()
        self.problem: str | None = None
        """Why the journal takes nothing, or None."""

    async def run(self) -> None:
        """Runs until it is cancelled; a part that fails ends all of it, loudly.

        On cancellation nothing more is read, and what is in the inbox is left unacknowledged: the
        broker keeps it.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._commit_loop(), name="ingest.commit")
            tasks.create_task(self.delivery.run(), name="ingest.deliver")
            tasks.create_task(self.deriver.run(), name="ingest.derive")
            tasks.create_task(self._watch_registry(), name="ingest.registry")
            keep = self.keeper.run(lambda: self.source.connected)
            tasks.create_task(keep, name="ingest.quality")
            tasks.create_task(self.source.run(self._receive), name="ingest.source")

    async def submit(self, messages: Sequence[Message]) -> Batch:
        """Makes messages durable that came by another way than the source; what became of them.

        Raises:
            JournalFullError: there is no room; nothing was kept, the same may be sent again.
        """
        batch = self._pipeline.process(messages, time.time_ns())
        try:
            await asyncio.to_thread(self._journal.commit, batch)
        except JournalFullError:
            self._pipeline.forget(batch)
            raise
        self.delivery.wake()
        return batch

    async def drain(self, *, within_s: float) -> bool:
        """Delivers what the journal holds; False if that took too long."""
        try:
            async with asyncio.timeout(within_s):
                while await self.delivery.drain_once():
                    pass
        except TimeoutError:
            return False
        return True

    def _receive(self, messages: list[Message], acknowledge: Acknowledge) -> None:
        self._inbox.append((messages, acknowledge))
        self._waiting += len(messages)
        if self._waiting > _INBOX_HIGH and not self._held:
            self._held = True
            self.source.hold()
        self._wake.set()

    def _next_runs(self) -> list[tuple[list[Message], Acknowledge]]:
        count = taken = 0
        while taken < len(self._inbox) and count < _RUN_MAX:
            count += len(self._inbox[taken][0])
            taken += 1
        runs, self._inbox = self._inbox[:taken], self._inbox[taken:]
        self._waiting -= count
        if self._held and self._waiting < _INBOX_LOW:
            self._held = False
            self.source.release()
        return runs

    async def _commit_loop(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._inbox:
                await self._commit(self._next_runs())

    async def _commit(self, runs: Sequence[tuple[list[Message], Acknowledge]]) -> None:
        messages = [message for run, _ in runs for message in run]
        batch = self._pipeline.process(messages, time.time_ns())
        if not batch.empty:
            await self._make_durable(batch)
        self._pass(FaultPoint.COMMITTED)
        for run, acknowledge in runs:
            acknowledge([message.token for message in run if message.token is not None])
        self._pass(FaultPoint.ACKNOWLEDGED)
        for asked in self._pipeline.outbox.take():
            self.source.publish(asked.topic, asked.payload)
        if batch.lines:
            self.delivery.wake()

    async def _make_durable(self, batch: Batch) -> None:
        while True:
            try:
                await asyncio.to_thread(self._journal.commit, batch)
            except JournalFullError as error:
                if self.problem is None:
                    logger.warning("%s", error)
                    self.source.hold()
                self.problem = str(error)
                await asyncio.sleep(_FULL_RETRY_S)
            else:
                if self.problem is not None:
                    logger.warning("the journal has room again")
                    self.problem = None
                    if not self._held:  # the inbox may be too full as well
                        self.source.release()
                return

    async def _watch_registry(self) -> None:
        await self._replay_registered()
        while True:
            await asyncio.sleep(_REGISTRY_POLL_S)
            try:
                revision = await asyncio.to_thread(self._registry.revision)
                if revision == self._revision:
                    continue
                devices = await asyncio.to_thread(self._registry.changes_since, self._revision)
            except Exception as error:  # noqa: BLE001 - the registry is away; readings go on
                logger.warning("the registry does not answer, trying again: %s", error)
                continue
            self._pipeline.update(devices)
            self._revision = revision
            await self._replay_registered()

    async def _replay_registered(self) -> None:
        while True:
            try:
                result = await asyncio.to_thread(replay_registered, self._journal, self._pipeline)
            except JournalFullError:  # messages that come now are told of it, and tell
                await asyncio.sleep(_FULL_RETRY_S)
            else:
                break
        if result.accepted or result.still:
            logger.info(
                "of the messages that waited for their device, %d go on and %d stay",
                result.accepted,
                result.still,
            )
            self.delivery.wake()
