"""Rubbish sent to the running hub: each has its end in quarantine, and the hub lives."""

import base64
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from devices.device import Device
from tests.brokers import MosquittoServer
from tests.hubs import HubProcess, balanced

RUBBISH: list[tuple[str, bytes, str]] = [
    ("sensors/air-1/up", b"", "empty"),
    ("sensors/air-1/up", b"not json", "not_json"),
    ("sensors/air-1/up", b'{"pm25": "12"}', "wrong_type"),
    ("sensors/air-1/up", b'{"pm25": false}', "wrong_type"),
    ("sensors/air-1/up", b'{"pm25": NaN}', "not_finite"),
    ("sensors/air-1/up", b'{"pm25": -Infinity}', "not_finite"),
    ("sensors/air-1/up", b'{"pm25": 1e400}', "not_finite"),
    ("sensors/air-1/up", bytes(10 * 1024**2), "too_large"),
    ("sensors/air-1/up", b"[" * 50_000, "wrong_shape"),
    ("sensors/air-1/up", b'{"a":' * 20_000, "wrong_shape"),
    ("sensors/air-1/up", b'{"mood": "fine"}', "no_metric"),
    ("sensors/air-1/up", b'{"pm25": 1, "time": 33000000000}', "future_time"),
    ("sensors/air-1/up", b'{"pm25": 1, "time": "2026-01-01T00:00:00"}', "bad_time"),
    ("sensors/air-1/up", b'[{"pm25": "x"}, {"pm25": 2}]', "wrong_type"),
    ("sensors/air-1/upp", b'{"pm25": 1}', "wrong_topic"),
    ("sensors/air 1/up", b'{"pm25": 1}', "bad_device_id"),
    ("sensors/\U0001f4a7\U0001f4a7/up", b'{"pm25": 1}', "bad_device_id"),
    ("sensors/nobody/up", b'{"pm25": 1}', "unregistered"),
]

FINE: list[bytes] = [
    b'{"pm25": -99999}',  # implausible: stored and flagged
    b'{"pm25": 3, "seq": 9}',
    b'{"pm25": 4, "seq": 2}',  # backwards
    b'{"pm25": 5, "mood": "fine"}',  # an unknown member
    b'{"pm25": 6, "time": 0}',  # any age
    b'{"pm25": null}',
]


def test_each_kind_of_rubbish_has_its_reason_and_every_byte(
    broker: MosquittoServer, tmp_path: Path
) -> None:
    hub = HubProcess(tmp_path / "hub", {"MQTT_URL": broker.hub_url})
    hub.register([Device("air-1", "air")])
    hub.start()
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.username_pw_set(*broker.login("simulator"))
    client.connect(broker.host, broker.port)
    client.loop_start()
    odd = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    odd.UserProperty = ("colour", "\U0001f7e3")
    odd.ContentType = "application/rubbish"
    for topic, payload, _ in RUBBISH:
        client.publish(topic, payload, qos=1, properties=odd).wait_for_publish(30)
    for payload in FINE:
        client.publish("sensors/air-1/up", payload, qos=1).wait_for_publish(30)
    client.disconnect()
    client.loop_stop()
    hub.wait_settled(len(RUBBISH) + len(FINE))

    items = hub.items("quarantine", "list")
    assert [item["reason"] for item in items] == [reason for _, _, reason in RUBBISH]
    for item, (topic, payload, reason) in zip(items, RUBBISH, strict=True):
        kept = base64.b64decode(item["payload"])
        assert kept == (b'[{"pm25": "x"}]' if payload.startswith(b'[{"pm25"') else payload), reason
        assert item["topic"] == topic
    ledger = hub.ledger()
    assert balanced(ledger)
    assert ledger["air-1"]["stored"] == len(FINE)
    assert hub.ready()
    readings = hub.items("readings", "air-1", "--last", "30000d")
    flags = {reading["pm25"]: reading["pm25_qc"] for reading in readings if "pm25" in reading}
    assert set(flags) == {-99999, 2, 3, 4, 5, 6}
    assert flags[-99999] == 4
    assert sum(reading["pm25_qc"] == 9 for reading in readings) == 1
    assert hub.stop() == 0
