"""Which messages were seen before: at least once becomes just once.

A message that carries its own time is the same message whenever the same bytes come again on the
same topic. One without a time may rightly repeat; it is the same only if the source says that it
hands it over again under the same token.
"""

from collections.abc import Iterable
from typing import Final

import xxhash

WINDOW: Final = 500_000
"""Identities remembered: seconds at 20,000 messages a second, hours in a city of 200 sensors.

Two of 64 bits among so many are equal by chance once in 10^13 messages.
"""

_TOKEN_STEP: Final = 0x9E3779B97F4A7C15
_MASK: Final = 0xFFFFFFFFFFFFFFFF


def topic_seed(topic: str) -> int:
    return xxhash.xxh3_64_intdigest(topic.encode("utf-8", "surrogatepass"))


def timed_identity(seed: int, payload: bytes) -> int:
    """Identity (64 bits, the same in every process) of a message that carries its time."""
    return xxhash.xxh3_64_intdigest(payload, seed)


def delivery_identity(seed: int, payload: bytes, token: int | None) -> int:
    """Identity of this delivery of a message without a time."""
    return xxhash.xxh3_64_intdigest(payload, (seed + ((token or 0) + 1) * _TOKEN_STEP) & _MASK)


class IdentityWindow:
    """The last identities, at least half and at most all of `size`, in two generations."""

    def __init__(self, known: Iterable[int] = (), *, size: int = WINDOW) -> None:
        self._half = size // 2
        self._young: set[int] = set()
        self._old: set[int] = set()
        for identity in known:
            self.add(identity)

    def __contains__(self, identity: int) -> bool:
        return identity in self._young or identity in self._old

    def add(self, identity: int) -> None:
        if len(self._young) >= self._half:
            self._old, self._young = self._young, set()
        self._young.add(identity)

    def forget(self, identities: Iterable[int]) -> None:
        """Unsees messages that did not become durable: they may come again."""
        for identity in identities:
            self._young.discard(identity)
            self._old.discard(identity)
