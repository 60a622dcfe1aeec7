"""`ingest.json`: what the ingest service says of itself, for processes that share its data folder.

`kotahub ingest` serves no HTTP. The gateway's `/readyz` and `kotahub health`, which container
engines ask, read here whether it lives and hears the broker.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.mosquitto import write_private

_NAME: Final = "ingest.json"
_EVERY_S: Final = 5.0
_STALE_S: Final = 30.0
"""A beat that is older is no sign of life: the disk may have been slow for one, not for six."""


class Heartbeat(BaseModel):
    """One beat.

    Attributes:
        written_ns: when, Unix time.
        connected: whether messages can arrive now.
        problem: what is wrong, in words; None where nothing is.
    """

    model_config = ConfigDict(frozen=True)

    written_ns: int
    connected: bool
    problem: str | None = None


def write_heartbeat(data_dir: Path, beat: Heartbeat) -> None:
    write_private(data_dir / _NAME, beat.model_dump_json())


def remove_heartbeat(data_dir: Path) -> None:
    """Takes the sign of life back when the service ends in good order."""
    (data_dir / _NAME).unlink(missing_ok=True)


def read_heartbeat(data_dir: Path, now_ns: int) -> Heartbeat | None:
    """The last beat; None where there is none or it is older than half a minute."""
    try:
        beat = Heartbeat.model_validate_json((data_dir / _NAME).read_bytes())
    except (OSError, ValidationError):
        return None
    return beat if now_ns - beat.written_ns <= _STALE_S * 1e9 else None


async def run_heartbeat(
    data_dir: Path, connected: Callable[[], bool], problem: Callable[[], str | None]
) -> None:
    """Beats until it is cancelled. A full disk ends nothing: the beat is then missing."""
    try:
        while True:
            beat = Heartbeat(written_ns=time.time_ns(), connected=connected(), problem=problem())
            with suppress(OSError):
                await asyncio.to_thread(write_heartbeat, data_dir, beat)
            await asyncio.sleep(_EVERY_S)
    finally:
        remove_heartbeat(data_dir)


class OtherIngest:
    """The ingest service as another process sees it."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def connected(self) -> bool:
        beat = read_heartbeat(self._data_dir, time.time_ns())
        return beat is not None and beat.connected

    def problem(self) -> str | None:
        beat = read_heartbeat(self._data_dir, time.time_ns())
        if beat is None:
            return "the ingest service does not run on this data folder; start: kotahub ingest"
        return beat.problem
