"""Fault points: instants at which a test can end the process, as a power cut would.

`KOTAHUB_FAULT=stored` ends the hub with SIGKILL when it passes that point for the first time,
`KOTAHUB_FAULT=stored:5` at the fifth. Only tests set it. Without it a pass is a call that does
nothing, once a batch, never once a message.
"""

import os
import signal
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from devices.errors import HubError

VARIABLE: Final = "KOTAHUB_FAULT"


class FaultPoint(StrEnum):
    COMMITTED = "committed"
    """A batch is in the journal; nothing of it is acknowledged."""
    ACKNOWLEDGED = "acknowledged"
    """Its acknowledgements are on their way; nothing of it was delivered by this pass."""
    STORED = "stored"
    """The store has batches that the journal still holds as pending."""
    SETTLED = "settled"
    """They are settled; what follows them is not read yet."""


Pass = Callable[[FaultPoint], None]


class UnknownFaultError(HubError):
    def __init__(self, text: str) -> None:
        points = ", ".join(FaultPoint)
        super().__init__(
            f"{VARIABLE}={text} names no fault point: it reads POINT or POINT:N with one of "
            f"{points}. Unset it outside of tests"
        )


def fault_pass(environment: str | None = None) -> Pass:
    """What to call at each point, for this text or the variable's.

    Raises:
        UnknownFaultError: it cannot be read.
    """
    text = os.environ.get(VARIABLE, "") if environment is None else environment
    if not text:
        return _nothing
    name, _, count = text.partition(":")
    if name not in set(FaultPoint) or not (count or "1").isdecimal() or count == "0":
        raise UnknownFaultError(text)
    return _Armed(FaultPoint(name), int(count or "1"))


def _nothing(_point: FaultPoint) -> None:
    return


class _Armed:
    def __init__(self, point: FaultPoint, passes: int) -> None:
        self._point = point
        self._left = passes

    def __call__(self, point: FaultPoint) -> None:
        if point is self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
