"""Behaviour as files: each folder under `tests/cases/` is one case; see the README there."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from devices.device import Device
from devices.kind import load_kinds
from devices.model import load_models
from ingest.batch import Batch
from ingest.dialects import DIALECTS
from ingest.pipeline import Pipeline
from ingest.types import Message, Reason

CASES = Path(__file__).parent.parent / "cases"
KINDS = load_kinds()
MODELS = load_models(None, KINDS)
ZONE = ZoneInfo("Asia/Jakarta")
SETTINGS = {
    *("topic", "received_at", "device", "before", "unknown", "kept", "dialects"),
    *("counted", "presence", "asks"),
}


@dataclass(frozen=True)
class Case:
    folder: Path

    def __str__(self) -> str:
        return f"{self.folder.parent.name}/{self.folder.name}"

    def settings(self) -> dict[str, Any]:
        settings = tomllib.loads((self.folder / "case.toml").read_text(encoding="utf-8"))
        assert set(settings) <= SETTINGS
        return settings

    def payload(self) -> bytes:
        (path,) = self.folder.glob("input.*")
        return path.read_bytes()

    def lines(self) -> list[bytes]:
        path = self.folder / "expected.lp"
        return path.read_bytes().splitlines() if path.exists() else []

    def fault(self) -> tuple[Reason, str] | None:
        path = self.folder / "expected.err"
        if not path.exists():
            return None
        reason, _, detail = path.read_text(encoding="utf-8").strip().partition("\n")
        return Reason(reason), detail


def find_cases() -> list[Case]:
    return [Case(path.parent) for path in sorted(CASES.glob("*/*/case.toml"))]


def nanoseconds(moment: datetime) -> int:
    return round(moment.timestamp()) * 1_000_000_000


def opened(case: Case) -> tuple[Batch, list[str]]:
    """What comes of the case's message, and the topics of what the hub then asks."""
    settings = case.settings()
    pipeline = Pipeline(
        kinds=KINDS,
        models=MODELS,
        devices=[Device(**settings["device"])],
        dialects=settings.get("dialects", {}),
        zone=ZONE,
    )
    topic, received_ns = settings["topic"], nanoseconds(settings["received_at"])
    for item in settings.get("before", []):
        one = item if isinstance(item, dict) else {"file": item}
        payload = (case.folder / one["file"]).read_bytes()
        earlier = Message(one.get("topic", topic), payload)
        assert not pipeline.process([earlier], received_ns).quarantined
    batch = pipeline.process([Message(topic, case.payload())], received_ns)
    return batch, [message.topic for message in pipeline.outbox.take()]


@pytest.mark.parametrize("case", find_cases(), ids=str)
def test_case(case: Case) -> None:
    settings, fault = case.settings(), case.fault()
    batch, asked = opened(case)
    counted = settings.get("counted", True)
    assert batch.lines == case.lines()
    assert batch.messages == counted
    if fault is None:
        assert batch.quarantined == []
        assert bool(batch.lines) == counted
    else:
        (item,) = batch.quarantined
        assert item.reason is fault[0]
        assert fault[1] in item.detail
        assert item.topic == settings["topic"]
        kept = settings.get("kept")
        assert item.payload == (case.payload() if kept is None else kept.encode())
    unknown = {name: count for (_, name), count in batch.unknown.items()}
    assert unknown == settings.get("unknown", {})
    presence = {device: online for device, (online, _) in batch.presence.items()}
    assert presence == settings.get("presence", {})
    assert asked == settings.get("asks", [])


@cache
def _folders() -> Mapping[str, list[Case]]:
    folders: dict[str, list[Case]] = {}
    for case in find_cases():
        folders.setdefault(case.folder.parent.name, []).append(case)
    return folders


def test_every_dialect_and_model_has_a_case() -> None:
    assert {*DIALECTS, *MODELS} <= set(_folders())


def test_every_folder_is_of_a_dialect_or_model() -> None:
    assert set(_folders()) <= {*DIALECTS, *MODELS}


@pytest.mark.parametrize("size", [256 * 1024 + 1, 10_000_000])
def test_a_payload_too_large_is_kept_byte_for_byte(size: int) -> None:
    pipeline = Pipeline(kinds=KINDS, models=MODELS, devices=[Device("deli-01", "flood")])
    payload = b'{"level": 1.5, "pad": "' + b"x" * (size - 25) + b'"}'
    assert len(payload) == size
    batch = pipeline.process([Message("sensors/deli-01/up", payload)], 1_767_582_000_000_000_000)
    (item,) = batch.quarantined
    assert item.reason is Reason.TOO_LARGE
    assert str(size) in item.detail
    assert item.payload == payload
    assert not batch.lines
