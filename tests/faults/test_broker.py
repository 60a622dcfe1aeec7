"""Mosquitto is restarted, loses its power, or falls silent.

A clean restart loses nothing. With its power it loses what it has acknowledged since it last saved
and the hub has not acknowledged yet. How much and how old that was is measured and printed.
"""

import base64
import itertools
import random
import sys
import time
from collections.abc import Sequence

import pytest

from tests.brokers import MosquittoServer
from tests.conservation import reckon
from tests.e2e.stream import Published, stream
from tests.faults.conftest import Site
from tests.faults.form import form
from tests.hubs import HubProcess
from tests.publishers import Flood
from tests.servers import wait_until

SAVE_S = 6.0
"""What Mosquitto may lose at most by `autosave_interval 5`: it looks once a second."""
LATE_S = 6.0
"""How much later it may save on a machine that has other things to do."""


def distinct(messages: Sequence[Published]) -> list[Published]:
    """The bad ones told apart too, so that each that is missing can be named."""
    number = itertools.count()
    return [
        message if message.good else Published(message.device, b"no %d" % next(number), good=False)
        for message in messages
    ]


def wait_saved(broker: MosquittoServer) -> None:
    """Until the broker would know the hub's session after a power cut."""
    database = broker.folder.path / "mosquitto.db"
    wait_until(
        lambda: database.exists() and b"kotahub-ingest" in database.read_bytes(),
        "the hub's session saved",
    )


def in_quarantine(hub: HubProcess, message: Published) -> bool:
    items = hub.items("quarantine", "list", "--device", message.device)
    return any(base64.b64decode(item["payload"]) == message.payload for item in items)


def check_losses(
    site: Site, hub: HubProcess, messages: Sequence[Published], cuts: Sequence[float], case: str
) -> None:
    """All is there but what the broker had just acknowledged, and the ledger counts what is."""
    place_of = {(m.device, m.payload): place for place, m in enumerate(messages)}
    last = Published(messages[0].device, b"the end", good=False)
    site.publisher.publish([last])  # the broker keeps the order
    wait_until(lambda: in_quarantine(hub, last), "the last message has come", within_s=120)
    hub.wait_settled(0)
    found = reckon(hub, site.influxd, [*messages, last])
    lost = [
        min(cut - at for cut in cuts if cut > at - 0.5)
        for message in found.missing
        for at in [site.publisher.acknowledged[place_of[message.device, message.payload]]]
    ]
    sys.stdout.write(
        f"{case}: {len(cuts)} power cuts, {len(messages)} messages acknowledged, {len(lost)} lost, "
        f"the oldest {max(lost, default=0):.2f} s before its cut; {len(found.doubled)} doubled, "
        f"{found.totals['duplicate']} repetitions recognised\n"
    )
    assert site.publisher.unheard == set()
    assert max(lost, default=0) <= SAVE_S + LATE_S
    assert hub.stop() == 0


@pytest.mark.timeout(600)
def test_a_clean_restart_loses_nothing(site: Site) -> None:
    hub = site.hub()
    hub.start()
    messages = stream(site.known, good=200_000, bad=4_000, seed=41)
    flood = Flood(site.publisher, messages, per_s=700)
    for _ in range(form(1, 10)):
        site.publisher.wait_acked(site.publisher.acked + 1_500)
        site.broker.stop()
        wait_until(lambda: not hub.ready(), "not ready without its broker")
        assert hub.readiness()["checks"]["broker"]["ok"] is False
        site.broker.start()
        wait_until(hub.ready, "ready again", within_s=60)
    published = flood.end()
    assert site.publisher.unheard == set()
    site.check_conserved(hub, messages[:published])


@pytest.mark.timeout(600)
def test_a_broker_that_falls_silent_is_found_again(site: Site) -> None:
    hub = site.hub()
    hub.start()
    messages = stream(site.known, good=980, bad=20, seed=42)
    site.publisher.publish(messages[:500])
    site.broker.pause()
    try:
        for message in messages[500:]:
            site.publisher.send(message)
        time.sleep(form(3, 100))  # in the full form longer than the hub takes silence for life
    finally:
        site.broker.resume()
    site.publisher.wait_acked(len(messages))
    site.check_conserved(hub, messages)


@pytest.mark.timeout(900)
def test_a_power_cut_while_the_hub_is_there(site: Site) -> None:
    hub = site.hub()
    hub.start()
    messages = distinct(stream(site.known, good=400_000, bad=8_000, seed=43))
    flood = Flood(site.publisher, messages, per_s=700)
    wait_saved(site.broker)
    rng = random.Random(43)  # noqa: S311 - no secret
    cuts = []
    for _ in range(form(2, 12)):
        site.publisher.wait_acked(site.publisher.acked + rng.randrange(500, 4_000))
        cuts.append(time.monotonic())
        site.broker.kill()
        site.broker.start()
        wait_until(hub.ready, "ready again", within_s=60)
    published = flood.end()
    check_losses(site, hub, messages[:published], cuts, "hub there")


@pytest.mark.timeout(900)
def test_a_power_cut_while_the_hub_is_away(site: Site) -> None:
    hub = site.hub()
    hub.start()
    wait_saved(site.broker)
    assert hub.stop() == 0
    messages = distinct(stream(site.known, good=400_000, bad=8_000, seed=44))
    flood = Flood(site.publisher, messages, per_s=700)
    rng = random.Random(44)  # noqa: S311 - no secret
    cuts = []
    for _ in range(form(1, 12)):
        site.publisher.wait_acked(site.publisher.acked + rng.randrange(500, 8_000))
        cuts.append(time.monotonic())
        site.broker.kill()
        site.broker.start()
    published = flood.end()
    hub.start()
    check_losses(site, hub, messages[:published], cuts, "hub away")
