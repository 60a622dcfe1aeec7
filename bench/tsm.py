"""InfluxDB's own files (TSM), written as compaction leaves them: a month in minutes, not hours.

One file holds the points of one shard. A block is a run of values at equal distances in time.
https://docs.influxdata.com/influxdb/v1/concepts/storage_engine describes the format; the tests
read the files with InfluxDB itself.
"""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple
from zlib import crc32

MAGIC: Final = struct.pack(">IB", 0x16D116D1, 1)
FIELD: Final = b"#!~#"
"""Between a series and a field in a key."""
FLOAT: Final = 0
STRING: Final = 3

_GORILLA: Final = b"\x10"
_SNAPPY: Final = b"\x10"
_RUN: Final = 0x20
_NAN: Final = 0x7FF8_0000_0000_0001
"""Ends a block of floats."""
_LITERAL: Final = 61 << 2
"""Snappy: as many bytes as the next two say, plus one, uncompressed."""
_LITERAL_MAX: Final = 1 << 16


class Block(NamedTuple):
    """A run of values in a file: its times (ns, both included) and bytes."""

    first_ns: int
    last_ns: int
    data: bytes


class TsmFile:
    """A file that is written from its beginning; keys come in order."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("wb", buffering=1 << 20)
        self._file.write(MAGIC)
        self._at = len(MAGIC)
        self._index = bytearray()
        self._before = b""

    def add(self, key: bytes, type_: int, blocks: Sequence[Block]) -> None:
        """All blocks of a key, in order of time.

        Raises:
            ValueError: the key does not come after the one before.
        """
        if key <= self._before:
            raise ValueError(f"{key!r} comes after {self._before!r}")
        self._before = key
        self._index += struct.pack(">H", len(key)) + key + struct.pack(">BH", type_, len(blocks))
        for block in blocks:
            size = self._file.write(struct.pack(">I", crc32(block.data)) + block.data)
            self._index += struct.pack(">qqqI", block.first_ns, block.last_ns, self._at, size)
            self._at += size

    def close(self) -> None:
        self._file.write(self._index + struct.pack(">Q", self._at))
        self._file.close()


def block(type_: int, values: bytes, *, first_ns: int, step_s: int, count: int) -> Block:
    """A block of encoded values that are `step_s` apart."""
    # The step is told in seconds: ten to the ninth nanoseconds.
    times = bytes([_RUN | 9]) + struct.pack(">q", first_ns) + _varint(step_s) + _varint(count)
    last_ns = first_ns + (count - 1) * step_s * 1_000_000_000
    return Block(first_ns, last_ns, bytes([type_]) + _varint(len(times)) + times + values)


def floats(values: Sequence[float]) -> bytes:
    """Floats, each as what differs from the one before (Gorilla, VLDB 2015, 4.1.2)."""
    patterns = struct.unpack(f">{len(values)}Q", struct.pack(f">{len(values)}d", *values))
    bits = "".join(_xored([*patterns, _NAN]))
    bits += "0" * (-len(bits) % 8)
    return _GORILLA + int(bits, 2).to_bytes(len(bits) // 8, "big")


def strings(values: Sequence[str]) -> bytes:
    """Texts, as Snappy writes what it cannot compress."""
    raw = b"".join(_varint(len(text)) + text for text in (value.encode() for value in values))
    parts = [raw[at : at + _LITERAL_MAX] for at in range(0, len(raw), _LITERAL_MAX)]
    literals = (bytes([_LITERAL]) + struct.pack("<H", len(part) - 1) + part for part in parts)
    return _SNAPPY + _varint(len(raw)) + b"".join(literals)


def _xored(patterns: Sequence[int]) -> Iterator[str]:
    before = patterns[0]
    yield f"{before:064b}"
    held: tuple[int, int] | None = None
    for pattern in patterns[1:]:
        delta, before = pattern ^ before, pattern
        if not delta:
            yield "0"
            continue
        leading = min(31, 64 - delta.bit_length())
        trailing = (delta & -delta).bit_length() - 1
        if held is not None and leading >= held[0] and trailing >= held[1]:
            yield f"10{delta >> held[1]:0{64 - held[0] - held[1]}b}"
            continue
        held = leading, trailing
        wide = 64 - leading - trailing
        # 64 does not fit into six bits: it is written as 0.
        yield f"11{leading:05b}{wide & 63:06b}{delta >> trailing:0{wide}b}"


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
