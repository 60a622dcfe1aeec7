"""Sources hand over messages and take back acknowledgements; nothing behind them knows MQTT."""

from collections.abc import Callable
from typing import Protocol

from ingest.types import Acknowledge, Message

Deliver = Callable[[list[Message], Acknowledge], None]
"""Takes a run of messages and the way to acknowledge their tokens once they are durable."""


class Source(Protocol):
    """Where messages come from.

    `run` connects, hands every run of messages to `deliver` and reconnects for ever; it ends only
    by cancellation. An acknowledgement belongs to the connection that brought the run: after its
    end it does nothing, because the messages will come again. `hold` stops reading until
    `release`: whatever has no room stays with the sender.
    """

    @property
    def connected(self) -> bool: ...

    @property
    def problem(self) -> str | None: ...

    async def run(self, deliver: Deliver) -> None: ...

    def publish(self, topic: str, payload: bytes) -> None:
        """Says something to a network; lost where the source is not connected just now."""
        ...

    def hold(self) -> None: ...

    def release(self) -> None: ...
