"""A folder that a restore fills: beside its place first, then with a few renames."""

import hashlib
import os
import pwd
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from gateway.backup import folder
from gateway.backup.manifest import Manifest

_MARK: Final = ".archive"
"""In the staging folder: which archive is being restored."""
_STAYS: Final = frozenset({folder.STAGING, "lost+found"})
_LOCKS: Final = frozenset({"journal.db.lock", "hub.lock", "broker.lock"})
"""Held by the restore itself, and made by it where there were none."""
_SHOWN: Final = 5


class Place:
    """The data folder, or the broker's.

    Attributes:
        path: the folder.
        staging: where files are put first; on the same file system.
        aside: where what was there goes.
    """

    def __init__(self, path: Path, now: datetime, *, without: Path | None = None) -> None:
        self.path = path
        self.staging = path / folder.STAGING
        self.aside = path / f"{folder.ASIDE}{now:%Y%m%dT%H%M%SZ}"
        self._without = without

    def held(self) -> str:
        """Names of what is there, some of them; empty where there is nothing."""
        names = [path.name for path in self._entries()]
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return ", ".join(names[:_SHOWN]) + more

    def begun(self, manifest: Manifest) -> bool:
        """Whether a restore of the same archive began here and did not end."""
        try:
            return (self.staging / _MARK).read_text(encoding="utf-8") == _digest(manifest)
        except FileNotFoundError:
            return False

    def begin(self, manifest: Manifest) -> None:
        """Makes the staging folder, empty but for the mark of the archive."""
        self.staging.mkdir(mode=0o700, parents=True, exist_ok=True)
        mark = self.staging / _MARK
        mark.write_text(_digest(manifest), encoding="utf-8")
        for path in self.staging.iterdir():
            if path == mark:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    def swap(self, *, last: str, owner: str | None) -> None:
        """Moves aside what is there, and what is staged into its place.

        Args:
            last: the name that comes last; a hub that has it is whole.
            owner: system user whose folder and files become; None: they stay as they are.
        """
        if owner is not None:
            user = pwd.getpwnam(owner)
            locks = [self.path / name for name in _LOCKS if (self.path / name).exists()]
            for path in (self.path, *locks, *self.staging.rglob("*")):
                os.chown(path, user.pw_uid, user.pw_gid)
        for path in list(self._entries()):
            self.aside.mkdir(mode=0o700, exist_ok=True)
            path.rename(self.aside / path.name)
        staged = [path for path in self.staging.iterdir() if path.name != _MARK]
        for path in sorted(staged, key=lambda path: (path.name == last, path.name)):
            path.rename(self.path / path.name)
        _fsync(self.path)
        shutil.rmtree(self.staging)

    def _entries(self) -> Iterator[Path]:
        if not self.path.is_dir():
            return
        for path in sorted(self.path.iterdir()):
            stays = path.name in _STAYS | _LOCKS or path.name.startswith(folder.ASIDE)
            if not stays and path != self._without:
                yield path


def _digest(manifest: Manifest) -> str:
    return hashlib.sha256(manifest.model_dump_json().encode()).hexdigest()


def _fsync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
