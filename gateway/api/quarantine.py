"""The quarantine: messages that could not be stored, byte for byte, each with its reason."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Security

from gateway.api.keys import READ, TheHub
from gateway.api.languages import ReaderLanguage
from gateway.api.pages import DEFAULT_LIMIT, Cursor, Limit, Page
from gateway.api.problems import responses
from gateway.quarantine import QuarantinedItem, read_quarantine
from ingest.types import Reason

router = APIRouter(prefix="/api/v1/quarantine", tags=["quarantine"], dependencies=[Security(READ)])


@router.get("", summary="Quarantine by id", responses=responses(401, 403, 422, 503))
def list_quarantine(
    *,
    hub: TheHub,
    language: ReaderLanguage,
    device: Annotated[str | None, Query(max_length=256, description="Only this device")] = None,
    reason: Annotated[Reason | None, Query(description="Only this reason")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[QuarantinedItem]:
    """Large payloads make a page shorter than `limit`; only `next` tells whether it is the last."""
    items, following = read_quarantine(
        hub.journal, device=device, reason=reason, limit=limit, cursor=cursor
    )
    return Page(items=[QuarantinedItem.of(item, language) for item in items], next=following)


@router.get(
    "/{item_id}", summary="One quarantined message", responses=responses(401, 403, 404, 422, 503)
)
def show_quarantined(
    hub: TheHub, language: ReaderLanguage, item_id: Annotated[int, Path(ge=1, le=2**63 - 1)]
) -> QuarantinedItem:
    return QuarantinedItem.of(hub.journal.quarantine_item(item_id), language)
