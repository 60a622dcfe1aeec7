"""The registry's contract, on SQLite and on PostgreSQL."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import text

from devices.area import Area, Position
from devices.device import Device
from devices.errors import (
    AddressTakenError,
    DeviceChangedError,
    DeviceExistsError,
    HubError,
    InvalidDeviceError,
    UnknownDeviceError,
    UnknownKeyError,
    UnknownScopeError,
)
from devices.registry import Registry


def square(code: str, south: float, west: float) -> Area:
    corners: tuple[Position, ...] = (
        (west, south),
        (west + 1, south),
        (west + 1, south + 1),
        (west, south + 1),
        (west, south),
    )
    return Area(code, f"Square {code}", ((corners,),))


NORTH = square("n", 3, 98)
SOUTH = square("s", 2, 98)

GAUGE = Device(
    id="flood-deli-01",
    kind="flood",
    model="gauge-x",
    name="Deli, Jalan Guru",
    latitude=3.5,
    longitude=98.5,
    address="70B3D57ED0001234",
    attributes={"mount_height_m": "6.2", "jembatan": "“Titi” é 橋"},
    installed_by="Dinas SDABMBK",
    installed_at=datetime(2026, 3, 1, 9, tzinfo=timezone(timedelta(hours=7))),
)


def test_a_new_registry_is_empty(registry: Registry) -> None:
    assert registry.revision() == 0
    assert registry.devices() == []
    assert registry.areas() == []
    assert registry.keys() == []


def test_a_device_comes_back_as_it_was_added(registry: Registry) -> None:
    registry.set_areas([NORTH, SOUTH])
    added = registry.add(GAUGE, by="ani")
    assert added == replace(GAUGE, area="n")
    assert registry.device(GAUGE.id) == added
    assert registry.devices() == [added]
    assert added.revision == registry.device(GAUGE.id).revision == registry.revision()
    moment = registry.device(GAUGE.id).installed_at
    assert moment is not None
    assert moment.tzinfo is UTC


def test_a_device_needs_only_an_id_and_a_kind(registry: Registry) -> None:
    bare = Device(id="x1", kind="air")
    assert registry.add(bare, by="ani") == bare
    assert registry.device("x1") == bare


def test_spaces_and_empty_values_are_not_kept(registry: Registry) -> None:
    untidy = Device(
        id="x1",
        kind="air",
        model=" ",
        name=" A\r\nB ",
        address="",
        attributes={" a ": " 1 ", "b": ""},
    )
    tidy = Device(id="x1", kind="air", name="A\nB", attributes={"a": "1"})
    assert registry.add(untidy, by="ani") == tidy
    assert registry.device("x1") == tidy


def test_the_area_follows_the_position(registry: Registry) -> None:
    registry.set_areas([NORTH, SOUTH])
    device = registry.add(replace(GAUGE, area="s"), by="ani")
    assert device.area == "n"
    device = registry.update(replace(device, latitude=2.5), by="ani")
    assert device.area == "s"
    device = registry.update(replace(device, latitude=9.0), by="ani")
    assert device.area is None
    device = registry.update(replace(device, latitude=None, longitude=None), by="ani")
    assert registry.device(GAUGE.id).area is None


def test_the_area_follows_the_areas(registry: Registry) -> None:
    registry.set_areas([NORTH])
    registry.add_many(
        [
            Device("a1", "air", latitude=3.5, longitude=98.5),
            Device("b1", "air", latitude=2.5, longitude=98.5),
        ],
        by="ani",
    )
    before = registry.revision()
    moved = replace(square("n", 2, 98), name="Moved")
    registry.set_areas([square("w", 8, 8), moved])
    assert registry.areas() == [moved, square("w", 8, 8)]
    assert [device.area for device in registry.devices()] == [None, "n"]
    assert [device.id for device in registry.changes_since(before)] == ["a1", "b1"]
    registry.set_areas([])
    assert registry.areas() == []
    assert [device.area for device in registry.devices()] == [None, None]


def test_only_devices_whose_area_changes_change_with_the_areas(registry: Registry) -> None:
    registry.set_areas([NORTH])
    registry.add(GAUGE, by="ani")
    before = registry.revision()
    registry.set_areas([NORTH, SOUTH])
    assert registry.revision() == before + 1
    assert registry.changes_since(before) == []
    assert registry.device(GAUGE.id).area == "n"


def test_the_same_areas_are_no_change(registry: Registry) -> None:
    registry.set_areas([NORTH, SOUTH])
    before = registry.revision()
    registry.set_areas([SOUTH, NORTH])
    assert registry.revision() == before


def test_devices_are_chosen_and_come_in_pages_by_id(registry: Registry) -> None:
    registry.set_areas([NORTH, SOUTH])
    ids = ["Zz", "a-1", "a1", "a_1", "b1", "B1", "09"]
    registry.add_many(
        [
            Device(
                device_id,
                "air" if number % 2 else "flood",
                latitude=3.5 if number < 4 else 2.5,
                longitude=98.5,
                status="maintenance" if number == 6 else "active",
            )
            for number, device_id in enumerate(ids)
        ],
        by="ani",
    )
    whole = [device.id for device in registry.devices()]
    assert whole == sorted(ids)
    assert [device.id for device in registry.devices(kind="air")] == ["B1", "a-1", "a_1"]
    assert [device.id for device in registry.devices(area="s")] == ["09", "B1", "b1"]
    assert [device.id for device in registry.devices(status="maintenance")] == ["09"]
    assert registry.devices(kind="flood", status="retired") == []
    paged: list[str] = []
    while page := registry.devices(after=paged[-1] if paged else None, limit=2):
        assert len(page) <= 2
        paged += [device.id for device in page]
    assert paged == whole


def test_every_change_bumps_the_revision_and_a_reader_finds_what_changed(
    registry: Registry,
) -> None:
    registry.set_areas([NORTH])
    registry.add_many([Device("a1", "air"), Device("b1", "air")], by="ani")
    seen = registry.revision()
    assert registry.changes_since(seen) == []
    changed = registry.update(Device("a1", "air", name="Now named"), by="budi")
    assert registry.revision() == seen + 1
    assert registry.changes_since(seen) == [changed]
    retired = registry.retire("b1", by="budi")
    assert retired.status == "retired"
    assert registry.changes_since(seen) == [changed, retired]
    assert registry.changes_since(seen + 1) == [retired]
    key = registry.create_key("k", ["read"])
    assert registry.revision() == seen + 3
    registry.revoke_key(key.split("_")[1])
    assert registry.revision() == seen + 4


def test_a_change_that_changes_nothing_is_none(registry: Registry) -> None:
    added = registry.add(GAUGE, by="ani")
    before = registry.revision()
    assert registry.update(added, by="budi") == added
    assert registry.retire(registry.retire(GAUGE.id, by="budi").id, by="budi").status == "retired"
    assert registry.revision() == before + 1
    assert [change.what for change in registry.history(GAUGE.id)] == ["device.retire", "device.add"]


def test_the_audit_says_who_did_what(registry: Registry) -> None:
    started = datetime.now(UTC)
    added = registry.add(Device("a1", "air"), by="ani")
    changed = registry.update(replace(added, name="Named"), by="budi")
    registry.retire("a1", by="citra")
    history = registry.history("a1")
    assert [(change.who, change.what) for change in history] == [
        ("citra", "device.retire"),
        ("budi", "device.change"),
        ("ani", "device.add"),
    ]
    assert history[2].before is None
    assert history[2].after == history[1].before == added.describe()
    assert history[1].after == changed.describe()
    assert all(started <= change.at <= datetime.now(UTC) for change in history)
    assert registry.history("a1", limit=1) == history[:1]
    assert registry.history("a1", before=history[0].id) == history[1:]
    assert registry.history("b1") == []


@pytest.mark.parametrize(
    ("device", "problem"),
    [
        (Device("x", "air"), "id 'x' cannot be an id"),
        (Device("a1", "air", latitude=91, longitude=0), "latitude 91 is outside"),
        (Device("a1", "air", latitude=float("nan"), longitude=0), "latitude nan is outside"),
        (Device("a1", "air", latitude=1), "longitude is missing"),
        (Device("a1", "air", status="gone"), "status 'gone' is no status"),  # type: ignore[arg-type]
        (Device("a1", "air", name="a\x00b"), "name holds a character"),
    ],
)
def test_what_cannot_be_a_device_is_refused(
    registry: Registry, device: Device, problem: str
) -> None:
    with pytest.raises(InvalidDeviceError) as caught:
        registry.add(device, by="ani")
    assert problem in str(caught.value)
    assert registry.revision() == 0


def test_many_are_added_all_or_none(registry: Registry) -> None:
    registry.add(Device("a1", "air"), by="ani")
    with pytest.raises(DeviceExistsError, match=r"a1.*kotahub devices set"):
        registry.add_many([Device("b1", "air"), Device("a1", "air")], by="ani")
    with pytest.raises(DeviceExistsError, match="c1"):
        registry.add_many([Device("c1", "air"), Device("c1", "air")], by="ani")
    with pytest.raises(InvalidDeviceError):
        registry.add_many([Device("b1", "air"), Device("?", "air")], by="ani")
    assert [device.id for device in registry.devices()] == ["a1"]
    assert registry.revision() == 1


def test_many_are_saved_in_one_revision(registry: Registry) -> None:
    registry.add_many([Device(f"d{n:04}", "air") for n in range(1200)], by="ani")
    told: list[int] = []
    saved = registry.save(
        added=[Device(f"e{n:04}", "air") for n in range(700)],
        changed=[Device(f"d{n:04}", "air", name="x") for n in range(600)],
        by="ani",
        progress=told.append,
    )
    assert sum(told) == 1300
    assert registry.revision() == 2
    assert {device.revision for device in saved} == {2}
    assert registry.changes_since(1) == sorted(saved, key=lambda device: device.id)
    assert len(registry.devices()) == 1900


def test_an_unknown_device_is_named(registry: Registry) -> None:
    told = "kotahub devices add a1"
    with pytest.raises(UnknownDeviceError, match=told):
        registry.device("a1")
    with pytest.raises(UnknownDeviceError, match=told):
        registry.update(Device("a1", "air"), by="ani")
    with pytest.raises(UnknownDeviceError, match=told):
        registry.retire("a1", by="ani")


def test_a_change_made_on_an_old_reading_is_refused(registry: Registry) -> None:
    read = registry.add(Device("a1", "air"), by="ani")
    registry.update(replace(read, name="Budi's"), by="budi")
    with pytest.raises(DeviceChangedError, match="kotahub devices show a1"):
        registry.update(replace(read, name="Ani's"), by="ani")
    assert registry.device("a1").name == "Budi's"


@pytest.mark.parametrize(
    "newcomer",
    [
        Device("b1", "air", address="net-a"),
        Device("b1", "air", address="a1"),
        Device("net-a", "air"),
        Device("b1", "air", address="NET-a"),
    ],
    ids=["another's address", "another's id", "id is another's address", "in capitals"],
)
def test_a_name_means_one_device(registry: Registry, newcomer: Device) -> None:
    registry.add(Device("a1", "air", address="net-a"), by="ani")
    with pytest.raises(AddressTakenError, match="'a1'"):
        registry.add(newcomer, by="ani")
    with pytest.raises(AddressTakenError):
        registry.add_many(
            [Device("c1", "air", address="z9"), Device("d1", "air", address="z9")], by="ani"
        )


def test_addresses_may_be_exchanged_and_freed(registry: Registry) -> None:
    one, two = registry.save(
        added=[Device("a1", "air", address="n1"), Device("b1", "air", address="n2")], by="ani"
    )
    registry.save(changed=[replace(one, address="n2"), replace(two, address="n1")], by="ani")
    assert [device.address for device in registry.devices()] == ["n2", "n1"]
    registry.update(Device("a1", "air"), by="ani")
    assert registry.add(Device("c1", "air", address="n2"), by="ani").address == "n2"
    assert registry.update(Device("b1", "air", address="b1"), by="ani").address == "b1"


def test_a_key_opens_until_it_is_revoked(registry: Registry) -> None:
    key = registry.create_key("dashboard", ["write", "read", "read"])
    other = registry.create_key("", ["admin"])
    assert registry.key_scopes(key) == frozenset({"read", "write"})
    assert registry.key_scopes(other) == frozenset({"admin"})
    shown, _ = registry.keys()
    assert (shown.name, shown.scopes, shown.revoked_at) == ("dashboard", ("read", "write"), None)
    assert key.startswith(f"kh_{shown.id}_")
    registry.revoke_key(shown.id)
    assert registry.key_scopes(key) is None
    assert registry.key_scopes(other) == frozenset({"admin"})
    assert registry.keys()[0].revoked_at is not None
    with pytest.raises(UnknownKeyError, match="kotahub keys list"):
        registry.revoke_key(shown.id)


@pytest.mark.parametrize("key", ["", "kh_", "kh_000000000000_x", "é", "' OR 1=1 --"])
def test_a_key_that_nobody_made_opens_nothing(registry: Registry, key: str) -> None:
    registry.create_key("k", ["read"])
    assert registry.key_scopes(key) is None


def test_a_key_needs_scopes_that_exist(registry: Registry) -> None:
    with pytest.raises(UnknownScopeError, match="read, write, admin"):
        registry.create_key("k", [])
    with pytest.raises(UnknownScopeError, match="root"):
        registry.create_key("k", ["read", "root"])
    assert registry.keys() == []


def test_the_key_itself_is_nowhere_in_the_database(registry: Registry) -> None:
    key = registry.create_key("k", ["read"])
    secret = key.split("_", 2)[2]
    with registry._database.read() as connection:
        rows = [*connection.execute(text("SELECT * FROM api_keys")).all()]
        rows += connection.execute(text("SELECT * FROM audit")).all()
    assert len(rows) == 2
    assert secret not in str(rows)


def test_what_was_written_is_there_after_reopening(database_url: str) -> None:
    first = Registry.open(database_url)
    first.set_areas([NORTH])
    added = first.add(GAUGE, by="ani")
    first.close()
    second = Registry.open(database_url)
    assert (second.devices(), second.areas(), second.revision()) == ([added], [NORTH], 2)
    second.close()


def test_writers_at_once_lose_no_revision(database_url: str) -> None:
    """Each of two connections changes its own devices; every change has its own revision."""
    registries = [Registry.open(database_url) for _ in range(2)]
    start = threading.Barrier(2)

    def write(number: int) -> list[int]:
        start.wait()
        return [
            registries[number].add(Device(f"w{number}-{step}", "air"), by="ani").revision
            for step in range(20)
        ]

    with ThreadPoolExecutor(2) as pool:
        revisions = [revision for part in pool.map(write, range(2)) for revision in part]
    assert sorted(revisions) == list(range(1, 41))
    assert registries[0].revision() == registries[1].revision() == 40
    for registry in registries:
        registry.close()


def test_two_who_add_the_same_device_at_once_are_told_apart(database_url: str) -> None:
    registries = [Registry.open(database_url) for _ in range(2)]
    start = threading.Barrier(2)

    def add(number: int) -> list[str]:
        start.wait()
        outcomes = []
        for step in range(10):
            try:
                registries[number].add(Device(f"same-{step}", "air"), by="ani")
            except HubError as error:
                outcomes.append(type(error).__name__)
            else:
                outcomes.append("added")
        return outcomes

    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(add, range(2))
    assert [set(pair) for pair in zip(one, two, strict=True)] == [
        {"added", "DeviceExistsError"}
    ] * 10
    for registry in registries:
        registry.close()


def test_a_reader_who_polls_misses_nothing_while_others_write(database_url: str) -> None:
    """The worker's loop: keep the revision, then take the changes since the one before."""
    writer, reader = Registry.open(database_url), Registry.open(database_url)
    finished = threading.Event()

    def write() -> None:
        for step in range(30):
            writer.add(Device(f"d{step:02}", "air"), by="ani")
        finished.set()

    known: set[str] = set()
    seen = 0
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        last = False
        while not last:
            last = finished.is_set() or writing.done()
            revision = reader.revision()
            known.update(device.id for device in reader.changes_since(seen))
            seen = revision
        writing.result()
    assert known == {f"d{step:02}" for step in range(30)}
    for registry in (writer, reader):
        registry.close()
