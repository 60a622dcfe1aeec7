"""Problem documents (RFC 9457): what went wrong, for programs and for people."""

import logging
import math
import sqlite3
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from devices.errors import (
    HubError,
    RegistryUnavailableError,
    UnknownDeviceError,
    UnknownKindError,
)
from gateway.errors import InvalidParameterError
from ingest.batch import Quarantined
from ingest.journal import JournalFullError, UnknownItemError
from ingest.stores import StoreUnavailableError
from ingest.types import REASONS

MEDIA_TYPE: Final = "application/problem+json"

_log = logging.getLogger(__name__)


class Fault(BaseModel):
    """One parameter that is wrong."""

    field: Annotated[str, Field(description="Name of the parameter", examples=["limit"])]
    where: Annotated[str, Field(description="query, path, header or body", examples=["query"])]
    problem: Annotated[str, Field(description="What is wrong with it")]


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    type: Annotated[
        str,
        Field(
            description="Names the class of the problem; compare this, not the title",
            examples=["urn:kotahub:problem:unknown-device"],
        ),
    ]
    title: Annotated[str, Field(examples=["Unknown device"])]
    status: Annotated[int, Field(examples=[404])]
    detail: Annotated[str, Field(description="This occurrence, and what to do next")]
    instance: Annotated[str, Field(description="The path that was asked for")]
    errors: Annotated[
        list[Fault] | None,
        Field(description="Every wrong parameter (invalid-request) or member (quarantined)"),
    ] = None
    reason: Annotated[str | None, Field(description="Reason of the quarantine (quarantined)")] = (
        None
    )


class KeyRequiredError(HubError):
    def __init__(self) -> None:
        super().__init__(
            "Send a valid API key: Authorization: Bearer KEY, or X-API-Key: KEY. "
            "Make one with: kotahub keys create --scope read"
        )


class ScopeMissingError(HubError):
    def __init__(self, scope: str) -> None:
        self.scope = scope
        super().__init__(
            f"The API key does not have the scope '{scope}'. "
            f"Make one that has it: kotahub keys create --scope {scope}"
        )


class PayloadTooLargeError(HubError):
    def __init__(self, most: int) -> None:
        super().__init__(
            f"The body is larger than {most} bytes, and nothing of it was kept. Send less at "
            "once, or raise KOTAHUB_PAYLOAD_MAX_BYTES"
        )


class NoIngestError(HubError):
    def __init__(self) -> None:
        super().__init__(
            "This process takes no readings: it runs without ingest. Send them to the hub that "
            "runs it (kotahub run), or over MQTT"
        )


class NotAcceptedError(HubError):
    """A message that is durable, in quarantine.

    Attributes:
        item: what stands there.
    """

    def __init__(self, item: Quarantined, language: str, good: int) -> None:
        self.item = item
        words = REASONS[item.reason][0 if language == "en" else 1]
        why = f"{words} {item.detail}".rstrip(" .")
        rest = f" {good} readings of the same batch are accepted." if good else ""
        super().__init__(
            f"{why}. It is kept in quarantine, byte for byte: when the cause is gone, replay it "
            f"with kotahub quarantine replay, and do not send it again.{rest}"
        )

    @property
    def fault(self) -> Fault:
        """The member, where the detail begins with its name."""
        name, colon, rest = self.item.detail.partition(": ")
        named = bool(colon) and " " not in name
        return Fault(
            where="body",
            field=name if named else "",
            problem=(rest if named else self.item.detail) or str(self.item.reason),
        )


_HUB_ERRORS: Final[Mapping[type[HubError], tuple[HTTPStatus, str, str]]] = {
    UnknownDeviceError: (HTTPStatus.NOT_FOUND, "unknown-device", "Unknown device"),
    UnknownItemError: (HTTPStatus.NOT_FOUND, "unknown-item", "Unknown quarantine item"),
    UnknownKindError: (HTTPStatus.CONFLICT, "unknown-kind", "Kind is not declared"),
    InvalidParameterError: (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid-request",
        "Invalid request",
    ),
    KeyRequiredError: (HTTPStatus.UNAUTHORIZED, "key-required", "API key required"),
    ScopeMissingError: (HTTPStatus.FORBIDDEN, "scope-missing", "Scope missing"),
    StoreUnavailableError: (
        HTTPStatus.SERVICE_UNAVAILABLE,
        "store-unavailable",
        "Store unavailable",
    ),
    PayloadTooLargeError: (
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "payload-too-large",
        "Payload too large",
    ),
    NotAcceptedError: (HTTPStatus.UNPROCESSABLE_ENTITY, "quarantined", "Kept in quarantine"),
    NoIngestError: (HTTPStatus.SERVICE_UNAVAILABLE, "no-ingest", "No ingest here"),
    JournalFullError: (HTTPStatus.SERVICE_UNAVAILABLE, "journal-full", "Journal full"),
    HubError: (HTTPStatus.INTERNAL_SERVER_ERROR, "hub-error", "The hub cannot answer"),
}
"""The first entry that an error is an instance of counts."""


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI description of an endpoint's problems."""
    return {
        status: {"model": Problem, "description": HTTPStatus(status).phrase} for status in statuses
    }


def install(app: FastAPI) -> None:
    """Makes every error of the app a problem document."""
    app.add_exception_handler(HubError, _hub_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    for status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        app.add_exception_handler(status, partial(_no_endpoint, status))
    app.add_exception_handler(RegistryUnavailableError, _registry_down)
    app.add_exception_handler(sqlite3.OperationalError, _journal_down)
    app.add_exception_handler(Exception, _internal)


def _answer(
    request: Request,
    status: int,
    slug: str,
    title: str,
    detail: str,
    *,
    faults: list[Fault] | None = None,
    reason: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    problem = Problem(
        type=f"urn:kotahub:problem:{slug}",
        title=title,
        status=status,
        detail=detail,
        instance=request.url.path,
        errors=faults,
        reason=reason,
    )
    return JSONResponse(
        problem.model_dump(mode="json", exclude_none=True),
        status_code=status,
        headers=dict(headers or {}),
        media_type=MEDIA_TYPE,
    )


async def _hub_error(request: Request, error: Exception) -> JSONResponse:
    status, slug, title = next(
        entry for kind, entry in _HUB_ERRORS.items() if isinstance(error, kind)
    )
    faults = reason = None
    headers = {}
    if isinstance(error, InvalidParameterError):
        faults = [Fault(field=error.field, where="query", problem=error.problem)]
    elif isinstance(error, NotAcceptedError):
        faults, reason = [error.fault], str(error.item.reason)
    elif isinstance(error, KeyRequiredError):
        headers["WWW-Authenticate"] = 'Bearer realm="kotahub"'
    elif status is HTTPStatus.SERVICE_UNAVAILABLE:
        wait_s = error.retry_after_s if isinstance(error, StoreUnavailableError) else None
        headers["Retry-After"] = str(math.ceil(wait_s or 5))
    elif status is HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("%s %s: %s", request.method, request.url.path, error)
    return _answer(
        request, status, slug, title, str(error), faults=faults, reason=reason, headers=headers
    )


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - Starlette's handlers are untyped
    faults = [
        Fault(
            where=str(fault["loc"][0]),
            field=".".join(str(part) for part in fault["loc"][1:]),
            problem=fault["msg"],
        )
        for fault in error.errors()
    ]
    detail = "; ".join(f"{fault.field}: {fault.problem}" for fault in faults)
    return _answer(
        request,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid-request",
        "Invalid request",
        detail,
        faults=faults,
    )


async def _no_endpoint(status: HTTPStatus, request: Request, error: Exception) -> JSONResponse:
    """What the framework itself refuses: no such path, no such method."""
    headers: Mapping[str, str] | None = getattr(error, "headers", None)
    return _answer(
        request,
        status,
        status.phrase.lower().replace(" ", "-"),
        status.phrase,
        f"{request.method} {request.url.path} is nothing here; see /api/openapi.json",
        headers=headers,
    )


async def _registry_down(request: Request, error: Exception) -> JSONResponse:
    """Keys stand in the registry: who asks is not known, and is not told the database's words."""
    _log.error("%s %s: registry: %s", request.method, request.url.path, error)
    return _answer(
        request,
        HTTPStatus.SERVICE_UNAVAILABLE,
        "registry-unavailable",
        "Registry unavailable",
        "The registry's database does not answer; try again, and see the hub's log.",
        headers={"Retry-After": "5"},
    )


async def _journal_down(request: Request, error: Exception) -> JSONResponse:
    _log.error("%s %s: journal: %s", request.method, request.url.path, error)
    return _answer(
        request,
        HTTPStatus.SERVICE_UNAVAILABLE,
        "journal-unavailable",
        "Journal unavailable",
        "The journal does not answer; try again, and see the hub's log.",
        headers={"Retry-After": "5"},
    )


async def _internal(request: Request, error: Exception) -> JSONResponse:
    """A fault of the hub: its cause goes to the log, never to the caller."""
    _log.error("%s %s", request.method, request.url.path, exc_info=error)
    return _answer(
        request,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal",
        "Internal error",
        "The hub failed on this request; the cause is in its log. Please report it.",
    )


def retype(openapi: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document with problem documents under their own media type."""
    for path in openapi["paths"].values():
        for operation in path.values():
            for response in operation["responses"].values():
                content = response.get("content", {})
                schema = content.get("application/json", {}).get("schema", {})
                if schema.get("$ref") == "#/components/schemas/Problem":
                    content[MEDIA_TYPE] = content.pop("application/json")
    return openapi
