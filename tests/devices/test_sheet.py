from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.device import DEVICE_ID, Device
from devices.fault import STATUSES, find_faults, tidy
from devices.sheet import REQUIRED, Sheet, SheetFault, read_sheet, write_sheet

MEDAN = ZoneInfo("Asia/Jakarta")

HEADING = ",".join(REQUIRED)


def read(text: str, encoding: str = "utf-8") -> Sheet:
    return read_sheet(text.encode(encoding), MEDAN)


def devices_of(sheet: Sheet) -> list[Device]:
    assert sheet.faults == []
    return [row.onto(None) for row in sheet.rows]


PLACE = Device("a1", "air", model="m-1", name="Titi", latitude=3.5952, longitude=98.6722)

plain = st.characters(exclude_categories=["Cs", "Cc"])
words = st.text(plain | st.sampled_from("\n\t,;\"'"), max_size=30)
names = st.text(plain.filter(lambda char: char != "="), min_size=1, max_size=12).filter(
    lambda name: name.strip().lower() not in {"", *Device.__slots__}
)
moments = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    timezones=st.sampled_from([UTC, MEDAN, timezone(timedelta(hours=-9.5))]),
)


@st.composite
def devices(draw: st.DrawFn) -> list[Device]:
    ids = draw(st.lists(st.from_regex(DEVICE_ID, fullmatch=True), max_size=5, unique=True))
    found = []
    for device_id in ids:
        placed = draw(st.booleans())
        device = tidy(
            Device(
                id=device_id,
                kind="air",
                model=draw(words),
                name=draw(words),
                latitude=draw(st.floats(-90, 90)) if placed else None,
                longitude=draw(st.floats(-180, 180)) if placed else None,
                status=draw(st.sampled_from(STATUSES)),
                address=draw(words),
                attributes=draw(st.dictionaries(names, words, max_size=3)),
                installed_by=draw(words),
                installed_at=draw(st.none() | moments),
            )
        )
        assert find_faults(device) == []
        found.append(device)
    return found


@given(devices())
def test_what_is_written_reads_as_the_same_devices(written: list[Device]) -> None:
    sheet = read(write_sheet(written))
    assert [tidy(device) for device in devices_of(sheet)] == written
    registered = {device.id: device for device in written}
    assert [tidy(row.onto(registered[row.id])) for row in sheet.rows] == written


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("separator", "decimal"), [(",", "."), (";", "."), (";", ","), ("\t", ","), ("\t", ".")]
)
def test_what_spreadsheets_write_is_read(
    encoding: str, end: str, separator: str, decimal: str
) -> None:
    rows = [
        [*REQUIRED, "mount_height_m", "lanes", "road"],
        [
            "a1",
            "air",
            "m-1",
            "Titi",
            f"3{decimal}5952",
            f"98{decimal}6722",
            f"6{decimal}2",
            "",
            "é",
        ],
        ["a2", "air", "", "", f"-3{decimal}5", "98", "7", "2", "10"],
    ]
    text = end.join(separator.join(row) for row in rows) + end
    first, second = devices_of(read(text, encoding))
    assert first == replace(PLACE, attributes={"mount_height_m": "6.2", "lanes": "", "road": "é"})
    assert (second.latitude, second.longitude) == (-3.5, 98.0)
    assert second.attributes == {"mount_height_m": "7", "lanes": "2", "road": "10"}


def test_commas_stay_where_decimals_have_points() -> None:
    text = HEADING.replace(",", ";") + ";lanes\na1;air;;;3.5;98.5;1,2\n"
    assert devices_of(read(text))[0].attributes == {"lanes": "1,2"}


def test_words_stay_where_decimals_have_commas() -> None:
    text = HEADING.replace(",", ";") + ";note\na1;air;;;3,5;98,5;1,2\na2;air;;;3,5;98,5;a,b\n"
    assert [device.attributes for device in devices_of(read(text))] == [
        {"note": "1,2"},
        {"note": "a,b"},
    ]


def test_quotes_hold_separators_and_lines() -> None:
    text = f'{HEADING},note\na1,air,,"Jl. A, ""B""",,,"one\ntwo"\n\n,,,,,,\na2,air,,,,,x\n'
    sheet = read(text)
    assert [row.line for row in sheet.rows] == [2, 6]
    first, _ = devices_of(sheet)
    assert (first.name, first.attributes) == ('Jl. A, "B"', {"note": "one\ntwo"})


def test_columns_stand_in_any_order_and_case() -> None:
    text = " Name ,LONGITUDE,Latitude,id,Kind,model\nTiti,98.6722,3.5952,a1,air,m-1\n"
    assert devices_of(read(text)) == [PLACE]


def test_optional_columns_are_read() -> None:
    text = (
        f"{HEADING},address,status,installed_by,installed_at\n"
        "a1,air,m-1,Titi,3.5952,98.6722,n1,maintenance,Budi,2026-03-01\n"
        "a2,air,,,,,,,,2026-03-01T09:00:00Z\n"
    )
    first, second = devices_of(read(text))
    assert first == replace(
        PLACE,
        address="n1",
        status="maintenance",
        installed_by="Budi",
        installed_at=datetime(2026, 3, 1, tzinfo=MEDAN),
    )
    assert second == Device("a2", "air", installed_at=datetime(2026, 3, 1, 9, tzinfo=UTC))


def test_a_column_that_is_not_there_says_nothing() -> None:
    known = replace(PLACE, status="maintenance", address="n1", attributes={"road": "A", "b": "1"})
    [row] = read(f"{HEADING},road\na1,air,m-1,New name,3.5952,98.6722,\n").rows
    assert tidy(row.onto(known)) == replace(known, name="New name", attributes={"b": "1"})


def test_columns_without_heading_may_be_blank() -> None:
    assert devices_of(read(f"{HEADING},,\na1,air,m-1,Titi,3.5952,98.6722,,\n"))[0].id == "a1"
    [fault] = read(f"{HEADING},\na1,air,,,,,stray\n").faults
    assert fault == SheetFault(
        2, "(row)", "has 'stray' in cell 7, which has no heading: give it one"
    )


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("id,kind,model,name,latitude\na1,air,,,\n", 1, "longitude", "add the column"),
        (f"\n\n{HEADING},id\n", 3, "id", "stands twice"),
        (f"{HEADING},road,road\n", 1, "road", "stands twice"),
        (f"{HEADING}\na1,air,,,3,5\na2,air,,,3,5,98,6\n", 3, "(row)", "8 cells"),
        (f"{HEADING}\na1,air\n", 2, "(row)", "has 2 cells where the heading has 6"),
        (f"{HEADING}\na1,air,,,north,98\n", 2, "latitude", "'north' is no number"),
        (f"{HEADING}\na1,air,,,3.5.1,98\n", 2, "latitude", "is no number"),
        (f"{HEADING}\na1,air,,,1_0,98\n", 2, "latitude", "is no number"),
        (f"{HEADING}\na1,air,,,nan,98\n", 2, "latitude", "is no number"),
        (f"{HEADING},installed_at\na1,air,,,,,01/03/2026\n", 2, "installed_at", "2026-03-01"),
        (f'{HEADING}\na1,air,,,,\na2,air,,"open,,\n', 3, "(row)", "check the quotes"),
        (f'{HEADING}\na1,air,,"a"b,,\n', 2, "(row)", "check the quotes"),
    ],
)
def test_a_fault_names_line_column_and_what_to_do(
    text: str, line: int, column: str, words: str
) -> None:
    [fault] = read(text).faults
    assert (fault.line, fault.column) == (line, column)
    assert words in fault.problem


def test_every_fault_is_told() -> None:
    text = f"{HEADING}\na1,air,,,x,y\na2,air,,,3,98\na3,air\na4,air,,,3,z\n"
    sheet = read(text)
    assert [(fault.line, fault.column) for fault in sorted(sheet.faults)] == [
        (2, "latitude"),
        (2, "longitude"),
        (4, "(row)"),
        (5, "longitude"),
    ]


def test_another_encoding_is_named_with_its_line() -> None:
    data = f"{HEADING}\na1,air,,Titi,,\na2,air,,caf".encode() + b"\xe9,,\n"
    [fault] = read_sheet(data, MEDAN).faults
    assert (fault.line, fault.column) == (3, "(file)")
    assert "CSV UTF-8" in fault.problem


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\n\n", b"\xff\xfe"])
def test_an_empty_file_lacks_its_columns(data: bytes) -> None:
    assert [fault.column for fault in read_sheet(data, MEDAN).faults] == list(REQUIRED)


@given(st.binary(max_size=200) | st.text(max_size=80).map(lambda t: f"{HEADING}\n{t}".encode()))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    sheet = read_sheet(data, MEDAN)
    assert sheet.rows or sheet.faults or data.strip().startswith(HEADING.encode())
