"""The hub's clock is set back and forward while messages come."""

import time
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from tests.conservation import expected_points, stored_points, whole_ledger
from tests.e2e.stream import Published, stream
from tests.faults.conftest import Site
from tests.hubs import HubProcess, balanced
from tests.servers import lacking, wait_until

UNTIMED: Final = "flood-001"
DAY_NS: Final = 86_400 * 10**9


class Clock:
    """Moves the clock of a hub that is started in its `environment`."""

    def __init__(self, library: Path, file: Path) -> None:
        self._file = file
        self.set("+0")
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # no clock that is set moves that one
        }

    def set(self, words: str) -> None:
        """`+0` is right, `-2h` is late, `@2020-01-01 00:00:00` is then."""
        new = self._file.with_suffix(".new")
        new.write_text(words + "\n")
        new.replace(self._file)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    found = sorted(Path("/usr").glob("lib*/**/faketime/libfaketimeMT.so.1"))
    if not found:
        lacking("libfaketime is missing: apt-get install faketime")
    return Clock(found[0], tmp_path / "clock")


def wait_received(hub: HubProcess, count: int) -> int:
    """Waits until so many messages are in the ledger; the newest instant in it, in ns."""
    wait_until(
        lambda: sum(row["received"] for row in whole_ledger(hub).values()) == count,
        f"{count} received",
        within_s=60,
    )
    return max(row["last_received_ns"] for row in whole_ledger(hub).values())


@pytest.mark.timeout(300)
def test_readings_with_and_without_a_time(site: Site, clock: Clock) -> None:
    hub = site.hub()
    hub.start(**clock.environment)
    timed = [m for m in stream(site.known, good=1_200, bad=24, seed=91) if m.device != UNTIMED]
    untimed = [Published(UNTIMED, b'{"level":%d}' % n, good=True) for n in range(800)]
    sent = 0
    for part, words in enumerate(("+0", "-2h", "+3d", "+0")):
        clock.set(words)
        site.publisher.publish(timed[part::4])
        site.publisher.publish(untimed[part::4])
        sent += len(timed[part::4]) + len(untimed[part::4])
        newest_ns = wait_received(hub, sent)
        if words == "+3d":  # the clock did move
            assert newest_ns > time.time_ns() + 2 * DAY_NS
    hub.wait_settled(sent)
    points = stored_points(hub, site.influxd)
    levels = Counter(point[2] for point in points if point[0] == UNTIMED)
    assert levels == Counter(float(number) for number in range(800))
    assert {p for p in points if p[0] != UNTIMED} == expected_points(timed)
    ledger = hub.ledger()
    assert balanced(ledger)
    assert ledger[UNTIMED]["stored"] == 800
    assert sum(row["stored"] for row in ledger.values()) == len(points)
    assert sum(row["quarantined"] for row in ledger.values()) == sum(not m.good for m in timed)
    assert hub.stop() == 0


@pytest.mark.timeout(300)
def test_a_clock_that_begins_in_the_past_keeps_what_seems_to_come_from_the_future(
    site: Site, clock: Clock
) -> None:
    """As a board without a battery does until it hears the time."""
    hub = site.hub()
    clock.set("@2020-01-01 00:00:00")
    hub.start(**clock.environment)
    messages = stream(site.known, good=800, bad=16, seed=92)
    early = [Published(m.device, m.payload, good=False) for m in messages[:300]]
    site.publisher.publish(early)
    wait_received(hub, len(early))
    clock.set("+0")
    site.publisher.publish(messages[300:])
    site.check_conserved(hub, [*early, *messages[300:]])
