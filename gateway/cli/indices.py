"""`kotahub indices`: what a device's readings add up to."""

# ruff: noqa: PLC0415 - commands import when they run, so that `kotahub --help` is quick

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.output import err, out, print_item, print_items

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from devices.device import Device
    from gateway.indices import IndexItem
    from gateway.settings import Settings


def indices(
    device_id: Annotated[str, typer.Argument(metavar="DEVICE")],
    again_since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Compute everything again from this day on, as after thresholds were corrected",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs, times in UTC")] = False,
) -> None:
    """Show the latest indices of a device: ISPU and AQI, siaga level, or level of service.

    Example: kotahub indices deli-03 --again-since 2026-11-01
    """
    from gateway.cli.opened import opened_registry
    from gateway.settings import Settings

    settings = Settings()
    with opened_registry(settings) as registry:
        device = registry.device(device_id)
    if again_since is not None:
        count = _again(settings, device, again_since)
        err.print(
            f"{count} quarters of an hour of {device.id} are computed again by the running hub; "
            "it reads changed thresholds when it starts"
        )
    items = _from_running(settings, device)
    if items is None:
        items = asyncio.run(_from_store(settings, device))
    if as_json:
        print_items([item.model_dump(mode="json") for item in items], as_json=True)
        return
    for number, item in enumerate(items):
        if number:
            out.print()
        print_item(_lines(item, settings.zone), as_json=False)
    if not items:
        out.print(f"kind {device.kind} has no index")


def _again(settings: "Settings", device: "Device", day: datetime) -> int:
    """Marks what the deriver is to take again; how many quarters."""
    import time
    from contextlib import closing

    from ingest.derived.calendar import SECOND_NS, quarter_start
    from ingest.derived.touched import Touched
    from ingest.stores.quarter import QUARTER_NS

    first_ns = int(day.replace(tzinfo=settings.zone).timestamp()) * SECOND_NS
    quarters = range(quarter_start(first_ns), time.time_ns(), QUARTER_NS)
    with closing(Touched.open(settings.derived_path)) as touched:
        touched.add((device.id, quarter) for quarter in quarters)
    return len(quarters)


def _from_running(settings: "Settings", device: "Device") -> "list[IndexItem] | None":
    """The answer of the running hub, which has the DuckDB file to itself; None: none runs."""
    from gateway.indices import IndexItem
    from gateway.running import NoAnswerError, ask_running, read_running

    running = read_running(settings.data_dir) if settings.store == "duckdb" else None
    if running is None:
        return None
    try:
        answer = ask_running(running, f"/api/v1/devices/{device.id}/indices", {})
    except NoAnswerError:
        # Killed, and its process id is another program's by now: then the store is free.
        return None
    return [IndexItem.model_validate(item) for item in answer["items"]]


async def _from_store(settings: "Settings", device: "Device") -> "list[IndexItem]":
    from devices.kind import load_kinds
    from gateway.derived import load_places
    from gateway.indices import read_indices
    from gateway.store import open_store

    places = load_places(settings)
    store = open_store(settings, load_kinds(settings.data_dir))
    try:
        return await read_indices(store, device, places)
    finally:
        await store.close()


def _lines(item: "IndexItem", zone: "ZoneInfo") -> dict[str, str]:
    """What there is to say, a line each."""
    from gateway.window import local_text
    from ingest.stores.reading import epoch_ns

    said = item.note if item.category is None else item.category
    lines = {
        "index": item.index if item.channel is None else f"{item.index} {item.channel}",
        "value": None if item.value is None else f"{item.value:g}",
        "id": None if said is None else said.id,
        "en": None if said is None else said.en,
        "decided by": item.of,
        "as of": None if item.time is None else local_text(epoch_ns(item.time), zone),
        "complete": None if item.completeness is None else f"{item.completeness:.0%}",
        "parts": ", ".join(f"{name} {value:g}" for name, value in item.parts.items()) or None,
    }
    return {name: words for name, words in lines.items() if words is not None}
