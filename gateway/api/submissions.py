"""Readings of devices without MQTT: taken over HTTP, with the same promises.

An answer of 202 says that the message is on disk; it goes the same way as one over MQTT, through
the same journal and into the same ledger.
"""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Security, status
from pydantic import BaseModel, Field

from gateway.api.devices import DeviceId
from gateway.api.keys import WRITE, TheHub
from gateway.api.languages import ReaderLanguage
from gateway.api.problems import (
    NoIngestError,
    NotAcceptedError,
    PayloadTooLargeError,
    responses,
)
from gateway.errors import InvalidParameterError
from gateway.hub import Hub
from ingest.batch import Batch
from ingest.dialects import PUSHED, SELF_NAMED, push_topic
from ingest.types import Message

router = APIRouter(prefix="/api/v1/readings", tags=["readings"], dependencies=[Security(WRITE)])

_NATIVE: Final = "native"
_ANYBODY: Final = "http"
"""Stands in the topic where the payload names the device."""

_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {},
                "example": {"time": "2026-01-31T08:00:00+07:00", "level": 1.83, "battery": 87},
            }
        },
    }
}
_FAULTS: Final = (401, 403, 413, 422, 503)


class Submission(BaseModel):
    """What became of a message that was taken."""

    result: Annotated[
        Literal["accepted", "duplicate", "no_reading"],
        Field(
            description="accepted: on disk, and on its way to the store; duplicate: it was taken "
            "before; no_reading: a network's own talk, of which nothing is kept"
        ),
    ]
    device: Annotated[
        str | None, Field(description="Id of the device, or its address where that is unknown")
    ]
    readings: Annotated[int, Field(description="Points on their way to the store", examples=[1])]
    unknown: Annotated[
        dict[str, int], Field(description="Members that nobody knows: ignored, and counted")
    ]


@router.post(
    "/{device_id}",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Send a reading of one device",
    responses=responses(*_FAULTS),
    openapi_extra=_BODY,
)
async def submit_reading(
    *,
    request: Request,
    hub: TheHub,
    language: ReaderLanguage,
    device_id: DeviceId,
    dialect: Annotated[
        str, Query(description="How the body is written, where the device does not name itself")
    ] = _NATIVE,
) -> Submission:
    """An object of metrics, or an array of them: the same as on `sensors/{device_id}/up`.

    With 422 and the type `quarantined` the message is kept as well, in quarantine: do not send it
    again. With 413 and 503 nothing is kept: send it later.
    """
    allowed = sorted(PUSHED - SELF_NAMED)
    if dialect not in allowed:
        self_named = dialect in SELF_NAMED
        what = (
            f"payloads of {dialect} name their device: POST /api/v1/readings?dialect={dialect}"
            if self_named
            else f"is none of {', '.join(allowed)}"
        )
        raise InvalidParameterError("dialect", what)
    return await _submit(request, hub, language, push_topic(dialect, device_id))


@router.post(
    "",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Send what a network pushes",
    responses=responses(*_FAULTS),
    openapi_extra=_BODY,
)
async def submit_push(
    *,
    request: Request,
    hub: TheHub,
    language: ReaderLanguage,
    dialect: Annotated[
        str, Query(description="How the body is written; it names its device itself")
    ],
) -> Submission:
    """The body of a network that pushes over HTTP, such as sensor.community or Telraam."""
    if dialect not in SELF_NAMED:
        what = (
            f"payloads of {dialect} do not name their device: "
            f"POST /api/v1/readings/DEVICE?dialect={dialect}"
            if dialect in PUSHED
            else f"is none of {', '.join(sorted(SELF_NAMED))}"
        )
        raise InvalidParameterError("dialect", what)
    return await _submit(request, hub, language, push_topic(dialect, _ANYBODY))


async def _submit(request: Request, hub: Hub, language: str, topic: str) -> Submission:
    if hub.submit is None:
        raise NoIngestError
    body = await _body(request, hub.settings.payload_max_bytes)
    batch = await hub.submit([Message(topic, body)])
    return _outcome(batch, language)


async def _body(request: Request, most: int) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > most:
            raise PayloadTooLargeError(most)
    return b"".join(parts)


def _outcome(batch: Batch, language: str) -> Submission:
    if batch.quarantined:
        raise NotAcceptedError(batch.quarantined[0], language, len(batch.lines))
    devices = [*batch.accepted, *batch.duplicate]
    return Submission(
        result="accepted" if batch.accepted else "duplicate" if batch.duplicate else "no_reading",
        device=devices[0] if devices else None,
        readings=len(batch.lines),
        unknown={name: count for (_, name), count in batch.unknown.items()},
    )
