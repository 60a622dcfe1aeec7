"""`kotahub devices import` and `export`: devices as a spreadsheet."""

# ruff: noqa: PLC0415 - commands import when they run, so that `kotahub --help` is quick

import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.logins import new_password_file
from gateway.cli.operator import operator_name
from gateway.cli.output import err, out, print_item, print_items

if TYPE_CHECKING:
    from rich.progress import Progress

    from devices.plan import Plan
    from devices.registry import Registry
    from gateway.cli.logins import PasswordFile
    from gateway.credentials import Credentials
    from gateway.settings import Settings


def import_devices(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", exists=True, dir_okay=False)],
    update: Annotated[
        bool, typer.Option("--update", help="Rows may change devices that are registered")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, import nothing")
    ] = False,
    credentials: Annotated[
        Path | None,
        typer.Option(
            metavar="NEW.csv",
            help="Give devices without a login one, and write the passwords to this new file",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False,
) -> None:
    """Register the devices of a spreadsheet, all of them or none.

    The heading has the columns id, kind, model, name, latitude, longitude; it
    may have address, status, installed_by and installed_at. Any other column
    is an attribute (mount_height_m, road, …). Cells may be blank, but for id
    and kind. Save it as CSV UTF-8; comma, semicolon or tab, and decimal point
    or comma are recognised.

    Every fault is reported with its line and column, and nothing is imported
    until all rows are right. Rows that say what is registered already change
    nothing, so a list can be imported again after it grew.
    """
    from devices.area import area_at
    from gateway.credentials import open_credentials
    from gateway.registry import open_registry
    from gateway.settings import Settings

    settings = Settings()
    logins = None if credentials is None else open_credentials(settings)
    with closing(open_registry(settings)) as registry, _progress(hidden=as_json) as progress:
        plan = _plan(file, settings, registry, progress, update=update)
        areas = registry.areas()
        made = 0
        if not plan.faults and not dry_run:
            with ExitStack() as undo:
                if credentials is not None and logins is not None:
                    # Logins first: without the broker nothing is imported, and the same command
                    # does all of it once the broker is back.
                    target = undo.enter_context(new_password_file(credentials))
                    made = _make_logins(logins, plan, target, progress)
                _save(registry, plan, progress)
    outside = [
        device.id
        for device in (*plan.added, *plan.changed)
        if not plan.faults and device.latitude is not None and device.longitude is not None
        if area_at(areas, device.latitude, device.longitude) is None
    ]
    _report(plan, logins=made, outside=outside, dry_run=dry_run, as_json=as_json)


def _plan(
    file: Path, settings: "Settings", registry: "Registry", progress: "Progress", *, update: bool
) -> "Plan":
    from devices.kind import load_kinds
    from devices.model import load_models
    from devices.plan import make_plan
    from devices.sheet import read_sheet

    kinds = load_kinds(settings.data_dir)
    models = {model.id: model.kind for model in load_models(settings.data_dir, kinds).values()}
    sheet = read_sheet(file.read_bytes(), settings.zone)
    task = progress.add_task("Checking", total=len(sheet.rows))
    return make_plan(
        sheet,
        {device.id: device for device in registry.devices()},
        kinds=kinds,
        models=models,
        update=update,
        progress=lambda rows: progress.advance(task, rows),
    )


def _make_logins(
    logins: "Credentials", plan: "Plan", target: "PasswordFile", progress: "Progress"
) -> int:
    """Logins of the sheet's devices that are in service and have none; returns how many."""
    import asyncio

    old = [device.id for device in (*plan.changed, *plan.unchanged) if device.status != "retired"]
    new = [device.id for device in plan.added if device.status != "retired"]

    async def make() -> int:
        held = await logins.exists(old) if old else frozenset()
        # A new device may have the login of an import that failed: nobody knows its password.
        wanted = new + [device_id for device_id in old if device_id not in held]
        task = progress.add_task("Logins", total=None)
        target.write(await logins.create(wanted))
        progress.update(task, total=len(wanted), completed=len(wanted))
        return len(wanted)

    return asyncio.run(make())


def _save(registry: "Registry", plan: "Plan", progress: "Progress") -> None:
    task = progress.add_task("Writing", total=len(plan.added) + len(plan.changed))
    registry.save(
        added=plan.added,
        changed=plan.changed,
        by=operator_name(),
        progress=lambda rows: progress.advance(task, rows),
    )


def _report(plan: "Plan", *, logins: int, outside: list[str], dry_run: bool, as_json: bool) -> None:
    result: dict[str, Any] = {
        "added": 0 if plan.faults else len(plan.added),
        "changed": 0 if plan.faults else len(plan.changed),
        "unchanged": len(plan.unchanged),
        "logins": logins,
        "dry_run": dry_run,
    }
    if as_json:
        faults = [fault._asdict() for fault in plan.faults]
        print_item(result | {"outside_areas": outside, "faults": faults}, as_json=True)
    elif plan.faults:
        print_items([fault._asdict() for fault in plan.faults], as_json=False)
        err.print(
            f"Nothing was imported: {len(plan.faults)} faults. "
            "Correct them and import the file again."
        )
    else:
        print_item(result, as_json=False)
        if outside:
            out.print(
                f"{len(outside)} devices stand in none of the city's areas, "
                f"{outside[0]} among them: check their positions."
            )
    if plan.faults:
        raise typer.Exit(1)


def export_devices(
    *,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE.csv", help="Left out, the sheet goes to standard output"),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print how many devices were written; needs FILE")
    ] = False,
) -> None:
    """Write all devices as a spreadsheet that imports again unchanged.

    Example: kotahub devices export list.csv, change list.csv,
    then kotahub devices import list.csv --update
    """
    from devices.sheet import write_sheet
    from gateway.cli.opened import opened_registry
    from gateway.errors import InvalidParameterError
    from gateway.settings import Settings

    if as_json and file is None:
        raise InvalidParameterError("FILE", "give one: with --json standard output is taken")
    with opened_registry(Settings()) as registry:
        devices = registry.devices()
    sheet = write_sheet(devices).encode()
    if file is None:
        sys.stdout.buffer.write(sheet)
        return
    file.write_bytes(sheet)
    print_item({"written": len(devices), "file": str(file)}, as_json=as_json)


@contextmanager
def _progress(*, hidden: bool) -> Iterator["Progress"]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=err,
        disable=hidden,
    ) as progress:
        yield progress
