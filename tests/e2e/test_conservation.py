"""The promise above all: what was published and acknowledged is stored or quarantined, just once.

Real Mosquitto, real InfluxDB, real hub; published by an independent client.
"""

import subprocess
import threading
from collections import Counter
from pathlib import Path

import pytest

from devices.device import Device
from tests.brokers import MosquittoServer
from tests.conservation import check_conserved, hub_on, stored_points
from tests.e2e.stream import Published, devices, stream
from tests.hubs import balanced
from tests.publishers import Publisher
from tests.servers import Influx, wait_until


def test_ten_thousand_messages_with_two_hundred_bad(
    broker: MosquittoServer, influxd: Influx, tmp_path: Path
) -> None:
    known = devices(100)
    messages = stream(known, good=9_800, bad=200, seed=1)
    hub = hub_on(broker, influxd, tmp_path / "hub")
    hub.register(known)
    hub.start()
    publisher = Publisher(broker)
    publisher.publish(messages)
    publisher.close()
    hub.wait_settled(len(messages))
    totals = check_conserved(hub, influxd, messages)
    assert totals["received"] == len(messages)
    assert totals["duplicate"] == 0
    assert hub.stop() == 0


@pytest.mark.timeout(300)
def test_kill_9_in_the_middle_changes_no_total(
    broker: MosquittoServer, influxd: Influx, tmp_path: Path
) -> None:
    known = devices(100)
    messages = stream(known, good=9_800, bad=200, seed=2)
    hub = hub_on(broker, influxd, tmp_path / "hub")
    hub.register(known)
    hub.start()
    publisher = Publisher(broker)
    flood = threading.Thread(target=publisher.publish, args=(messages,))
    flood.start()
    for share in (0.2, 0.5, 0.8):
        publisher.wait_acked(int(share * len(messages)))
        hub.kill()
        hub.start()
    flood.join()
    publisher.close()
    hub.wait_settled(len(messages))
    check_conserved(hub, influxd, messages)
    assert hub.stop() == 0


def test_messages_of_an_absent_hub_wait_at_the_broker(
    broker: MosquittoServer, influxd: Influx, tmp_path: Path
) -> None:
    known = devices(20)
    hub = hub_on(broker, influxd, tmp_path / "hub")
    hub.register(known)
    hub.start()
    assert hub.stop() == 0
    messages = stream(known, good=980, bad=20, seed=3)
    publisher = Publisher(broker)
    publisher.publish(messages)
    publisher.close()
    hub.start()
    hub.wait_settled(len(messages))
    check_conserved(hub, influxd, messages)
    assert hub.stop() == 0


def test_a_stopped_influxdb_delays_and_loses_nothing(
    broker: MosquittoServer, influxd: Influx, tmp_path: Path
) -> None:
    known = devices(20)
    messages = stream(known, good=1_960, bad=40, seed=4)
    hub = hub_on(broker, influxd, tmp_path / "hub")
    hub.register(known)
    hub.start()
    publisher = Publisher(broker)
    publisher.publish(messages[:500])
    influxd.stop()
    try:
        publisher.publish(messages[500:])
        wait_until(lambda: not hub.ready(), "not ready without its store")
        assert hub.readiness()["checks"]["store"]["ok"] is False
        assert balanced(hub.ledger())
    finally:
        influxd.start()
    publisher.close()
    hub.wait_settled(len(messages))
    check_conserved(hub, influxd, messages)
    assert hub.stop() == 0


def test_an_unregistered_device_s_messages_arrive_when_it_is_registered(
    broker: MosquittoServer, influxd: Influx, tmp_path: Path
) -> None:
    known = devices(4)
    messages = stream(known, good=100, bad=0, seed=5)
    hub = hub_on(broker, influxd, tmp_path / "hub")
    hub.start()
    publisher = Publisher(broker)
    publisher.publish(messages)
    publisher.close()
    wait_until(lambda: len(hub.items("quarantine", "list")) == 100, "all in quarantine")
    assert {item["reason"] for item in hub.items("quarantine", "list")} == {"unregistered"}
    hub.register(known)
    wait_until(lambda: not hub.items("quarantine", "list"), "replayed")
    hub.wait_settled(len(messages))
    check_conserved(hub, influxd, messages)
    assert hub.stop() == 0


def test_readings_without_a_time_are_not_doubled_by_a_kill(
    broker: MosquittoServer, influxd: Influx, tmp_path: Path
) -> None:
    device = Device("flood-000", "flood")
    hub = hub_on(broker, influxd, tmp_path / "hub")
    hub.register([device])
    hub.start()
    publisher = Publisher(broker)
    messages = [
        Published(device.id, b'{"level":%d}' % number, good=True) for number in range(2_000)
    ]
    flood = threading.Thread(target=publisher.publish, args=(messages,))
    flood.start()
    publisher.wait_acked(800)
    hub.kill()
    hub.start()
    flood.join()
    publisher.close()
    hub.wait_settled(len(messages))
    levels = Counter(point[2] for point in stored_points(hub, influxd) if point[0] == device.id)
    assert levels == Counter(float(number) for number in range(2_000))
    assert hub.ledger()[device.id]["stored"] == 2_000
    assert hub.stop() == 0


def test_a_device_with_its_own_login_and_mosquitto_pub(
    broker: MosquittoServer, influxd: Influx, tmp_path: Path
) -> None:
    known = devices(4)
    hub = hub_on(broker, influxd, tmp_path / "hub")
    hub.register(known)
    hub.start()
    passwords = broker.credentials(*(device.id for device in known))
    # -l sends a message a line: so no empty ones and none with a line break.
    messages = [
        m for m in stream(known, good=400, bad=40, seed=6) if m.payload and b"\x00" not in m.payload
    ]
    for device in known:
        mine = [message.payload for message in messages if message.device == device.id]
        subprocess.run(
            [
                "mosquitto_pub",
                *broker.arguments((device.id, passwords[device.id])),
                *("-q", "1", "-l", "-t", f"sensors/{device.id}/up"),
            ],
            input=b"\n".join(mine) + b"\n",
            check=True,
            timeout=60,
        )
    hub.wait_settled(len(messages))
    check_conserved(hub, influxd, messages)
    assert hub.stop() == 0
