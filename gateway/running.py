"""`hub.json`: where commands on the same machine find the running hub.

DuckDB lets one process at a time into its file, so `kotahub readings` asks the running hub over
HTTP. The file is readable by its owner alone: it holds a read key that lives as long as the hub.
"""

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

_NAME = "hub.json"


class Running(BaseModel):
    """The running hub: its process, its address on this machine and a key with scope `read`."""

    model_config = ConfigDict(frozen=True)

    pid: int = Field(gt=0)
    url: str = Field(pattern=r"^https?://")
    key: str = Field(min_length=1)


def write_running(data_dir: Path, running: Running) -> None:
    """Announces the hub; replaces what a killed one left behind."""
    path = data_dir / _NAME
    fresh = path.with_suffix(f".{running.pid}")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(running.model_dump_json())
    fresh.replace(path)


def remove_running(data_dir: Path, pid: int) -> None:
    """Takes the announcement back, unless another hub has replaced it since."""
    running = _read(data_dir)
    if running is not None and running.pid == pid:
        (data_dir / _NAME).unlink(missing_ok=True)


def read_running(data_dir: Path) -> Running | None:
    """The running hub of the data folder; None when there is none or its process is gone."""
    running = _read(data_dir)
    return running if running is not None and _alive(running.pid) else None


def _read(data_dir: Path) -> Running | None:
    try:
        return Running.model_validate_json((data_dir / _NAME).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
