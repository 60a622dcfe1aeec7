"""The hub's disk is full, or the journal's budget: it stops acknowledging, says so, and goes on."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conservation import stored_points
from tests.e2e.stream import Published, stream
from tests.faults.conftest import Site
from tests.faults.form import form
from tests.hubs import HubProcess, balanced
from tests.publishers import Flood
from tests.servers import lacking, wait_until

DISK_BYTES = 24 * 1024**2


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk where the hub's data folder will be."""
    folder = tmp_path / "hub"
    folder.mkdir()
    if os.geteuid() != 0:
        lacking("only root can mount a small disk")
    size = f"size={DISK_BYTES}"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        lacking(f"a small disk cannot be mounted: {done.stderr.strip()}")
    yield folder
    # Lazily: a hub that a failed test left may still be ending.
    subprocess.run(["umount", "--lazy", folder], check=True)


def free(disk: Path) -> int:
    said = os.statvfs(disk)
    return said.f_bavail * said.f_frsize


def fill(disk: Path, *, leave: int) -> Path:
    """Somebody else's file takes the disk but for so many bytes."""
    other = disk / "somebody-elses"
    with other.open("ab") as file:
        while (much := free(disk) - leave) > 0:
            try:
                file.write(bytes(min(much, 1024**2)))
                file.flush()
            except OSError:  # not all that is free can be taken
                break
    return other


def journal_check(hub: HubProcess) -> str | None:
    reason: str | None = hub.readiness()["checks"]["journal"]["reason"]
    return reason


def wait_refused(hub: HubProcess, words: str) -> None:
    wait_until(lambda: words in (journal_check(hub) or ""), f"{words} on /readyz", within_s=120)
    assert not hub.ready()


@pytest.mark.timeout(300)
def test_the_journal_s_own_growth_leaves_room_for_settling(site: Site, disk: Path) -> None:
    hub = site.hub()
    hub.start()
    other = fill(disk, leave=DISK_BYTES // 8 + 3 * 1024**2)
    messages: list[Published] = []
    for number, message in enumerate(stream(site.known, good=2_000, bad=0, seed=51)):
        messages.append(message)
        if number % 5 == 0:  # quarantine grows by 8 MB in all
            messages.append(Published(message.device, b"%020000d?" % number, good=False))
    for message in messages:
        site.publisher.send(message)
    wait_refused(hub, "are kept for settling")
    ledger = hub.ledger()
    assert balanced(ledger)
    assert sum(row["received"] for row in ledger.values()) < len(messages)
    # What was committed reaches the store, full or not.
    wait_until(
        lambda: all(not row["pending"] for row in hub.ledger().values()), "settled", within_s=60
    )
    other.unlink()
    wait_until(lambda: journal_check(hub) is None, "room again")
    site.publisher.wait_acked(len(messages))
    site.check_conserved(hub, messages)


@pytest.mark.timeout(600)
def test_a_disk_that_others_fill_to_the_last_byte(site: Site, disk: Path) -> None:
    hub = site.hub()
    hub.start()
    messages = stream(site.known, good=200_000, bad=4_000, seed=52)
    flood = Flood(site.publisher, messages, per_s=700)
    for number in range(form(2, 12)):
        site.publisher.wait_acked(site.publisher.acked + 700)
        other = fill(disk, leave=0)
        wait_refused(hub, "full")
        site.publisher.wait_acked(site.publisher.acked + 700)
        if number % 2:  # and its power fails too
            hub.kill()
            other.unlink()
            hub.start()
        else:
            other.unlink()
            wait_until(hub.ready, "ready again", within_s=60)
    site.check_conserved(hub, messages[: flood.end()])


@pytest.mark.timeout(600)
def test_the_budget_is_reached_while_the_store_is_away(site: Site) -> None:
    hub = site.hub(JOURNAL_MAX_BYTES="700000")
    hub.start()
    messages = stream(site.known, good=400_000, bad=8_000, seed=54)
    site.influxd.stop()
    flood = Flood(site.publisher, messages, per_s=1_000)
    try:
        wait_refused(hub, "of 700000 bytes")
        before = hub.ledger()
        assert balanced(before)
        site.publisher.wait_acked(site.publisher.acked + form(1_000, 30_000))
        assert hub.ledger() == before  # it takes nothing, and forgets nothing
    finally:
        site.influxd.start()
    wait_until(hub.ready, "ready again", within_s=60)
    site.check_conserved(hub, messages[: flood.end()])
    assert stored_points(hub, site.influxd)
