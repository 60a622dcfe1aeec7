"""`kotahub readings`: what a device measured."""

# ruff: noqa: PLC0415 - commands import when they run, so that `kotahub --help` is quick

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any, Final, TypedDict

import typer

from gateway.cli.output import out, print_items

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from zoneinfo import ZoneInfo

    from devices.device import Device
    from devices.kind import Kind
    from gateway.settings import Settings


class _Asked(TypedDict):
    """The parameters of the API's readings, by their names there."""

    start: str | None
    stop: str | None
    last: str | None
    channel: str | None
    limit: int
    cursor: str | None


_MARKS: Final = {3: "?", 4: "!", 9: "-"}
"""How quality is shown beside a value; good and not evaluated need no mark."""


def readings(
    *,
    device_id: Annotated[str, typer.Argument(metavar="DEVICE")],
    last: Annotated[
        str | None, typer.Option(help="How far back: 90s, 15m, 1h (the default) or 7d")
    ] = None,
    start: Annotated[str | None, typer.Option(help="From this instant on, RFC 3339")] = None,
    stop: Annotated[str | None, typer.Option(help="Up to this instant, RFC 3339")] = None,
    channel: Annotated[str | None, typer.Option(help="Only this lane or direction")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Readings to show, at most")] = 50,
    cursor: Annotated[str | None, typer.Option(help="Where the page before ended")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs, times in UTC")] = False,
) -> None:
    """Show what a device measured, newest first."""
    from devices.errors import UnknownKindError
    from devices.kind import load_kinds
    from gateway.cli.opened import opened_registry
    from gateway.settings import Settings

    settings = Settings()
    kinds = load_kinds(settings.data_dir)
    with opened_registry(settings) as registry:
        device = registry.device(device_id)
    if device.kind not in kinds:
        raise UnknownKindError(device.kind, list(kinds))
    kind = kinds[device.kind]
    asked: _Asked = {
        "start": start,
        "stop": stop,
        "last": last,
        "channel": channel,
        "limit": limit,
        "cursor": cursor,
    }
    answer = _from_running(settings, device, asked) or asyncio.run(
        _from_store(settings, kinds, kind, device, asked)
    )
    items = answer["items"]
    if as_json:
        print_items(items, as_json=True, cursor=answer["next"])
        return
    print_items(_rows(items, kind, settings.zone), as_json=False, cursor=answer["next"])
    if any(item.get(f"{name}_qc") in _MARKS for item in items for name in kind.fields):
        out.print("? suspect   ! cannot be true   - no value")


def _from_running(settings: "Settings", device: "Device", asked: _Asked) -> dict[str, Any] | None:
    """The answer of the running hub, which has the DuckDB file to itself; None: none runs."""
    from gateway.running import (
        NoAnswerError,
        ask_running,
        read_running,
    )

    running = read_running(settings.data_dir) if settings.store == "duckdb" else None
    if running is None:
        return None
    try:
        return ask_running(running, f"/api/v1/devices/{device.id}/readings", asked)
    except NoAnswerError:
        # Killed, and its process id is another program's by now: then the store is free.
        return None


async def _from_store(
    settings: "Settings", kinds: "Mapping[str, Kind]", kind: "Kind", device: "Device", asked: _Asked
) -> dict[str, Any]:
    from gateway.history import read_history
    from gateway.store import open_store
    from gateway.window import read_window

    window = read_window(
        start=asked["start"],
        stop=asked["stop"],
        last=asked["last"],
        now_ns=time.time_ns(),
        ahead_s=settings.future_max_s,
    )
    store = open_store(settings, kinds)
    try:
        items, following = await read_history(
            store,
            kind,
            device.id,
            window,
            channel=asked["channel"],
            limit=asked["limit"],
            cursor=asked["cursor"],
        )
    finally:
        await store.close()
    return {"items": items, "next": following}


def _rows(
    items: "Sequence[Mapping[str, Any]]", kind: "Kind", zone: "ZoneInfo"
) -> list[dict[str, str]]:
    """Readings as a table: only the columns that some reading has, values with their mark."""
    from gateway.window import local_text
    from ingest.stores.reading import epoch_ns

    told = {name for item in items for name in item}
    metrics = [name for name in kind.fields if told & {name, f"{name}_qc"}]
    rows = []
    for item in items:
        row = {"time": local_text(epoch_ns(item["time"]), zone)}
        if "channel" in told:
            row["channel"] = item.get("channel", "")
        for name in metrics:
            metric = kind.metrics[name]
            value = item.get(name)
            text = "" if value is None else f"{value:.{metric.drawing.decimals}f}"
            mark = _MARKS.get(item.get(f"{name}_qc", 0), "")
            row[f"{name} {metric.symbol}".rstrip()] = f"{text}{mark}"
        for name in ("battery", "rssi"):
            if name in told:
                row[name] = str(item.get(name, ""))
        rows.append(row)
    return rows
