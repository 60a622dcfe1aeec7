"""Behaviour as files: each folder under `tests/cases/` is one case; see the README there."""

from collections.abc import Mapping
from functools import cache

import pytest

from devices.device import Device
from ingest.dialects import DIALECTS
from ingest.pipeline import Pipeline
from ingest.types import Message, Reason
from tests.case import KINDS, MODELS, Case, find_cases


@pytest.mark.parametrize("case", find_cases(), ids=str)
def test_case(case: Case) -> None:
    settings, fault = case.settings(), case.fault()
    batch, asked = case.run()
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
