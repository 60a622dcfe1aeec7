"""Too much, too often, too late: repetitions, disorder, everybody at once, one who never stops."""

import base64
import random

import pytest

from devices.device import Device
from devices.registry import Registry
from tests.conservation import check_conserved, whole_ledger
from tests.e2e.stream import METRICS, Published, later, stream
from tests.faults.conftest import Site
from tests.faults.form import form
from tests.publishers import burst
from tests.servers import wait_until


@pytest.mark.timeout(600)
def test_messages_that_are_sent_again(site: Site) -> None:
    """With MQTT's mark of a repetition and, as most devices do it, without."""
    hub = site.hub()
    hub.start()
    count = form(2_000, 50_000)
    messages = stream(site.known, good=count, bad=0, seed=81)
    burst(site.broker, messages)
    rng = random.Random(81)  # noqa: S311 - no secret
    for repeated in (True, False):
        burst(site.broker, rng.choices(messages, k=count), repeated=repeated)
    wait_until(
        lambda: sum(row["received"] for row in whole_ledger(hub).values()) == 3 * count,
        "every repetition counted",
        within_s=120,
    )
    totals = site.check_conserved(hub, messages)
    assert totals["duplicate"] == 2 * count


@pytest.mark.timeout(300)
def test_messages_out_of_order(site: Site) -> None:
    hub = site.hub()
    hub.start()
    messages = stream(site.known, good=form(4_000, 100_000), bad=form(80, 2_000), seed=82)
    random.Random(82).shuffle(messages)  # noqa: S311 - no secret
    burst(site.broker, messages)
    site.check_conserved(hub, messages)


@pytest.mark.timeout(900)
def test_every_device_at_once_after_a_power_cut(site: Site) -> None:
    kinds = sorted(METRICS)
    many = [
        Device(f"{kinds[number % 4]}-{number:06d}", kinds[number % 4])
        for number in range(form(10_000, 100_000))
    ]
    hub = site.hub()
    registry = Registry.open(f"sqlite:///{hub.folder / 'registry.db'}")
    registry.save(added=many, by="tests")
    registry.close()
    hub.start()
    messages = stream(many, good=len(many), bad=0, seed=83)
    burst(site.broker, messages, connections=8)
    site.check_conserved(hub, messages, within_s=300)


@pytest.mark.timeout(300)
def test_one_device_that_never_stops_harms_nobody_else(site: Site) -> None:
    hub = site.hub(DEVICE_RATE_MAX_PER_S="50", DEVICE_BURST_MAX_MESSAGES="500")
    hub.start()
    mad, *others = site.known
    flood = stream([mad], good=form(5_000, 60_000), bad=0, seed=84)
    rest = [later(m, 1) for m in stream(others, good=2_000, bad=0, seed=85)]
    messages = list(flood)
    for number, message in enumerate(rest):
        messages.insert(number * 2, message)
    burst(site.broker, messages)
    hub.wait_settled(len(messages), within_s=200)
    limited = hub.items("quarantine", "list", "--reason", "rate_limited")
    payloads = {base64.b64decode(item["payload"]) for item in limited}
    became = [Published(m.device, m.payload, good=m.payload not in payloads) for m in messages]
    check_conserved(hub, site.influxd, became)
    assert {item["device"] for item in limited} == {mad.id}
    assert 0 < len(limited) <= len(flood) - 500
    assert hub.stop() == 0
