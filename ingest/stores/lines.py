r"""Reads the line protocol that the hub writes.

Escapes are those of InfluxDB (checked against 2.9.1): in tag values a backslash stands before a
comma, a space and an equals sign; any other backslash is itself, also a doubled one. A tag value
can therefore not end in a backslash. Fields are floats; other field types are refused.
"""

import re
from math import isfinite
from typing import Final, NamedTuple

import orjson

from devices.errors import HubError
from ingest.stores.reading import EARLIEST_NS, LATEST_NS


class LineError(HubError):
    """A line that the store refuses; the text says why."""


class Point(NamedTuple):
    kind: str
    tags: dict[str, str]
    fields: dict[str, float]
    time_ns: int


_SPACE: Final = re.compile(rb"(?<!\\) ")
_COMMA: Final = re.compile(r"(?<!\\),")
_EQUALS: Final = re.compile(r"(?<!\\)=")
_FLOAT_CHARACTERS: Final = "0123456789+-.eE"
_PLAIN: Final = re.compile(r"[A-Za-z0-9_]+=[0-9+.eE-]+(?:,[A-Za-z0-9_]+=[0-9+.eE-]+)*")
"""Fields as the hub writes them, but for whether the numbers are numbers."""


def parse_line(line: bytes) -> Point:
    """The point of one line.

    Raises:
        LineError: the line is not in the hub's form.
    """
    parts = _SPACE.split(line) if b"\\" in line else line.split(b" ")
    if len(parts) != 3:  # noqa: PLR2004 - measurement with tags, fields, time
        raise LineError("a line is 'kind,tag=value field=number time'")
    head, fields, stamp = parts
    try:
        kind, tags = _head(head.decode())
        return Point(kind, tags, _fields(fields.decode("ascii")), _time(stamp))
    except UnicodeDecodeError as error:
        raise LineError(f"not UTF-8 text, or a field name outside ASCII: {error.reason}") from error


def _head(text: str) -> tuple[str, dict[str, str]]:
    escaped = "\\" in text
    kind, *pairs = _COMMA.split(text) if escaped else text.split(",")
    if not kind:
        raise LineError("missing measurement")
    tags: dict[str, str] = {}
    for pair in pairs:
        name, *values = _EQUALS.split(pair) if escaped else pair.split("=")
        if not name or len(values) != 1 or not values[0]:
            raise LineError(f"tag '{pair}' is not name=value")
        if name in tags:
            raise LineError(f"tag '{name}' comes twice")
        value = values[0]
        if escaped:
            value = value.replace("\\,", ",").replace("\\ ", " ").replace("\\=", "=")
        tags[name] = value
    return kind, tags


def _fields(text: str) -> dict[str, float]:
    if _PLAIN.fullmatch(text):
        pieces = text.replace("=", ",").split(",")
        try:
            # A JSON list of numbers is read in a fifth of the time of as many float().
            numbers = orjson.loads(f"[{','.join(pieces[1::2])}]")
        except orjson.JSONDecodeError:
            return _slow_fields(text)
        fields = dict(zip(pieces[::2], numbers, strict=True))
        if len(fields) == len(numbers) and isfinite(sum(numbers)):
            return fields
    return _slow_fields(text)


def _slow_fields(text: str) -> dict[str, float]:
    """As `_fields`, one by one, to say which one is wrong."""
    fields: dict[str, float] = {}
    for pair in text.split(","):
        name, _, value = pair.partition("=")
        if not name:
            raise LineError(f"field '{pair}' is not name=number")
        # strip() finds what float() would let pass: underscores, white space, nan, inf
        if value.strip(_FLOAT_CHARACTERS):
            raise LineError(f"field '{name}' is not a float: {value}")
        try:
            number = float(value)
        except ValueError as error:
            raise LineError(f"field '{name}' is not a float: {value}") from error
        if not isfinite(number):
            raise LineError(f"field '{name}' is beyond the range of a float: {value}")
        if name in fields:
            raise LineError(f"field '{name}' comes twice")
        fields[name] = number
    return fields


def _time(stamp: bytes) -> int:
    digits = stamp[1:] if stamp.startswith(b"-") else stamp
    if not digits.isdigit() or len(digits) > len(str(LATEST_NS)):
        raise LineError(f"bad timestamp: {stamp.decode('utf-8', 'replace')[:64]}")
    time_ns = int(stamp)
    if not EARLIEST_NS <= time_ns <= LATEST_NS:
        raise LineError(f"time outside range {EARLIEST_NS} - {LATEST_NS}")
    return time_ns
