"""Indices: what a device's readings add up to."""

import asyncio

from fastapi import APIRouter, Security

from gateway.api.devices import DeviceId
from gateway.api.keys import READ, TheHub
from gateway.api.pages import Page
from gateway.api.problems import responses
from gateway.indices import IndexItem, read_indices

router = APIRouter(prefix="/api/v1/devices", tags=["indices"], dependencies=[Security(READ)])


@router.get(
    "/{device_id}/indices",
    summary="The latest indices of one device",
    responses=responses(401, 403, 404, 422, 503),
)
async def list_indices(hub: TheHub, device_id: DeviceId) -> Page[IndexItem]:
    """ISPU and US AQI of air, the siaga level of a gauge, the level of service of a road.

    An index without enough data has no value, and its `note` says what is missing. Kinds without
    an index have none. docs/indices.md tells how each is computed.
    """
    device = await asyncio.to_thread(hub.registry.device, device_id)
    return Page(items=await read_indices(hub.store, device, hub.places), next=None)
