"""Everything in the store, as line protocol: for backups and for whoever moves house."""

from collections.abc import AsyncIterator
from typing import Final

from fastapi import APIRouter, Security
from fastapi.responses import StreamingResponse

from gateway.api.keys import READ, TheHub
from gateway.api.problems import responses
from gateway.backup.readings import export_of
from ingest.stores.export import every_line

router = APIRouter(prefix="/api/v1", tags=["readings"], dependencies=[Security(READ)])

_EXAMPLE: Final = """\
# flood level level_qc
flood,area=12.71.01,device=flood-01 level=1.83,level_qc=1 1769821200000000000
"""


@router.get(
    "/lines",
    summary="Every reading, roll-up and index as line protocol",
    response_model=None,
    responses={
        200: {"content": {"text/plain": {"example": _EXAMPLE}}},
        **responses(401, 403, 503),
    },
)
async def list_lines(*, hub: TheHub) -> StreamingResponse:
    """All of the store, measurement by measurement; that may be gigabytes.

    Comments at the begin name the measurements and their fields. An answer that ends without its
    last chunk is not whole. Readings that arrive meanwhile may be there or not.
    """
    lines = every_line(export_of(hub.settings, hub.store))
    # A store that cannot be read is a problem document, not an answer that breaks off.
    head = await anext(lines)

    async def blocks() -> AsyncIterator[bytes]:
        yield head
        async for block in lines:
            yield block

    return StreamingResponse(
        blocks(), media_type="text/plain", headers={"Cache-Control": "no-store"}
    )
