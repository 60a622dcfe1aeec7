"""Plain files of the data folder and of the broker's: which belong to a hub, and by which name.

Everything in a folder belongs, but for databases, which are copied by other means, and what only a
running process needs. So a city's own files are kept wherever it puts them.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

STAGING: Final = ".restoring"
"""Where a restore puts everything before it takes its place."""
ASIDE: Final = "before-restore-"
"""Where what stood in its way goes; with the time."""
SETTINGS_ASIDE: Final = "settings-from-backup"
"""Where the settings of the backed-up hub go, for people to look at."""

_DATABASES: Final = r"(?:registry|journal|quality|derived)\.db(?:-wal|-shm|-journal)?"
_RUNNING: Final = (
    r"(?:hub|ingest)\.json(?:\.new)?|hub\.\d+|hub\.log|journal\.db\.(?:lock|new|salvaging.*)"
)
_DUCKDB: Final = r"readings\.duckdb(?:\.wal|\.tmp/.*)?"
_BROKER_RUNNING: Final = r"broker\.pid|hub\.lock|broker\.lock|mosquitto\.log(?:\.\d+)?|.*\.new"
_RESTORES: Final = (
    rf"(?:{re.escape(STAGING)}|{re.escape(ASIDE)}[^/]*|{re.escape(SETTINGS_ASIDE)})(?:/.*)?"
)

_NOT_DATA: Final = re.compile(f"{_DATABASES}|{_RUNNING}|{_DUCKDB}|{_RESTORES}", re.DOTALL)
_NOT_BROKER: Final = re.compile(f"{_BROKER_RUNNING}|{_RESTORES}", re.DOTALL)


def is_data(name: str) -> bool:
    """Whether a file of the data folder, by its path within it, is kept as it is."""
    return is_plain(name) and _NOT_DATA.fullmatch(name) is None


def is_broker(name: str) -> bool:
    """Whether a file of the broker's folder, by its path within it, is kept as it is."""
    return is_plain(name) and _NOT_BROKER.fullmatch(name) is None


def files(folder: Path, *, without: Path | None = None) -> Iterator[str]:
    """Files below a folder by their paths within it, sorted; not those below `without`.

    Links to folders are not followed.

    Raises:
        OSError: a folder cannot be read.
    """
    for place, folders, names in os.walk(folder, onerror=_give_up):
        here = Path(place)
        folders[:] = sorted(name for name in folders if here / name != without)
        for name in sorted(names):
            if (here / name).is_file():
                yield (here / name).relative_to(folder).as_posix()


def is_plain(name: str) -> bool:
    """Whether a name leads to a place below the folder, and nowhere else."""
    path = PurePosixPath(name)
    return (
        bool(path.parts)
        and "\0" not in name
        and not path.is_absolute()
        and str(path) == name
        and ".." not in path.parts
    )


def _give_up(error: OSError) -> None:
    raise error
