"""Quality control's own time: saving what was learned, and the look once a minute."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final

from ingest.quality.file import QualityFile, Row
from ingest.quality.quality import Quality

if TYPE_CHECKING:
    from ingest.quality.watch import Watch

logger = logging.getLogger(__name__)

_SAVE_S: Final = 3.0
_SCAN_S: Final = 60.0
_CHUNK: Final = 200
"""Watches made ready to be saved before something else may run: about 3 ms."""
_SAVE_MAX: Final = 4_000
"""Watches saved at a time, so that a large fleet is saved in rounds and costs no more."""


class QualityKeeper:
    """Runs beside the pipeline, in the same loop: nothing here needs a lock."""

    def __init__(self, quality: Quality, file: QualityFile) -> None:
        self._quality = quality
        self._file = file
        self._round: Iterator[Watch] = iter(())

    async def run(self, listening: Callable[[], bool]) -> None:
        """Saves and scans until it is cancelled; `listening` tells whether messages can arrive.

        While none can nobody is silent, and for a while after nobody has been.
        """
        since_ns = scanned_ns = time.time_ns()
        while True:
            await asyncio.sleep(_SAVE_S)
            now_ns = time.time_ns()
            if not listening():
                since_ns = now_ns
            if now_ns - scanned_ns >= _SCAN_S * 1e9 or now_ns < scanned_ns:
                scanned_ns = now_ns
                for _ in self._quality.scan(now_ns, since_ns):
                    await asyncio.sleep(0)
            await self._save(now_ns)

    def save_all(self) -> None:
        """Saves all that is not saved yet; blocks."""
        now_ns = time.time_ns()
        rows = [Row.of(watch, now_ns) for watch in self._quality.unsaved()]
        self._file.save(rows, self._quality.outages)

    async def _save(self, now_ns: int) -> None:
        rows: list[Row] = []
        renewed = False
        while len(rows) < _SAVE_MAX:
            chunk = [Row.of(watch, now_ns) for watch in islice(self._round, _CHUNK)]
            rows += chunk
            if len(chunk) < _CHUNK:
                if renewed:
                    break
                self._round, renewed = self._quality.unsaved(), True
            await asyncio.sleep(0)
        try:
            await asyncio.to_thread(self._file.save, rows, self._quality.outages)
        except sqlite3.OperationalError as error:
            # Readings go on; what was learned is saved when it changes again.
            logger.warning("what quality control has learned cannot be saved: %s", error)
