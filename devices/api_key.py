"""API keys: who may ask the hub over HTTP, and for what."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from devices.errors import UnknownScopeError

SCOPES: Final = ("read", "write", "admin")

SECRET_BYTES: Final = 32
"""256 random bits: nobody guesses them, so a fast hash without salt hides them well."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What may be shown of an API key; the key itself is shown once, when it is made."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None


def make_key() -> tuple[str, str]:
    """A new key's id and the key, `kh_<id>_<secret>`."""
    key_id = secrets.token_hex(6)
    return key_id, f"kh_{key_id}_{secrets.token_urlsafe(SECRET_BYTES)}"


def key_id_of(key: str) -> str:
    return key.split("_")[1]


def hash_key(key: str) -> str:
    """SHA-256 in hex: all that is kept of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def check_scopes(scopes: Iterable[str]) -> list[str]:
    """The scopes without repetition, in the order of `SCOPES`.

    Raises:
        UnknownScopeError: no scope, or one that does not exist.
    """
    wanted = set(scopes)
    unknown = sorted(wanted.difference(SCOPES))
    if unknown or not wanted:
        raise UnknownScopeError(unknown, list(SCOPES))
    return [scope for scope in SCOPES if scope in wanted]
