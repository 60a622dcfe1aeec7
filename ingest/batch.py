"""What came of a run of messages: everything that one journal transaction holds."""

from array import array
from dataclasses import dataclass, field
from typing import NamedTuple

from ingest.types import Reason

NOBODY = "?"
"""The ledger's name for messages that no device can be read from."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A message that was refused, or the refused elements of one.

    `counted` is False where the ledger holds its message as quarantined already.
    """

    device: str
    topic: str
    reason: Reason
    detail: str
    received_ns: int
    payload: bytes
    counted: bool = True


class Counters(NamedTuple):
    """Totals of a device's cumulative counters, before a batch and after it."""

    before: dict[str, float]
    after: dict[str, float]


@dataclass(slots=True)
class Batch:
    """Accepted points, refused messages and the counts of both.

    `sizes` tells how many lines each message has, in the order of `lines`: positive for a message
    that counts as accepted, negative for the good elements of one that counts as quarantined.
    """

    received_ns: int
    lines: list[bytes] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    accepted: dict[str, int] = field(default_factory=dict)
    duplicate: dict[str, int] = field(default_factory=dict)
    quarantined: list[Quarantined] = field(default_factory=list)
    identities: "array[int]" = field(default_factory=lambda: array("Q"))
    presence: dict[str, tuple[bool, int]] = field(default_factory=dict)
    unknown: dict[tuple[str, str], int] = field(default_factory=dict)
    counters: dict[str, Counters] = field(default_factory=dict)

    def add(self, other: "Batch") -> None:
        """Takes in what came of other messages."""
        self.lines += other.lines
        self.sizes += other.sizes
        self.quarantined += other.quarantined
        self.identities += other.identities
        for device, count in other.accepted.items():
            self.accepted[device] = self.accepted.get(device, 0) + count

    @property
    def messages(self) -> int:
        """How many messages count in the ledger."""
        return (
            sum(self.accepted.values())
            + sum(self.duplicate.values())
            + sum(item.counted for item in self.quarantined)
        )

    @property
    def empty(self) -> bool:
        return not (self.messages or self.lines or self.presence)
