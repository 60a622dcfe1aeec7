"""The load must be beyond doubt: packets that another codec reads, acknowledgements that add up."""

import json
from collections.abc import Sequence

import mqtt5
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.publisher import Acknowledgements, LoadError, loopback, read_varint, receive_maximum
from bench.stream import BAD, IDS, METRICS, PACKET_IDS, Stream, device_ids, varint

NOW_MS = 1_764_000_000_000


def packets(data: bytes) -> list[mqtt5.PublishPacket]:
    found, at = [], 0
    while at < len(data):
        packet, length = mqtt5.read(memoryview(data)[at:])
        assert isinstance(packet, mqtt5.PublishPacket)
        found.append(packet)
        at += length
    return found


def puback(packet_id: bytes, reason: int | None = None) -> bytes:
    if reason is None:
        return b"\x40\x02" + packet_id
    return b"\x40\x04" + packet_id + bytes([reason, 0])


@given(devices=st.integers(1, 7), batches=st.lists(st.integers(1, 7), max_size=30))
def test_a_stream_is_each_device_in_turn_with_rising_time(
    devices: int, batches: Sequence[int]
) -> None:
    stream = Stream(device_ids(devices))
    sent = 0
    seen: dict[str, tuple[int, int]] = {}
    for size in batches:
        count = min(size, devices)
        for packet in packets(stream.batch(IDS[:count], NOW_MS)):
            reading = json.loads(packet.payload)
            assert packet.topic == f"sensors/bench-{sent % devices:06}/up"
            assert packet.qos == mqtt5.QoS.AT_LEAST_ONCE
            assert set(reading) == {"time", "seq", *METRICS}
            assert (reading["time"], reading["seq"]) > seen.get(packet.topic, (0, 0))
            assert reading["time"] > seen.get(packet.topic, (0, 0))[0]
            seen[packet.topic] = (reading["time"], reading["seq"])
            sent += 1


def test_packets_carry_the_identifiers_they_were_given() -> None:
    ids = [IDS[7], IDS[299], IDS[65534]]
    found = packets(Stream(device_ids(5)).batch(ids, NOW_MS))
    assert [packet.packet_id for packet in found] == [8, 300, 65535]


def test_bad_messages_are_spread_evenly_and_counted() -> None:
    stream = Stream(device_ids(1000), bad=0.02)
    payloads = [
        packet.payload for _ in range(8) for packet in packets(stream.batch(IDS[:999], NOW_MS))
    ]
    assert len(payloads) == 7992
    assert set(stream.bad_sent) == set(BAD)
    assert stream.bad_sent.total() == 160
    assert sum(b"pressure" not in payload for payload in payloads) == 160
    assert all(b"pressure" not in payload for payload in payloads[::50])


@given(data=st.data())
def test_acknowledgements_add_up_however_they_are_cut(data: st.DataObject) -> None:
    found = Acknowledgements()
    taken: list[bytes] = []
    while len(taken) < 40:
        taken += found.take(data.draw(st.integers(1, 20)))
    reasons = data.draw(
        st.lists(st.sampled_from([None, 0x00, 0x10, 0x87, 0x97]), min_size=40, max_size=40)
    )
    stream = b"".join(puback(*one) for one in zip(taken, reasons, strict=False))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found.feed(stream[begin:end])
    refused = sum(reason in {0x87, 0x97} for reason in reasons)
    assert found.acked == 40 - refused
    assert found.refused == refused
    assert found.in_flight == len(taken) - 40
    assert found.reasons.get("0x10", 0) == reasons.count(0x10)


def test_identifiers_go_round_and_are_not_taken_twice() -> None:
    found = Acknowledgements()
    first = found.take(found.free(60_000))
    found.take(found.free(10_000))
    assert found.in_flight == PACKET_IDS
    assert found.free(100) == 0
    found.feed(b"".join(puback(one) for one in first[:50]))
    assert found.free(100) == 50
    assert found.take(50) == IDS[:50]


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (puback(IDS[5]), "acknowledges 6, which is not in flight"),
        (puback(IDS[0]) * 2, "acknowledges 1, which is not in flight"),
        (b"\xe0\x02\x8b\x00", "ends the connection: reason 0x8b"),
        (b"\xe0\x00", "ends the connection: reason 0x00"),
        (b"\x30\x05\x00\x01a\x00x", "0x30 that nobody asked for"),
    ],
)
def test_what_must_not_come_ends_the_load(sent: bytes, message: str) -> None:
    found = Acknowledgements()
    found.take(5)
    with pytest.raises(LoadError, match=message):
        found.feed(sent)


@given(maximum=st.none() | st.integers(1, 65535), topics=st.none() | st.integers(1, 65535))
def test_the_brokers_receive_maximum_is_read(maximum: int | None, topics: int | None) -> None:
    packet = mqtt5.ConnAckPacket(
        receive_max=65535 if maximum is None else maximum,
        topic_alias_max=topics or 0,
        assigned_client_id="somebody",
        user_properties=[("a", "b")],
    ).write()
    _, at = read_varint(packet, 1)
    assert receive_maximum(packet[at:]) == (maximum or 65535)


@given(value=st.integers(0, 268_435_455))
def test_varint_round_trip(value: int) -> None:
    raw = varint(value)
    assert read_varint(raw, 0) == (value, len(raw))


@pytest.mark.parametrize("url", ["mqtt://192.0.2.1:1883", "mqtt://[2001:db8::1]", "mqtt://0.0.0.0"])
def test_no_other_machine_is_loaded(url: str) -> None:
    with pytest.raises(LoadError, match="only loopback is loaded"):
        loopback(url)


@pytest.mark.parametrize("url", ["mqtt://127.0.0.1", "mqtt://127.9.9.9:1884", "mqtt://[::1]:1883"])
def test_this_machine_is(url: str) -> None:
    assert loopback(url).geturl() == url
