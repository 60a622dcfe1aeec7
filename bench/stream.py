"""The messages of a fleet of sensors as MQTT 5 PUBLISH packets, put together at C speed.

Every message of a lap (each device once) differs only in pieces that are made beforehand: the head
of its device, a packet identifier, a body of values, and one piece with time and number that a
whole batch shares. All pieces have a fixed length, so a packet is four pieces joined.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

PUBLISH_QOS1: Final = 0x32
PACKET_IDS: Final = 65535
METRICS: Final = {
    "pm25": (30.0, 36.9),
    "pm10": (50.0, 58.9),
    "no2": (20.0, 24.9),
    "temperature": (28.4, 28.4),
    "humidity": (81.5, 81.5),
    "pressure": (1009.2, 1009.2),
}
"""Spans in which every value has as many characters, and which a working sensor does not leave
between two reports a tenth of a second apart: a hub that judges quality would rightly flag others.
"""
BODIES: Final = 64
FIRST_SEQ: Final = 100_000_000

BAD: Final[dict[str, Callable[[int, int], bytes]]] = {
    "not_json": lambda time_ms, seq: b'{"time":%d,"seq":%d,"pm25":' % (time_ms, seq),
    "empty": lambda _time_ms, _seq: b"",
    "wrong_shape": lambda time_ms, seq: b'"%d %d"' % (time_ms, seq),
    "wrong_type": lambda time_ms, seq: b'{"time":%d,"seq":%d,"pm25":"12.5"}' % (time_ms, seq),
    "not_finite": lambda time_ms, seq: b'{"time":%d,"seq":%d,"pm25":NaN}' % (time_ms, seq),
    "no_metric": lambda time_ms, seq: b'{"time":%d,"seq":%d,"foo":1}' % (time_ms, seq),
    "bad_time": lambda _time_ms, seq: b'{"time":"yesterday","seq":%d,"pm25":12.5}' % seq,
    "future_time": lambda time_ms, seq: (
        b'{"time":%d,"seq":%d,"pm25":12.5}' % (time_ms + 86_400_000, seq)
    ),
}
"""Messages that a hub must not store, by the reason that it should give."""


def varint(value: int) -> bytes:
    """MQTT's variable byte integer (MQTT 5, 1.5.5)."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def string(text: str) -> bytes:
    """MQTT's UTF-8 string (MQTT 5, 1.5.4)."""
    raw = text.encode()
    return len(raw).to_bytes(2, "big") + raw


def publish_head(topic: str, payload_bytes: int) -> bytes:
    """What stands before the packet identifier, the empty property list and the payload."""
    name = string(topic)
    return bytes([PUBLISH_QOS1]) + varint(len(name) + 3 + payload_bytes) + name


IDS: Final = [number.to_bytes(2, "big") for number in range(1, PACKET_IDS + 1)]
"""Packet identifiers 1 to 65535, at index identifier less one."""


PROBE: Final = "bench-probe"
"""A device beside the fleet, whose messages are looked for in the store."""


def device_ids(devices: int) -> list[str]:
    return [f"bench-{number:06}" for number in range(devices)]


class Stream:
    """The endless messages of some devices, in turn.

    `bad` is the fraction of messages that are replaced, evenly, by the kinds of `BAD` in turn;
    `bad_sent` counts them. Times rise strictly for each device.
    """

    def __init__(self, devices: Sequence[str], *, bad: float = 0.0) -> None:
        self._topics = [f"sensors/{device}/up" for device in devices]
        bodies = _bodies()
        payload_bytes = len(_middle(10**12, FIRST_SEQ)) - 1 + len(bodies[0])
        self._heads = [publish_head(topic, payload_bytes) for topic in self._topics]
        rounds = len(devices) // BODIES + 2
        self._bodies = bodies * rounds
        self._bad_every = round(1 / bad) if bad else 0
        self._device = 0
        self._lap = 0
        self._time_ms = 0
        self._sent = 0
        self.bad_sent: Counter[str] = Counter()

    def batch(self, ids: Sequence[bytes], now_ms: int) -> bytes:
        """As many packets as there are identifiers, at most one for each device."""
        self._time_ms = max(now_ms, self._time_ms + 1)
        pieces = self._pieces(ids[: len(self._heads) - self._device])
        rest = ids[len(self._heads) - self._device :]
        self._advance(len(ids) - len(rest))
        if rest:
            pieces += self._pieces(rest)
            self._advance(len(rest))
        return b"".join(pieces)

    @property
    def devices(self) -> int:
        return len(self._heads)

    def _pieces(self, ids: Sequence[bytes]) -> list[bytes]:
        count, first = len(ids), self._device
        pieces = [_middle(self._time_ms, FIRST_SEQ + self._lap)] * (4 * count)
        pieces[0::4] = self._heads[first : first + count]
        pieces[1::4] = ids
        body = (first + self._lap) % BODIES
        pieces[3::4] = self._bodies[body : body + count]
        if self._bad_every:
            for offset in range(-self._sent % self._bad_every, count, self._bad_every):
                pieces[4 * offset : 4 * offset + 4] = self._bad(first + offset, ids[offset])
        return pieces

    def _bad(self, device: int, packet_id: bytes) -> list[bytes]:
        reasons = tuple(BAD)
        reason = reasons[self.bad_sent.total() % len(reasons)]
        self.bad_sent[reason] += 1
        payload = BAD[reason](self._time_ms, FIRST_SEQ + self._lap)
        return [publish_head(self._topics[device], len(payload)), packet_id, b"\0", payload]

    def _advance(self, count: int) -> None:
        self._sent += count
        self._device += count
        if self._device == len(self._heads):
            self._device = 0
            self._lap += 1


def _middle(time_ms: int, seq: int) -> bytes:
    return b'\0{"time":%d,"seq":%d,' % (time_ms, seq)


def _bodies() -> list[bytes]:
    chance = random.Random(6)
    return [
        json.dumps(
            {name: round(chance.uniform(*span), 1) for name, span in METRICS.items()},
            separators=(",", ":"),
        )[1:].encode()
        for _ in range(BODIES)
    ]
