"""The archive: a tar file, gzipped, written and read as a stream, any part larger than memory.

    kotahub-backup-1/broker/mosquitto.db
    kotahub-backup-1/journal.db
    …
    kotahub-backup-1/manifest.json

Members are plain files and nothing else. `tar` can list and unpack it; the hub reads it by itself:
a name is never a path on this machine before somebody has looked at it.
"""

import gzip
import hashlib
import re
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO, Final, Protocol, Self

from pydantic import ValidationError

from gateway.backup.errors import ArchiveError, BackupError
from gateway.backup.manifest import FORMAT, NAME, Manifest, Part
from gateway.backup.progress import Progress

PREFIX: Final = f"kotahub-backup-{FORMAT}/"

_BLOCK: Final = tarfile.BLOCKSIZE
_PIECE: Final = 1024**2
_LEVEL: Final = 4
"""Twice as quick as the default for a twentieth more bytes, on line protocol."""
_USTAR_MAX: Final = 8**11 - 1
_MANIFEST_MAX_BYTES: Final = 64 * 1024**2
_ANY_PREFIX: Final = re.compile(r"kotahub-backup-(\d+)/")


class Source(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes: ...


class ArchiveWriter:
    """Writes members one after the other; the manifest is the last."""

    def __init__(self, file: BinaryIO, *, mtime: int) -> None:
        self._gzip = gzip.GzipFile(
            filename="", fileobj=file, mode="wb", compresslevel=_LEVEL, mtime=mtime
        )
        self._mtime = mtime
        self.parts: list[Part] = []

    def add(self, name: str, source: Source, size: int, progress: Progress) -> None:
        """A member of just that many bytes.

        Raises:
            BackupError: the source ends before, or the name is too long.
        """
        self._gzip.write(self._header(name, size))
        digest = hashlib.sha256()
        left = size
        while left:
            piece = source.read(min(left, _PIECE))
            if not piece:
                raise BackupError(f"{name} became shorter while it was read: make the backup again")
            digest.update(piece)
            self._gzip.write(piece)
            left -= len(piece)
            progress.advance(len(piece))
        self._gzip.write(bytes(-size % _BLOCK))
        self.parts.append(Part(name=name, bytes=size, sha256=digest.hexdigest()))

    def close(self, manifest: Manifest) -> None:
        """Writes the manifest and the end."""
        body = manifest.model_dump_json(indent=1).encode()
        self._gzip.write(self._header(NAME, len(body)))
        self._gzip.write(body + bytes(-len(body) % _BLOCK))
        self._gzip.write(bytes(2 * _BLOCK))
        self._gzip.close()

    def _header(self, name: str, size: int) -> bytes:
        info = tarfile.TarInfo(PREFIX + name)
        info.size, info.mtime, info.mode = size, self._mtime, 0o600
        try:
            if size <= _USTAR_MAX:
                header = info.tobuf(tarfile.USTAR_FORMAT)
            else:
                header = info.tobuf(tarfile.GNU_FORMAT)
        except ValueError as error:
            raise BackupError(f"{name} cannot be kept: its name is too long") from error
        if len(header) != _BLOCK:
            raise BackupError(f"{name} cannot be kept: its name is too long")
        return header


class Member:
    """A member that is being read: `read` gives its bytes up to its end."""

    def __init__(self, name: str, size: int, reader: "ArchiveReader") -> None:
        self.name = name
        self.size = size
        self._left = size
        self._reader = reader
        self._digest = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        piece = self._reader.exactly(min(size, self._left), self.name)
        self._left -= len(piece)
        self._digest.update(piece)
        return piece

    def skip(self) -> None:
        """Reads what is left of it."""
        while self.read(_PIECE):
            pass

    def part(self) -> Part:
        """What it was; it has been read to its end."""
        return Part(name=self.name, bytes=self.size, sha256=self._digest.hexdigest())


class ArchiveReader:
    """Reads an archive from its begin to its end.

    Every method raises ArchiveError where it is damaged, cut or no archive of ours.
    """

    def __init__(self, path: Path, file: BinaryIO, progress: Progress) -> None:
        self.path = path
        self._file = file
        self._gzip = gzip.GzipFile(fileobj=file, mode="rb")
        self._progress = progress
        self._told = 0
        self._before = "its begin"

    @classmethod
    @contextmanager
    def open(cls, path: Path, progress: Progress) -> Iterator[Self]:
        """Opens the file; `progress` is told of the bytes read of it.

        Raises:
            ArchiveError: it cannot be read.
        """
        try:
            file = path.open("rb")
        except OSError as error:
            raise ArchiveError(path, f"it cannot be read ({error.strerror})") from error
        with closing(file):
            yield cls(path, file, progress)

    def members(self) -> Iterator[Member]:
        """Members in their order, the manifest too; each is skipped where it was not read."""
        names: set[str] = set()
        while (member := self._next()) is not None:
            if member.name in names:
                raise ArchiveError(self.path, "it comes twice", part=member.name)
            names.add(member.name)
            yield member
            member.skip()
            self.exactly(-member.size % _BLOCK, member.name)
            self._before = member.name
        self._end()

    def exactly(self, size: int, part: str) -> bytes:
        """So many bytes of the stream.

        Raises:
            ArchiveError: there are fewer, or they are damaged; it names the part.
        """
        try:
            got = self._gzip.read(size)
        except EOFError as error:
            raise ArchiveError(self.path, "it is cut short", part=part) from error
        except (zlib.error, gzip.BadGzipFile, OSError) as error:
            if not self._told:
                raise ArchiveError(self.path, f"it is no backup ({error})") from error
            raise ArchiveError(self.path, f"it is damaged ({error})", part=part) from error
        if len(got) != size:
            raise ArchiveError(self.path, "it is cut short", part=part)
        at = self._file.tell()
        self._progress.advance(at - self._told)
        self._told = at
        return got

    def _next(self) -> Member | None:
        behind = f"behind {self._before}"
        header = self.exactly(_BLOCK, behind)
        if not any(header):
            return None
        try:
            info = tarfile.TarInfo.frombuf(header, "utf-8", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError) as error:
            raise ArchiveError(self.path, "it is damaged", part=behind) from error
        found = _ANY_PREFIX.match(info.name)
        if found is None:
            raise ArchiveError(self.path, f"it is no backup of kotahub: it holds {info.name!r}")
        if found[1] != str(FORMAT):
            raise ArchiveError(
                self.path,
                f"it has format {found[1]}, this program reads {FORMAT}: use the kotahub that "
                "made it",
            )
        name = info.name.removeprefix(PREFIX)
        if info.type != tarfile.REGTYPE or info.size < 0:
            raise ArchiveError(self.path, "it is no plain file", part=name)
        return Member(name, info.size, self)

    def _end(self) -> None:
        """Reads on to the checksum of the whole."""
        while piece := self._rest():
            if any(piece):
                raise ArchiveError(self.path, "more stands there", part=f"behind {self._before}")

    def _rest(self) -> bytes:
        try:
            return self._gzip.read(_PIECE)
        except (EOFError, zlib.error, gzip.BadGzipFile, OSError) as error:
            raise ArchiveError(
                self.path, f"it is damaged ({error})", part=f"behind {self._before}"
            ) from error


def check(path: Path, progress: Progress) -> Manifest:
    """Reads an archive to its end and compares every byte with its manifest.

    Raises:
        ArchiveError: it is not whole; it names the part.
    """
    parts: list[Part] = []
    manifest: Manifest | None = None
    progress.begin("checking", path.stat().st_size if path.is_file() else None)
    with ArchiveReader.open(path, progress) as reader:
        for member in reader.members():
            if manifest is not None:
                raise ArchiveError(path, "it stands behind the manifest", part=member.name)
            if member.name == NAME:
                manifest = _read_manifest(path, member)
                continue
            member.skip()
            parts.append(member.part())
    if manifest is None:
        last = parts[-1].name if parts else "its begin"
        raise ArchiveError(path, "it ends without a manifest", part=f"behind {last}")
    _compare(path, manifest.parts, parts)
    return manifest


def _read_manifest(path: Path, member: Member) -> Manifest:
    if member.size > _MANIFEST_MAX_BYTES:
        raise ArchiveError(path, "it is too large", part=NAME)
    try:
        return Manifest.model_validate_json(member.read(member.size))
    except ValidationError as error:
        raise ArchiveError(path, f"it cannot be understood ({error})", part=NAME) from error


def _compare(path: Path, told: list[Part], found: list[Part]) -> None:
    for one, other in zip(told, found, strict=False):
        if one.name != other.name:
            raise ArchiveError(path, f"{other.name} stands in its place", part=one.name)
        if one != other:
            raise ArchiveError(path, "it is not what was written (SHA-256)", part=one.name)
    if len(told) > len(found):
        raise ArchiveError(path, "it is missing", part=told[len(found)].name)
    if len(found) > len(told):
        raise ArchiveError(path, "the manifest does not know it", part=found[len(told)].name)
