"""Load for an MQTT broker on this machine: `python -m bench.load --rate 10000`.

Publishes native readings of six metrics with QoS 1, checks every acknowledgement, and prints one
JSON object: what was published, acknowledged, refused and lost, and what the load itself cost.
"""

import argparse
import json
import os
import selectors
import signal
import sys
import time
from collections import Counter
from functools import partial
from typing import Any, Final

from bench.publisher import LoadError, Publisher
from bench.stream import Stream, device_ids

TICK_S: Final = 0.004
"""Messages due are sent together this often: bursts as short as a network's, cheap to send."""
FLAT_OUT_TICK_S: Final = 0.001
BATCH_MAX: Final = 1000
LAST_ACKS_S: Final = 30.0
"""How long acknowledgements may stay out at the end before their messages count as lost."""


class Load:
    """`rate` is messages a second over all connections, 0 for as fast as acknowledgements come."""

    def __init__(
        self, url: str, *, devices: int, rate: float, connections: int, window: int, bad: float
    ) -> None:
        names = device_ids(devices)
        share = -(-devices // connections)
        self._rate = rate
        self._tick_s = TICK_S if rate else FLAT_OUT_TICK_S
        self._lanes: list[tuple[Publisher, Stream]] = []
        for number, first in enumerate(range(0, devices, share)):
            publisher = Publisher(
                url, client_id=f"bench-load-{os.getpid()}-{number}", window=window
            )
            self._lanes.append((publisher, Stream(names[first : first + share], bad=bad)))
        self._selector = selectors.DefaultSelector()
        for publisher, _ in self._lanes:
            self._selector.register(publisher, selectors.EVENT_READ, publisher)
        self._stopping = False

    def stop(self) -> None:
        self._stopping = True

    def run(self, seconds: float) -> dict[str, Any]:
        """Publishes for so long, waits for the last acknowledgements, and reports."""
        cpu = time.process_time()
        begin = time.monotonic()
        while not self._stopping and (now := time.monotonic()) < begin + seconds:
            self._publish(now - begin)
            self._wait(self._tick_s - (time.monotonic() - begin) % self._tick_s)
        published_for = time.monotonic() - begin
        while self._in_flight and time.monotonic() < begin + published_for + LAST_ACKS_S:
            self._wait(self._tick_s)
        return self._report(published_for, time.process_time() - cpu)

    def close(self) -> None:
        for publisher, _ in self._lanes:
            publisher.close()
        self._selector.close()

    @property
    def _published(self) -> int:
        return sum(publisher.published for publisher, _ in self._lanes)

    @property
    def _in_flight(self) -> int:
        return sum(publisher.acknowledgements.in_flight for publisher, _ in self._lanes)

    def _publish(self, elapsed_s: float) -> None:
        now_ms = time.time_ns() // 1_000_000
        due = int(self._rate * elapsed_s) - self._published if self._rate else sys.maxsize
        for index, (publisher, stream) in enumerate(self._lanes):
            share = -(-due // (len(self._lanes) - index))
            limit = min(share, BATCH_MAX, stream.devices)
            due -= publisher.publish(limit, partial(stream.batch, now_ms=now_ms))

    def _wait(self, seconds: float) -> None:
        """Sleeps, then takes at once all acknowledgements that came meanwhile."""
        time.sleep(seconds)
        for publisher, _ in self._lanes:
            blocked = selectors.EVENT_WRITE if publisher.blocked else 0
            self._selector.modify(publisher, selectors.EVENT_READ | blocked, publisher)
        for key, events in self._selector.select(0):
            if events & selectors.EVENT_WRITE:
                key.data.flush()
            if events & selectors.EVENT_READ:
                key.data.receive()

    def _report(self, seconds: float, cpu_s: float) -> dict[str, Any]:
        acknowledgements = [publisher.acknowledgements for publisher, _ in self._lanes]
        bad = sum((stream.bad_sent for _, stream in self._lanes), Counter[str]())
        reasons = sum((one.reasons for one in acknowledgements), Counter[str]())
        published = self._published
        return {
            "published": published,
            "acked": sum(one.acked for one in acknowledgements),
            "refused": sum(one.refused for one in acknowledgements),
            "lost": self._in_flight,
            "reasons": dict(reasons),
            "bad": dict(bad),
            "seconds": round(seconds, 3),
            "rate": round(published / seconds),
            "cpu_us_per_message": round(cpu_s / max(published, 1) * 1e6, 2),
        }


def command(url: str, *, rate: float, seconds: float, devices: int) -> list[str]:
    """What starts this program, for other benches."""
    words = [sys.executable, "-m", "bench.load", "--url", url]
    return [*words, f"--rate={rate}", f"--seconds={seconds}", f"--devices={devices}"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("--url", default="mqtt://127.0.0.1:1883", help="broker on this machine")
    parser.add_argument("--rate", type=float, default=1000, help="messages a second, 0: flat out")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--devices", type=int, default=2000)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--window", type=int, default=4000, help="messages in flight a connection")
    parser.add_argument("--bad", type=float, default=0.0, help="fraction of messages that are bad")
    options = parser.parse_args()
    try:
        load = Load(
            options.url,
            devices=options.devices,
            rate=options.rate,
            connections=options.connections,
            window=options.window,
            bad=options.bad,
        )
        signal.signal(signal.SIGINT, lambda *_: load.stop())
        signal.signal(signal.SIGTERM, lambda *_: load.stop())
        report = load.run(options.seconds)
        load.close()
    except (LoadError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(report))
    return 0 if report["lost"] == report["refused"] == 0 else 2


if __name__ == "__main__":
    sys.exit(main())
