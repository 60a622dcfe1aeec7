from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.device import Device
from devices.kind import load_kinds
from ingest.batch import Batch
from ingest.journal import Journal
from ingest.pipeline import Pipeline
from ingest.replay import ReplayResult, replay, replay_registered
from ingest.types import Message, Reason

NOW = 1_764_000_000_000_000_000
KINDS = load_kinds()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.open(tmp_path / "journal.db") as opened:
        yield opened


def receive(journal: Journal, pipeline: Pipeline, device: str, *payloads: bytes) -> None:
    topic = f"sensors/{device}/up"
    messages = [Message(topic, payload, n) for n, payload in enumerate(payloads, 1)]
    journal.commit(pipeline.process(messages, NOW))


def counts(journal: Journal, device: str) -> tuple[int, int, int]:
    """Received, quarantined, pending."""
    (row,) = journal.ledger(device=device)
    return row.received, row.quarantined, row.pending


def lines(journal: Journal) -> list[bytes]:
    return [line for batch in journal.take(max_bytes=1 << 20) for line in batch.lines]


def test_an_unregistered_device_s_messages_come_back_when_it_is_registered(
    journal: Journal,
) -> None:
    pipeline = Pipeline(kinds=KINDS, models={})
    receive(journal, pipeline, "new-1", b'{"pm25":1}', b'{"time":1764000000,"pm25":2}', b"rubbish")
    receive(journal, pipeline, "other-1", b'{"pm25":1}')
    assert replay_registered(journal, pipeline) == ReplayResult()
    pipeline.update([Device("new-1", "air")])
    assert replay_registered(journal, pipeline) == ReplayResult(accepted=2)
    assert counts(journal, "new-1") == (3, 1, 2)
    # A reading without a time keeps the instant at which it first came.
    assert lines(journal)[0].endswith(b"time_qc=2 %d" % NOW)
    reasons = {(item.device, item.reason) for item in journal.quarantine()}
    assert reasons == {("other-1", Reason.UNREGISTERED), ("new-1", Reason.NOT_JSON)}
    assert counts(journal, "other-1") == (1, 1, 0)


def test_many_waiting_messages_all_come_back_once(journal: Journal) -> None:
    pipeline = Pipeline(kinds=KINDS, models={})
    payloads = [b'{"time":%d,"pm25":1}' % (1764000000 - n) for n in range(1200)]
    receive(journal, pipeline, "new-1", *payloads)
    pipeline.update([Device("new-1", "air")])
    assert replay_registered(journal, pipeline) == ReplayResult(accepted=1200)
    assert len(set(lines(journal))) == 1200
    assert counts(journal, "new-1") == (1200, 0, 1200)


def test_a_network_address_moves_to_its_device(journal: Journal) -> None:
    pipeline = Pipeline(kinds=KINDS, models={})
    receive(journal, pipeline, "0011223344556677", b'{"time":1764000000,"pm25":2}')
    device = Device("air-9", "air", address="0011223344556677")
    pipeline.update([device])
    assert pipeline.knows("0011223344556677")


def test_what_is_still_bad_stays_with_its_id_and_its_count(journal: Journal) -> None:
    pipeline = Pipeline(kinds=KINDS, models={}, devices=[Device("air-1", "air")])
    receive(journal, pipeline, "air-1", b"rubbish")
    (item,) = journal.quarantine()
    assert replay(journal, pipeline, [item.id, 999]) == ReplayResult(still=1)
    assert journal.quarantine() == [item]
    assert counts(journal, "air-1") == (1, 1, 0)


def test_bad_elements_of_a_batch_come_back_alone(journal: Journal) -> None:
    pipeline = Pipeline(kinds=KINDS, models={}, devices=[Device("air-1", "air")])
    receive(
        journal,
        pipeline,
        "air-1",
        b'[{"time":1764000000,"pm25":1},{"time":1764000001,"volume":4}]',
    )
    assert counts(journal, "air-1") == (1, 1, 0)
    pipeline.update([Device("air-1", "traffic")])  # it was registered with the wrong kind
    (item,) = journal.quarantine()
    assert replay(journal, pipeline, [item.id]) == ReplayResult(accepted=1)
    assert counts(journal, "air-1") == (1, 0, 1)
    assert [line.partition(b",")[0] for line in lines(journal)] == [b"air", b"traffic"]


def test_points_that_the_store_refused_go_to_it_again_as_they_are(journal: Journal) -> None:
    pipeline = Pipeline(kinds=KINDS, models={}, devices=[Device("air-1", "air")])
    receive(
        journal, pipeline, "air-1", b'[{"time":1764000000,"pm25":1},{"time":1764000001,"pm25":2}]'
    )
    taken = journal.take(max_bytes=1 << 20)
    journal.settle(taken, {0: "conflict", 1: "conflict"})
    assert counts(journal, "air-1") == (1, 1, 0)
    (item,) = journal.quarantine()
    assert replay(journal, pipeline, [item.id]) == ReplayResult(accepted=1)
    assert counts(journal, "air-1") == (1, 0, 1)
    assert lines(journal) == taken[0].lines
    journal.settle(journal.take(max_bytes=1 << 20), {})
    assert counts(journal, "air-1") == (1, 0, 0)


def test_replaying_beside_another_replay_counts_once(journal: Journal) -> None:
    pipeline = Pipeline(kinds=KINDS, models={})
    receive(journal, pipeline, "new-1", b'{"time":1764000000,"pm25":2}')
    pipeline.update([Device("new-1", "air")])
    (item,) = journal.quarantine()
    assert replay(journal, pipeline, [item.id]) == ReplayResult(accepted=1)
    assert journal.resolve([(item, Batch(NOW))]) == [False]
    assert replay(journal, pipeline, [item.id]) == ReplayResult()
    assert counts(journal, "new-1") == (1, 0, 1)
