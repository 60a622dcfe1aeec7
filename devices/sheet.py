"""Sheets: devices as a spreadsheet writes and reads them (CSV).

Columns `id kind model name latitude longitude` are always there; `address status installed_by
installed_at` may be; any other column is an attribute by its heading. A blank cell is no value; a
column that is not there says nothing, so that what the registry knows stays.

Read as spreadsheets write: UTF-8 with or without a byte order mark or UTF-16 with one; comma,
semicolon or tab; decimal point or comma. Where a latitude or longitude is written with a decimal
comma, attribute columns that hold nothing but numbers are read with it too.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from typing import Any, Final, NamedTuple

from devices.device import Device
from devices.fault import Fault

REQUIRED: Final = ("id", "kind", "model", "name", "latitude", "longitude")
OPTIONAL: Final = ("address", "status", "installed_by", "installed_at")
COLUMNS: Final = REQUIRED + OPTIONAL

_SEPARATORS: Final = ",;\t"
_NUMBER: Final = re.compile(r"[+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?")
_COMMA_NUMBER: Final = re.compile(r"[+-]?\d+,\d+")


class SheetFault(NamedTuple):
    """What is wrong in a sheet: the line where its row begins, its column, and what to do."""

    line: int
    column: str
    problem: str


@dataclass(frozen=True, slots=True)
class Row:
    """What one row says: fields of the device, and attributes; an empty one is to be removed.

    `unread` are the columns whose cells could not be read; such a row is never imported.
    """

    line: int
    fields: Mapping[str, Any]
    attributes: Mapping[str, str]
    unread: frozenset[str] = frozenset()

    @property
    def id(self) -> str:
        return str(self.fields["id"])

    def onto(self, device: Device | None) -> Device:
        """The device that this row makes of a registered one, or of none."""
        base = Device(id=self.id, kind="") if device is None else device
        return replace(base, **self.fields, attributes={**base.attributes, **self.attributes})


@dataclass(slots=True)
class Sheet:
    rows: list[Row] = field(default_factory=list)
    faults: list[SheetFault] = field(default_factory=list)


def read_cells(
    cells: Mapping[str, str], zone: tzinfo
) -> tuple[dict[str, Any], dict[str, str], list[Fault]]:
    """Fields and attributes from texts by name, and what of them cannot be read.

    Args:
        cells: names of `COLUMNS`, or of attributes.
        zone: of a time that does not say its own.
    """
    fields: dict[str, Any] = {}
    attributes: dict[str, str] = {}
    faults: list[Fault] = []
    for name, raw in cells.items():
        text = raw.strip()
        if name not in COLUMNS:
            attributes[name] = text
        elif name in {"latitude", "longitude"}:
            fields[name] = float(text.replace(",", ".")) if _NUMBER.fullmatch(text) else None
            if text and fields[name] is None:
                problem = f"'{text}' is no number: write degrees like 3.5952 or 98,6722"
                faults.append(Fault(name, problem))
        elif name == "installed_at":
            fields[name] = _moment(text, zone)
            if text and fields[name] is None:
                problem = f"'{text}' is no time: write 2026-03-01 or 2026-03-01T09:00:00+07:00"
                faults.append(Fault(name, problem))
        elif name == "status":
            fields[name] = text or "active"
        elif name in {"model", "address"}:
            fields[name] = text or None
        else:
            fields[name] = text
    return fields, attributes, faults


def _moment(text: str, zone: tzinfo) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        return None


def read_sheet(data: bytes, zone: tzinfo) -> Sheet:
    """All rows that can be read, and everything that is wrong with the others.

    Args:
        data: the file.
        zone: of an `installed_at` that does not say its own.
    """
    try:
        text = _decode(data)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        problem = "is not UTF-8: save the file as 'CSV UTF-8' and import it again"
        return Sheet(faults=[SheetFault(line, "(file)", problem)])
    records, broken = _records(text)
    at, heading = records.pop(0) if records else (1, [])
    sheet = Sheet(faults=_heading_faults(at, heading))
    if broken is not None:
        sheet.faults.append(broken)
    names = [_column(name) for name in heading]
    if any(name not in names for name in REQUIRED):
        return sheet
    whole = []
    for line, cells in records:
        broken_row = _row_problem(names, cells)
        if broken_row is None:
            whole.append((line, cells))
        else:
            sheet.faults.append(SheetFault(line, "(row)", broken_row))
    decimal = _decimal_columns(names, [cells for _, cells in whole])
    for line, cells in whole:
        texts = {
            name: text.replace(",", ".") if name in decimal else text
            for name, text in zip(names, cells, strict=False)
            if name
        }
        fields, attributes, unread = read_cells(texts, zone)
        sheet.faults += [SheetFault(line, fault.field, fault.problem) for fault in unread]
        sheet.rows.append(Row(line, fields, attributes, frozenset(fault.field for fault in unread)))
    return sheet


def _row_problem(names: Sequence[str], cells: Sequence[str]) -> str | None:
    if len(cells) < len(names) or any(cells[len(names) :]):
        return (
            f"has {len(cells)} cells where the heading has {len(names)}: quote a cell that holds "
            f"the separator, or complete the row"
        )
    for number, (name, cell) in enumerate(zip(names, cells, strict=False), start=1):
        if not name and cell.strip():
            return f"has '{cell}' in cell {number}, which has no heading: give it one"
    return None


def _decode(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    return data.decode("utf-8-sig")


def _column(heading: str) -> str:
    name = heading.strip()
    return name.lower() if name.lower() in COLUMNS else name


def _records(text: str) -> tuple[list[tuple[int, list[str]]], SheetFault | None]:
    """The rows that are not blank with the lines where they begin, and where reading had to end."""
    records = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                records.append((line, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        problem = f"cannot be read ({error}): check the quotes around its cells"
        return records, SheetFault(line, "(row)", problem)
    return records, None


def _separator(text: str) -> str:
    """The separator under which the heading has most of the columns that must be there."""
    line = next((line for line in text.splitlines() if line.strip()), "")

    def found(separator: str) -> int:
        cells = next(csv.reader([line], delimiter=separator), [])
        return len({_column(cell) for cell in cells} & set(REQUIRED))

    return max(_SEPARATORS, key=found)


def _heading_faults(line: int, heading: Sequence[str]) -> list[SheetFault]:
    names = [_column(name) for name in heading]
    faults = [
        SheetFault(line, name, "is missing in the heading: add the column; its cells may be blank")
        for name in REQUIRED
        if name not in names
    ]
    faults += [
        SheetFault(line, name, "stands twice in the heading: keep one of the columns")
        for name in dict.fromkeys(names)
        if name and names.count(name) > 1
    ]
    return faults


def _decimal_columns(names: Sequence[str], rows: Sequence[Sequence[str]]) -> set[str]:
    """Attribute columns of numbers with a decimal comma, if the sheet has decimal commas."""
    places = [names.index("latitude"), names.index("longitude")]
    if not any(_COMMA_NUMBER.fullmatch(row[place].strip()) for row in rows for place in places):
        return set()
    return {
        name
        for column, name in enumerate(names)
        if name not in COLUMNS
        and all(not (cell := row[column].strip()) or _NUMBER.fullmatch(cell) for row in rows)
    }


def write_sheet(devices: Iterable[Device]) -> str:
    """A sheet that reads as the same devices again; attributes by name after the columns."""
    devices = list(devices)
    names = sorted({name for device in devices for name in device.attributes})
    target = io.StringIO(newline="")
    writer = csv.writer(target)
    writer.writerow([*COLUMNS, *names])
    for device in devices:
        facts = device.describe()
        writer.writerow(
            [*(facts[name] for name in COLUMNS), *(device.attributes.get(n, "") for n in names)]
        )
    return target.getvalue()
