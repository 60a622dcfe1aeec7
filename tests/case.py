"""Cases: the folders under `tests/cases/`, for tests and benches; see the README there."""

import tomllib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from devices.device import Device
from devices.kind import load_kinds
from devices.model import load_models
from ingest.batch import Batch
from ingest.pipeline import Pipeline
from ingest.types import Message, Reason

CASES: Final = Path(__file__).parent / "cases"
KINDS: Final = load_kinds()
MODELS: Final = load_models(None, KINDS)
ZONE: Final = ZoneInfo("Asia/Jakarta")
SETTINGS: Final = {
    *("topic", "received_at", "device", "before", "unknown", "kept", "dialects"),
    *("counted", "presence", "asks"),
}


@dataclass(frozen=True)
class Case:
    """One message and what the hub makes of it."""

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

    def message(self) -> Message:
        return Message(self.settings()["topic"], self.payload())

    def lines(self) -> list[bytes]:
        path = self.folder / "expected.lp"
        return path.read_bytes().splitlines() if path.exists() else []

    def fault(self) -> tuple[Reason, str] | None:
        path = self.folder / "expected.err"
        if not path.exists():
            return None
        reason, _, detail = path.read_text(encoding="utf-8").strip().partition("\n")
        return Reason(reason), detail

    def prepared(self) -> tuple[Pipeline, int]:
        """A pipeline that has seen what came before, and the instant at which the message comes."""
        settings = self.settings()
        pipeline = Pipeline(
            kinds=KINDS,
            models=MODELS,
            devices=[Device(**settings["device"])],
            dialects=settings.get("dialects", {}),
            zone=ZONE,
        )
        received_ns = nanoseconds(settings["received_at"])
        for item in settings.get("before", []):
            one = item if isinstance(item, dict) else {"file": item}
            payload = (self.folder / one["file"]).read_bytes()
            earlier = Message(one.get("topic", settings["topic"]), payload)
            assert not pipeline.process([earlier], received_ns).quarantined
        return pipeline, received_ns

    def run(self) -> tuple[Batch, list[str]]:
        """What comes of the message, and the topics of what the hub then asks."""
        pipeline, received_ns = self.prepared()
        batch = pipeline.process([self.message()], received_ns)
        return batch, [message.topic for message in pipeline.outbox.take()]


def find_cases() -> list[Case]:
    return [Case(path.parent) for path in sorted(CASES.glob("*/*/case.toml"))]


def nanoseconds(moment: datetime) -> int:
    return round(moment.timestamp()) * 1_000_000_000
