"""From the journal to the store: in order, in large writes, until each batch has an end.

After an outage two lanes share the store: what comes now goes first and is readable at once, the
backlog goes beside it, oldest first.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from devices.errors import HubError
from ingest.faults import FaultPoint, fault_pass
from ingest.journal import Journal, JournalFullError, Taken
from ingest.stores import Sink, StoreUnavailableError

logger = logging.getLogger(__name__)

_IDLE_S: Final = 1.0
"""How often the journal is looked at unasked: a command may have put a batch there."""
_BEHIND_S: Final = 10.0
"""A batch that the store gets later than this makes a backlog of all that wait behind it."""
_FULL_RETRY_S: Final = 1.0
_BACKOFF_FIRST_S: Final = 0.25
_BACKOFF_MAX_S: Final = 30.0


class Delivery:
    """Drains a journal into a store.

    `note` is told, in a thread, of batches that the store has and the journal still holds.
    `wake` tells that there is something new; `problem` is the store's last trouble, or None.
    """

    def __init__(
        self,
        journal: Journal,
        store: Sink,
        *,
        batch_max_bytes: int,
        linger_s: float = 0.1,
        note: Callable[[Sequence[Taken]], None] = lambda _taken: None,
    ) -> None:
        self._journal = journal
        self._store = store
        self._batch_max_bytes = batch_max_bytes
        self._linger_s = linger_s
        self._note = note
        self._wake = asyncio.Event()
        self._behind = asyncio.Event()
        self._backlog_end = 0
        """Id of the last batch that is backlog: what is newer is delivered before it."""
        self._pass = fault_pass()
        self.problem: str | None = None
        self.lag_s = 0.0
        """Age of the last live batch when the store had it, in seconds."""

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        """Delivers until it is cancelled: what comes now first, a backlog beside it."""
        await self._ensure()
        async with asyncio.TaskGroup() as lanes:
            lanes.create_task(self._live_lane(), name="delivery.live")
            lanes.create_task(self._backlog_lane(), name="delivery.backlog")

    async def drain_once(self) -> bool:
        """Delivers all that waits, oldest first; False when nothing did."""
        return await self._drain(0, None)

    async def _live_lane(self) -> None:
        while True:
            if not await self._drain(self._backlog_end, None, live=True):
                with suppress(TimeoutError):
                    async with asyncio.timeout(_IDLE_S):
                        await self._wake.wait()
            self._wake.clear()
            if self.lag_s > _BEHIND_S:
                # Here the lane holds no batch, so that the other can have them all.
                self._backlog_end = await asyncio.to_thread(self._journal.newest)
                self._behind.set()
                self.lag_s = 0.0
            # A little patience makes one write of many batches: it is the number of writes that
            # costs, the store even more than the hub.
            await asyncio.sleep(self._linger_s)

    async def _backlog_lane(self) -> None:
        while True:
            await self._behind.wait()
            self._behind.clear()
            if await self._drain(0, self._backlog_end):
                logger.info("the store has what was waiting for it")

    async def _drain(self, after: int, stop: int | None, *, live: bool = False) -> bool:
        """Delivers the batches after one id up to another; whether there were any.

        The live lane ends with a write that was not whole, or as soon as it is behind. Writes keep
        the order of the batches: a later line may correct an earlier one. While one is on its way,
        the one before it is settled and the one after it is read.
        """
        taken = await self._take(after, stop)
        some = bool(taken)
        settling: asyncio.Task[None] | None = None
        leave = asyncio.Event()
        try:
            while taken:
                following = asyncio.create_task(self._take(taken[-1].id, stop))
                try:
                    refused = await self._write(taken)
                    self._pass(FaultPoint.STORED)
                    if settling is not None:
                        await settling
                    settling = asyncio.create_task(self._settle(taken, refused, leave))
                    if live:
                        self.lag_s = time.time() - taken[-1].received_ns / 1e9
                    over = live and (self.lag_s > _BEHIND_S or not self._whole(taken))
                    taken = [] if over else await following
                finally:
                    following.cancel()
        except asyncio.CancelledError:
            leave.set()
            raise
        finally:
            if settling is not None:
                await settling
        return some

    def _whole(self, taken: list[Taken]) -> bool:
        """Whether a write was as large as may be, so that more is waiting behind it."""
        size = sum(len(line) for batch in taken for line in batch.lines)
        return 2 * size > self._batch_max_bytes

    async def _take(self, after: int, stop: int | None) -> list[Taken]:
        return await asyncio.to_thread(
            self._journal.take, after=after, stop=stop, max_bytes=self._batch_max_bytes
        )

    async def _settle(
        self, taken: list[Taken], refused: dict[int, str], leave: asyncio.Event
    ) -> None:
        """Settles, as soon as the disk has the little room that it takes.

        With `leave` it waits no longer: what is not settled is written again at the next start.
        """
        full: str | None = None
        while True:
            try:
                await asyncio.to_thread(self._end, taken, refused)
            except JournalFullError as error:
                if full is None:
                    logger.warning("the store has readings that cannot be settled: %s", error)
                self.problem = full = str(error)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_FULL_RETRY_S):
                        await leave.wait()
                if leave.is_set():
                    return
            else:
                break
        if full is not None:
            self.problem = None
        self._pass(FaultPoint.SETTLED)

    def _end(self, taken: list[Taken], refused: dict[int, str]) -> None:
        self._note(taken)
        self._journal.settle(taken, refused)

    async def _write(self, taken: list[Taken]) -> dict[int, str]:
        """Writes until the store has answered for every line; returns what it refused."""
        lines = [line for batch in taken for line in batch.lines]
        backoff_s = _BACKOFF_FIRST_S
        while True:
            try:
                refused = dict(await self._store.write(lines))
            except StoreUnavailableError as error:
                self._report(error)
                await asyncio.sleep(error.retry_after_s or backoff_s)
                backoff_s = min(2 * backoff_s, _BACKOFF_MAX_S)
                await self._ensure()
            else:
                if self.problem is not None:
                    logger.info("the store takes readings again")
                    self.problem = None
                return refused

    async def _ensure(self) -> None:
        try:
            await self._store.ensure()
        except StoreUnavailableError as error:
            self._report(error)

    def _report(self, error: HubError) -> None:
        if self.problem != str(error):
            self.problem = str(error)
            logger.warning("the store does not take readings: %s", error)
