"""Independent clients that publish with QoS 1 and know what the broker acknowledged, and when."""

import threading
import time
from collections.abc import Sequence
from itertools import islice
from select import select
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from bench import publisher as hand
from bench.stream import string, varint
from tests.brokers import MosquittoServer
from tests.e2e.stream import Published
from tests.servers import wait_until

_PACKET_IDS: Final = 65_535
_NOBODY_LISTENS: Final = 0x10


class Publisher:
    """A paho client with a session of its own: it comes back and sends again what has no answer.

    `acknowledged` holds, for each message by its place in the order of publishing, when its
    acknowledgement came (`time.monotonic`); `unheard` those of which the broker said that nobody
    listens.
    """

    def __init__(self, broker: MosquittoServer, *, client_id: str = "publisher") -> None:
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5
        )
        self._client.username_pw_set(*broker.login("simulator"))
        self._client.max_inflight_messages_set(200)
        self._client.max_queued_messages_set(0)
        self._client.reconnect_delay_set(1, 2)
        self._pending: dict[int, int] = {}
        self.sent = 0
        self.acknowledged: dict[int, float] = {}
        self.unheard: set[int] = set()
        self._client.on_publish = self._on_publish
        lasting = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        lasting.SessionExpiryInterval = 3600
        self._client.connect(broker.host, broker.port, clean_start=False, properties=lasting)
        self._client.loop_start()

    @property
    def acked(self) -> int:
        return len(self.acknowledged)

    def _on_publish(self, _client: object, _data: object, number: int, code: Any, *_: Any) -> None:
        place = self._pending.pop(number)
        self.acknowledged[place] = time.monotonic()
        if code.value == _NOBODY_LISTENS:
            self.unheard.add(place)

    def send(self, message: Published) -> None:
        """Hands one message to the client; its acknowledgement comes later."""
        # Before it is sent: the acknowledgement may come before `publish` returns.
        number = self.sent % _PACKET_IDS + 1
        self._pending[number] = self.sent
        self.sent += 1
        sent = self._client.publish(f"sensors/{message.device}/up", message.payload, qos=1)
        assert sent.mid == number

    def publish(self, messages: Sequence[Published]) -> None:
        """Publishes and waits for every acknowledgement."""
        for message in messages:
            self.send(message)
        self.wait_acked(self.sent)

    def wait_acked(self, count: int, *, within_s: float = 120) -> None:
        wait_until(lambda: self.acked >= count, f"{count} acknowledged", within_s=within_s)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Flood:
    """Publishes a stream at a steady rate until it is told to end; then waits for the answers."""

    def __init__(self, publisher: Publisher, stream: Sequence[Published], *, per_s: int) -> None:
        self._publisher = publisher
        self._stream = iter(stream)
        self._stream_length = len(stream)
        self._per_s = per_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="flood")
        self._thread.start()

    def _run(self) -> None:
        began, sent = time.monotonic(), 0
        while not self._over.wait(0.01):
            due = int((time.monotonic() - began) * self._per_s)
            for message in islice(self._stream, max(0, due - sent)):
                self._publisher.send(message)
                sent += 1

    def end(self, *, within_s: float = 120) -> int:
        """How many messages were published; the broker has acknowledged them all."""
        self._over.set()
        self._thread.join()
        assert self._publisher.sent < self._stream_length, "the flood outlasted the test"
        self._publisher.wait_acked(self._publisher.sent, within_s=within_s)
        return self._publisher.sent


def burst(
    broker: MosquittoServer,
    messages: Sequence[Published],
    *,
    connections: int = 4,
    repeated: bool = False,
) -> None:
    """Publishes as fast as the broker takes it, over some connections, until all is acknowledged.

    `repeated` says in each packet that it may have been sent before.
    """
    lanes = [
        _Lane(
            broker.simulator_url,
            f"burst-{number}",
            messages[number::connections],
            repeated=repeated,
        )
        for number in range(connections)
    ]
    while any(not lane.done for lane in lanes):
        select([lane for lane in lanes if not lane.done], [], [], 0.01)
        for lane in lanes:
            lane.go_on()
    for lane in lanes:
        lane.publisher.close()


class _Lane:
    def __init__(
        self, url: str, client_id: str, messages: Sequence[Published], *, repeated: bool
    ) -> None:
        self.publisher = hand.Publisher(url, client_id=client_id, window=5_000)
        self._messages = messages
        self._first = b"\x3a" if repeated else b"\x32"  # PUBLISH with QoS 1, with DUP or without
        self._next = 0

    def fileno(self) -> int:
        return self.publisher.fileno()

    @property
    def done(self) -> bool:
        acknowledged = self.publisher.acknowledgements
        assert acknowledged.refused == 0
        return acknowledged.acked == len(self._messages)

    def go_on(self) -> None:
        self.publisher.receive()
        self.publisher.publish(min(500, len(self._messages) - self._next), self._packets)

    def _packets(self, ids: Sequence[bytes]) -> bytes:
        chosen = self._messages[self._next : self._next + len(ids)]
        self._next += len(ids)
        return b"".join(
            self._first + varint(len(body)) + body
            for message, packet_id in zip(chosen, ids, strict=True)
            for body in [
                string(f"sensors/{message.device}/up") + packet_id + b"\0" + message.payload
            ]
        )
