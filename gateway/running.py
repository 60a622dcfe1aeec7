"""`hub.json`: where commands on the same machine find the running hub.

DuckDB lets one process at a time into its file, so `kotahub readings` asks the running hub over
HTTP. The file is readable by its owner alone: it holds a read key that lives as long as the hub.
"""

import http.client
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from devices.errors import HubError

_NAME: Final = "hub.json"
_TIMEOUT_S: Final = 60.0
_OK: Final = 200


class NoAnswerError(HubError):
    """The process of `hub.json` lives, but nobody answers at its address."""

    def __init__(self, running: "Running", why: str) -> None:
        super().__init__(
            f"The hub (process {running.pid}) does not answer at {running.url}: {why}. "
            "Is it starting or stopping? Try again, or stop it first"
        )


class RefusedError(HubError):
    """The running hub answered with a problem; its detail is the text."""


class Running(BaseModel):
    """The running hub: its process, its address on this machine and a key with scope `read`."""

    model_config = ConfigDict(frozen=True)

    pid: int = Field(gt=0)
    url: str = Field(pattern=r"^http://")
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


def ask_running(running: Running, path: str, parameters: Mapping[str, object]) -> dict[str, Any]:
    """A JSON object from the hub's API; parameters that are None are left out.

    Raises:
        NoAnswerError: nobody listens, or it is no hub that does.
        RefusedError: the hub answered with a problem.
    """
    given = {name: value for name, value in parameters.items() if value is not None}
    where = urlsplit(running.url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=_TIMEOUT_S)
    try:
        connection.request(
            "GET",
            f"{quote(path)}?{urlencode(given)}",
            headers={"Authorization": f"Bearer {running.key}"},
        )
        response = connection.getresponse()
        answer = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NoAnswerError(running, str(error) or type(error).__name__) from error
    finally:
        connection.close()
    if response.status != _OK:
        raise RefusedError(str(answer.get("detail", f"status {response.status}")))
    return dict(answer)


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
