"""The ledger as people and programs see it, over HTTP and on the command line."""

from typing import Annotated, Final

from pydantic import BaseModel, Field, StringConstraints, TypeAdapter

from gateway.cursor import read_cursor, write_cursor
from ingest.journal import Journal, LedgerRow
from ingest.stores.reading import rfc3339

_AFTER: Final = TypeAdapter(Annotated[str, StringConstraints(max_length=256)])


class LedgerItem(BaseModel):
    """received = stored + quarantined + duplicate + pending, at any instant."""

    device: Annotated[str, Field(examples=["flood-deli-01"])]
    received: Annotated[int, Field(description="Messages that the hub took responsibility for")]
    stored: Annotated[int, Field(description="In the store")]
    quarantined: Annotated[int, Field(description="Refused, whole or in part")]
    duplicate: Annotated[int, Field(description="Delivered again by the broker or the device")]
    pending: Annotated[int, Field(description="In the journal, not in the store yet")]
    last_received_at: Annotated[
        str | None, Field(description="RFC 3339, UTC; null: nothing came yet")
    ]

    @classmethod
    def of(cls, row: LedgerRow) -> "LedgerItem":
        return cls(
            device=row.device,
            received=row.received,
            stored=row.stored,
            quarantined=row.quarantined,
            duplicate=row.duplicate,
            pending=row.pending,
            last_received_at=rfc3339(row.last_received_ns) if row.last_received_ns else None,
        )

    @classmethod
    def nothing(cls, device: str) -> "LedgerItem":
        """The ledger of a device that never sent a message."""
        return cls(
            device=device,
            received=0,
            stored=0,
            quarantined=0,
            duplicate=0,
            pending=0,
            last_received_at=None,
        )


def read_ledger(
    journal: Journal, *, device: str | None, limit: int, cursor: str | None
) -> tuple[list[LedgerItem], str | None]:
    """One page of the ledger, by device, and the cursor of the next, None at the end.

    Raises:
        InvalidParameterError: the cursor is not of this list.
    """
    after = None if cursor is None else read_cursor(cursor, _AFTER)
    rows = journal.ledger(device=device, after=after, limit=limit + 1)
    page = [LedgerItem.of(row) for row in rows[:limit]]
    return page, write_cursor(page[-1].device) if len(rows) > limit else None
