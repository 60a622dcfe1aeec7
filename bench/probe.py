"""Messages of one extra device, to see when what was published can be read in the store."""

import time
from typing import Final

from bench.process import Process
from bench.publisher import Publisher
from bench.servers import ServerError
from bench.stream import PROBE, Stream
from bench.view import View

EVERY_S: Final = 0.1
POLL_S: Final = 0.02
READY_S: Final = 120.0
DRAIN_S: Final = 600.0


class Probe:
    """Publishes one message at a time and looks for it in the store by its time."""

    def __init__(self, url: str, view: View) -> None:
        self._publisher = Publisher(url, client_id="bench-probe", window=100)
        self._stream = Stream([PROBE])
        self._view = view
        self._sent_ms = 0
        self._since_ms = time.time_ns() // 1_000_000

    def close(self) -> None:
        self._publisher.close()

    def publish(self) -> int:
        """Sends one message; returns its time in ms, which no other probe has."""
        self._sent_ms = max(time.time_ns() // 1_000_000, self._sent_ms + 1)
        self._publisher.publish(1, lambda ids: self._stream.batch(ids, self._sent_ms))
        return self._sent_ms

    def readable(self, since_ms: int) -> set[int]:
        """Times of the probes since then that the store gives back."""
        self._publisher.receive()
        return self._view.probes(since_ms)

    def await_ready(self, subject: Process) -> None:
        """Until a message gets through: the subject has subscribed and writes.

        Raises:
            ProcessError: the subject ended.
            ServerError: no message does in time.
        """
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            subject.check()
            self.publish()
            time.sleep(0.25)
            if self.readable(self._since_ms):
                return
        raise ServerError(f"Nothing is readable in the store {READY_S:.0f} s after the start")

    def drain(self) -> float:
        """Seconds until a message sent now is readable: all before it has been dealt with.

        Raises:
            ServerError: it does not come in time.
        """
        begin = time.monotonic()
        mark = self.publish()
        while time.monotonic() < begin + DRAIN_S:
            time.sleep(POLL_S)
            if mark in self.readable(mark):
                return time.monotonic() - begin
        raise ServerError(f"The last message is not readable {DRAIN_S:.0f} s after it was sent")

    def latencies(self, seconds: float) -> list[float]:
        """Publish-to-readable in ms of a message every `EVERY_S`, to `POLL_S` exact."""
        waiting: dict[int, float] = {}
        found: list[float] = []
        begin = next_publish = time.monotonic()
        while (now := time.monotonic()) < begin + seconds or waiting:
            if now > begin + seconds + DRAIN_S:
                raise ServerError(f"{len(waiting)} probes never became readable")
            if next_publish <= now < begin + seconds:
                next_publish += EVERY_S
                waiting[self.publish()] = time.monotonic()
            if waiting:
                arrived = self.readable(min(waiting)) & waiting.keys()
                now = time.monotonic()
                found += [(now - waiting.pop(sent_ms)) * 1000 for sent_ms in arrived]
            time.sleep(POLL_S)
        return found
