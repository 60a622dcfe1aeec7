"""The promises at the head of `ingest/journal.py`, one test or more each."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ingest.batch import Batch, Counters, Quarantined
from ingest.journal import (
    Journal,
    JournalFullError,
    JournalVersionError,
    LedgerRow,
    UnknownItemError,
)
from ingest.types import Reason


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.open(tmp_path / "journal.db") as opened:
        yield opened


def points(device: str, count: int = 1, *, at_ns: int = 1) -> Batch:
    lines = [f"air,device={device} pm25=1.0,pm25_qc=1 {n}".encode() for n in range(count)]
    return Batch(at_ns, lines=lines, sizes=[1] * count, accepted={device: count})


def refused(device: str, reason: Reason = Reason.NOT_JSON, payload: bytes = b"\x00{") -> Batch:
    item = Quarantined(device, f"sensors/{device}/up", reason, "why", 5, payload)
    return Batch(5, quarantined=[item])


def row(journal: Journal, device: str) -> tuple[int, int, int, int, int]:
    found = journal.ledger(device=device)
    if not found:
        return (0, 0, 0, 0, 0)
    ledger = found[0]
    return (
        ledger.received,
        ledger.stored,
        ledger.quarantined,
        ledger.duplicate,
        ledger.pending,
    )


def test_a_batch_is_pending_until_it_is_settled(journal: Journal) -> None:
    journal.commit(points("a-1", 3))
    assert row(journal, "a-1") == (3, 0, 0, 0, 3)
    taken = journal.take(max_bytes=1 << 20)
    assert [line for batch in taken for line in batch.lines] == points("a-1", 3).lines
    assert row(journal, "a-1") == (3, 0, 0, 0, 3)
    journal.settle(taken, {})
    assert row(journal, "a-1") == (3, 3, 0, 0, 0)
    assert journal.take(max_bytes=1 << 20) == []


def test_refused_lines_become_quarantined_messages_with_the_store_s_words(
    journal: Journal,
) -> None:
    journal.commit(points("a-1", 3))
    journal.commit(points("b-2", 2))
    journal.settle(journal.take(max_bytes=1 << 20), {1: "field type conflict", 4: "too old"})
    assert row(journal, "a-1") == (3, 2, 1, 0, 0)
    assert row(journal, "b-2") == (2, 1, 1, 0, 0)
    first, second = journal.quarantine()
    assert (first.device, first.reason, first.detail) == (
        "a-1",
        Reason.STORE_REJECTED,
        "field type conflict",
    )
    assert first.payload == points("a-1", 3).lines[1]
    assert second.detail == "too old"
    assert second.line


def test_a_message_of_many_lines_counts_once_however_many_are_refused(journal: Journal) -> None:
    batch = points("a-1", 5)
    batch.sizes, batch.accepted = [1, 3, 1], {"a-1": 3}
    journal.commit(batch)
    journal.settle(journal.take(max_bytes=1 << 20), {1: "x", 3: "y"})
    assert row(journal, "a-1") == (3, 2, 1, 0, 0)
    (item,) = journal.quarantine()
    assert item.payload == b"\n".join([batch.lines[1], batch.lines[3]])


def test_good_elements_of_a_quarantined_message_count_nowhere_else(journal: Journal) -> None:
    batch = refused("a-1", payload=b"[bad]")
    batch.lines, batch.sizes = points("a-1", 2).lines, [-2]
    journal.commit(batch)
    assert row(journal, "a-1") == (1, 0, 1, 0, 0)
    journal.settle(journal.take(max_bytes=1 << 20), {0: "no"})
    assert row(journal, "a-1") == (1, 0, 1, 0, 0)
    assert len(journal.quarantine()) == 2


def test_quarantine_keeps_every_byte(journal: Journal) -> None:
    payload = bytes(range(256))
    journal.commit(refused("a-1", payload=payload))
    (item,) = journal.quarantine()
    assert item.payload == payload
    assert journal.quarantine_item(item.id) == item
    assert (item.topic, item.reason, item.received_ns) == ("sensors/a-1/up", "not_json", 5)


def test_quarantine_pages_and_filters(journal: Journal) -> None:
    for number in range(5):
        journal.commit(refused(f"a-{number % 2}", payload=b"%d" % number))
    journal.commit(refused("a-0", Reason.EMPTY, b""))
    first = journal.quarantine(limit=2)
    assert [item.payload for item in first] == [b"0", b"1"]
    rest = journal.quarantine(after=first[-1].id)
    assert [item.payload for item in rest] == [b"2", b"3", b"4", b""]
    assert [item.payload for item in journal.quarantine(device="a-1")] == [b"1", b"3"]
    assert [item.payload for item in journal.quarantine(reason="empty")] == [b""]
    assert [item.payload for item in journal.quarantine(max_bytes=2)] == [b"0", b"1", b"2"]
    assert journal.quarantine_counts() == {
        ("a-0", "not_json"): 3,
        ("a-1", "not_json"): 2,
        ("a-0", "empty"): 1,
    }


def test_discarding_forgets_the_bytes_and_keeps_the_count(journal: Journal) -> None:
    journal.commit(refused("a-1"))
    (item,) = journal.quarantine()
    assert journal.discard([item.id, 999]) == 1
    assert journal.quarantine() == []
    assert row(journal, "a-1") == (1, 0, 1, 0, 0)
    with pytest.raises(UnknownItemError, match="kotahub quarantine list"):
        journal.quarantine_item(item.id)


def test_an_item_is_resolved_once(journal: Journal) -> None:
    journal.commit(refused("a-1"))
    (item,) = journal.quarantine()
    outcomes = [(item, points("a-1")), (item, points("a-1"))]
    assert journal.resolve(outcomes) == [True, False]
    assert journal.resolve(outcomes) == [False, False]
    assert row(journal, "a-1") == (1, 0, 0, 0, 1)


def test_an_address_that_became_a_device_leaves_no_row_behind(journal: Journal) -> None:
    journal.commit(refused("0a0b0c", Reason.UNREGISTERED))
    (item,) = journal.quarantine()
    journal.resolve([(item, points("a-1"))])
    assert [ledger.device for ledger in journal.ledger()] == ["a-1"]


def test_the_ledger_pages_by_device(journal: Journal) -> None:
    for name in ("b-1", "a-1", "c-1"):
        journal.commit(points(name))
    journal.settle(journal.take(max_bytes=1), {})
    assert [ledger.device for ledger in journal.ledger(limit=2)] == ["a-1", "b-1"]
    assert [ledger.device for ledger in journal.ledger(after="b-1")] == ["c-1"]
    assert journal.totals() == LedgerRow("", 3, 1, 0, 0, 2, 1)


def test_take_gives_at_least_one_batch_and_at_most_the_bytes(journal: Journal) -> None:
    for _ in range(3):
        journal.commit(points("a-1", 10))
    size = len(b"\n".join(points("a-1", 10).lines))
    assert len(journal.take(max_bytes=1)) == 1
    assert len(journal.take(max_bytes=2 * size)) == 2
    second = journal.take(max_bytes=1, after=journal.take(max_bytes=1)[0].id)
    assert second[0].id == journal.take(max_bytes=2 * size)[1].id


def test_presence_keeps_the_instant_of_the_change(journal: Journal) -> None:
    assert journal.presence("a-1") is None
    for at, online in ((1, True), (2, True), (3, False)):
        journal.commit(Batch(at, presence={"a-1": (online, at)}))
        if at == 2:
            presence = journal.presence("a-1")
            assert presence is not None
            assert (presence.online, presence.since_ns) == (True, 1)
    presence = journal.presence("a-1")
    assert presence is not None
    assert (presence.online, presence.since_ns) == (False, 3)


def test_unknown_members_are_counted_and_bounded(journal: Journal) -> None:
    journal.commit(Batch(1, unknown={("a-1", "mood"): 2}))
    journal.commit(Batch(1, unknown={("a-1", f"x{n}"): 1 for n in range(100)}))
    journal.commit(Batch(1, unknown={("a-1", "mood"): 3}))
    members = journal.unknown_members("a-1")
    assert members["mood"] == 5
    assert len(members) == 32


def test_counters_are_those_of_the_last_batch(journal: Journal, tmp_path: Path) -> None:
    journal.commit(Batch(1, counters={"rain-1": Counters({}, {"rain": 7.0})}))
    journal.commit(Batch(2, counters={"rain-1": Counters({"rain": 7.0}, {"rain": 9.5})}))
    journal.commit(points("air-1"))
    with Journal.open(tmp_path / "journal.db") as other:
        assert other.counters() == {"rain-1": {"rain": 9.5}}


def test_identities_come_back_in_order(journal: Journal) -> None:
    for numbers in ([1, 2], [2**64 - 1]):
        batch = points("a-1")
        batch.identities.extend(numbers)
        journal.commit(batch)
    assert list(journal.identities()) == [1, 2, 2**64 - 1]


def test_at_its_budget_it_refuses_and_changes_nothing_and_goes_on_with_room(
    tmp_path: Path,
) -> None:
    with Journal.open(tmp_path / "journal.db", max_bytes=400_000) as journal:
        kept = 0

        def fill() -> None:
            nonlocal kept
            for _ in range(1000):
                journal.commit(points("a-1", 100))
                kept += 100

        with pytest.raises(JournalFullError, match="KOTAHUB_JOURNAL_MAX_BYTES"):
            fill()
        assert 0 < kept < 100_000
        assert journal.state().full
        assert row(journal, "a-1") == (kept, 0, 0, 0, kept)
        while taken := journal.take(max_bytes=1 << 20):
            journal.settle(taken, {})
        journal.commit(points("a-1"))
        assert not journal.state().full
        assert row(journal, "a-1") == (kept + 1, kept, 0, 0, 1)


def test_a_file_of_another_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(JournalVersionError, match="99"):
        Journal.open(path)


def test_two_processes_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal.open(path) as one, Journal.open(path) as two:
        one.commit(points("a-1"))
        two.commit(points("a-1", 2))
        assert row(one, "a-1") == row(two, "a-1") == (3, 0, 0, 0, 3)


def test_threads_may_commit_and_settle_at_once(journal: Journal) -> None:
    def commit() -> None:
        for _ in range(50):
            journal.commit(points("a-1", 2))

    threads = [threading.Thread(target=commit) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) or journal.state().batches:
        if taken := journal.take(max_bytes=1000):
            journal.settle(taken, {})
    assert row(journal, "a-1") == (300, 300, 0, 0, 0)


KILLED = """
import sys
from pathlib import Path
from ingest.batch import Batch
from ingest.journal import Journal
journal = Journal.open(Path(sys.argv[1]))
number = 0
while True:
    journal.commit(Batch(1, lines=[b"air,device=a-1 pm25=1.0 %d" % number], sizes=[1],
                         accepted={"a-1": 1}))
    number += 1
    print(number, flush=True)
"""


def test_what_was_committed_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        promised = 0
        for said in writer.stdout:
            promised = int(said)
            if promised == 40:
                os.kill(writer.pid, signal.SIGKILL)
        # The pipe's last words count too: each was written after its commit returned.
    with Journal.open(path) as journal:
        lines = [line for batch in journal.take(max_bytes=1 << 30) for line in batch.lines]
        assert len(lines) >= promised >= 40
        assert lines == [b"air,device=a-1 pm25=1.0 %d" % n for n in range(len(lines))]
        assert row(journal, "a-1")[4] == len(lines)


DEVICES = st.sampled_from(["a-1", "b-2"])


class LedgerMachine(RuleBasedStateMachine):
    """Whatever happens in whatever order, every message is in just one place."""

    def __init__(self) -> None:
        super().__init__()
        self.path = Path(self._folder()) / "journal.db"
        self.journal = Journal.open(self.path)
        self.received = {"a-1": 0, "b-2": 0}

    def _folder(self) -> str:
        import tempfile  # noqa: PLC0415 - the machine's own folder

        self._temporary = tempfile.TemporaryDirectory()
        return self._temporary.name

    @rule(device=DEVICES, count=st.integers(1, 4))
    def accept(self, device: str, count: int) -> None:
        self.journal.commit(points(device, count))
        self.received[device] += count

    @rule(device=DEVICES)
    def refuse(self, device: str) -> None:
        self.journal.commit(refused(device))
        self.received[device] += 1

    @rule(device=DEVICES)
    def repeat(self, device: str) -> None:
        self.journal.commit(Batch(1, duplicate={device: 1}))
        self.received[device] += 1

    @rule(bad=st.sets(st.integers(0, 5)))
    def deliver(self, bad: set[int]) -> None:
        if taken := self.journal.take(max_bytes=100):
            count = sum(len(batch.lines) for batch in taken)
            self.journal.settle(taken, {index: "no" for index in bad if index < count})

    @rule()
    def replay(self) -> None:
        for item in self.journal.quarantine(limit=1):
            assert self.journal.resolve([(item, points(item.device))]) == [True]

    @rule()
    def discard(self) -> None:
        self.journal.discard([item.id for item in self.journal.quarantine(limit=1)])

    @rule()
    def reopen(self) -> None:
        self.journal.close()
        self.journal = Journal.open(self.path)

    @invariant()
    def conserved(self) -> None:
        for device, count in self.received.items():
            assert row(self.journal, device)[0] == count
        assert self.journal.totals().received == sum(self.received.values())
        for ledger in self.journal.ledger():
            assert min(ledger.stored, ledger.quarantined, ledger.duplicate, ledger.pending) >= 0

    def teardown(self) -> None:
        self.journal.close()
        self._temporary.cleanup()


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
