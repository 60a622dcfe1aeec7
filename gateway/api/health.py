"""Health: whether the process lives, and whether the hub can do its work. No key is asked for."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import APIRouter, Response, status
from pydantic import BaseModel, Field

from gateway.api.keys import TheHub
from gateway.hub import Hub

CHECK_S: Final = 5.0
"""A part that has not answered by then counts as not ready."""


class Check(BaseModel):
    ok: bool
    reason: Annotated[str | None, Field(description="Why not; null while it is ok")] = None


class Alive(BaseModel):
    alive: bool = True


class Readiness(BaseModel):
    """Whether the hub can take messages and answer questions."""

    ready: bool
    checks: Annotated[
        dict[str, Check],
        Field(
            description="broker: messages can arrive; journal: they are taken; "
            "store: they can be read back; registry: devices and keys are known",
            examples=[{"broker": {"ok": True, "reason": None}}],
        ),
    ]
    notes: Annotated[
        list[str],
        Field(
            description="What somebody should look at although the hub works: "
            "damaged files that it keeps aside"
        ),
    ] = []


router = APIRouter(tags=["health"])


@router.get("/healthz", summary="The process lives")
async def healthz() -> Alive:
    return Alive()


@router.get(
    "/readyz",
    summary="The hub can do its work",
    responses={503: {"model": Readiness, "description": "At least one check fails"}},
)
async def readyz(hub: TheHub, response: Response) -> Readiness:
    journal, registry, store = await asyncio.gather(
        _in_time(asyncio.to_thread(_attempt, lambda: _journal(hub))),
        _in_time(asyncio.to_thread(_attempt, lambda: _registry(hub))),
        store_check(hub),
    )
    checks = {"broker": broker_check(hub), "journal": journal, "store": store, "registry": registry}
    ready = all(check.ok for check in checks.values())
    if not ready:
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    notes = await asyncio.to_thread(hub.journal.salvages)
    return Readiness(ready=ready, checks=checks, notes=[str(salvage) for salvage in notes])


def broker_check(hub: Hub) -> Check:
    if hub.broker_connected():
        return Check(ok=True)
    return Check(ok=False, reason=f"not connected: {hub.last_error() or 'connecting'}")


async def store_check(hub: Hub) -> Check:
    async def ready() -> Check:
        try:
            answers = await hub.store.ready()
        except Exception as error:  # noqa: BLE001 - whatever it is, the store is not ready
            return Check(ok=False, reason=str(error) or type(error).__name__)
        return Check(ok=answers, reason=None if answers else "the store does not answer")

    return await _in_time(ready())


def _journal(hub: Hub) -> str | None:
    state = hub.journal.state()
    return f"full: {state.lack or 'the disk has no room'}" if state.full else None


def _registry(hub: Hub) -> str | None:
    hub.registry.revision()
    return None


def _attempt(check: Callable[[], str | None]) -> Check:
    try:
        reason = check()
    except Exception as error:  # noqa: BLE001 - whatever it is, the part is not ready
        reason = type(error).__name__  # a driver's message may hold an address with its password
    return Check(ok=reason is None, reason=reason)


async def _in_time(check: Awaitable[Check]) -> Check:
    try:
        return await asyncio.wait_for(check, CHECK_S)
    except TimeoutError:
        return Check(ok=False, reason=f"no answer within {CHECK_S:g} s")
