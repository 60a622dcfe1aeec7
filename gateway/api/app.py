"""The HTTP API, put together."""

from importlib.metadata import version
from typing import Any, Final

from fastapi import FastAPI, Security

from gateway.api import (
    devices,
    health,
    indices,
    ledger,
    lines,
    metrics,
    problems,
    public,
    quality,
    quarantine,
    readings,
    submissions,
)
from gateway.api.keys import READ
from gateway.hub import Hub

_DESCRIPTION: Final = """\
The sensors of the city: what they are, what they measured, and what became of every message.

**Key.** Everything but `/healthz`, `/readyz` and `/public/…` asks for an API key:
`Authorization: Bearer KEY` or `X-API-Key: KEY`. Make one with
`kotahub keys create --scope read`.

**Lists** come in pages: `{"items": […], "next": cursor}`. Hand `next` back as `cursor`, with the
other parameters unchanged, until it is null.

**Errors** are problem documents (RFC 9457). Compare `type`; `detail` says what to do next.

**Times** are RFC 3339 in UTC.
"""


def create_app(hub: Hub) -> FastAPI:
    """The API of an opened hub. It neither opens nor closes anything of it."""
    app = FastAPI(
        title="kotahub",
        version=version("kotahub"),
        description=_DESCRIPTION,
        openapi_url=None,  # below, with the key that everything asks for
        docs_url=None,  # loads its scripts from elsewhere: nothing to see without the Internet
        redoc_url=None,
    )
    app.state.hub = hub
    app.state.outlines = public.Outlines(hub.registry)
    problems.install(app)
    for noun in (
        devices,
        quality,
        readings,
        indices,
        submissions,
        lines,
        ledger,
        quarantine,
        health,
        metrics,
        public,
    ):
        app.include_router(noun.router)

    @app.get("/api/openapi.json", include_in_schema=False, dependencies=[Security(READ)])
    def openapi() -> dict[str, Any]:
        return problems.retype(app.openapi())

    return app
