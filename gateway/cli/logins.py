"""Logins of devices at the command line: passwords that are shown once, logins that go."""

# ruff: noqa: PLC0415 - commands import when they run, so that `kotahub --help` is quick

import csv
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from devices.errors import HubError

if TYPE_CHECKING:
    from gateway.settings import Settings


class LoginRemainsError(HubError):
    """A device was retired, but the broker still lets it in."""

    def __init__(self, device_id: str, reason: HubError) -> None:
        self.device_id = device_id
        super().__init__(
            f"Device '{device_id}' is retired, but its login on the broker remains. {reason}. "
            f"Then run again: kotahub devices retire {device_id}"
        )


class PasswordFileError(HubError):
    """The file that is to hold passwords cannot be made."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        super().__init__(
            f"The passwords cannot be written to {path}: {reason}. "
            "Name a new file in a folder of yours; an old one is never written over"
        )


async def delete_login(settings: "Settings", device_id: str) -> None:
    """Takes a retired device's login away, where the hub manages logins at all.

    Raises:
        LoginRemainsError: the broker did not do it.
    """
    from gateway.credentials import NoAdminError, open_credentials
    from gateway.mosquitto import MissingMosquittoError

    try:
        await open_credentials(settings).delete([device_id])
    except (NoAdminError, MissingMosquittoError):
        return
    except HubError as error:
        raise LoginRemainsError(device_id, error) from error


class PasswordFile:
    """Passwords by device, as CSV that its owner alone can read."""

    def __init__(self, handle: int) -> None:
        self._file = os.fdopen(handle, "w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(["id", "password"])

    def write(self, passwords: Mapping[str, str]) -> None:
        """Makes the passwords durable: nobody can ask for them again."""
        self._writer.writerows(passwords.items())
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


@contextmanager
def new_password_file(path: Path) -> Iterator[PasswordFile]:
    """A new file; where the block fails, it is taken away again.

    Raises:
        PasswordFileError: it exists already or cannot be made.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise PasswordFileError(path, error.strerror or str(error)) from error
    file = PasswordFile(handle)
    try:
        yield file
    except BaseException:
        path.unlink()
        raise
    finally:
        file.close()
