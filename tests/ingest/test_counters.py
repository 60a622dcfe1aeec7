"""Cumulative counters on their way: growth is counted once, whatever happens to its message."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from devices.declaration import parse_declaration
from devices.device import Device
from devices.kind import load_kinds
from devices.model import Model
from ingest.batch import Batch
from ingest.journal import Journal
from ingest.pipeline import Pipeline
from ingest.types import Message, Reason

KINDS: Final = load_kinds()
BUCKET: Final = parse_declaration(
    Model,
    """
id = "bucket"
kind = "weather"
vendor = "Tests"
product = "A bucket that tips"
source = "https://example.org/bucket"

[metrics]
rain = { path = "total", cumulative = true }
""",
    "bucket.toml",
)
GAUGE: Final = Device(id="rain-1", kind="weather", model="bucket", name="Rain")
NOON_NS: Final = 1_790_000_000_000_000_000


def pipeline(counters: dict[str, dict[str, float]] | None = None) -> Pipeline:
    return Pipeline(kinds=KINDS, models={BUCKET.id: BUCKET}, devices=[GAUGE], counters=counters)


def said(total: object, minute: int) -> Message:
    text = f'{{"total": {total}, "time": "2026-09-21T12:{minute:02d}:00Z"}}'
    return Message("sensors/rain-1/up", text.encode())


def rain(batch: Batch) -> list[float | None]:
    """What fell, line by line; None where it cannot be known."""
    found: list[float | None] = []
    for line in batch.lines:
        fields = line.split(b" ")[1].split(b",")
        values = [field.partition(b"=")[2] for field in fields if field.startswith(b"rain=")]
        found.append(float(values[0]) if values else None)
    return found


def test_a_restart_between_two_payloads_loses_no_rain(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "journal.db") as journal:
        journal.commit(pipeline().process([said(10, 0), said(12, 1)], NOON_NS))
        after = pipeline(journal.counters()).process([said(17, 2)], NOON_NS)
    assert rain(after) == [5.0]


def test_a_payload_that_comes_again_counts_nothing_and_moves_nothing_back() -> None:
    hub = pipeline()
    hub.process([said(10, 0), said(20, 1)], NOON_NS)
    again = hub.process([said(10, 0)], NOON_NS)
    assert again.duplicate == {"rain-1": 1}
    assert again.counters == {}
    assert rain(hub.process([said(21, 2)], NOON_NS)) == [1.0]


def test_what_was_not_made_durable_is_counted_when_it_comes_again() -> None:
    hub = pipeline()
    hub.process([said(10, 0)], NOON_NS)
    lost = hub.process([said(14, 1), said(15, 2)], NOON_NS)
    hub.forget(lost)
    assert rain(hub.process([said(14, 1), said(15, 2)], NOON_NS)) == [4.0, 1.0]


def test_the_growth_of_a_refused_payload_comes_with_the_next() -> None:
    hub = pipeline()
    hub.process([said(10, 0)], NOON_NS)
    late = Message("sensors/rain-1/up", b'{"total": 13, "time": "2036-01-01T00:00:00Z"}')
    (refused,) = hub.process([late], NOON_NS).quarantined
    assert refused.reason is Reason.FUTURE_TIME
    assert rain(hub.process([said(14, 1)], NOON_NS)) == [4.0]


def test_another_model_of_the_device_counts_from_its_own_beginning() -> None:
    other = BUCKET.model_copy(update={"id": "other"})
    hub = Pipeline(kinds=KINDS, models={"bucket": BUCKET, "other": other}, devices=[GAUGE])
    hub.process([said(10, 0)], NOON_NS)
    hub.update([replace(GAUGE, model="other")])
    assert rain(hub.process([said(500, 1), said(501, 2)], NOON_NS)) == [None, 1.0]


@given(steps=st.lists(st.tuples(st.integers(0, 50), st.sampled_from(["keep", "again", "restart"]))))
def test_all_growth_is_counted_whatever_comes_again(steps: list[tuple[int, str]]) -> None:
    hub, total, counted = pipeline(), 0, 0.0
    totals: dict[str, dict[str, float]] = {}
    hub.process([said(0, 0)], NOON_NS)
    for number, (step, event) in enumerate(steps[:58], start=1):
        total += step
        batch = hub.process([said(total, number)], NOON_NS)
        counted += sum(value or 0 for value in rain(batch))
        totals |= {device: counters.after for device, counters in batch.counters.items()}
        if event == "again":
            assert rain(hub.process([said(total, number)], NOON_NS)) == []
        elif event == "restart":
            hub = pipeline(totals)
    assert counted == total
