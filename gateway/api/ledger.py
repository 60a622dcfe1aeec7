"""The ledger: what became of every message, per device."""

from typing import Annotated

from fastapi import APIRouter, Query, Security

from gateway.api.keys import READ, TheHub
from gateway.api.pages import DEFAULT_LIMIT, Cursor, Limit, Page
from gateway.api.problems import responses
from gateway.ledger import LedgerItem, read_ledger

router = APIRouter(prefix="/api/v1/ledger", tags=["ledger"], dependencies=[Security(READ)])


@router.get("", summary="Ledger by device", responses=responses(401, 403, 422, 503))
def list_ledger(
    hub: TheHub,
    device: Annotated[
        str | None,
        Query(max_length=256, description="Only this device; `?` is nobody who can be named"),
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[LedgerItem]:
    """Devices that never sent a message are not in it; unregistered ones that did are."""
    items, following = read_ledger(hub.journal, device=device, limit=limit, cursor=cursor)
    return Page(items=items, next=following)
