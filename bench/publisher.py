"""One MQTT 5 connection that publishes with QoS 1 and checks every acknowledgement.

Packets are encoded by hand and acknowledgements compared as whole blocks of bytes, so that the
load costs little beside what it measures.
"""

import ipaddress
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from bench.stream import IDS, PACKET_IDS, string, varint

CONNACK: Final = 0x20
PUBACK: Final = 0x40
DISCONNECT: Final = 0xE0
SUCCESS: Final = 0x00
NO_MATCHING_SUBSCRIBERS: Final = 0x10
FAILURE_FROM: Final = 0x80
RECEIVE_MAXIMUM: Final = 0x21
IN_ORDER: Final = b"".join(b"\x40\x02" + one for one in IDS)
"""Acknowledgements of all packet identifiers in order: what a content broker sends."""
PROPERTY_BYTES: Final = {  # fixed lengths of CONNACK's properties (MQTT 5, 2.2.2.2)
    **dict.fromkeys((0x24, 0x25, 0x28, 0x29, 0x2A), 1),
    **dict.fromkeys((0x13, 0x21, 0x22), 2),
    **dict.fromkeys((0x11, 0x27), 4),
}
PAIR: Final = 0x26


class LoadError(Exception):
    """The load cannot go on; the text says why."""


def loopback(url: str) -> SplitResult:
    """The parts of an mqtt:// URL.

    Raises:
        LoadError: it does not lead to this machine. A load generator must never reach another.
    """
    parts = urlsplit(url)
    if parts.scheme != "mqtt" or not parts.hostname:
        raise LoadError(f"'{url}' is not of the form mqtt://127.0.0.1:1883")
    found = socket.getaddrinfo(parts.hostname, parts.port or 1883, type=socket.SOCK_STREAM)
    for *_, address in found:
        if not ipaddress.ip_address(address[0]).is_loopback:
            raise LoadError(f"'{parts.hostname}' is not this machine: only loopback is loaded")
    return parts


def receive_maximum(body: bytes) -> int:
    """Receive maximum of a CONNACK's variable header (65535 where it says nothing).

    Raises:
        LoadError: the broker refuses the connection.
    """
    if body[1] != SUCCESS:
        raise LoadError(f"The broker refuses the connection: reason 0x{body[1]:02x}")
    length, at = read_varint(body, 2)
    end = at + length
    while at < end:
        name = body[at]
        at += 1
        if name == RECEIVE_MAXIMUM:
            return int.from_bytes(body[at : at + 2], "big")
        if name in PROPERTY_BYTES:
            at += PROPERTY_BYTES[name]
        else:  # a string, or a pair of them
            for _ in range(2 if name == PAIR else 1):
                at += 2 + int.from_bytes(body[at : at + 2], "big")
    return PACKET_IDS


def read_varint(data: bytes | bytearray, at: int) -> tuple[int, int]:
    """Value and the offset behind it.

    Raises:
        IndexError: it is not whole yet.
    """
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


class Acknowledgements:
    """Which packets are in flight, from what was sent and the bytes that come back.

    A packet identifier is free again when its acknowledgement came. `reasons` counts the reason
    codes of the acknowledgements, but for plain success.
    """

    def __init__(self) -> None:
        self._pending = bytearray(PACKET_IDS)
        self._next = 0
        self._oldest = 0
        self._buffer = bytearray()
        self.in_flight = 0
        self.acked = 0
        self.refused = 0
        self.reasons: Counter[str] = Counter()

    def free(self, limit: int) -> int:
        """How many identifiers may be taken in one go, at most `limit`."""
        run = self._pending[self._next : self._next + limit].find(1)
        return min(limit, PACKET_IDS - self._next) if run < 0 else run

    def take(self, count: int) -> Sequence[bytes]:
        """The next identifiers, now in flight; `count` is at most what `free` says."""
        first, self._next = self._next, (self._next + count) % PACKET_IDS
        self._pending[first : first + count] = b"\1" * count
        self.in_flight += count
        return IDS[first : first + count]

    def feed(self, data: bytes) -> None:
        """Takes what the broker sent, in pieces of any size.

        Raises:
            LoadError: it acknowledges what is not in flight, or ends the connection.
        """
        if not self._buffer and len(data) % 4 == 0:
            first, count = self._oldest, len(data) // 4
            if (
                IN_ORDER[4 * first : 4 * (first + count)] == data
                and self._pending.find(0, first, first + count) < 0
            ):
                self._pending[first : first + count] = bytes(count)
                self._oldest = (first + count) % PACKET_IDS
                self.in_flight -= count
                self.acked += count
                return
        self._buffer += data
        self._feed_one_by_one()

    def _feed_one_by_one(self) -> None:
        at = 0
        while True:
            try:
                length, body = read_varint(self._buffer, at + 1)
            except IndexError:
                break
            if body + length > len(self._buffer):
                break
            packet = bytes(self._buffer[body : body + length])
            self._take_packet(self._buffer[at], packet)
            at = body + length
        del self._buffer[:at]

    def _take_packet(self, kind: int, body: bytes) -> None:
        if kind == DISCONNECT:
            reason = body[0] if body else SUCCESS
            raise LoadError(f"The broker ends the connection: reason 0x{reason:02x}")
        if kind != PUBACK:
            raise LoadError(f"The broker sends a packet 0x{kind:02x} that nobody asked for")
        index = int.from_bytes(body[:2], "big") - 1
        if index < 0 or not self._pending[index]:
            raise LoadError(f"The broker acknowledges {index + 1}, which is not in flight")
        self._pending[index] = 0
        self._oldest = (index + 1) % PACKET_IDS
        self.in_flight -= 1
        reason = body[2] if len(body) > 2 else SUCCESS
        if reason >= FAILURE_FROM:
            self.refused += 1
        else:
            self.acked += 1
        if reason != SUCCESS:
            self.reasons[f"0x{reason:02x}"] += 1


class Publisher:
    """A connection; `window` is how many messages may be in flight, the broker's limit applied."""

    def __init__(self, url: str, *, client_id: str, window: int) -> None:
        parts = loopback(url)
        self._socket = socket.create_connection(
            (parts.hostname or "", parts.port or 1883), timeout=10
        )
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.acknowledgements = Acknowledgements()
        self.window = min(window, self._connect(client_id, parts))
        self._socket.settimeout(0)
        self._unsent = b""
        self.published = 0

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def blocked(self) -> bool:
        """The kernel takes no more for now."""
        return bool(self._unsent)

    def publish(self, count: int, make: Callable[[Sequence[bytes]], bytes]) -> int:
        """Sends up to `count` messages, made from their identifiers; says how many."""
        if self._unsent:
            self.flush()
        room = 0 if self._unsent else self.window - self.acknowledgements.in_flight
        count = self.acknowledgements.free(min(count, room))
        if count > 0:
            self._unsent = make(self.acknowledgements.take(count))
            self.published += count
            self.flush()
        return max(count, 0)

    def flush(self) -> None:
        try:
            sent = self._socket.send(self._unsent)
        except BlockingIOError:
            return
        self._unsent = self._unsent[sent:]

    def receive(self) -> None:
        """Takes the acknowledgements that are there.

        Raises:
            LoadError: the broker closed the connection, or see `Acknowledgements.feed`.
        """
        try:
            data = self._socket.recv(1 << 18)
        except BlockingIOError:
            return
        if not data:
            raise LoadError("The broker closed the connection")
        self.acknowledgements.feed(data)

    def close(self) -> None:
        """Says goodbye; what the kernel cannot take at once stays unsaid."""
        try:
            self._socket.send(bytes([DISCONNECT, 0]))
        except OSError:
            pass
        finally:
            self._socket.close()

    def _connect(self, client_id: str, parts: SplitResult) -> int:
        user, password = parts.username, parts.password
        flags = 0x02 | (0x80 if user else 0) | (0x40 if password else 0)
        keep_alive, properties = 0, b""
        body = struct.pack("!H4sBBH", 4, b"MQTT", 5, flags, keep_alive) + varint(len(properties))
        body += string(client_id)
        body += string(unquote(user)) if user else b""
        body += string(unquote(password)) if password else b""
        self._socket.sendall(b"\x10" + varint(len(body)) + body)
        data = bytearray()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            piece = self._socket.recv(4096)
            if not piece:
                break
            data += piece
            try:
                length, at = read_varint(data, 1)
            except IndexError:
                continue
            if len(data) >= at + length:
                if data[0] != CONNACK:
                    break
                return receive_maximum(bytes(data[at : at + length]))
        raise LoadError("The broker does not answer like an MQTT 5 broker")
