"""What a stand-in for Grafana holds, and how it refuses."""

import re
from dataclasses import dataclass, field
from typing import Any, Final

Json = dict[str, Any]

TOKEN: Final = "glsa_token_of_the_tests"
_UID: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")


class Refusal(Exception):  # noqa: N818 - it is an answer
    def __init__(self, status: int, message: str, code: str = "") -> None:
        self.status = status
        self.body = {"message": message, **({"status": code} if code else {})}
        super().__init__(message)


@dataclass
class State:
    """Everything in it may be set by tests."""

    version: tuple[int, ...] = (11, 2, 0)
    folders: dict[str, Json] = field(default_factory=dict)
    data_sources: dict[str, Json] = field(default_factory=dict)
    library_panels: dict[str, Json] = field(default_factory=dict)
    dashboards: dict[str, Json] = field(default_factory=dict)
    history: dict[str, list[Json]] = field(default_factory=dict)
    playlists: dict[str, Json] = field(default_factory=dict)
    contacts: list[Json] = field(default_factory=list)
    policy: Json = field(default_factory=lambda: {"receiver": "grafana-default-email"})
    accounts: dict[int, Json] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=lambda: {TOKEN: "Admin"})
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    ids: int = 0

    def new_id(self) -> int:
        self.ids += 1
        return self.ids


def valid_uid(uid: str) -> str:
    if len(uid) > 40:
        raise Refusal(400, "uid too long, max 40 characters")
    if not _UID.fullmatch(uid):
        raise Refusal(400, "uid contains illegal characters")
    return uid
