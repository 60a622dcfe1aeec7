"""Plans: what importing a sheet would do to the registry, before anything is done."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from devices.device import Device
from devices.fault import find_faults, tidy
from devices.sheet import Row, Sheet, SheetFault

POSITION: Final = frozenset({"latitude", "longitude"})
"""One half of a position says nothing while the other cannot be read."""


@dataclass(slots=True)
class Plan:
    """Devices to add, to change and to leave alone, and every fault that stands in the way."""

    added: list[Device] = field(default_factory=list)
    changed: list[Device] = field(default_factory=list)
    unchanged: list[Device] = field(default_factory=list)
    faults: list[SheetFault] = field(default_factory=list)


def make_plan(
    sheet: Sheet,
    registered: Mapping[str, Device],
    *,
    kinds: Collection[str],
    models: Mapping[str, str],
    update: bool,
    progress: Callable[[int], None] = lambda _rows: None,
) -> Plan:
    """Holds a sheet against what is registered.

    Args:
        sheet: as read.
        registered: all registered devices, by id.
        kinds: the kinds that exist.
        models: the kind of every model that exists.
        update: whether rows may change registered devices.
        progress: is told how many rows were looked at since it was last told.
    """
    plan = Plan(faults=list(sheet.faults))
    lines: dict[str, int] = {}
    wanted: list[tuple[Row, Device]] = []
    for row in sheet.rows:
        progress(1)
        if row.id in lines:
            problem = f"'{row.id}' stands already on line {lines[row.id]}: remove one of the rows"
            plan.faults.append(SheetFault(row.line, "id", problem))
            continue
        lines[row.id] = row.line
        old = registered.get(row.id)
        device = tidy(row.onto(old))
        wanted.append((row, device))
        faults = [
            SheetFault(row.line, fault.field, fault.problem)
            for fault in find_faults(device, kinds=kinds, models=models)
            if fault.field not in POSITION or not row.unread & POSITION
        ]
        if old is None:
            plan.added.append(device)
        elif device == old:
            plan.unchanged.append(old)
        else:
            plan.changed.append(device)
            if not update and not row.unread and not faults:
                faults = _differences(row, old, device)
        plan.faults += faults
    plan.faults += _shared_addresses(wanted, registered)
    plan.faults.sort()
    return plan


def _differences(row: Row, old: Device, new: Device) -> list[SheetFault]:
    before = {**old.describe(), **old.attributes}
    after = {**new.describe(), **new.attributes}
    return [
        SheetFault(
            row.line,
            name,
            f"'{_shown(after.get(name))}' is registered as '{_shown(before.get(name))}': "
            f"correct the cell, or pass --update to change the device",
        )
        for name in dict.fromkeys([*row.fields, *row.attributes])
        if before.get(name) != after.get(name)
    ]


def _shown(value: object) -> str:
    return "" if value is None else str(value)


def _shared_addresses(
    wanted: list[tuple[Row, Device]], registered: Mapping[str, Device]
) -> list[SheetFault]:
    mine = {device.id for _, device in wanted}
    holders = {
        name: device.id
        for device in registered.values()
        if device.id not in mine
        for name in device.names
    }
    faults = []
    for row, device in wanted:
        own, *others = device.names
        for column, given, names in (("id", own, [own]), ("address", device.address, others)):
            found = {holders.setdefault(name, device.id) for name in names} - {device.id}
            if found:
                problem = f"'{given}' stands for device '{min(found)}' already"
                faults.append(SheetFault(row.line, column, f"{problem}: a message must find one"))
    return faults
