"""Quality: why a device's flags are what they are, and what to visit."""

import asyncio
import time
from typing import Annotated

from fastapi import APIRouter, Query, Security

from gateway.api.devices import DeviceId
from gateway.api.keys import READ, TheHub
from gateway.api.languages import ReaderLanguage
from gateway.api.pages import DEFAULT_LIMIT, Cursor, Limit, Page
from gateway.api.problems import responses
from gateway.quality import DeviceQuality, MaintenanceItem, device_quality, read_maintenance

router = APIRouter(prefix="/api/v1", tags=["quality"], dependencies=[Security(READ)])


@router.get(
    "/devices/{device_id}/quality",
    summary="Why a device's flags are what they are",
    responses=responses(401, 403, 404, 422, 503),
)
async def show_quality(hub: TheHub, device_id: DeviceId, language: ReaderLanguage) -> DeviceQuality:
    """What is the matter now, what lately was, how often it is heard, whether it is silent.

    A few seconds old at most.
    """
    device = await asyncio.to_thread(hub.registry.device, device_id)
    return await asyncio.to_thread(
        device_quality, hub.quality, device, hub.kinds, language, time.time_ns()
    )


@router.get("/maintenance", summary="What to visit", responses=responses(401, 403, 422, 503))
async def list_maintenance(
    hub: TheHub,
    language: ReaderLanguage,
    area: Annotated[str | None, Query(max_length=64, description="Only this area")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[MaintenanceItem]:
    """Outages and devices with a fault, the worst first. An outage of an area is one item."""
    items, following = await asyncio.to_thread(
        read_maintenance,
        hub.quality,
        hub.registry,
        hub.kinds,
        language=language,
        now_ns=time.time_ns(),
        area=area,
        limit=limit,
        cursor=cursor,
    )
    return Page(items=items, next=following)
