"""`manifest.json`, the last part of an archive: what must stand before it, to the byte."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

FORMAT: Final = 1
"""Version of the archive's layout; it stands in the name of every member, too."""
NAME: Final = "manifest.json"


class Part(BaseModel):
    """A member of the archive."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    bytes: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Counts(BaseModel):
    """What is in a backup, for people, and for whoever compares the hub after a restore."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    devices: int = 0
    keys: int = 0
    stored: int = 0
    quarantined: int = 0
    duplicate: int = 0
    pending: int = 0
    quarantine_items: int = 0
    points: int = 0

    @property
    def received(self) -> int:
        return self.stored + self.quarantined + self.duplicate + self.pending


class Manifest(BaseModel):
    """What an archive holds.

    Attributes:
        created: when the backup began (UTC): what was acknowledged by then is in it.
        hub_version: the program that made it.
        schema_revision: of the registry.
        settings: those that say what the data mean; a restore compares them.
        readings: whether it was asked for readings.
        owners: system users of the data folder and of the broker's.
        left_out: what is not in it although a hub needs it, in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    created: datetime
    hub_version: str
    schema_revision: str
    settings: dict[str, str]
    readings: bool
    owners: dict[str, str]
    counts: Counts
    left_out: list[str]
    parts: list[Part]
