"""The cases of the tests as samples: messages that are broken to see what becomes of them."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from bench.machine import HOUSE
from devices.device import Device
from ingest.dialects import DIALECTS
from ingest.types import Message

CASES: Final = HOUSE / "tests" / "cases"


@dataclass(frozen=True, slots=True)
class Sample:
    """One case: a message, what came before it, and the device that it is of."""

    dialect: str
    topic: str
    payload: bytes
    device: Device
    before: tuple[Message, ...]
    dialects: Mapping[str, str]


@cache
def samples() -> tuple[Sample, ...]:
    """Every case of the tests."""
    return tuple(_sample(path.parent) for path in sorted(CASES.glob("*/*/case.toml")))


def _sample(folder: Path) -> Sample:
    settings = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))
    (payload,) = folder.glob("input.*")
    topic = settings["topic"]
    before = []
    for item in settings.get("before", []):
        one = item if isinstance(item, dict) else {"file": item}
        before.append(Message(one.get("topic", topic), (folder / one["file"]).read_bytes()))
    dialects = settings.get("dialects", {})
    # Where the folder is a model's, the message goes to whichever dialect its topic leads to.
    name = folder.parent.name if folder.parent.name in DIALECTS else ""
    return Sample(
        name,
        topic,
        payload.read_bytes(),
        Device(**settings["device"]),
        tuple(before),
        dialects,
    )
