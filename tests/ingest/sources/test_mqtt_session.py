"""The frame parser, fed by hand: every cut of the stream, broken packets, large packets."""

import asyncio
from collections.abc import Callable, Sequence

import mqtt5
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.sources.mqtt_session import MALFORMED_TOPIC, PACKET_MAX_BYTES, Session
from ingest.types import Acknowledge, Message


class Wire(asyncio.Transport):
    """A transport that remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = bytearray()
        self.reading = True
        self.closed = False
        self.aborted = False
        self.on_resume: Callable[[], None] = lambda: None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += data

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True
        self.on_resume()

    def is_closing(self) -> bool:
        return self.closed or self.aborted

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True


def publish(number: int, payload: bytes = b"{}") -> bytes:
    return mqtt5.PublishPacket(
        f"sensors/a-{number}/up", payload, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=number
    ).write()


def feed(session: Session, stream: bytes) -> None:
    """As the event loop does: as much as the buffer offers at a time."""
    while stream:
        view = session.get_buffer(-1)
        size = min(len(view), len(stream))
        view[:size] = stream[:size]
        stream = stream[size:]
        session.buffer_updated(size)


def with_session(
    act: Callable[[Session, Wire, list[Message]], None], *, coalesce_s: float = 0.0
) -> list[Message]:
    got: list[Message] = []

    def deliver(messages: list[Message], acknowledge: Acknowledge) -> None:
        del acknowledge
        got.extend(messages)

    async def run() -> None:
        session, wire = Session(deliver, coalesce_s=coalesce_s), Wire()
        session.connection_made(wire)
        act(session, wire, got)

    asyncio.run(run())
    return got


STREAM = b"".join(publish(n, b"x" * n) for n in range(1, 4)) + mqtt5.PingRespPacket().write()


@pytest.mark.parametrize("cut", range(len(STREAM) + 1))
def test_a_cut_at_any_byte_changes_nothing(cut: int) -> None:
    def act(session: Session, _wire: Wire, _got: list[Message]) -> None:
        feed(session, STREAM[:cut])
        feed(session, STREAM[cut:])

    got = with_session(act)
    assert [(m.topic, m.payload, m.token) for m in got] == [
        (f"sensors/a-{n}/up", b"x" * n, n) for n in range(1, 4)
    ]


@given(st.lists(st.integers(1, 40), max_size=20))
def test_any_cuts_change_nothing(cuts: Sequence[int]) -> None:
    stream = b"".join(publish(n, b"y" * 7) for n in range(1, 20))

    def act(session: Session, _wire: Wire, _got: list[Message]) -> None:
        rest = stream
        for cut in cuts:
            feed(session, rest[:cut])
            rest = rest[cut:]
        feed(session, rest)

    assert [m.token for m in with_session(act)] == list(range(1, 20))


def test_a_packet_larger_than_the_buffer_arrives_whole_and_the_buffer_shrinks_again() -> None:
    large = bytes(range(256)) * (4096 * 10)  # 10 MiB

    def act(session: Session, _wire: Wire, _got: list[Message]) -> None:
        feed(session, publish(1) + publish(2, large) + publish(3))
        assert len(session.get_buffer(-1)) < 1 << 20

    got = with_session(act)
    assert [m.token for m in got] == [1, 2, 3]
    assert got[1].payload == large


def test_a_packet_beyond_the_limit_ends_the_connection_with_words() -> None:
    def act(session: Session, wire: Wire, _got: list[Message]) -> None:
        head = b"\x32" + b"\xff\xff\xff\x7f"
        with pytest.raises(ValueError, match="larger than"):
            feed(session, head + bytes(PACKET_MAX_BYTES))
        del wire

    with_session(act)


def unknown_property(packet: bytes) -> bytes:
    at = packet.index(b"payload") - 1  # the empty properties stand right before the payload
    return packet[:1] + bytes([packet[1] + 1]) + packet[2:at] + b"\x01\xff" + packet[at + 1 :]


def no_utf_8(packet: bytes) -> bytes:
    return packet[:4] + b"\xff" + packet[5:]


@pytest.mark.parametrize("damage", [unknown_property, no_utf_8])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # mqtt5's panic
def test_a_packet_the_codec_refuses_is_kept_and_can_be_acknowledged(
    damage: Callable[[bytes], bytes],
) -> None:
    broken = damage(publish(5, b"payload"))

    def act(session: Session, wire: Wire, got: list[Message]) -> None:
        feed(session, publish(4) + bytes(broken) + publish(6))
        session.acknowledge([m.token for m in got if m.token is not None])
        assert bytes(wire.sent) == b"".join(mqtt5.PubAckPacket(n).write() for n in (4, 5, 6))

    got = with_session(act)
    assert got[1] == Message(MALFORMED_TOPIC, bytes(broken), 5)


def test_a_stream_out_of_step_ends_the_connection() -> None:
    def act(session: Session, wire: Wire, _got: list[Message]) -> None:
        feed(session, b"\xf0\xff\xff\xff\xff\xff")
        assert wire.aborted
        assert isinstance(session.closed.result(), ValueError)

    with_session(act)


@given(st.binary(max_size=200))
def test_no_bytes_raise_out_of_the_protocol(stream: bytes) -> None:
    def act(session: Session, wire: Wire, _got: list[Message]) -> None:
        for byte in stream:
            if wire.aborted:
                break
            feed(session, bytes([byte]))

    with_session(act)


def test_reads_are_coalesced_and_a_hold_outlasts_the_rest() -> None:
    async def run() -> None:
        session, wire = Session(lambda _m, _a: None, coalesce_s=0.001), Wire()
        session.connection_made(wire)
        feed(session, publish(1))
        assert not wire.reading
        resumed = asyncio.Event()
        wire.on_resume = resumed.set
        await resumed.wait()
        assert wire.reading
        feed(session, publish(2))
        session.hold()
        await asyncio.sleep(0.01)
        assert not wire.reading
        session.release()
        assert wire.reading

    asyncio.run(run())


def test_nothing_is_acknowledged_on_a_closed_connection() -> None:
    def act(session: Session, wire: Wire, _got: list[Message]) -> None:
        session.close()
        before = bytes(wire.sent)
        session.acknowledge([1, 2])
        assert bytes(wire.sent) == before == mqtt5.DisconnectPacket().write()

    with_session(act)
