"""Readings out of a store and into one, as line protocol.

DuckDB lets one process into its file: while the hub runs, it is the hub that reads it out.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import chain
from typing import Final

import aiohttp

from devices.kind import Kind
from gateway.backup.errors import RestoreError
from gateway.backup.progress import Progress
from gateway.running import NoAnswerError, Running, read_running
from gateway.settings import Settings
from gateway.store import open_store
from ingest.derived.measurements import measurements
from ingest.stores import Store, StoreUnavailableError
from ingest.stores.export import COMMENT, Export, declared, every_line
from ingest.stores.measurement import Measurement
from ingest.stores.reading import columns

PATH: Final = "/api/v1/lines"

_SILENCE_S: Final = 600.0
_BATCH_LINES: Final = 5_000
_TRIES: Final = 10
_WAIT_S: Final = 3.0
_SHOWN: Final = 3


def export_of(settings: Settings, store: Store) -> Export:
    """What reads all of an opened store."""
    if settings.store == "duckdb":
        from ingest.stores.duckdb import DuckDBStore  # noqa: PLC0415 - only the one that is used
        from ingest.stores.duckdb_export import DuckDBExport  # noqa: PLC0415

        assert isinstance(store, DuckDBStore)  # noqa: S101 - as the settings say
        return DuckDBExport(store)
    from ingest.stores.influxdb_export import InfluxExport  # noqa: PLC0415

    return InfluxExport(
        settings.influx_url,
        token=settings.influx_token.get_secret_value(),
        bucket=settings.influx_bucket,
        timeout_s=settings.influx_timeout_s,
    )


async def read_lines(settings: Settings, kinds: Mapping[str, Kind]) -> AsyncIterator[bytes]:
    """Blocks of whole lines: everything in the store, whether the hub runs or not.

    Raises:
        StoreUnavailableError: it cannot be read, or not to its end.
    """
    running = read_running(settings.data_dir) if settings.store == "duckdb" else None
    if running is not None:
        try:
            async for block in _of_hub(running):
                yield block
        except NoAnswerError:
            # Killed, and its process id is another program's by now: then the file is free.
            pass
        else:
            return
    store = open_store(settings, kinds)
    try:
        async for block in every_line(export_of(settings, store)):
            yield block
    finally:
        await store.close()


async def _of_hub(running: Running) -> AsyncIterator[bytes]:
    """The same from the running hub.

    Raises:
        NoAnswerError: there is none.
        StoreUnavailableError: it does not tell, or not to the end.
    """
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=_SILENCE_S)
    headers = {"Authorization": f"Bearer {running.key}", "Accept-Encoding": "identity"}
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
            session.get(running.url + PATH) as response,
        ):
            if response.status != HTTPStatus.OK:
                raise StoreUnavailableError(
                    f"The running hub at {running.url} does not give its readings: "
                    f"{(await response.text())[:500]}"
                )
            rest = b""
            async for piece in response.content.iter_any():
                whole, end, behind = piece.rpartition(b"\n")
                if end:
                    yield rest + whole + end
                    rest = behind
                else:
                    rest += piece
    except aiohttp.ClientConnectorError as error:
        raise NoAnswerError(running, str(error)) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise StoreUnavailableError(
            f"The running hub at {running.url} stopped giving its readings: "
            f"{error or type(error).__name__}. See its log, and make the backup again"
        ) from error


@dataclass(slots=True)
class Written:
    """What became of the lines: points, and refused ones by the store's words, some of them."""

    points: int = 0
    refused: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def refuse(self, words: Mapping[int, str]) -> None:
        self.refused += len(words)
        for why in words.values():
            if why in self.reasons or len(self.reasons) < _SHOWN:
                self.reasons[why] += 1


async def write_lines(
    settings: Settings, kinds: Mapping[str, Kind], lines: Iterator[bytes], progress: Progress
) -> Written:
    """Writes lines, comments first, into the store of the settings; again changes nothing.

    Raises:
        StoreUnavailableError: the store does not take them.
    """
    written = Written()
    told, points = _head(lines)
    store = _open_for(settings, kinds, told)
    try:
        await store.ensure()
        batch: list[bytes] = []
        for line in points:
            batch.append(line)
            if len(batch) == _BATCH_LINES:
                await _write(store, batch, written, progress)
                batch = []
        if batch:
            await _write(store, batch, written, progress)
    finally:
        await store.close()
    return written


def _head(lines: Iterator[bytes]) -> tuple[dict[str, tuple[str, ...]], Iterator[bytes]]:
    """The measurements and their fields that the comments tell of, and the points behind them."""
    told: dict[str, tuple[str, ...]] = {}
    for line in lines:
        if not line.startswith(COMMENT):
            return told, chain([line], lines)
        name, fields = declared(line)
        told[name] = fields
    return told, iter(())


async def _write(store: Store, batch: list[bytes], written: Written, progress: Progress) -> None:
    for left in reversed(range(_TRIES)):
        try:
            refused = await store.write(batch)
        except StoreUnavailableError as error:
            if not left:
                raise
            await asyncio.sleep(error.retry_after_s or _WAIT_S)
        else:
            written.points += len(batch) - len(refused)
            written.refuse(refused)
            progress.advance(sum(map(len, batch)) + len(batch))
            return


async def holds_readings(settings: Settings, kinds: Mapping[str, Kind]) -> bool:
    """Whether there are points in the bucket of the settings, which is made where it is missing.

    Raises:
        StoreUnavailableError: InfluxDB does not answer, or the token may not.
    """
    store = open_store(settings, kinds)
    try:
        await store.ensure()
        return bool(await export_of(settings, store).measurements())
    finally:
        await store.close()


def _open_for(
    settings: Settings, kinds: Mapping[str, Kind], told: Mapping[str, tuple[str, ...]]
) -> Store:
    """The store of the settings; DuckDB with a column for every field that will come."""
    if settings.store != "duckdb":
        return open_store(settings, kinds)
    from ingest.stores.duckdb import DuckDBStore  # noqa: PLC0415 - only the one that is used

    known = {kind.id: columns(kind) for kind in kinds.values()}
    known |= {one.id: one.fields for one in measurements(kinds)}
    wanted = (
        Measurement(name, tuple(sorted({*fields, *known.get(name, ())})))
        for name, fields in told.items()
        if fields
    )
    every = {one.id: one for one in (*measurements(kinds), *wanted)}
    return DuckDBStore.open(settings.duckdb_path, kinds, every.values())


def lines_of(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines without their ends, out of blocks that may end anywhere.

    Raises:
        RestoreError: the last one has no end.
    """
    rest = b""
    for block in blocks:
        *whole, rest = (rest + block).split(b"\n")
        yield from whole
    if rest:
        raise RestoreError("The readings of the backup end within a line")
