"""Readings: what a device measured."""

import asyncio
import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Security

from devices.errors import UnknownKindError
from gateway.api.devices import DeviceId
from gateway.api.keys import READ, TheHub
from gateway.api.pages import DEFAULT_LIMIT, Cursor, Limit, Page
from gateway.api.problems import responses
from gateway.history import read_history
from gateway.window import read_window

router = APIRouter(prefix="/api/v1/devices", tags=["readings"], dependencies=[Security(READ)])

_TIME = "RFC 3339 (2026-01-31T08:00:00+07:00, with + as %2B), or Unix seconds or milliseconds"

_EXAMPLE = {
    "items": [
        {"time": "2026-01-31T01:00:00Z", "level": 1.83, "level_qc": 1, "battery": 87.0},
        {"time": "2026-01-31T00:59:00Z", "level_qc": 9},
    ],
    "next": None,
}


@router.get(
    "/{device_id}/readings",
    summary="Readings of one device, newest first",
    responses={
        200: {"content": {"application/json": {"example": _EXAMPLE}}},
        **responses(401, 403, 404, 409, 422, 503),
    },
)
async def list_readings(
    *,
    hub: TheHub,
    device_id: DeviceId,
    start: Annotated[
        str | None, Query(max_length=64, description=f"From this instant on: {_TIME}")
    ] = None,
    stop: Annotated[
        str | None, Query(max_length=64, description=f"Up to but without this instant: {_TIME}")
    ] = None,
    last: Annotated[
        str | None,
        Query(max_length=16, description="Instead of start: 90s, 15m, 1h (the default) or 7d"),
    ] = None,
    channel: Annotated[
        str | None, Query(min_length=1, max_length=64, description="Only this lane or direction")
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[dict[str, Any]]:
    """Metrics stand by name, each with its quality `<metric>_qc`.

    Quality is QARTOD's: 1 good, 2 not evaluated, 3 suspect, 4 fail, 9 missing. Members without a
    value are left out. Units and names are in the device's `metrics`.
    """
    window = read_window(
        start=start,
        stop=stop,
        last=last,
        now_ns=time.time_ns(),
        ahead_s=hub.settings.future_max_s,
    )
    device = await asyncio.to_thread(hub.registry.device, device_id)
    kind = hub.kinds.get(device.kind)
    if kind is None:
        raise UnknownKindError(device.kind, list(hub.kinds))
    items, following = await read_history(
        hub.store, kind, device_id, window, channel=channel, limit=limit, cursor=cursor
    )
    return Page(items=items, next=following)
