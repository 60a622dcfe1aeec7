"""An archive is read whole or not at all, and says where it is broken."""

import gzip
import io
import tarfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.backup.archive import PREFIX, ArchiveReader, ArchiveWriter, check
from gateway.backup.errors import ArchiveError, BackupError
from gateway.backup.manifest import Counts, Manifest, Part
from gateway.backup.progress import Silence

PARTS = {
    "broker/mosquitto.db": bytes(range(256)) * 9,
    "journal.db": b"journal" * 1000,
    "files/kinds/parking.toml": b"",
    "readings/00000001.lp": b"air,device=a pm25=1 1\n" * 700,
}


def manifest_of(parts: list[Part]) -> Manifest:
    return Manifest(
        created=datetime(2026, 11, 24, tzinfo=UTC),
        hub_version="1.2.3",
        schema_revision="0001",
        settings={},
        readings=True,
        owners={},
        counts=Counts(),
        left_out=[],
        parts=parts,
    )


def write(
    file: Path,
    parts: Mapping[str, bytes] = PARTS,
    *,
    change: Callable[[list[Part]], list[Part]] = lambda parts: parts,
) -> Path:
    """An archive of these parts, with another manifest if `change` says so."""
    with file.open("wb") as out:
        archive = ArchiveWriter(out, mtime=0)
        for name, body in parts.items():
            archive.add(name, BytesIO(body), len(body), Silence())
        archive.close(manifest_of(change(archive.parts)))
    return file


def read(file: Path) -> dict[str, bytes]:
    found = {}
    with ArchiveReader.open(file, Silence()) as archive:
        for member in archive.members():
            found[member.name] = b"".join(iter(lambda: member.read(100), b""))  # noqa: B023
    return found


def test_what_was_written_is_read(tmp_path: Path) -> None:
    file = write(tmp_path / "a.tar.gz")
    assert [part.name for part in check(file, Silence()).parts] == list(PARTS)
    found = read(file)
    del found["manifest.json"]
    assert found == PARTS


def test_tar_reads_it_too(tmp_path: Path) -> None:
    with tarfile.open(write(tmp_path / "a.tar.gz")) as tar:
        assert tar.getnames() == [PREFIX + name for name in (*PARTS, "manifest.json")]
        assert {member.mode for member in tar} == {0o600}
        assert {member.type for member in tar} == {tarfile.REGTYPE}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write(tmp_path_factory.mktemp("whole") / "a.tar.gz").read_bytes()


def test_every_cut_is_found(whole: bytes, tmp_path: Path) -> None:
    file = tmp_path / "a.tar.gz"
    for size in range(len(whole)):
        file.write_bytes(whole[:size])
        with pytest.raises(ArchiveError, match="Nothing was changed"):
            check(file, Silence())


@given(place=st.integers(min_value=0), bit=st.integers(0, 7))
@settings(max_examples=300, deadline=None)
def test_every_flipped_bit_is_found_or_harmless(
    whole: bytes, place: int, bit: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    broken = bytearray(whole)
    broken[place % len(whole)] ^= 1 << bit
    file = tmp_path_factory.getbasetemp() / "flipped.tar.gz"
    file.write_bytes(broken)
    try:
        check(file, Silence())
    except ArchiveError:
        return
    # As the time in gzip's own header.
    found = read(file)
    del found["manifest.json"]
    assert found == PARTS


def unzipped(file: Path) -> bytearray:
    return bytearray(gzip.decompress(file.read_bytes()))


@pytest.mark.parametrize("name", [name for name, body in PARTS.items() if body])
def test_a_changed_part_is_named(name: str, tmp_path: Path) -> None:
    file = write(tmp_path / "a.tar.gz")
    body = unzipped(file)
    body[body.index(PARTS[name]) + 5] ^= 1
    file.write_bytes(gzip.compress(body))
    with pytest.raises(ArchiveError) as caught:
        check(file, Silence())
    assert caught.value.part == name
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("change", "part", "words"),
    [
        (lambda parts: parts[:-1], "readings/00000001.lp", "does not know it"),
        (lambda parts: [*parts, parts[0]], "broker/mosquitto.db", "missing"),
        (lambda parts: parts[1:], "journal.db", "stands in its place"),
        (
            lambda parts: [parts[0].model_copy(update={"bytes": 1}), *parts[1:]],
            "broker/mosquitto.db",
            "not what was written",
        ),
    ],
)
def test_a_manifest_that_tells_of_something_else(
    change: Callable[[list[Part]], list[Part]], part: str, words: str, tmp_path: Path
) -> None:
    file = write(tmp_path / "a.tar.gz", change=change)
    with pytest.raises(ArchiveError, match=words) as caught:
        check(file, Silence())
    assert caught.value.part == part


def foreign(file: Path, *members: tarfile.TarInfo, body: bytes = b"x") -> Path:
    with tarfile.open(file, "w:gz", format=tarfile.USTAR_FORMAT) as tar:
        for member in members:
            member.size = len(body) if member.type == tarfile.REGTYPE else 0
            tar.addfile(member, io.BytesIO(body))
    return file


def info(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    return made


@pytest.mark.parametrize(
    ("member", "words"),
    [
        (info("etc/passwd"), "no backup of kotahub"),
        (info("../x"), "no backup of kotahub"),
        (info("kotahub-backup-2/journal.db"), "has format 2"),
        (info(f"{PREFIX}files/x", tarfile.SYMTYPE, "/etc/passwd"), "no plain file"),
        (info(f"{PREFIX}files/x", tarfile.LNKTYPE, "/etc/passwd"), "no plain file"),
        (info(f"{PREFIX}files/x", tarfile.DIRTYPE), "no plain file"),
        (info(f"{PREFIX}files/x", tarfile.FIFOTYPE), "no plain file"),
        (info(f"{PREFIX}files/x"), "ends without a manifest"),
    ],
)
def test_a_foreign_archive_is_refused(member: tarfile.TarInfo, words: str, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=words):
        check(foreign(tmp_path / "a.tar.gz", member), Silence())


def test_a_part_that_comes_twice_is_refused(tmp_path: Path) -> None:
    twice = foreign(tmp_path / "a.tar.gz", info(f"{PREFIX}files/x"), info(f"{PREFIX}files/x"))
    with pytest.raises(ArchiveError, match="comes twice"):
        check(twice, Silence())


@pytest.mark.parametrize("body", [b"", b"hello", b"\x1f\x8b", gzip.compress(b"hello")])
def test_what_is_no_archive_is_refused(body: bytes, tmp_path: Path) -> None:
    file = tmp_path / "a.tar.gz"
    file.write_bytes(body)
    with pytest.raises(ArchiveError):
        check(file, Silence())
    with pytest.raises(ArchiveError, match="cannot be read"):
        check(tmp_path / "nowhere", Silence())


def test_a_source_that_becomes_shorter_makes_no_backup(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as out, pytest.raises(BackupError, match="became shorter"):
        ArchiveWriter(out, mtime=0).add("journal.db", BytesIO(b"12"), 3, Silence())


def test_a_name_that_tar_cannot_hold_makes_no_backup(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as out, pytest.raises(BackupError, match="too long"):
        ArchiveWriter(out, mtime=0).add(f"files/{'x' * 300}", BytesIO(), 0, Silence())
