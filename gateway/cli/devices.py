"""`kotahub devices`: which sensors the hub knows."""

# ruff: noqa: PLC0415 - commands import when they run, so that `kotahub --help` is quick

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.credentials import credentials
from gateway.cli.device_sheet import export_devices, import_devices
from gateway.cli.logins import delete_login
from gateway.cli.operator import operator_name
from gateway.cli.output import print_item, print_items

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from devices.device import Device
    from devices.registry import Change, Registry
    from gateway.settings import Settings

app = typer.Typer(
    help="""Sensors: add, look at, change and retire them, one or many.

    A device has an id (its MQTT user and topic: sensors/ID/up), a kind (what
    it measures: see kotahub kinds) and, for a product with its own payload, a
    model. Its area is found from its position. Everything else about it is an
    attribute of your own choice; a gauge that looks down needs mount_height_m,
    its height above the gauge's zero in metres.
    """,
    no_args_is_help=True,
)
app.command("import")(import_devices)
app.command("export")(export_devices)
app.command("credentials")(credentials)

AsJson = Annotated[bool, typer.Option("--json", help="For programs, times in UTC")]
DeviceId = Annotated[str, typer.Argument(metavar="ID", help="Id of the device")]


@app.command()
def add(
    *,
    device_id: Annotated[
        str, typer.Argument(metavar="ID", help="2 to 64 letters, digits, _ and -")
    ],
    kind: Annotated[str, typer.Option(help="What it measures: air, flood, traffic, weather, …")],
    model: Annotated[
        str, typer.Option(help="Its product; left out, it sends the hub's own payload")
    ] = "",
    name: Annotated[str, typer.Option(help="What people call the place")] = "",
    latitude: Annotated[
        str, typer.Option("--lat", "--latitude", help="Degrees north, e.g. 3.5952")
    ] = "",
    longitude: Annotated[
        str, typer.Option("--lon", "--longitude", help="Degrees east, e.g. 98.6722")
    ] = "",
    address: Annotated[
        str, typer.Option(help="What its network calls it (a DevEUI), where that is not the id")
    ] = "",
    attribute: Annotated[
        list[str] | None,
        typer.Option(help="NAME=VALUE, e.g. mount_height_m=6.2; may be given more than once"),
    ] = None,
    installed_by: Annotated[str, typer.Option(help="Who installed it")] = "",
    installed_at: Annotated[str, typer.Option(help="When, e.g. 2026-03-01")] = "",
    as_json: AsJson = False,
) -> None:
    """Register a device. Messages that it sent before come back by themselves.

    Example: kotahub devices add flood-deli-01 --kind flood --lat 3.5935
    --lon 98.6725 --attribute mount_height_m=6.2
    """
    from devices.device import Device

    cells = {
        "kind": kind,
        "model": model,
        "name": name,
        "latitude": latitude,
        "longitude": longitude,
        "address": address,
        "installed_by": installed_by,
        "installed_at": installed_at,
        **_assignments(attribute or [], only_attributes=True),
    }
    with _registry() as (settings, registry):
        device = _changed(settings, Device(id=device_id, kind=kind), cells)
        _print(registry.add(device, by=operator_name()), settings, as_json=as_json)


@app.command()
def show(*, device_id: DeviceId, as_json: AsJson = False) -> None:
    """Show a device: what it is, where it stands, who changed it last."""
    with _registry() as (settings, registry):
        device = registry.device(device_id)
        last = registry.history(device_id, limit=1)[0]
    _print(device, settings, as_json=as_json, last=last)


@app.command("list")
def list_devices(
    *,
    kind: Annotated[str | None, typer.Option(help="Only this kind")] = None,
    area: Annotated[str | None, typer.Option(help="Only this area, by its code")] = None,
    status: Annotated[
        str | None, typer.Option(help="Only these: active, maintenance or retired")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Devices to show, at most")] = 100,
    cursor: Annotated[str | None, typer.Option(help="Where the page before ended")] = None,
    as_json: AsJson = False,
) -> None:
    """List devices by id."""
    from pydantic import TypeAdapter

    from gateway.cursor import read_cursor, write_cursor

    after = None if cursor is None else read_cursor(cursor, TypeAdapter(str))
    with _registry() as (_, registry):
        found = registry.devices(kind=kind, area=area, status=status, after=after, limit=limit + 1)
        names = {known.code: known.name for known in registry.areas()}
    page = found[:limit]
    following = write_cursor(page[-1].id) if len(found) > limit else None
    if as_json:
        print_items([device.describe() for device in page], as_json=True, cursor=following)
        return
    rows = [
        {
            "id": device.id,
            "kind": device.kind,
            "model": device.model,
            "name": device.name,
            "area": None if device.area is None else f"{device.area} {names[device.area]}",
            "status": device.status,
        }
        for device in page
    ]
    print_items(rows, as_json=False, cursor=following)


@app.command("set")
def set_fields(
    *,
    device_id: DeviceId,
    assignments: Annotated[
        list[str],
        typer.Argument(
            metavar="FIELD=VALUE…",
            help="kind, model, name, latitude, longitude, address, status, installed_by, "
            "installed_at; any other name is an attribute; nothing after = removes the value",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Change a device.

    Example: kotahub devices set flood-deli-01 status=maintenance mount_height_m=6.4
    """
    with _registry() as (settings, registry):
        device = _changed(settings, registry.device(device_id), _assignments(assignments))
        _print(registry.update(device, by=operator_name()), settings, as_json=as_json)


@app.command()
def retire(*, device_id: DeviceId, as_json: AsJson = False) -> None:
    """Take a device out of service and its login off the broker.

    Its readings stay; what it still sends is quarantined. Bring it back with
    kotahub devices set ID status=active, then kotahub devices credentials ID
    """
    import asyncio

    with _registry() as (settings, registry):
        device = registry.retire(device_id, by=operator_name())
    asyncio.run(delete_login(settings, device_id))
    _print(device, settings, as_json=as_json)


@app.command()
def history(
    *,
    device_id: DeviceId,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Changes to show, at most")] = 100,
    cursor: Annotated[str | None, typer.Option(help="Where the page before ended")] = None,
    as_json: AsJson = False,
) -> None:
    """Show who changed a device, when and what, newest first."""
    from pydantic import TypeAdapter

    from gateway.cursor import read_cursor, write_cursor

    before = None if cursor is None else read_cursor(cursor, TypeAdapter(int))
    with _registry() as (settings, registry):
        registry.device(device_id)
        found = registry.history(device_id, before=before, limit=limit + 1)
    page = found[:limit]
    following = write_cursor(page[-1].id) if len(found) > limit else None
    if as_json:
        items = [
            {
                "at": change.at.isoformat(),
                "who": change.who,
                "what": change.what,
                "before": change.before,
                "after": change.after,
            }
            for change in page
        ]
        print_items(items, as_json=True, cursor=following)
        return
    rows = [
        {
            "at": _local(change.at, settings),
            "who": change.who,
            "what": change.what,
            "changes": _summary(change.before or {}, change.after),
        }
        for change in page
    ]
    print_items(rows, as_json=False, cursor=following)


@contextmanager
def _registry() -> Iterator[tuple["Settings", "Registry"]]:
    """The settings and their registry, with the areas of the city that the settings name."""
    from gateway.registry import open_registry
    from gateway.settings import Settings

    settings = Settings()
    with closing(open_registry(settings)) as registry:
        yield settings, registry


def _assignments(texts: list[str], *, only_attributes: bool = False) -> dict[str, str]:
    from devices.sheet import COLUMNS
    from gateway.errors import InvalidParameterError

    cells = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise InvalidParameterError(text, "write NAME=VALUE")
        if name == "id" or (only_attributes and name in COLUMNS):
            raise InvalidParameterError(name, "cannot be set here; see --help")
        cells[name] = value
    return cells


def _changed(settings: "Settings", device: "Device", cells: dict[str, str]) -> "Device":
    """The device with these texts in place, held against the kinds and models that exist."""
    from devices.errors import InvalidDeviceError
    from devices.fault import find_faults, tidy
    from devices.kind import load_kinds
    from devices.model import load_models
    from devices.sheet import read_cells

    kinds = load_kinds(settings.data_dir)
    models = {model.id: model.kind for model in load_models(settings.data_dir, kinds).values()}
    fields, attributes, faults = read_cells(cells, settings.zone)
    wanted = tidy(replace(device, **fields, attributes={**device.attributes, **attributes}))
    faults = faults or find_faults(wanted, kinds=kinds, models=models)
    if faults:
        raise InvalidDeviceError(device.id, [f"{fault.field} {fault.problem}" for fault in faults])
    return wanted


def _print(
    device: "Device", settings: "Settings", *, as_json: bool, last: "Change | None" = None
) -> None:
    item = device.describe()
    if last is not None:
        item |= {"updated_at": last.at.isoformat(), "updated_by": last.who}
    if not as_json:
        item["attributes"] = _pairs(device.attributes) or None
        item["installed_by"] = device.installed_by or None
        item["installed_at"] = device.installed_at and _local(device.installed_at, settings)
        if last is not None:
            item["updated_at"] = _local(last.at, settings)
    print_item(item, as_json=as_json)


def _local(moment: "datetime", settings: "Settings") -> str:
    return moment.astimezone(settings.zone).strftime("%Y-%m-%d %H:%M:%S %Z")


def _pairs(attributes: "Mapping[str, str]") -> str:
    return ", ".join(f"{name}={value}" for name, value in attributes.items())


def _summary(before: dict[str, Any], after: dict[str, Any]) -> str:
    """A line for every field that is another now; of a new device, every field with a value."""
    lines = []
    for name, value in after.items():
        old, new = (
            _pairs(side) if isinstance(side, dict) else side or ""
            for side in (before.get(name), value)
        )
        if old != new:
            lines.append(f"{name}: {old} → {new}" if before else f"{name}: {new}")
    return "\n".join(lines)
