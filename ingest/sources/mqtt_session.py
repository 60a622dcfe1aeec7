"""One MQTT 5 connection: bytes in, runs of messages out, acknowledgements back.

The codec is `mqtt5` (sans-I/O). Reads are coalesced: after each one the transport rests a few
milliseconds, so that a run of messages costs one wake-up and one journal transaction.
"""

import asyncio
import struct
from collections.abc import Sequence
from typing import Final, cast

import mqtt5

from ingest.sources import Deliver
from ingest.types import Message

_BUFFER_BYTES: Final = 512 * 1024
PACKET_MAX_BYTES: Final = 17 * 1024 * 1024
"""A little more than the shipped broker lets through (16 MiB of packet)."""

_PUBLISH: Final = 3
_PUBACK: Final = 0x4002  # fixed header of a PUBACK without properties
MALFORMED_TOPIC: Final = "$malformed"
"""Topic of what the codec cannot read; no broker delivers on such a name."""


class Session(asyncio.BufferedProtocol):
    """The protocol of one connection, from CONNECT to its loss.

    `connack` and `suback` are futures for the hand-shake; `closed` ends with the connection's
    error, or None.
    """

    def __init__(self, deliver: Deliver, *, coalesce_s: float) -> None:
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._deliver = deliver
        self._coalesce_s = coalesce_s
        self._buffer = bytearray(_BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._filled = 0
        self._transport: asyncio.Transport | None = None
        self._held = False
        self._timer: asyncio.TimerHandle | None = None
        self.last_packet_s = loop.time()
        self.connack: asyncio.Future[mqtt5.ConnAckPacket] = loop.create_future()
        self.suback: asyncio.Future[mqtt5.SubAckPacket] = loop.create_future()
        self.closed: asyncio.Future[Exception | None] = loop.create_future()

    # -- asyncio's side ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are of no asyncio class.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self.closed.done():
            self.closed.set_result(exc)
        for future in (self.connack, self.suback):
            future.cancel()

    def get_buffer(self, sizehint: int) -> memoryview:
        del sizehint
        if self._filled == len(self._buffer):  # one packet larger than the buffer
            self._grow(min(2 * len(self._buffer), PACKET_MAX_BYTES))
        return self._view[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        self._filled += nbytes
        self.last_packet_s = self._loop.time()
        try:
            messages = self._read_packets()
        except ValueError as error:
            self._fail(error)
            return
        if messages:
            self._deliver(messages, self.acknowledge)
            if self._coalesce_s and not self._held and self._transport is not None:
                self._transport.pause_reading()
                self._timer = self._loop.call_later(self._coalesce_s, self._resume)

    # -- our side ----------------------------------------------------------------------------

    def send(self, packet: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(packet)

    def acknowledge(self, tokens: Sequence[int]) -> None:
        """Writes one PUBACK for each packet id, all in one piece; nothing once it is closed."""
        if not tokens:
            return
        words = [_PUBACK] * (2 * len(tokens))
        words[1::2] = tokens
        self.send(struct.pack(f">{len(words)}H", *words))

    def hold(self) -> None:
        """Stops reading."""
        self._held = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def release(self) -> None:
        """Goes on reading."""
        self._held = False
        self._resume()

    def close(self) -> None:
        """Says good-bye; the broker keeps the session and sends no will."""
        self.send(mqtt5.DisconnectPacket().write())
        if self._transport is not None:
            self._transport.close()

    def _resume(self) -> None:
        self._timer = None
        if not self._held and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _grow(self, size: int) -> None:
        if size == len(self._buffer):
            raise ValueError(f"a packet is larger than {PACKET_MAX_BYTES} bytes")
        grown = bytearray(size)
        grown[: self._filled] = self._view[: self._filled]
        self._buffer, self._view = grown, memoryview(grown)

    def _fail(self, error: Exception) -> None:
        if not self.closed.done():
            self.closed.set_result(error)
        if self._transport is not None:
            self._transport.abort()

    def _read_packets(self) -> list[Message]:
        messages: list[Message] = []
        view, start, end = self._view, 0, self._filled
        read, publish = mqtt5.read, mqtt5.PublishPacket
        while start < end:
            try:
                packet, size = read(view[start:end])
            except IndexError:  # the rest is still on its way
                break
            except BaseException as error:
                if not _refusal(error):
                    raise
                size = _frame_size(view[start:end])
                messages.append(_salvage(bytes(view[start : start + size])))
                start += size
                continue
            start += size
            if isinstance(packet, publish):
                messages.append(
                    Message(packet.topic, packet.payload, packet.packet_id, packet.duplicate)
                )
            else:
                self._control(packet)
        self._filled = end - start
        if self._filled and start:
            # Through bytes: the two places may overlap.
            view[: self._filled] = bytes(view[start:end])
        elif not self._filled and len(self._buffer) > _BUFFER_BYTES:
            self._buffer = bytearray(_BUFFER_BYTES)
            self._view = memoryview(self._buffer)
        return messages

    def _control(self, packet: mqtt5.Packet) -> None:
        match packet:
            case mqtt5.ConnAckPacket() if not self.connack.done():
                self.connack.set_result(packet)
            case mqtt5.SubAckPacket() if not self.suback.done():
                self.suback.set_result(packet)
            case mqtt5.DisconnectPacket():
                self._fail(ConnectionError(f"the broker said {packet.reason_code.name}"))


def _refusal(error: BaseException) -> bool:
    """Whether the codec says that the packet is broken.

    mqtt5 0.8 panics on a topic that is no UTF-8; its panic is a BaseException with no public name.
    """
    return isinstance(error, ValueError) or type(error).__name__ == "PanicException"


def _frame_size(view: memoryview) -> int:
    """Bytes of the packet at the start (MQTT 5, section 2.1.4).

    Raises:
        ValueError: no packet can be that long: the stream is out of step.
    """
    size, place = 0, 1
    while True:
        if place > 4 or place >= len(view):  # noqa: PLR2004 - four bytes hold a length
            raise ValueError("the broker's stream is out of step")
        size |= (view[place] & 0x7F) << (7 * (place - 1))
        place += 1
        if not view[place - 1] & 0x80:
            break
    if place + size > len(view):
        raise ValueError("the broker's stream is out of step")
    return place + size


def _salvage(frame: bytes) -> Message:
    """A message for quarantine out of a packet that the codec refuses, with its packet id.

    Without the acknowledgement the broker would send it again for ever.

    Raises:
        ValueError: it is no QoS 1 PUBLISH, so that there is nothing to keep.
    """
    if frame[0] >> 4 != _PUBLISH or (frame[0] >> 1) & 3 != 1:
        raise ValueError(f"the broker sent a packet that cannot be read: {frame[:16].hex()}")
    start = 1
    while frame[start] & 0x80:
        start += 1
    start += 1
    topic_size = int.from_bytes(frame[start : start + 2])
    id_at = start + 2 + topic_size
    packet_id = int.from_bytes(frame[id_at : id_at + 2])
    if packet_id == 0 or id_at + 2 > len(frame):
        raise ValueError("the broker sent a PUBLISH without a packet id")
    return Message(MALFORMED_TOPIC, frame, packet_id)
