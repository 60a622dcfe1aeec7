"""`kotahub health`: one answer for whoever restarts or watches the hub's services."""

# ruff: noqa: PLC0415 - commands import when they run, so that `kotahub --help` is quick

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.output import print_items

if TYPE_CHECKING:
    from gateway.health import Health


class Service(StrEnum):
    INGEST = "ingest"
    GATEWAY = "gateway"


def health(
    service: Annotated[
        Service | None, typer.Argument(help="Only this one; without it, what runs here")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False,
) -> None:
    """Tell whether the hub's services on this data folder do their work; exit code 1 if not.

    Needs no key: made for health checks of containers and for monitoring.
    """
    from gateway.health import gateway_health, ingest_health
    from gateway.settings import Settings

    data_dir = Settings().data_dir
    found: list[Health | None] = []
    if service is not Service.INGEST:
        found.append(gateway_health(data_dir))
    if service is not Service.GATEWAY:
        found.append(ingest_health(data_dir))
    here = [one for one in found if one is not None]
    print_items(
        [{"service": one.service, "ok": one.ok, "why": one.why} for one in here],
        as_json=as_json,
    )
    if not here or not all(one.ok for one in here):
        raise typer.Exit(1)
