"""What `kotahub ingest` says of itself, and what others make of it."""

import asyncio
import time
from pathlib import Path

import pytest

from gateway.heartbeat import (
    Heartbeat,
    OtherIngest,
    read_heartbeat,
    run_heartbeat,
    write_heartbeat,
)

NOW_NS = 1_800_000_000_000_000_000


def test_a_fresh_beat_is_read_and_an_old_one_is_not(tmp_path: Path) -> None:
    beat = Heartbeat(written_ns=NOW_NS, connected=False, problem="Connection refused")
    write_heartbeat(tmp_path, beat)
    assert read_heartbeat(tmp_path, NOW_NS + 29_000_000_000) == beat
    assert read_heartbeat(tmp_path, NOW_NS + 31_000_000_000) is None


@pytest.mark.parametrize("text", [None, "", "{", '{"connected": true}'])
def test_a_file_that_says_nothing_is_no_beat(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "ingest.json").write_text(text)
    assert read_heartbeat(tmp_path, NOW_NS) is None


def test_another_process_learns_of_the_broker(tmp_path: Path) -> None:
    other = OtherIngest(tmp_path)
    assert not other.connected()
    assert "kotahub ingest" in str(other.problem())
    write_heartbeat(tmp_path, Heartbeat(written_ns=time.time_ns(), connected=True))
    assert other.connected()
    assert other.problem() is None
    lost = Heartbeat(written_ns=time.time_ns(), connected=False, problem="Connection refused")
    write_heartbeat(tmp_path, lost)
    assert not other.connected()
    assert other.problem() == "Connection refused"


def test_it_beats_and_takes_the_beat_back_at_the_end(tmp_path: Path) -> None:
    async def live() -> Heartbeat | None:
        task = asyncio.create_task(run_heartbeat(tmp_path, lambda: True, lambda: None))
        async with asyncio.timeout(30):
            while not (tmp_path / "ingest.json").exists():
                await asyncio.sleep(0.01)
        beat = read_heartbeat(tmp_path, time.time_ns())
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return beat

    beat = asyncio.run(live())
    assert beat is not None
    assert beat.connected
    assert read_heartbeat(tmp_path, time.time_ns()) is None
