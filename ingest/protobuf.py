"""The wire format of Protocol Buffers: fields by number, as far as a message's reader asks.

https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Iterator
from typing import Final

VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
FIXED32: Final = 5

_SIZES: Final = {FIXED64: 8, FIXED32: 4}
_VARINT_MAX: Final = 10
_MASK: Final = 0xFFFFFFFFFFFFFFFF


def read_fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message in their order, unknown ones too.

    A varint is an int of 64 bits without a sign; all other values are their bytes, little endian.

    Raises:
        ValueError: the message is cut short, or has groups or a wire type that does not exist.
    """
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        number, wire_type = key >> 3, key & 7
        if number == 0:
            raise ValueError(f"field 0 at byte {place}")
        if wire_type == VARINT:
            value, place = _varint(data, place)
            yield number, value
            continue
        if wire_type == BYTES:
            size, place = _varint(data, place)
        elif wire_type in _SIZES:
            size = _SIZES[wire_type]
        else:
            raise ValueError(f"wire type {wire_type} at byte {place}")
        if place + size > len(data):
            raise ValueError(f"field {number} ends beyond the message")
        yield number, data[place : place + size]
        place += size


def write_field(number: int, value: int | bytes) -> bytes:
    """One field: an int that is not negative as a varint, bytes with their length."""
    if isinstance(value, int):
        return _write_varint(number << 3 | VARINT) + _write_varint(value)
    return _write_varint(number << 3 | BYTES) + _write_varint(len(value)) + value


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(_VARINT_MAX):
        if place >= len(data):
            raise ValueError("the message ends within a number")
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:  # noqa: PLR2004 - the last byte has no continuation bit
            return value & _MASK, place
    raise ValueError(f"a number of more than 64 bits before byte {place}")


def _write_varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
