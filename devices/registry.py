"""The registry: which devices the hub knows, where they stand, and who may ask.

Promises:
1. Every change bumps the revision in its own transaction; a revision that a reader has seen never
   gains changes later. So a worker that polls `revision` and then `changes_since` misses nothing.
2. A change of many devices is all or nothing.
3. Every change leaves a line in the audit: who, what, when, before and after.
4. An address names one device, and is no other device's id.

Synchronous and safe to share between threads; async callers use `asyncio.to_thread`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

from sqlalchemy import insert, select, update

from devices.api_key import ApiKey, check_scopes, hash_key, make_key
from devices.area import Area, area_at
from devices.database import Database
from devices.device import Device
from devices.errors import (
    DeviceChangedError,
    DeviceExistsError,
    InvalidDeviceError,
    UnknownDeviceError,
    UnknownKeyError,
)
from devices.fault import find_faults, tidy
from devices.rows import (
    Entry,
    check_addresses,
    find_devices,
    hold_revision,
    note,
    read_areas,
    remove_areas,
    write_areas,
    write_devices,
    write_revision,
)
from devices.tables import API_KEYS, AUDIT, DEVICES, REVISION


@dataclass(frozen=True, slots=True)
class Change:
    """A line of the audit. `before` is None for something new."""

    id: int
    at: datetime
    who: str
    what: str
    before: dict[str, Any] | None
    after: dict[str, Any]


class Registry:
    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, url: str) -> Self:
        """Opens the registry, made or migrated to the newest schema where needed.

        Args:
            url: `sqlite:///FILE` (its folder is made) or `postgresql://USER:PASSWORD@HOST/NAME`.

        Raises:
            RegistryUnavailableError: the database does not answer, or its schema is newer.
        """
        return cls(Database.open(url))

    def close(self) -> None:
        self._database.close()

    def revision(self) -> int:
        """Grows with every change of anything in the registry."""
        with self._database.read() as connection:
            number: int = connection.scalars(select(REVISION.c.number)).one()
            return number

    def devices(
        self,
        *,
        kind: str | None = None,
        area: str | None = None,
        status: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> list[Device]:
        """Devices by id (in the order of its bytes), those after the id `after`."""
        query = select(DEVICES).order_by(DEVICES.c.id).limit(limit)
        for column, wanted in (
            (DEVICES.c.kind, kind),
            (DEVICES.c.area, area),
            (DEVICES.c.status, status),
        ):
            if wanted is not None:
                query = query.where(column == wanted)
        if after is not None:
            query = query.where(DEVICES.c.id > after)
        with self._database.read() as connection:
            return [Device(*row) for row in connection.execute(query)]

    def changes_since(self, revision: int) -> list[Device]:
        """Devices that were added or changed after that revision, by id; retired ones too.

        Ask for `revision()` first and keep that number: then a change in between comes twice
        rather than never.
        """
        query = select(DEVICES).where(DEVICES.c.revision > revision).order_by(DEVICES.c.id)
        with self._database.read() as connection:
            return [Device(*row) for row in connection.execute(query)]

    def device(self, device_id: str) -> Device:
        """One device, retired or not.

        Raises:
            UnknownDeviceError: no such device was ever registered.
        """
        with self._database.read() as connection:
            found = find_devices(connection, [device_id])
        if not found:
            raise UnknownDeviceError(device_id)
        return found[device_id]

    def history(
        self, device_id: str, *, before: int | None = None, limit: int | None = None
    ) -> list[Change]:
        """What was done to a device, newest first, those before the change with the id `before`."""
        query = (
            select(*AUDIT.c["id", "at", "who", "what", "before", "after"])
            .where(AUDIT.c.subject == device_id, AUDIT.c.what.startswith("device."))
            .order_by(AUDIT.c.id.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(AUDIT.c.id < before)
        with self._database.read() as connection:
            return [Change(*row) for row in connection.execute(query)]

    def add(self, device: Device, *, by: str) -> Device:
        """Registers a device and returns it as it stands: tidy, with its area and revision.

        Raises:
            InvalidDeviceError: see `save`, as for the others.
            DeviceExistsError: the id is taken.
            AddressTakenError: the address is taken.
        """
        return self.save(added=[device], by=by)[0]

    def add_many(self, devices: Sequence[Device], *, by: str) -> None:
        """Registers devices, all or none; raises as `save`."""
        self.save(added=devices, by=by)

    def update(self, device: Device, *, by: str) -> Device:
        """Replaces what is known of a device and returns it as it stands; raises as `save`."""
        return self.save(changed=[device], by=by)[0]

    def retire(self, device_id: str, *, by: str) -> Device:
        """Takes a device out of service; its readings stay, its new messages are quarantined.

        Raises:
            UnknownDeviceError: no such device was ever registered.
        """
        return self.update(replace(self.device(device_id), status="retired"), by=by)

    def save(
        self,
        *,
        added: Sequence[Device] = (),
        changed: Sequence[Device] = (),
        by: str,
        progress: Callable[[int], None] = lambda _written: None,
    ) -> list[Device]:
        """Adds and changes devices in one transaction; returns them in that order.

        The area is found from the position, whatever the device says of it. A changed device that
        carries a revision must not have changed since; one that is the same is left alone. Where
        nothing changes, the revision stays.

        Args:
            added: new devices.
            changed: registered devices, as they shall be.
            by: who makes the change, for the audit.
            progress: is told how many devices were written since it was last told.

        Raises:
            InvalidDeviceError: an id, position, status or text cannot be.
            DeviceExistsError: an added device is registered already or comes twice.
            UnknownDeviceError: a changed device is not registered.
            DeviceChangedError: someone else changed it since it was read.
            AddressTakenError: an address or id names another device.
        """
        fresh = [_valid(device) for device in added]
        wanted = [_valid(device) for device in changed]
        with self._database.write() as connection:
            revision = hold_revision(connection) + 1
            before = find_devices(connection, [device.id for device in (*fresh, *wanted)])
            _check_new(fresh, before)
            _check_known(wanted, before)
            areas = read_areas(connection)
            fresh = [_place(device, areas, revision) for device in fresh]
            wanted = [_place(device, areas, revision) for device in wanted]
            different = [device for device in wanted if device != before[device.id]]
            if fresh or different:
                write_revision(connection, revision)
                check_addresses(connection, [*fresh, *different])
                write_devices(connection, fresh, different, progress)
                note(
                    connection,
                    by,
                    revision,
                    [_entry(before.get(device.id), device) for device in (*fresh, *different)],
                )
        standing = before | {device.id: device for device in different}
        return fresh + [standing[device.id] for device in wanted]

    def areas(self) -> list[Area]:
        """The city's areas, by code."""
        with self._database.read() as connection:
            return read_areas(connection)

    def set_areas(self, areas: Sequence[Area], *, by: str = "system") -> None:
        """Makes these the city's areas and finds every device's area anew.

        Where they are the areas already, nothing changes, the revision neither.
        """
        wanted = sorted(areas, key=lambda area: area.code)
        if self.areas() == wanted:
            return
        with self._database.write() as connection:
            revision = hold_revision(connection) + 1
            old = read_areas(connection)
            if old == wanted:
                return
            write_revision(connection, revision)
            devices = [Device(*row) for row in connection.execute(select(DEVICES))]
            moved = [
                placed
                for device in devices
                if (placed := _place(device, wanted, revision)) != device
            ]
            before = {device.id: device for device in devices}
            # Foreign keys: areas come before the devices in them, and go after them.
            write_areas(connection, wanted)
            write_devices(connection, [], moved, lambda _written: None)
            remove_areas(connection, keep=wanted)
            entry: Entry = (
                "areas.set",
                "areas",
                {area.code: area.name for area in old},
                {area.code: area.name for area in wanted},
            )
            note(
                connection,
                by,
                revision,
                [entry, *(_entry(before[device.id], device) for device in moved)],
            )

    def create_key(self, name: str, scopes: Sequence[str], *, by: str = "system") -> str:
        """Makes an API key and returns it, `kh_<id>_<secret>`; only its hash is kept.

        Raises:
            UnknownScopeError: no scope, or one that does not exist.
        """
        kept = check_scopes(scopes)
        key_id, key = make_key()
        with self._database.write() as connection:
            revision = hold_revision(connection) + 1
            write_revision(connection, revision)
            connection.execute(
                insert(API_KEYS),
                {
                    "id": key_id,
                    "name": name,
                    "scopes": kept,
                    "hash": hash_key(key),
                    "created_at": datetime.now(UTC),
                },
            )
            note(
                connection,
                by,
                revision,
                [("key.create", key_id, None, {"name": name, "scopes": kept})],
            )
        return key

    def key_scopes(self, key: str) -> frozenset[str] | None:
        """The scopes of a key; None where it is unknown or revoked."""
        query = select(API_KEYS.c.scopes).where(
            API_KEYS.c.hash == hash_key(key), API_KEYS.c.revoked_at.is_(None)
        )
        with self._database.read() as connection:
            scopes = connection.scalars(query).one_or_none()
        return None if scopes is None else frozenset(scopes)

    def keys(self) -> list[ApiKey]:
        """All keys that were ever made, oldest first."""
        query = select(*API_KEYS.c["id", "name", "scopes", "created_at", "revoked_at"]).order_by(
            API_KEYS.c.created_at, API_KEYS.c.id
        )
        with self._database.read() as connection:
            return [
                ApiKey(row.id, row.name, tuple(row.scopes), row.created_at, row.revoked_at)
                for row in connection.execute(query)
            ]

    def revoke_key(self, key_id: str, *, by: str = "system") -> None:
        """Takes a key out of force, for good.

        Raises:
            UnknownKeyError: there is no such key in force.
        """
        with self._database.write() as connection:
            revision = hold_revision(connection) + 1
            revoked = connection.execute(
                update(API_KEYS)
                .where(API_KEYS.c.id == key_id, API_KEYS.c.revoked_at.is_(None))
                .values(revoked_at=datetime.now(UTC))
            )
            if not revoked.rowcount:
                raise UnknownKeyError(key_id)
            write_revision(connection, revision)
            note(connection, by, revision, [("key.revoke", key_id, None, {})])


def _valid(device: Device) -> Device:
    device = tidy(device)
    faults = find_faults(device)
    if faults:
        raise InvalidDeviceError(device.id, [f"{fault.field} {fault.problem}" for fault in faults])
    return device


def _check_new(devices: Iterable[Device], registered: dict[str, Device]) -> None:
    seen: set[str] = set()
    taken = []
    for device in devices:
        if device.id in registered or device.id in seen:
            taken.append(device.id)
        seen.add(device.id)
    if taken:
        raise DeviceExistsError(taken)


def _check_known(devices: Iterable[Device], registered: dict[str, Device]) -> None:
    for device in devices:
        if device.id not in registered:
            raise UnknownDeviceError(device.id)
        if device.revision and device.revision != registered[device.id].revision:
            raise DeviceChangedError(device.id)


def _place(device: Device, areas: Iterable[Area], revision: int) -> Device:
    area = None
    if device.latitude is not None and device.longitude is not None:
        area = area_at(areas, device.latitude, device.longitude)
    return replace(device, area=area, revision=revision)


def _entry(old: Device | None, new: Device) -> Entry:
    if old is None:
        return "device.add", new.id, None, new.describe()
    retired = new.status == "retired" != old.status
    return "device.retire" if retired else "device.change", new.id, old.describe(), new.describe()
