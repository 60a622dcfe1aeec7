"""Devices: what the registry and the journal know of each."""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Security
from pydantic import BaseModel, Field, StringConstraints, TypeAdapter

from devices.device import DEVICE_ID, Device, Status
from devices.errors import UnknownKindError
from devices.kind import NAME, Kind
from gateway.api.keys import READ, TheHub
from gateway.api.languages import ReaderLanguage
from gateway.api.pages import DEFAULT_LIMIT, Cursor, Limit, Page
from gateway.api.problems import responses
from gateway.cursor import read_cursor, write_cursor
from gateway.errors import InvalidParameterError
from gateway.hub import Hub
from gateway.language import Language
from gateway.ledger import LedgerItem
from ingest.stores import StoreUnavailableError
from ingest.stores.reading import rfc3339

_ID_PATTERN: Final = f"^{DEVICE_ID.pattern}$"
_AFTER: Final = TypeAdapter(Annotated[str, StringConstraints(pattern=_ID_PATTERN)])

DeviceId = Annotated[
    str, Path(pattern=_ID_PATTERN, description="Id of the device", examples=["flood-deli-01"])
]


class DeviceItem(BaseModel):
    """A registered device."""

    id: Annotated[str, Field(examples=["flood-deli-01"])]
    kind: Annotated[str, Field(examples=["flood"])]
    model: str | None
    name: str
    latitude: Annotated[float | None, Field(description="Degrees, WGS 84")]
    longitude: Annotated[float | None, Field(description="Degrees, WGS 84")]
    area: Annotated[str | None, Field(description="Code of the area that holds the position")]
    status: Status
    address: Annotated[str | None, Field(description="What its network calls it")]
    attributes: Annotated[dict[str, str], Field(examples=[{"mount_height_m": "6.2"}])]
    installed_by: str
    installed_at: datetime | None

    @classmethod
    def of(cls, device: Device) -> "DeviceItem":
        return cls.model_validate(device, from_attributes=True)


class PresenceItem(BaseModel):
    """What the device's status topic said last."""

    online: bool
    since: Annotated[str, Field(description="RFC 3339, UTC", examples=["2026-01-31T01:00:00Z"])]


class MetricItem(BaseModel):
    """What a member of a reading means."""

    name: Annotated[str, Field(description="In the reader's language")]
    unit: Annotated[str, Field(description="UCUM", examples=["ug/m3"])]
    symbol: Annotated[str, Field(description="As people write the unit", examples=["µg/m³"])]
    valid: Annotated[
        tuple[float, float], Field(description="Values outside are stored and flagged 4")
    ]


class DeviceDetail(DeviceItem):
    """A device with all that the hub knows of it."""

    metrics: dict[str, MetricItem]
    presence: Annotated[
        PresenceItem | None, Field(description="null: it has never told its status")
    ]
    last_reading: Annotated[
        dict[str, Any] | None,
        Field(
            description="The newest reading; null where there is none",
            examples=[{"time": "2026-01-31T01:00:00Z", "level": 1.83, "level_qc": 1}],
        ),
    ]
    last_reading_error: Annotated[
        str | None, Field(description="Why the last reading cannot be told now")
    ]
    ledger: LedgerItem
    unknown_members: Annotated[
        dict[str, int],
        Field(description="Members of its payloads that nobody knows, with their count"),
    ]


router = APIRouter(prefix="/api/v1/devices", tags=["devices"], dependencies=[Security(READ)])


@router.get("", summary="Devices by id", responses=responses(401, 403, 422, 503))
def list_devices(
    *,
    hub: TheHub,
    kind: Annotated[
        str | None, Query(pattern=f"^{NAME.pattern}$", description="Only this kind")
    ] = None,
    area: Annotated[
        str | None,
        Query(pattern=r"^[A-Za-z0-9._-]{1,64}$", description="Only this area, by its code"),
    ] = None,
    status: Annotated[Status | None, Query(description="Only this status")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[DeviceItem]:
    if kind is not None and kind not in hub.kinds:
        raise InvalidParameterError(
            "kind", f"'{kind}' does not exist; known kinds: {', '.join(hub.kinds)}"
        )
    after = None if cursor is None else read_cursor(cursor, _AFTER)
    devices = hub.registry.devices(
        kind=kind, area=area, status=status, after=after, limit=limit + 1
    )
    page = [DeviceItem.of(device) for device in devices[:limit]]
    return Page(items=page, next=write_cursor(page[-1].id) if len(devices) > limit else None)


@router.get("/{device_id}", summary="One device", responses=responses(401, 403, 404, 422, 503))
async def show_device(hub: TheHub, device_id: DeviceId, language: ReaderLanguage) -> DeviceDetail:
    """Registry data, the last reading, presence, ledger, and members that nobody knows.

    While the store does not answer, `last_reading_error` says so and the rest stands.
    """
    device = await asyncio.to_thread(hub.registry.device, device_id)
    told = await asyncio.to_thread(_told, hub, device_id)
    kind = hub.kinds.get(device.kind)
    last, error = await _last_reading(hub, kind, device)
    return DeviceDetail(
        **dict(DeviceItem.of(device)),
        **told,
        metrics=_metrics(kind, language),
        last_reading=last,
        last_reading_error=error,
    )


def _told(hub: Hub, device_id: str) -> dict[str, Any]:
    """What the journal knows of the device."""
    presence = hub.journal.presence(device_id)
    rows = hub.journal.ledger(device=device_id)
    return {
        "presence": presence
        and PresenceItem(online=presence.online, since=rfc3339(presence.since_ns)),
        "ledger": LedgerItem.of(rows[0]) if rows else LedgerItem.nothing(device_id),
        "unknown_members": hub.journal.unknown_members(device_id),
    }


async def _last_reading(
    hub: Hub, kind: Kind | None, device: Device
) -> tuple[dict[str, Any] | None, str | None]:
    if kind is None:
        return None, str(UnknownKindError(device.kind, list(hub.kinds)))
    try:
        return await hub.store.latest(kind, device.id), None
    except StoreUnavailableError as error:
        return None, str(error)


def _metrics(kind: Kind | None, language: Language) -> dict[str, MetricItem]:
    return {
        name: MetricItem(
            name=metric.name.id if language == "id" else metric.name.en,
            unit=metric.unit,
            symbol=metric.symbol,
            valid=metric.valid,
        )
        for name, metric in (kind.metrics.items() if kind is not None else ())
    }
