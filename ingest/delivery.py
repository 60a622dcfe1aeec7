"""From the journal to the store: in order, in large writes, until each batch has an end."""

import asyncio
import logging
import time
from contextlib import suppress
from typing import Final

from devices.errors import HubError
from ingest.journal import Journal, Taken
from ingest.stores import Store, StoreUnavailableError

logger = logging.getLogger(__name__)

_IDLE_S: Final = 1.0
"""How often the journal is looked at unasked: a command may have put a batch there."""
_BACKOFF_FIRST_S: Final = 0.25
_BACKOFF_MAX_S: Final = 30.0


class Delivery:
    """Drains a journal into a store.

    `wake` tells that there is something new; `problem` is the store's last trouble, or None.
    """

    def __init__(
        self, journal: Journal, store: Store, *, batch_max_bytes: int, linger_s: float = 0.1
    ) -> None:
        self._journal = journal
        self._store = store
        self._batch_max_bytes = batch_max_bytes
        self._linger_s = linger_s
        self._wake = asyncio.Event()
        self.problem: str | None = None
        self.lag_s = 0.0
        """Age of the last batch when it was settled, in seconds."""

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        """Delivers until it is cancelled."""
        await self._ensure()
        while True:
            if not await self.drain_once():
                with suppress(TimeoutError):
                    async with asyncio.timeout(_IDLE_S):
                        await self._wake.wait()
            self._wake.clear()
            # A little patience makes one write of many batches: it is the number of writes that
            # costs, the store even more than the hub.
            await asyncio.sleep(self._linger_s)

    async def drain_once(self) -> bool:
        """Delivers what waits, and goes on while whole writes wait; False when nothing did.

        Writes keep the order of the batches: a later line may correct an earlier one. While one is
        on its way, the one before it is settled and the one after it is read.
        """
        taken = await self._take(0)
        some = bool(taken)
        settling: asyncio.Task[None] | None = None
        try:
            while taken:
                following = asyncio.create_task(self._take(taken[-1].id))
                try:
                    refused = await self._write(taken)
                    if settling is not None:
                        await settling
                    settling = asyncio.create_task(self._settle(taken, refused))
                    taken = await following if self._whole(taken) else []
                finally:
                    following.cancel()
        finally:
            if settling is not None:
                await settling
        return some

    def _whole(self, taken: list[Taken]) -> bool:
        """Whether a write was as large as may be, so that more is waiting behind it."""
        size = sum(len(line) for batch in taken for line in batch.lines)
        return 2 * size > self._batch_max_bytes

    async def _take(self, after: int) -> list[Taken]:
        return await asyncio.to_thread(
            self._journal.take, after=after, max_bytes=self._batch_max_bytes
        )

    async def _settle(self, taken: list[Taken], refused: dict[int, str]) -> None:
        await asyncio.to_thread(self._journal.settle, taken, refused)
        self.lag_s = time.time() - taken[-1].received_ns / 1e9

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
