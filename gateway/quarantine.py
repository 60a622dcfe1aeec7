"""The quarantine as people and programs see it, over HTTP and on the command line."""

import base64
from typing import Annotated, Final

from pydantic import BaseModel, Field, TypeAdapter

from gateway.cursor import read_cursor, write_cursor
from gateway.language import Language
from ingest.journal import Journal, QuarantineItem
from ingest.stores.reading import rfc3339
from ingest.types import REASONS, Reason

PAGE_BYTES: Final = 4 * 1024**2
"""A page ends after the item that brings its payloads to this; a payload may be megabytes."""

_STEP: Final = 8
"""Items read at once: so many of the largest payloads fit in memory."""

_AFTER: Final = TypeAdapter(Annotated[int, Field(ge=0, le=2**63 - 1)])


class QuarantinedItem(BaseModel):
    """A message that could not be stored."""

    id: int
    device: Annotated[str, Field(description="`?` where no device can be named")]
    topic: str
    reason: Reason
    received_at: Annotated[str, Field(description="RFC 3339, UTC")]
    payload: Annotated[str, Field(description="The bytes as they came, in base64")]
    detail: Annotated[str, Field(description="What exactly is wrong")]
    explanation: Annotated[str, Field(description="The reason in the reader's language")]

    @classmethod
    def of(cls, item: QuarantineItem, language: Language) -> "QuarantinedItem":
        return cls(
            id=item.id,
            device=item.device,
            topic=item.topic,
            reason=Reason(item.reason),
            received_at=rfc3339(item.received_ns),
            payload=base64.b64encode(item.payload).decode(),
            detail=item.detail,
            explanation=_explain(item.reason, language),
        )


def read_quarantine(
    journal: Journal,
    *,
    device: str | None,
    reason: str | None,
    limit: int,
    cursor: str | None,
) -> tuple[list[QuarantineItem], str | None]:
    """One page of items, oldest first, and the cursor of the next, None at the end.

    Raises:
        InvalidParameterError: the cursor is not of this list.
    """
    after = 0 if cursor is None else read_cursor(cursor, _AFTER)
    page: list[QuarantineItem] = []
    size = 0
    while True:
        asked = min(_STEP, limit - len(page) + 1)
        rows = journal.quarantine(device=device, reason=reason, after=after, limit=asked)
        for row in rows:
            if len(page) == limit or size >= PAGE_BYTES:
                return page, write_cursor(page[-1].id)
            page.append(row)
            size += len(row.payload)
            after = row.id
        if len(rows) < asked:
            return page, None


def _explain(reason: str, language: Language) -> str:
    """The words for people."""
    english, indonesian = REASONS[Reason(reason)]
    return indonesian if language == "id" else english
