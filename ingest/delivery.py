"""From the journal to the store: in order, in large writes, until each batch has an end."""

import asyncio
import logging
import time
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
        self, journal: Journal, store: Store, *, batch_max_bytes: int, linger_s: float = 0.05
    ) -> None:
        self._journal = journal
        self._store = store
        self._batch_max_bytes = batch_max_bytes
        self._linger_s = linger_s
        self._wake = asyncio.Event()
        self.problem: str | None = None
        self.lag_s = 0.0
        """Age of the last batch when the store had it, in seconds."""

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        """Delivers until it is cancelled."""
        await self._ensure()
        while True:
            if await self.drain_once():
                continue
            try:
                async with asyncio.timeout(_IDLE_S):
                    await self._wake.wait()
            except TimeoutError:
                continue
            self._wake.clear()
            # A little patience makes one write of many batches.
            await asyncio.sleep(self._linger_s)

    async def drain_once(self) -> bool:
        """Delivers one write's worth of batches; False when there was none."""
        taken = await asyncio.to_thread(self._journal.take, max_bytes=self._batch_max_bytes)
        if not taken:
            self.lag_s = 0.0
            return False
        refused = await self._write(taken)
        await asyncio.to_thread(self._journal.settle, taken, refused)
        self.lag_s = time.time() - taken[-1].received_ns / 1e9
        return True

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
