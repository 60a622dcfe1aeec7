"""Rows of the registry, inside a transaction that the caller has begun."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, update

from devices.area import Area
from devices.device import Device
from devices.errors import AddressTakenError
from devices.tables import AREAS, AUDIT, DEVICES, REVISION

CHUNK: Final = 500
"""Rows a statement; also between two reports of progress."""

Item = TypeVar("Item")

Entry = tuple[str, str, Any, Any]
"""What was done, to which subject, before, after."""


def _chunks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]


def hold_revision(connection: Connection) -> int:
    """The revision, held against other writers until the transaction ends."""
    number: int = connection.scalars(select(REVISION.c.number).with_for_update()).one()
    return number


def write_revision(connection: Connection, number: int) -> None:
    connection.execute(update(REVISION).values(number=number))


def find_devices(connection: Connection, device_ids: Sequence[str]) -> dict[str, Device]:
    """Those of the devices that are registered, by id."""
    return {
        row.id: Device(*row)
        for chunk in _chunks(device_ids)
        for row in connection.execute(select(DEVICES).where(DEVICES.c.id.in_(chunk)))
    }


def write_devices(
    connection: Connection,
    added: Sequence[Device],
    changed: Sequence[Device],
    progress: Callable[[int], None],
) -> None:
    for chunk in _chunks(added):
        connection.execute(insert(DEVICES), [_values(device) for device in chunk])
        progress(len(chunk))
    if not changed:
        return
    # Addresses are freed first, so that devices may exchange them.
    free = update(DEVICES).where(DEVICES.c.id == bindparam("key")).values(address=None)
    change = update(DEVICES).where(DEVICES.c.id == bindparam("key"))
    for chunk in _chunks(changed):
        connection.execute(free, [{"key": device.id} for device in chunk])
    for chunk in _chunks(changed):
        connection.execute(change, [{"key": device.id, **_values(device)} for device in chunk])
        progress(len(chunk))


def _values(device: Device) -> dict[str, Any]:
    return {column.name: getattr(device, column.name) for column in DEVICES.columns} | {
        "attributes": dict(device.attributes)
    }


def check_addresses(connection: Connection, devices: Sequence[Device]) -> None:
    """An id or address of these devices may stand for no other device.

    Raises:
        AddressTakenError: with the device that holds the address or has it as its id.
    """
    mine = {device.id for device in devices}
    names = sorted({name for device in devices for name in device.names})
    holders: dict[str, str] = {}
    for chunk in _chunks(names):
        query = select(DEVICES.c.id, DEVICES.c.address).where(
            or_(DEVICES.c.id.in_(chunk), func.lower(DEVICES.c.address).in_(chunk))
        )
        for device_id, address in connection.execute(query):
            holders[device_id] = device_id
            if device_id not in mine:
                holders |= dict.fromkeys(Device(device_id, "", address=address).names, device_id)
    for device in devices:
        for name in device.names:
            if holders.setdefault(name, device.id) != device.id:
                raise AddressTakenError(name, holders[name])


def read_areas(connection: Connection) -> list[Area]:
    return [
        Area(
            row.code,
            row.name,
            tuple(
                tuple(tuple((place[0], place[1]) for place in ring) for ring in polygon)
                for polygon in row.geometry
            ),
        )
        for row in connection.execute(select(AREAS).order_by(AREAS.c.code))
    ]


def write_areas(connection: Connection, areas: Sequence[Area]) -> None:
    """Writes areas over those of the same code."""
    known = set(connection.scalars(select(AREAS.c.code)))
    rows = [{"key": area.code, "name": area.name, "geometry": area.geometry} for area in areas]
    new = [row for row in rows if row["key"] not in known]
    old = [row for row in rows if row["key"] in known]
    if new:
        connection.execute(insert(AREAS).values(code=bindparam("key")), new)
    if old:
        connection.execute(update(AREAS).where(AREAS.c.code == bindparam("key")), old)


def remove_areas(connection: Connection, *, keep: Sequence[Area]) -> None:
    connection.execute(delete(AREAS).where(AREAS.c.code.not_in([area.code for area in keep])))


def note(connection: Connection, who: str, revision: int, entries: Sequence[Entry]) -> None:
    """Writes lines of the audit."""
    at = datetime.now(UTC)
    for chunk in _chunks(entries):
        connection.execute(
            insert(AUDIT),
            [
                {
                    "at": at,
                    "who": who,
                    "what": what,
                    "subject": subject,
                    "before": before,
                    "after": after,
                    "revision": revision,
                }
                for what, subject, before, after in chunk
            ],
        )
