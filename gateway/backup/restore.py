"""Brings a hub back from an archive, into empty places or into those of another hub."""

import asyncio
import os
import pwd
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from devices.kind import load_kinds
from gateway.backup import folder
from gateway.backup.archive import ArchiveReader, Member, check
from gateway.backup.backup import meaning
from gateway.backup.errors import ArchiveError, HubRunsError, NotEmptyError, RestoreError
from gateway.backup.manifest import NAME, Manifest
from gateway.backup.places import Place
from gateway.backup.progress import Progress, Silence
from gateway.backup.readings import Written, holds_readings, lines_of, write_lines
from gateway.backup.registry import (
    export_registry,
    import_registry,
    is_empty,
    schema_revision,
)
from gateway.broker import mosquitto_folder
from gateway.mosquitto import MosquittoFolder
from gateway.settings import Settings
from ingest.damage import Guard

_PIECE: Final = 1024**2
_REGISTRY: Final = "registry.jsonl"
_DATABASES: Final = frozenset({"journal.db", "quality.db", "derived.db"})
_READINGS: Final = re.compile(r"readings/\d{8}\.lp")


@dataclass(frozen=True, slots=True)
class Restored:
    """What was brought back.

    Attributes:
        moved_aside: folders into which went what was there before.
        notes: what the reader should look at.
    """

    manifest: Manifest
    written: Written
    moved_aside: Sequence[Path] = ()
    notes: Sequence[str] = field(default_factory=list)


def restore(
    settings: Settings,
    file: Path,
    *,
    progress: Progress,
    broker_folder: Path | None = None,
    readings: bool = True,
    force: bool = False,
) -> Restored:
    """Checks the archive, then puts everything where the settings say.

    Args:
        settings: of the hub that shall be there: data folder, registry, store.
        file: a backup.
        progress: is told how far it is.
        broker_folder: of a broker of its own, where that is not in the data folder.
        readings: whether the store's points are wanted, too.
        force: whether it may take the place of a hub that is there.

    Raises:
        ArchiveError: the archive is damaged; nothing was changed.
        RestoreError: it cannot be restored here; the words say what was changed.
        StoreUnavailableError: the store does not take the readings; say the same command again.
        RegistryUnavailableError: the registry's database does not answer.
    """
    try:
        manifest = check(file, progress)
        if manifest.schema_revision != schema_revision():
            raise RestoreError(
                f"The registry in {file} has schema {manifest.schema_revision}, that of this "
                f"kotahub is {schema_revision()}: restore with kotahub {manifest.hub_version}, "
                "then update. Nothing was changed"
            )
        broker = (broker_folder or mosquitto_folder(settings).path).resolve()
        work = _Restoring(settings, file, manifest, progress, broker)
        with work.alone():
            work.look(readings=readings, force=force)
            return work.run(readings=readings)
    except OSError as error:
        raise RestoreError(
            f"The restore ended halfway: {error.strerror or error} ({error.filename or file}). "
            "Put that right and say the same command again: it goes on"
        ) from error


class _Restoring:
    def __init__(
        self, settings: Settings, file: Path, manifest: Manifest, progress: Progress, broker: Path
    ) -> None:
        self._file = file
        self._manifest = manifest
        self._progress = progress
        now = datetime.now(UTC)
        data = settings.data_dir.resolve()
        self._data = Place(data, now, without=broker)
        self._broker = Place(broker, now)
        self._settings = settings
        self._staged = settings.model_copy(update={"data_dir": self._data.staging})
        self._journal = data / settings.journal_path.name

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Sees that nobody uses the folders, and that nobody begins to while the context lasts.

        Raises:
            HubRunsError: somebody does.
        """
        with ExitStack() as stack:
            self._data.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            guard = stack.enter_context(Guard(self._journal))
            if not stack.enter_context(guard.alone(within_s=0)):
                raise HubRunsError("A running kotahub", self._data.path)
            if self._broker.path.is_dir():
                locks = MosquittoFolder(self._broker.path)
                for lock, who in (
                    (locks.hub_lock, "A running kotahub"),
                    (locks.broker_lock, "A running Mosquitto"),
                ):
                    if not stack.enter_context(locks.locked(lock)):
                        raise HubRunsError(who, self._broker.path)
            yield

    def look(self, *, readings: bool, force: bool) -> None:
        """Sees whether there is a hub already where this one shall go.

        Raises:
            NotEmptyError: there is, and `force` is not given.
        """
        if force or self._data.begun(self._manifest):
            return
        found = [
            f"{place.path} holds {names}" for place in self._places() if (names := place.held())
        ]
        if self._settings.database_url is not None and not is_empty(self._settings.registry_url):
            found.append("devices are registered in the database of KOTAHUB_DATABASE_URL")
        if self._with_readings(readings=readings) and self._settings.store == "influxdb":
            kinds = load_kinds(self._settings.data_dir)
            if asyncio.run(holds_readings(self._settings, kinds)):
                found.append(f"InfluxDB's bucket {self._settings.influx_bucket} holds readings")
        if found:
            raise NotEmptyError(found)

    def run(self, *, readings: bool) -> Restored:
        """Everything beside its place first, then the store, the registry, and last the swap."""
        for place in self._places():
            place.begin(self._manifest)
        self._unpack()
        written = Written()
        if self._with_readings(readings=readings):
            written = self._write_readings()
        registry = self._data.staging / _REGISTRY
        self._keep_old_registry()
        with registry.open("rb") as rows:
            import_registry(self._staged.registry_url, rows, self._progress)
        registry.unlink()
        for place in self._places():
            place.swap(last=self._journal.name, owner=self._owner(place))
        return Restored(
            manifest=self._manifest,
            written=written,
            moved_aside=[place.aside for place in self._places() if place.aside.is_dir()],
            notes=list(self._notes(written)),
        )

    def _places(self) -> tuple[Place, ...]:
        """The folders that get something."""
        has_broker = any(part.name.startswith("broker/") for part in self._manifest.parts)
        return (self._broker, self._data) if has_broker else (self._data,)

    def _with_readings(self, *, readings: bool) -> bool:
        return readings and self._manifest.readings

    def _unpack(self) -> None:
        """Everything but readings goes into the staging folders."""
        self._progress.begin("unpacking", self._file.stat().st_size)
        with ArchiveReader.open(self._file, self._progress) as archive:
            for member in archive.members():
                target = self._target(member.name)
                if target is not None:
                    _write(member, target)
        if self._broker in self._places():
            # Empty ones are in no archive, and Mosquitto does not start without the first.
            for name in ("conf.d", "pending"):
                (self._broker.staging / name).mkdir(mode=0o700, exist_ok=True)

    def _target(self, name: str) -> Path | None:
        """Where a part goes; None for what is not put down as a file.

        Raises:
            ArchiveError: no hub writes a part of that name.
        """
        room, _, inner = name.partition("/")
        if room == "files" and folder.is_data(inner):
            return self._data.staging / inner
        if room == "broker" and folder.is_broker(inner):
            return self._broker.staging / inner
        if room == "settings" and folder.is_plain(inner):
            return self._data.staging / folder.SETTINGS_ASIDE / inner
        if name in _DATABASES or name == _REGISTRY:
            return self._data.staging / name
        if name == NAME or _READINGS.fullmatch(name):
            return None
        raise ArchiveError(self._file, "no hub keeps a file of that name", part=name)

    def _write_readings(self) -> Written:
        kinds = load_kinds(self._data.staging)
        self._progress.begin("writing readings", self._readings_bytes())
        with ArchiveReader.open(self._file, Silence()) as archive:
            lines = lines_of(_readings(archive))
            return asyncio.run(write_lines(self._staged, kinds, lines, self._progress))

    def _readings_bytes(self) -> int:
        return sum(part.bytes for part in self._manifest.parts if _READINGS.fullmatch(part.name))

    def _keep_old_registry(self) -> None:
        """A database that is not in the data folder loses its rows to the backup's."""
        if self._settings.database_url is None or is_empty(self._settings.registry_url):
            return
        self._data.aside.mkdir(mode=0o700, exist_ok=True)
        export_registry(self._settings.registry_url, self._data.aside / _REGISTRY, self._progress)

    def _owner(self, place: Place) -> str | None:
        """Whom root gives the files to: who owned them before, if that user is here."""
        name = self._manifest.owners.get("broker" if place is self._broker else "data")
        if os.geteuid() != 0 or not name:
            return None
        try:
            pwd.getpwnam(name)
        except KeyError:
            return None
        return name

    def _notes(self, written: Written) -> Iterator[str]:
        for words in self._manifest.left_out:
            yield f"not in the backup: {words}"
        here = meaning(self._settings)
        for name, value in self._manifest.settings.items():
            if here.get(name) != value:
                yield (
                    f"KOTAHUB_{name.upper()} was '{value}' in the backed-up hub and is "
                    f"'{here.get(name)}' here: set it before you start the hub"
                )
        if (self._data.path / folder.SETTINGS_ASIDE).is_dir():
            yield f"its settings are in {self._data.path / folder.SETTINGS_ASIDE}, to be looked at"
        if written.refused:
            reasons = "; ".join(f"{count} times {why}" for why, count in written.reasons.items())
            yield f"the store refused {written.refused} points: {reasons}"


def _readings(archive: ArchiveReader) -> Iterator[bytes]:
    for member in archive.members():
        if _READINGS.fullmatch(member.name):
            while piece := member.read(_PIECE):
                yield piece


def _write(member: Member, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    number = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    with os.fdopen(number, "wb") as out:
        while piece := member.read(_PIECE):
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())
