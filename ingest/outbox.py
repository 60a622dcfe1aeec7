"""What the hub itself has to say on the broker, kept until somebody sends it."""

from collections import deque
from typing import Final, NamedTuple

SIZE: Final = 1000


class Outgoing(NamedTuple):
    """A message to be published, at least once, not retained."""

    topic: str
    payload: bytes


class Outbox:
    """The last `size` messages to be sent; older ones fall out, as each can be asked for again.

    One thread may put while another takes.
    """

    def __init__(self, *, size: int = SIZE) -> None:
        self._waiting: deque[Outgoing] = deque(maxlen=size)

    def put(self, message: Outgoing) -> None:
        self._waiting.append(message)

    def take(self) -> list[Outgoing]:
        """Everything that waits, the oldest first; it is then the caller's to send."""
        taken = []
        while self._waiting:
            taken.append(self._waiting.popleft())
        return taken
