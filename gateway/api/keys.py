"""API keys: who asks, and whether they may."""

import base64
import hmac
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request, Response, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from gateway.api.problems import KeyRequiredError, ScopeMissingError
from gateway.hub import Hub

_BEARER = HTTPBearer(
    auto_error=False, scheme_name="bearer", description="Authorization: Bearer KEY"
)
_HEADER = APIKeyHeader(
    name="X-API-Key",
    auto_error=False,
    scheme_name="header",
    description="X-API-Key: KEY; Authorization goes first where both are sent",
)


def _hub(request: Request) -> Hub:
    hub: Hub = request.app.state.hub
    return hub


TheHub = Annotated[Hub, Depends(_hub)]
"""The hub as a parameter of an endpoint."""


def require(scope: str) -> Callable[..., None]:
    """A dependency that lets a request pass whose key has `scope`, or `admin`.

    Raises (when called):
        KeyRequiredError: no key, an unknown or a revoked one.
        ScopeMissingError: the key may do other things only.
    """

    def check(
        request: Request,
        hub: TheHub,
        response: Response,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
        header: Annotated[str | None, Security(_HEADER)],
    ) -> None:
        key = bearer.credentials if bearer is not None else header or _password(request)
        scopes = _scopes(hub, key) if key else None
        if scopes is None:
            raise KeyRequiredError
        if not scopes & {scope, "admin"}:
            raise ScopeMissingError(scope)
        response.headers["Cache-Control"] = "no-store"

    return check


def _password(request: Request) -> str | None:
    """The password of Basic authentication, for sensors that can send a key no other way."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user_and_password = base64.b64decode(encoded, validate=True).decode()
    except ValueError:
        return None
    return user_and_password.partition(":")[2]


def _scopes(hub: Hub, key: str) -> frozenset[str] | None:
    if hub.local_key is not None and hmac.compare_digest(key.encode(), hub.local_key.encode()):
        return frozenset({"read"})
    return hub.registry.key_scopes(key)


READ = require("read")
WRITE = require("write")
