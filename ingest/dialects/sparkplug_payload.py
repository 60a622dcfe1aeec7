"""Sparkplug B's payload: its metrics, read from Protocol Buffers and written for a rebirth.

Field numbers and data types are those of the specification, chapter 6.
https://sparkplug.eclipse.org/specification/version/3.0/
"""

import struct
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final, NamedTuple

from ingest.protobuf import read_fields, write_field
from ingest.types import Reason, Rejected

METRICS_MAX: Final = 10_000

_TIMESTAMP: Final = 1
_METRICS: Final = 2

_BOOLEAN_TYPE: Final = 11
_SIGNED_BITS: Final = {1: 8, 2: 16, 3: 32, 4: 64}
"""Data types Int8 to Int64, which stand in fields without a sign."""
_FLOAT_DIGITS: Final = (6, 7, 8, 9)

REBIRTH: Final = "Node Control/Rebirth"


class _Field(IntEnum):
    """Numbers of a metric's fields."""

    NAME = 1
    ALIAS = 2
    TIMESTAMP = 3
    DATATYPE = 4
    IS_NULL = 7
    INT = 10
    LONG = 11
    FLOAT = 12
    DOUBLE = 13
    BOOLEAN = 14
    STRING = 15


class Metric(NamedTuple):
    """One metric as it is sent: named, or by its alias alone; `at_ms` in Unix milliseconds.

    `value` is not yet signed: that needs the data type, which may stand in the birth only.
    """

    name: str | None
    alias: int | None
    datatype: int | None
    at_ms: int | None
    value: Any


class Payload(NamedTuple):
    """A message's metrics and the time (Unix milliseconds) at which it was sent."""

    at_ms: int | None
    metrics: list[Metric]


def read_payload(data: bytes) -> Payload:
    """The payload of any Sparkplug message.

    Raises:
        Rejected: NOT_DECODABLE, TOO_LARGE.
    """
    at_ms: int | None = None
    metrics: list[Metric] = []
    try:
        for number, value in read_fields(data):
            if number == _TIMESTAMP:
                at_ms = _whole(value)
            elif number == _METRICS and isinstance(value, bytes):
                metrics.append(_metric(value))
    except ValueError as error:
        raise Rejected(Reason.NOT_DECODABLE, f"no Sparkplug B payload: {error}"[:200]) from error
    if len(metrics) > METRICS_MAX:
        raise Rejected(Reason.TOO_LARGE, f"{len(metrics)} metrics, the most is {METRICS_MAX}")
    return Payload(at_ms, metrics)


def signed(value: Any, datatype: int | None) -> Any:
    """A whole number with the sign that its data type gives it; anything else as it is."""
    bits = _SIGNED_BITS.get(datatype or 0)
    if bits is None or isinstance(value, bool) or not isinstance(value, int):
        return value
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def write_rebirth(at_ms: int) -> bytes:
    """The payload of a command that asks a node for its births."""
    metric = b"".join(
        (
            write_field(_Field.NAME, REBIRTH.encode()),
            write_field(_Field.TIMESTAMP, at_ms),
            write_field(_Field.DATATYPE, _BOOLEAN_TYPE),
            write_field(_Field.BOOLEAN, 1),
        )
    )
    return write_field(_TIMESTAMP, at_ms) + write_field(_METRICS, metric)


def _metric(data: bytes) -> Metric:
    found = dict(read_fields(data))
    name = found.get(_Field.NAME)
    return Metric(
        None if name is None else _bytes(name).decode(),
        _number(found, _Field.ALIAS),
        _number(found, _Field.DATATYPE),
        _number(found, _Field.TIMESTAMP),
        None if found.get(_Field.IS_NULL) else _value(found),
    )


def _value(found: Mapping[int, int | bytes]) -> Any:
    """The one value of a metric; None where it has none, or one that is no number or text."""
    for number, raw in found.items():
        match number:
            case _Field.INT | _Field.LONG:
                return _whole(raw)
            case _Field.FLOAT:
                return _shortest(_bytes(raw, 4))
            case _Field.DOUBLE:
                return struct.unpack("<d", _bytes(raw, 8))[0]
            case _Field.BOOLEAN:
                return bool(_whole(raw))
            case _Field.STRING:
                return _bytes(raw).decode()
    return None


def _number(found: Mapping[int, int | bytes], field: _Field) -> int | None:
    raw = found.get(field)
    return None if raw is None else _whole(raw)


def _whole(raw: int | bytes) -> int:
    if not isinstance(raw, int):
        raise ValueError("a number has another wire type")  # noqa: TRY004 - one fault for all
    return raw


def _bytes(raw: int | bytes, size: int | None = None) -> bytes:
    if isinstance(raw, int) or (size is not None and len(raw) != size):
        raise ValueError("a text or fraction has another wire type")
    return raw


def _shortest(raw: bytes) -> float:
    """A 32-bit fraction as it was meant: 12.1, not 12.1000003815."""
    (number,) = struct.unpack("<f", raw)
    for digits in _FLOAT_DIGITS:
        short = float(f"{number:.{digits}g}")
        try:
            if struct.pack("<f", short) == raw:
                return short
        except OverflowError:  # rounded up beyond the largest
            continue
    return float(number)
