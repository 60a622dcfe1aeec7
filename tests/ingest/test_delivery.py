import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from ingest.batch import Batch
from ingest.delivery import Delivery
from ingest.journal import Journal, Taken
from ingest.stores import StoreUnavailableError


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.open(tmp_path / "journal.db") as opened:
        yield opened


class ScriptedStore:
    """Answers each write with the next of its answers; a real store cannot be made to."""

    def __init__(self, *answers: Mapping[int, str] | StoreUnavailableError) -> None:
        self.answers = list(answers)
        self.writes: list[list[bytes]] = []
        self.ensured = 0

    async def write(self, lines: Sequence[bytes], /) -> Mapping[int, str]:
        self.writes.append(list(lines))
        answer = self.answers.pop(0) if self.answers else {}
        if isinstance(answer, StoreUnavailableError):
            raise answer
        return answer

    async def ensure(self) -> None:
        self.ensured += 1


def points(count: int, start: int = 0) -> Batch:
    lines = [b"air,device=a-1 pm25=1.0 %d" % n for n in range(start, start + count)]
    return Batch(1, lines=lines, sizes=[1] * count, accepted={"a-1": count})


def drain(delivery: Delivery) -> None:
    async def run() -> None:
        while await delivery.drain_once():
            pass

    asyncio.run(run())


def test_batches_go_out_in_order_and_are_settled(journal: Journal) -> None:
    for start in (0, 3, 6):
        journal.commit(points(3, start))
    store = ScriptedStore()
    drain(Delivery(journal, store, batch_max_bytes=1 << 20))
    assert store.writes == [points(9).lines]
    assert journal.totals().stored == 9


def test_a_write_keeps_to_its_size(journal: Journal) -> None:
    for start in (0, 3, 6):
        journal.commit(points(3, start))
    store = ScriptedStore()
    drain(Delivery(journal, store, batch_max_bytes=1))
    assert [len(lines) for lines in store.writes] == [3, 3, 3]


def test_what_the_store_has_is_noted_before_the_journal_forgets_it(journal: Journal) -> None:
    journal.commit(points(3))
    noted = []

    def note(taken: Sequence[Taken]) -> None:
        noted.append(([line for batch in taken for line in batch.lines], journal.totals().pending))

    drain(Delivery(journal, ScriptedStore(), batch_max_bytes=1 << 20, note=note))
    assert noted == [(points(3).lines, 3)]


def test_refused_lines_are_quarantined_and_the_rest_is_stored(journal: Journal) -> None:
    journal.commit(points(2))
    journal.commit(points(2, 2))
    drain(Delivery(journal, ScriptedStore({3: "conflict"}), batch_max_bytes=1 << 20))
    (row,) = journal.ledger()
    assert (row.stored, row.quarantined, row.pending) == (3, 1, 0)
    assert journal.quarantine()[0].payload == points(4).lines[3]


def test_an_unavailable_store_gets_the_same_write_again(journal: Journal) -> None:
    journal.commit(points(2))
    trouble = StoreUnavailableError("InfluxDB is away", retry_after_s=0.01)
    store = ScriptedStore(trouble, trouble, {})
    delivery = Delivery(journal, store, batch_max_bytes=1 << 20)
    drain(delivery)
    assert store.writes == [points(2).lines] * 3
    assert store.ensured == 2  # a bucket that was deleted comes back
    assert delivery.problem is None
    assert journal.totals().stored == 2


def test_the_trouble_is_told_while_it_lasts_and_nothing_is_settled(journal: Journal) -> None:
    journal.commit(points(2))
    store = ScriptedStore(StoreUnavailableError("InfluxDB is away", retry_after_s=600))
    delivery = Delivery(journal, store, batch_max_bytes=1 << 20)

    async def run() -> None:
        task = asyncio.create_task(delivery.drain_once())
        async with asyncio.timeout(10):
            while delivery.problem is None:
                await asyncio.sleep(0)
        assert delivery.problem == "InfluxDB is away"
        assert journal.totals().pending == 2
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())
    drain(Delivery(journal, ScriptedStore(), batch_max_bytes=1 << 20))
    assert journal.totals().stored == 2


def test_after_an_outage_what_comes_now_goes_first_and_the_backlog_beside_it(
    journal: Journal,
) -> None:
    long_ago = time.time_ns() - 60_000_000_000
    for start in range(0, 300, 3):
        old = points(3, start)
        old.received_ns = long_ago
        journal.commit(old)
    new = b"air,device=a-1 pm25=2.0 999"

    class Watching(ScriptedStore):
        async def write(self, lines: Sequence[bytes], /) -> Mapping[int, str]:
            if len(self.writes) == 2:
                fresh = Batch(time.time_ns(), lines=[new], sizes=[1], accepted={"a-1": 1})
                journal.commit(fresh)
                delivery.wake()
            return await super().write(lines)

    store = Watching()
    delivery = Delivery(journal, store, batch_max_bytes=1, linger_s=0)

    async def run() -> None:
        task = asyncio.create_task(delivery.run())
        async with asyncio.timeout(30):
            while journal.totals().stored < 301:
                await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())
    written = [line for lines in store.writes for line in lines]
    assert written.index(new) < 50
    backlog = [line for line in written if line != new]
    assert backlog == points(300).lines  # each once, in order
    assert journal.totals().pending == 0


def test_what_another_process_put_into_the_journal_is_found_unasked(journal: Journal) -> None:
    store = ScriptedStore()
    delivery = Delivery(journal, store, batch_max_bytes=1 << 20, linger_s=0)

    async def run() -> None:
        task = asyncio.create_task(delivery.run())
        with Journal.open(journal.path) as other:
            await asyncio.to_thread(other.commit, points(1))
        async with asyncio.timeout(30):
            while not journal.totals().stored:
                await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())
    assert store.writes == [points(1).lines]
