from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from devices.device import Device
from devices.plan import Plan, make_plan
from devices.sheet import read_sheet

HEADING = "id,kind,model,name,latitude,longitude,address,road"

A1 = Device("a1", "air", name="Titi", latitude=3.5, longitude=98.5, attributes={"road": "A"})
B1 = Device("b1", "air", address="net-b")


def plan(*rows: str, update: bool = False) -> Plan:
    sheet = read_sheet("\n".join([HEADING, *rows]).encode(), ZoneInfo("Asia/Jakarta"))
    return make_plan(
        sheet,
        {device.id: device for device in (A1, B1)},
        kinds=["air", "flood"],
        models={"gauge-x": "flood"},
        update=update,
    )


def test_new_rows_are_added_and_known_ones_left_alone() -> None:
    made = plan("c1,flood,gauge-x,,,,,", "a1,air,,Titi,3.5,98.5,,A", "b1,air,,,,,net-b,")
    assert made == Plan(added=[Device("c1", "flood", model="gauge-x")], unchanged=[A1, B1])


def test_a_changed_row_is_a_fault_until_it_is_wanted() -> None:
    row = "a1,air,,Titi Papan,3.5,98.5,,B"
    assert [(fault.line, fault.column) for fault in plan(row).faults] == [(2, "name"), (2, "road")]
    told = plan(row).faults[0].problem
    assert "'Titi Papan' is registered as 'Titi'" in told
    assert "--update" in told
    made = plan(row, update=True)
    assert made == Plan(changed=[replace(A1, name="Titi Papan", attributes={"road": "B"})])


@pytest.mark.parametrize(
    ("rows", "line", "column", "words"),
    [
        (["c1,noise,,,,,,"], 2, "kind", "air, flood"),
        (["c1,air,gauge-x,,,,,"], 2, "model", "measures flood"),
        (["c1,air,,,98.5,3.5,,"], 2, "latitude", "look swapped"),
        (["c1,air,,,x,98.5,,"], 2, "latitude", "is no number"),
        (["c 1,air,,,,,,"], 2, "id", "cannot be an id"),
        (["c1,air,,,,,,", "d1,air,,,,,,", "c1,air,,,,,,"], 4, "id", "already on line 2"),
        (["c1,air,,,,,net-b,"], 2, "address", "'net-b' stands for device 'b1'"),
        (["c1,air,,,,,a1,"], 2, "address", "device 'a1'"),
        (["net-b,air,,,,,,"], 2, "id", "device 'b1'"),
        (["c1,air,,,,,n,", "d1,air,,,,,n,"], 3, "address", "device 'c1'"),
    ],
)
def test_a_fault_stands_in_the_way(rows: list[str], line: int, column: str, words: str) -> None:
    [fault] = plan(*rows).faults
    assert (fault.line, fault.column) == (line, column)
    assert words in fault.problem


def test_faults_of_all_rows_are_told_in_order() -> None:
    made = plan("c1,noise,,,x,1,,", "d1", "e1,noise,,,,,,", "a1,air,,Other,,,,", "c1,air,,,,,,")
    assert [(fault.line, fault.column) for fault in made.faults] == [
        (2, "kind"),
        (2, "latitude"),
        (3, "(row)"),
        (4, "kind"),
        (5, "latitude"),
        (5, "longitude"),
        (5, "name"),
        (5, "road"),
        (6, "id"),
    ]


def test_devices_of_one_sheet_may_exchange_addresses() -> None:
    made = plan("a1,air,,Titi,3.5,98.5,net-b,A", "b1,air,,,,,net-a,", update=True)
    assert made.faults == []
    assert [device.address for device in made.changed] == ["net-b", "net-a"]


def test_progress_is_told_row_by_row() -> None:
    told: list[int] = []
    sheet = read_sheet(f"{HEADING}\nc1,air,,,,,,\nc1,air,,,,,,\n".encode(), ZoneInfo("UTC"))
    make_plan(sheet, {}, kinds=["air"], models={}, update=False, progress=told.append)
    assert sum(told) == 2
