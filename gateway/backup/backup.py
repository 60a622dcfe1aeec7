"""Makes a backup, of a hub that runs or rests."""

import asyncio
import os
import pwd
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Final

from devices.city import shipped_cities
from devices.kind import load_kinds
from gateway.backup import broker, folder
from gateway.backup.archive import ArchiveWriter
from gateway.backup.errors import BackupError
from gateway.backup.manifest import Counts, Manifest
from gateway.backup.progress import Progress
from gateway.backup.readings import read_lines
from gateway.backup.registry import export_registry, schema_revision
from gateway.backup.sqlite import copy, copy_journal
from gateway.broker import mosquitto_folder
from gateway.mosquitto import MosquittoFolder
from gateway.settings import Settings
from ingest.stores.export import COMMENT

_MEMBER_BYTES: Final = 16 * 1024**2
"""Readings in one part: what is held in memory until its size is known."""
_PRIVATE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Made:
    """A backup on the disk."""

    file: Path
    bytes: int
    manifest: Manifest


def make_backup(
    settings: Settings,
    file: Path,
    *,
    progress: Progress,
    broker_folder: Path | None = None,
    readings: bool = True,
) -> Made:
    """Writes everything that the hub needs to come back into one file, readable by its owner.

    Args:
        settings: of the hub.
        file: must not exist; it appears when it is whole.
        progress: is told how far it is.
        broker_folder: of a broker of its own, where that is not in the data folder.
        readings: whether the store's points are wanted, too.

    Raises:
        BackupError: it cannot be made.
        StoreUnavailableError: the store cannot be read.
        RegistryUnavailableError: the registry's database does not answer.
    """
    data, target = settings.data_dir.resolve(), file.resolve()
    if not settings.journal_path.is_file():
        raise BackupError(
            f"There is no hub in {data}: no journal.db. Is KOTAHUB_DATA_DIR its data folder?"
        )
    if target.is_relative_to(data):
        raise BackupError(
            f"{file} is in the data folder: who loses that would lose both. Give another place"
        )
    if target.exists():
        raise BackupError(f"{file} exists already. Give another name, or move it away")
    try:
        with _scratch(target) as scratch:
            making = _Making(settings, scratch, progress, broker_folder)
            partial = scratch / "archive"
            number = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE)
            with os.fdopen(number, "wb") as out:
                manifest = making.write(ArchiveWriter(out, mtime=making.mtime), readings=readings)
                out.flush()
                os.fsync(out.fileno())
            size = partial.stat().st_size
            partial.rename(target)
            _fsync(target.parent)
    except OSError as error:
        raise BackupError(
            f"The backup was not made: {error.strerror or error} ({error.filename or file}). "
            "Is there room, and may you read the hub's files?"
        ) from error
    return Made(file, size, manifest)


@contextmanager
def _scratch(target: Path) -> Iterator[Path]:
    """A folder beside the target, for what must be whole before its size is known."""
    target.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield made
    finally:
        shutil.rmtree(made)


def _fsync(place: Path) -> None:
    number = os.open(place, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


class _Making:
    """One backup on its way. The order of the parts is the first promise of this package."""

    def __init__(
        self, settings: Settings, scratch: Path, progress: Progress, broker_folder: Path | None
    ) -> None:
        self._settings = settings
        self._scratch = scratch
        self._progress = progress
        self._broker = (broker_folder or mosquitto_folder(settings).path).resolve()
        self._created = datetime.now(UTC)
        self._left_out: list[str] = []
        self._points = 0

    @property
    def mtime(self) -> int:
        return int(self._created.timestamp())

    def write(self, archive: ArchiveWriter, *, readings: bool) -> Manifest:
        self._add_broker_memory(archive)
        counts = self._add_databases(archive)
        registry = self._scratch / "registry.jsonl"
        exported = export_registry(self._settings.registry_url, registry, self._progress)
        self._add_made(archive, "registry.jsonl", registry)
        # After the registry: who is registered has a login.
        self._add_folders(archive)
        self._add_settings(archive)
        if readings:
            asyncio.run(self._add_readings(archive))
        else:
            self._left_out.append("readings: not asked for")
        manifest = Manifest(
            created=self._created,
            hub_version=version("kotahub"),
            schema_revision=schema_revision(),
            settings=meaning(self._settings),
            readings=readings,
            owners={
                "data": _owner(self._settings.data_dir),
                "broker": _owner(self._broker),
            },
            counts=counts.model_copy(
                update={
                    "devices": exported.devices,
                    "keys": exported.keys,
                    "points": self._points,
                }
            ),
            left_out=self._left_out,
            parts=archive.parts,
        )
        archive.close(manifest)
        return manifest

    def _add_broker_memory(self, archive: ArchiveWriter) -> None:
        if not self._broker.is_dir():
            self._left_out.append(
                "broker: its logins and queue are not here; if it is yours, say where they are "
                "with --broker"
            )
            return
        if words := broker.save_memory(MosquittoFolder(self._broker)):
            self._left_out.append(words)
        memory = self._broker / broker.MEMORY
        if memory.is_file():
            self._add_file(archive, f"broker/{broker.MEMORY}", memory)

    def _add_databases(self, archive: ArchiveWriter) -> Counts:
        journal = self._scratch / "journal.db"
        counts = copy_journal(self._settings.journal_path, journal, self._progress)
        self._add_made(archive, "journal.db", journal)
        for path in (self._settings.quality_path, self._settings.derived_path):
            if path.is_file():
                made = self._scratch / path.name
                copy(path, made, self._progress)
                self._add_made(archive, path.name, made)
        return counts

    def _add_folders(self, archive: ArchiveWriter) -> None:
        data = self._settings.data_dir.resolve()
        self._progress.begin("copying files", None)
        for name in folder.files(data, without=self._broker):
            if folder.is_data(name):
                self._add_file(archive, f"files/{name}", data / name)
        if not self._broker.is_dir():
            return
        names = [
            name
            for name in folder.files(self._broker)
            if folder.is_broker(name) and name != broker.MEMORY
        ]
        # Logins that wait to be taken up first: they go when the broker's own file has them.
        for name in sorted(names, key=lambda name: not name.startswith("pending/")):
            self._add_file(archive, f"broker/{name}", self._broker / name)

    def _add_settings(self, archive: ArchiveWriter) -> None:
        """What stands elsewhere and is needed: kotahub.toml and the city's folder."""
        file = Path(os.environ.get("KOTAHUB_CONFIG", "kotahub.toml"))
        if file.is_file():
            self._add_file(archive, "settings/kotahub.toml", file)
        city = Path(self._settings.city)
        if self._settings.city not in shipped_cities() and city.is_dir():
            for name in folder.files(city):
                self._add_file(archive, f"settings/city/{name}", city / name)

    async def _add_readings(self, archive: ArchiveWriter) -> None:
        self._progress.begin("reading the store", None)
        number = 0
        async for block in _gathered(
            read_lines(self._settings, load_kinds(self._settings.data_dir))
        ):
            number += 1
            name = f"readings/{number:08d}.lp"
            archive.add(name, BytesIO(block), len(block), self._progress)
            comments = block.count(b"\n" + COMMENT) + block.startswith(COMMENT)
            self._points += block.count(b"\n") - comments

    def _add_made(self, archive: ArchiveWriter, name: str, path: Path) -> None:
        """A part that was made in the scratch folder, which it leaves."""
        self._progress.begin(f"packing {name}", path.stat().st_size)
        self._add_file(archive, name, path)
        path.unlink()

    def _add_file(self, archive: ArchiveWriter, name: str, path: Path) -> None:
        """A file as it stands under this name now; one that is gone meanwhile is left out."""
        try:
            source = path.open("rb")
        except FileNotFoundError:
            return
        with source:
            archive.add(name, source, os.fstat(source.fileno()).st_size, self._progress)


async def _gathered(blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same in larger blocks."""
    parts: list[bytes] = []
    size = 0
    async for block in blocks:
        parts.append(block)
        size += len(block)
        if size >= _MEMBER_BYTES:
            yield b"".join(parts)
            parts, size = [], 0
    if size:
        yield b"".join(parts)


def meaning(settings: Settings) -> dict[str, str]:
    """The settings that say what the data mean."""
    return {
        "city": settings.city,
        "timezone": settings.timezone,
        "dialects": ", ".join(f"{topic}: {name}" for topic, name in settings.dialects.items()),
    }


def _owner(path: Path) -> str:
    """The name of the system user; empty where there is none."""
    try:
        return pwd.getpwuid(path.stat().st_uid).pw_name
    except (FileNotFoundError, KeyError):
        return ""
