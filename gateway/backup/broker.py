"""The hub's own Mosquitto: asked to write down what it has in memory."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from gateway.mosquitto import MosquittoFolder

MEMORY: Final = "mosquitto.db"
"""Sessions, queued and retained messages."""

_SAVED_S: Final = 60.0
"""It takes about 2 µs a queued message."""
_POLL_S: Final = 0.02


def save_memory(folder: MosquittoFolder) -> str | None:
    """Has the broker that the hub looks after write its memory; returns when it has.

    A broker of its own, which `mosquitto -c production.conf` started, is not asked: it saves by
    itself, every 6 s at most.

    Returns:
        What the reader should know, if it could not be asked.
    """
    if not folder.broker_lock.exists():
        return None
    with folder.locked(folder.broker_lock) as nobody:
        if nobody:
            return None
    memory = folder.path / MEMORY
    before = _state(memory)
    try:
        os.kill(int(folder.pid.read_text()), signal.SIGUSR1)
    except (OSError, ValueError) as error:
        return f"the broker could not be asked to save ({error}): its memory is up to 6 s old"
    deadline = time.monotonic() + _SAVED_S
    while _state(memory) == before:
        if time.monotonic() > deadline:
            return f"the broker did not save within {_SAVED_S:g} s: its memory may be older"
        time.sleep(_POLL_S)
    return None


def _state(path: Path) -> tuple[int, int] | None:
    with suppress(FileNotFoundError):
        found = path.stat()
        return found.st_ino, found.st_mtime_ns
    return None
