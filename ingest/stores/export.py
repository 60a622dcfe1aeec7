"""All points of a store as line protocol: what a backup keeps, and any store takes again.

    # air battery pm25 pm25_qc          a measurement and its fields that are numbers, one a line
    # flood level level_qc
    air,area=12.71.01,device=air-01 pm25=31.5,pm25_qc=1 1795507266123456789
    …

A span of time is read at a time, so that neither the store nor the reader holds more than that.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Final, Protocol

from ingest.stores.reading import EARLIEST_NS, LATEST_NS

COMMENT: Final = b"#"

_HOUR_NS: Final = 3_600_000_000_000
_FIRST_NS: Final = 24 * _HOUR_NS
_SHORTEST_NS: Final = _HOUR_NS
_LONGEST_NS: Final = 64 * 24 * _HOUR_NS
_FEW_LINES: Final = 20_000
_MANY_LINES: Final = 400_000


class Export(Protocol):
    """Reads a store measurement by measurement."""

    async def measurements(self) -> Mapping[str, tuple[str, ...]]:
        """What the store holds: measurements, and those of their fields that are numbers.

        Raises:
            StoreUnavailableError: ask again later.
        """
        ...

    async def first(self, measurement: str, start_ns: int) -> int | None:
        """Time of the first point at an instant or later; None: there is none.

        Raises:
            StoreUnavailableError: ask again later.
        """
        ...

    def lines(self, measurement: str, *, start_ns: int, last_ns: int) -> AsyncIterator[bytes]:
        """Points with `start_ns` <= time <= `last_ns`, as blocks of whole lines.

        Each line ends in a line break.

        Raises:
            StoreUnavailableError: what came so far may not be all.
        """
        ...


async def every_line(export: Export) -> AsyncIterator[bytes]:
    """The whole store, as blocks of whole lines; measurements are told before the first point.

    Points that are written meanwhile may be there or not.

    Raises:
        StoreUnavailableError: what came so far is not all.
    """
    measurements = await export.measurements()
    yield b"".join(declare(name, fields) for name, fields in measurements.items())
    for name in measurements:
        async for block in _measurement(export, name):
            yield block


async def _measurement(export: Export, name: str) -> AsyncIterator[bytes]:
    span_ns = _FIRST_NS
    start_ns = await export.first(name, EARLIEST_NS)
    while start_ns is not None:
        last_ns = min(start_ns + span_ns - 1, LATEST_NS)
        count = 0
        async for block in export.lines(name, start_ns=start_ns, last_ns=last_ns):
            count += block.count(b"\n")
            yield block
        if last_ns == LATEST_NS:
            return
        if count < _FEW_LINES:
            span_ns = min(2 * span_ns, _LONGEST_NS)
        elif count > _MANY_LINES:
            span_ns = max(span_ns // 2, _SHORTEST_NS)
        # Years in which nothing was measured are passed over.
        start_ns = last_ns + 1 if count else await export.first(name, last_ns + 1)


def declare(measurement: str, fields: tuple[str, ...]) -> bytes:
    """The comment that tells of a measurement."""
    return b"%b %b\n" % (COMMENT, " ".join((escape(measurement), *map(escape, fields))).encode())


def declared(comment: bytes) -> tuple[str, tuple[str, ...]]:
    """The measurement and the fields of such a comment."""
    words = comment.removeprefix(COMMENT).strip().replace(b"\\ ", b"\0").decode()
    name, *fields = (word.replace("\0", " ").replace("\\,", ",") for word in words.split(" "))
    return name, tuple(fields)


def escape(name: str) -> str:
    """A measurement as line protocol writes it."""
    return name.replace(",", "\\,").replace(" ", "\\ ")


def escape_key(name: str) -> str:
    """A tag's name or value, or a field's name, as line protocol writes it."""
    return name.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")
