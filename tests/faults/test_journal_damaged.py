"""The journal's file is damaged: what can be read goes on, the rest is kept aside and named."""

import random
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from ingest.journal import Journal
from ingest.journal_file import PAGE_BYTES
from ingest.salvage import Salvage
from ingest.stores.lines import parse_line
from tests.conservation import Point, point_of, reckon, stored_points
from tests.e2e.stream import METRICS, Published, later, stream
from tests.faults.conftest import Site
from tests.faults.form import FULL, form
from tests.hubs import KOTAHUB, HubProcess, balanced
from tests.servers import wait_until

DAY_MS: Final = 86_400_000


def publish_into_journal(site: Site, hub: HubProcess, count: int, seed: int) -> list[Published]:
    """Messages that the hub has acknowledged and cannot deliver, for InfluxDB is stopped."""
    hub.start()
    site.influxd.stop()
    messages = stream(site.known, good=count, bad=count // 50, seed=seed)
    for start in range(0, len(messages), 500):  # so that they are many batches
        site.publisher.publish(messages[start : start + 500])
    wait_until(lambda: received(hub) == len(messages), "all in the journal")
    return messages


def received(hub: HubProcess) -> int:
    with Journal.open(hub.folder / "journal.db") as journal:
        return journal.totals().received


def batches(folder: Path) -> dict[int, set[Point]]:
    """The points that are pending, by batch."""
    with Journal.open(folder / "journal.db") as journal:
        return {taken.id: points(taken.lines) for taken in journal.take(max_bytes=1 << 30)}


def points(lines: Iterable[bytes]) -> set[Point]:
    found: set[Point] = set()
    for line in lines:
        point = parse_line(line)
        metrics = METRICS[point.kind]
        if metrics[0] in point.fields:  # else it corrects the flag of an earlier point
            values = (point.fields[name] for name in metrics)
            found.add((point.tags["device"], point.time_ns, *values))
    return found


def told(hub: HubProcess) -> Salvage:
    """The one report of damage, which is on /readyz, with the ledger and in the log."""
    with Journal.open(hub.folder / "journal.db") as journal:
        (report,) = journal.salvages()
    assert list(hub.folder.glob(f"{report.aside}*"))
    said: dict[str, Any] = httpx.get(f"{hub.url}/readyz", trust_env=False).json()
    assert said["notes"] == [str(report)]
    ledger = subprocess.run(
        [KOTAHUB, "ledger"], env=hub.env, cwd=hub.folder, capture_output=True, text=True, check=True
    )
    assert report.aside in ledger.stderr
    assert report.aside in (hub.folder / "hub.log").read_text()
    return report


def lost_points(report: Salvage, before: Mapping[int, set[Point]]) -> set[Point]:
    """Those of the batches that the report names."""
    lost: set[Point] = set()
    for words in report.lost["batch"]:
        first, *last = (int(number) for number in re.findall(r"\d+", words))
        for number in before:
            if first <= number <= (last or [first])[0]:
                lost |= before[number]
    return lost


def check_rest(
    site: Site, hub: HubProcess, messages: Sequence[Published], lost: set[Point]
) -> None:
    """All is there but what was lost; what comes now goes its way."""
    now = [later(m, DAY_MS) for m in stream(site.known, good=500, bad=0, seed=69)]
    site.publisher.publish(now)
    there = len(messages) - len(lost) + len(now)
    wait_until(lambda: received(hub) == there, f"{there} messages in the ledger")
    hub.wait_settled(there)
    found = reckon(hub, site.influxd, [*messages, *now])
    assert all(message.good for message in found.missing)
    assert {point_of(message) for message in found.missing} == lost
    assert found.doubled == []
    assert hub.stop() == 0


def damage(path: Path, places: Iterable[int], rng: random.Random) -> None:
    """Overwrites the pages of these places."""
    with path.open("r+b") as file:
        for place in places:
            file.seek(place - place % PAGE_BYTES)
            file.write(rng.randbytes(PAGE_BYTES))


def places(path: Path) -> list[int]:
    """Where pending points stand."""
    return [found.start() for found in re.finditer(b"flood,device=", path.read_bytes())]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(form(1, 8)))
def test_pages_of_what_is_pending(site: Site, seed: int) -> None:
    hub = site.hub()
    messages = publish_into_journal(site, hub, 4_000, 61)
    hub.kill()
    before = batches(hub.folder)
    path = hub.folder / "journal.db"
    rng = random.Random(seed)  # noqa: S311 - no secret
    damage(path, rng.sample(places(path), 3), rng)
    site.influxd.start()
    hub.start()
    lost = lost_points(told(hub), before)
    assert 0 < len(lost) < len(messages) / 2
    check_rest(site, hub, messages, lost)


@pytest.mark.timeout(300)
def test_the_first_page_which_leads_to_all_others(site: Site) -> None:
    hub = site.hub()
    messages = publish_into_journal(site, hub, 2_000, 62)
    hub.kill()
    batches(hub.folder)  # moves what the write-ahead log holds, a first page too, into the file
    damage(hub.folder / "journal.db", [0], random.Random(62))  # noqa: S311 - no secret
    site.influxd.start()
    hub.start()
    assert told(hub).lost == {}
    check_rest(site, hub, messages, set())


@pytest.mark.timeout(300)
@pytest.mark.parametrize("share", (0.1, 0.3, 0.5, 0.7, 0.9) if FULL else (0.6,))
def test_the_write_ahead_log_after_a_power_cut(site: Site, share: float, tmp_path: Path) -> None:
    hub = site.hub()
    publish_into_journal(site, hub, 2_000, 63)
    hub.kill()
    path, wal = hub.folder / "journal.db", hub.folder / "journal.db-wal"
    shutil.copy(path, tmp_path)
    shutil.copy(wal, tmp_path)
    before = batches(tmp_path)
    # How many frames count stands in the index; behind them may stand older ones.
    frames = int.from_bytes((hub.folder / "journal.db-shm").read_bytes()[16:20], sys.byteorder)
    at = 32 + int(share * frames) * (24 + PAGE_BYTES) + 100
    log = bytearray(wal.read_bytes())
    log[at : at + 100] = bytes(byte ^ 0x55 for byte in log[at : at + 100])
    wal.write_bytes(log)
    site.influxd.start()
    hub.start()
    told(hub)
    hub.wait_settled(1)
    there = stored_points(hub, site.influxd)
    # What was committed behind the damaged place is missing, unless a checkpoint had moved it
    # already; nothing before it is.
    missing = [number for number, held in before.items() if not held & there]
    assert missing == list(before)[len(before) - len(missing) :]
    assert there == set().union(*(before[number] for number in before if number not in missing))
    ledger = hub.ledger()
    assert balanced(ledger)
    assert sum(row["stored"] for row in ledger.values()) == len(there)
    assert hub.stop() == 0


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(form(1, 8)))
def test_damage_while_the_hub_runs(site: Site, seed: int) -> None:
    hub = site.hub()
    messages = publish_into_journal(site, hub, 8_000, 64)
    path = hub.folder / "journal.db"
    before = batches(hub.folder)
    with closing(sqlite3.connect(path)) as other:  # moves all into the file itself
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    # The newest are in nobody's memory yet.
    rng = random.Random(seed)  # noqa: S311 - no secret
    damage(path, [rng.choice(places(path)[-1000:])], rng)
    site.influxd.start()
    wait_until(hub.ready, "ready", within_s=60)
    wait_until(lambda: bool(list(hub.folder.glob("*.damaged-*.json"))), "found", within_s=60)
    check_rest(site, hub, messages, lost_points(told(hub), before))
