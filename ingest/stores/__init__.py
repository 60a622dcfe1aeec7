"""Stores take line protocol and answer range queries.

Promises of every store, tested by one suite over all of them:

1. What `write` returns as written is durable: it survives `kill -9` of the hub.
2. One bad line harms nobody: it is named with the store's own words, the rest is written.
3. Writing the same lines again changes nothing. A point that comes again with other fields is
   merged: new fields win, others stay.
4. `StoreUnavailableError` means that an unknown part was written; the same write can be repeated.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from devices.errors import HubError
from devices.kind import Kind
from ingest.stores.measurement import Measurement, Row
from ingest.stores.quarter import Quarter


class StoreUnavailableError(HubError):
    """The store does not do now what is asked; it may later.

    Attributes:
        retry_after_s: seconds that the store asks to wait; None: it does not say.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class Sink(Protocol):
    """What takes points."""

    async def ensure(self) -> None:
        """See that the store can take readings; make what is missing, where the store may.

        Raises:
            StoreUnavailableError: it cannot now; the words say what to do.
        """
        ...

    async def write(self, lines: Sequence[bytes], /) -> Mapping[int, str]:
        """Write lines of line protocol, one point each, without line breaks, times in ns.

        Returns:
            The refused lines by their index, each with the store's words; all others are
            durably written.

        Raises:
            StoreUnavailableError: write the same lines again later.
        """
        ...


class Store(Sink, Protocol):
    """What takes points and gives them back."""

    async def readings(
        self,
        kind: Kind,
        device: str,
        *,
        start_ns: int,
        stop_ns: int,
        limit: int,
        channel: str | None = None,
    ) -> list[dict[str, Any]]:
        """Readings with `start_ns` <= time < `stop_ns`, newest first, at most `limit`.

        Each has `time` (RFC 3339 UTC, to the nanosecond), `channel`, the kind's metrics,
        `<metric>_qc`, `battery`, `rssi`, and `time_qc` where the arrival time stands in for a
        missing one; absent values are left out. Without `channel` those of all channels.

        Raises:
            StoreUnavailableError: ask again later.
        """
        ...

    async def latest(self, kind: Kind, device: str, /) -> dict[str, Any] | None:
        """The newest reading in the form of `readings`, None if there is none.

        Raises:
            StoreUnavailableError: ask again later.
        """
        ...

    async def quarters(
        self, kind: Kind, devices: Sequence[str], *, start_ns: int, stop_ns: int
    ) -> list[Quarter]:
        """Quarters of an hour of these devices (at least one), by device, channel and time.

        Of readings with `start_ns` <= time < `stop_ns`, both at the begin of a quarter, and of
        values whose flag is in `BELIEVED`. Quarters without any are left out.

        Raises:
            StoreUnavailableError: ask again later.
        """
        ...

    async def rows(
        self,
        measurement: Measurement,
        devices: Sequence[str],
        *,
        start_ns: int,
        stop_ns: int,
        limit: int | None = None,
    ) -> list[Row]:
        """Rows of a measurement with `start_ns` <= time < `stop_ns`, newest first.

        Raises:
            StoreUnavailableError: ask again later.
        """
        ...

    async def ready(self) -> bool:
        """Whether a write would be taken now."""
        ...

    async def close(self) -> None: ...
