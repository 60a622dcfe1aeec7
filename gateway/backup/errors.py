"""What a backup or a restore cannot do, and what to do about it."""

from collections.abc import Sequence
from pathlib import Path

from devices.errors import HubError


class BackupError(HubError):
    """The backup was not made; nothing was left behind."""


class RestoreError(HubError):
    """The restore did not begin, or ended halfway; its words say which."""


class ArchiveError(RestoreError):
    """The file is no whole backup; nothing was changed.

    Attributes:
        part: which part is damaged or missing; None where it is no backup at all.
    """

    def __init__(self, file: Path, why: str, *, part: str | None = None) -> None:
        self.file = file
        self.part = part
        where = "" if part is None else f", part {part}"
        super().__init__(
            f"{file}{where}: {why}. Nothing was changed. Take another backup, or copy this one "
            "again from where it was made"
        )


class HubRunsError(RestoreError):
    def __init__(self, what: str, folder: Path) -> None:
        super().__init__(
            f"{what} uses {folder}. Stop every kotahub on this data folder (and the broker that a "
            "killed one leaves behind), then restore. Nothing was changed"
        )


class NotEmptyError(RestoreError):
    """There is a hub already where the backup should go.

    Attributes:
        found: what is there, in words.
    """

    def __init__(self, found: Sequence[str]) -> None:
        self.found = tuple(found)
        super().__init__(
            f"There is a hub here already: {'; '.join(found)}. Nothing was changed. If the backup "
            "shall take its place, say --force: files and registry are moved aside, not deleted, "
            "and readings are added to those in InfluxDB"
        )
