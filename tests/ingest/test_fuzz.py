"""A few thousand of the broken messages that `bench/fuzz.py` makes by the million."""

from pathlib import Path

import pytest

from bench.fuzz import BLOCK, Findings, fuzz, read_state
from bench.samples import samples
from ingest.dialects import DIALECTS
from ingest.stores.lines import Point, parse_line
from ingest.types import Reason

pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"  # mqtt5's panic
)


def test_nothing_but_quarantine_comes_of_broken_messages() -> None:
    findings = Findings(seed=7)
    fuzz(findings, 3 * BLOCK)
    assert findings.failures == 0
    assert findings.done == 3 * BLOCK
    for outcome in ("dialect uplinks", "pipeline accepted", "session ended", "session messages"):
        assert findings.outcomes[outcome] > 10
    reasons = {name.removeprefix("pipeline ") for name in findings.outcomes}
    assert {Reason.NOT_JSON, Reason.WRONG_SHAPE, Reason.WRONG_TYPE, Reason.BAD_TIME} <= reasons


def test_every_dialect_has_samples() -> None:
    assert {sample.dialect for sample in samples()} >= {*DIALECTS}


def test_a_run_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    whole = Findings(seed=3)
    fuzz(whole, 2 * BLOCK)
    fuzz(read_state(state, 3), BLOCK, state=state)
    resumed = read_state(state, 3)
    assert resumed.done == BLOCK
    fuzz(resumed, 2 * BLOCK, state=state)
    assert resumed.outcomes == whole.outcomes
    with pytest.raises(SystemExit, match="seed 3"):
        read_state(state, 4)


def test_a_planted_fault_is_found_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def strict(line: bytes) -> Point:
        if line.endswith(b"7"):
            raise ZeroDivisionError
        return parse_line(line)

    monkeypatch.setattr("bench.fuzz.parse_line", strict)
    findings = Findings(seed=1)
    fuzz(findings, 2 * BLOCK, state=tmp_path / "state.json")
    assert findings.failures > 0
    assert len(list((tmp_path / "state.failed").iterdir())) == findings.failures


def test_a_dialect_that_raises_something_else_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(_topic: str, payload: bytes) -> list[object]:
        return [payload.decode()]

    monkeypatch.setattr(
        "bench.fuzz.make_openers", lambda _around: dict.fromkeys(DIALECTS, careless)
    )
    findings = Findings(seed=1)
    fuzz(findings, BLOCK)
    assert findings.failures > BLOCK / 10
