"""The hub loses its power: at any instant, and at the instants that matter most."""

import random
import signal
import time

import pytest

from ingest.faults import VARIABLE, FaultPoint
from tests.conservation import stored_count
from tests.e2e.stream import Published, stream
from tests.faults.conftest import Site
from tests.faults.form import FULL, form
from tests.hubs import HubProcess
from tests.publishers import Flood
from tests.servers import wait_until


def die(hub: HubProcess, fault: str) -> None:
    """Starts the hub with an order to end, and waits for that."""
    hub.launch(**{VARIABLE: fault})
    assert hub.server is not None
    process = hub.server.process
    wait_until(lambda: process.poll() is not None, f"ended by {fault}", within_s=90)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.timeout(900)
def test_killed_at_random_instants_of_one_flood(site: Site) -> None:
    kills = form(4, 20)
    hub = site.hub()
    hub.start()
    messages = stream(site.known, good=400_000, bad=8_000, seed=11)
    flood = Flood(site.publisher, messages, per_s=1_000)
    rng = random.Random(11)  # noqa: S311 - no secret
    for _ in range(kills):
        # An instant of the hub's work, which is never the same: there is nothing to wait for.
        time.sleep(rng.uniform(0, 1.5))
        hub.kill()
        hub.start()
    published = flood.end()
    site.check_conserved(hub, messages[:published])


@pytest.mark.timeout(900)
@pytest.mark.parametrize("point", FaultPoint if FULL else ["each in turn"])
def test_killed_at_one_point_again_and_again(site: Site, point: str) -> None:
    hub = site.hub()
    hub.start()
    hub.kill()
    messages = stream(site.known, good=200_000, bad=4_000, seed=12)
    flood = Flood(site.publisher, messages, per_s=700)
    if point in set(FaultPoint):
        faults = [f"{point}:{number}" for number in (1, 2, 3, 5, 8, 13, 21, 34)]
    else:
        faults = [f"{one}:2" for one in FaultPoint]
    for fault in faults:
        die(hub, fault)
    published = flood.end()
    hub.start()
    totals = site.check_conserved(hub, messages[:published])
    if faults[0].startswith(FaultPoint.COMMITTED):  # the broker sent again what was committed
        assert totals["duplicate"] > 0


@pytest.mark.timeout(300)
def test_readings_without_a_time_are_told_from_their_repetition(site: Site) -> None:
    """All alike, so that only the broker's word and packet id tell one from the other."""
    hub = site.hub()
    hub.start()
    hub.kill()
    messages = [Published("flood-001", b'{"level":1.5}', good=True)] * form(1_000, 20_000)
    site.publisher.publish(messages)
    for fault in (FaultPoint.COMMITTED, FaultPoint.ACKNOWLEDGED, FaultPoint.STORED):
        die(hub, fault)
    hub.start()
    hub.wait_settled(len(messages))
    assert stored_count(hub, site.influxd, "flood", "level") == len(messages)
    row = hub.ledger()["flood-001"]
    assert (row["stored"], row["pending"]) == (len(messages), 0)
    assert row["duplicate"] > 0
    assert hub.stop() == 0
