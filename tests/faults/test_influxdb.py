"""InfluxDB is away, full, slow, in a bad mood, or cut off in the middle of a word."""

from collections.abc import Iterable, Iterator

import pytest

from tests.e2e.stream import stream
from tests.faults.conftest import Site
from tests.faults.form import FULL, form
from tests.faults.proxy import Handle, Proxy, answer, cut, half, hang
from tests.publishers import Flood
from tests.servers import Influx, wait_until

FULL_DISK = "engine: error writing WAL entry: write /var/lib/influxdb2/wal: no space left on device"


@pytest.fixture
def proxy(influxd: Influx) -> Iterator[Proxy]:
    with Proxy(influxd.url) as made:
        yield made


NO: dict[str, list[Handle]] = {  # those that say when to come again last: the hub waits longer
    "500, its disk is full": [answer(500, FULL_DISK)],
    "401, the token was replaced": [answer(401, "unauthorized access")],
    "404, the bucket is gone for a while": [answer(404, 'bucket "x" not found')],
    "429": [answer(429, "too many requests", Retry_After="1")],
    "503": [answer(503, "queue is full", Retry_After="1")],
}
CUT: dict[str, list[Handle]] = {
    "cut before it is written": [cut(written=False)],
    "cut after it is written": [cut(written=True)],
    "cut when half is written": [half(), half()],
}
HANGS: list[Handle] = [hang()]


def in_turn(orders: Iterable[list[Handle]]) -> list[Handle]:
    return [order for one in orders for order in one]


ORDERS: dict[str, list[Handle]] = {
    "says no in every way": in_turn(NO.values()),
    "cut off in every way, then hangs": [*in_turn(CUT.values()), *HANGS],
}
if FULL:
    ORDERS = {"hangs": HANGS, **NO, **CUT}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("orders", ORDERS.values(), ids=ORDERS)
def test_a_store_that_fails_delays_and_loses_nothing(
    site: Site, orders: list[Handle], proxy: Proxy
) -> None:
    hub = site.hub(INFLUX_URL=proxy.url, INFLUX_TIMEOUT_S="2")
    hub.start()
    proxy.order(*orders)
    messages = stream(site.known, good=980, bad=20, seed=21)
    site.publisher.publish(messages)
    wait_until(lambda: not proxy.left, "all orders met", within_s=60)
    site.check_conserved(hub, messages)


@pytest.mark.timeout(900)
def test_a_store_that_is_stopped_for_a_while(site: Site) -> None:
    hub = site.hub()
    hub.start()
    messages = stream(site.known, good=400_000, bad=8_000, seed=22)
    flood = Flood(site.publisher, messages, per_s=700)
    for _ in range(form(1, 3)):
        site.publisher.wait_acked(site.publisher.sent + 1_000)
        site.influxd.stop()
        try:
            wait_until(lambda: not hub.ready(), "not ready without its store")
            site.publisher.wait_acked(site.publisher.sent + form(2_000, 60_000), within_s=200)
            assert hub.readiness()["checks"]["store"]["ok"] is False
        finally:
            site.influxd.start()
    published = flood.end()
    site.check_conserved(hub, messages[:published])
