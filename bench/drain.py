"""An outage comes to its end: how fast a backlog drains while live traffic goes on.

`python -m bench.drain --messages 3000000`: a journal that holds so many messages, then the hub,
beside it a load and probes. Prints the backlog's rate, the probes' latency meanwhile, and memory.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any, Final

from bench.ingest import percentiles, world
from bench.load import command
from bench.machine import HOUSE, commit, tell
from bench.probe import Probe
from bench.process import Process
from bench.stream import METRICS
from bench.subjects.hub import Hub
from ingest.batch import Batch
from ingest.journal import Journal

BATCH: Final = 400
WITHIN_S: Final = 300.0
START_NS: Final = 1_764_000_000_000_000_000
VALUES: Final = ",".join(
    (
        *(f"{name}={low}" for name, (low, _) in METRICS.items()),
        *(f"{name}_qc=1" for name in METRICS),
    )
).encode()


def fill(journal: Journal, devices: list[str], messages: int) -> None:
    """Puts that many readings into the journal, each device in turn, a minute apart."""
    for start in range(0, messages, BATCH):
        names = [devices[number % len(devices)] for number in range(start, start + BATCH)]
        journal.commit(
            Batch(
                time.time_ns() - 3_600_000_000_000,
                lines=[
                    b"air,device=%b %b %d"
                    % (name.encode(), VALUES, START_NS + (start + place) * 1_000_000)
                    for place, name in enumerate(names)
                ],
                sizes=[1] * BATCH,
                accepted={name: names.count(name) for name in set(names)},
            )
        )


def drain(messages: int, *, rate: float, devices: int) -> Mapping[str, Any]:
    with world(devices) as around:
        folder = around.folder / "hub"
        folder.mkdir()
        with closing(Journal.open(folder / "journal.db", max_bytes=1 << 34)) as journal:
            fill(journal, list(around.devices), messages)
            subject = Hub()
            view = subject.view(around)
            begun = time.monotonic()
            words = command(around.mosquitto.url, rate=rate, seconds=WITHIN_S, devices=devices)
            with (
                subject.start(around) as hub,
                closing(Probe(around.mosquitto.url, view)) as probe,
                Process("load", words, log=around.folder / "load.json", folder=HOUSE),
            ):
                latencies: list[float] = []
                memory: list[float] = []
                probe.await_ready(hub)
                first_s, at_first = time.monotonic(), waiting(journal, messages)
                while (left := waiting(journal, messages)) > 0:
                    latencies += probe.latencies(1.0)
                    memory.append(hub.rss_mb())
                    if time.monotonic() - begun > WITHIN_S:
                        break
                took_s = time.monotonic() - first_s
                peak_mb = hub.rss_peak_mb()
        if not memory:
            raise SystemExit("It drained before it could be watched: give more --messages")
        return {
            "messages": messages,
            "live_rate": rate,
            "drained_per_s": round((at_first - left) / took_s),
            "left": left,
            "live_latency_ms": percentiles(latencies),
            "rss_mb": {"median": statistics.median(memory), "peak": peak_mb},
        }


def waiting(journal: Journal, messages: int) -> int:
    """Messages of the backlog that the store does not have yet."""
    rows = journal.take(stop=messages // BATCH, max_bytes=1)
    return messages - (rows[0].id - 1) * BATCH if rows else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.drain", description=__doc__)
    parser.add_argument("--messages", type=int, default=3_000_000)
    parser.add_argument("--rate", type=float, default=1000, help="live messages a second")
    parser.add_argument("--devices", type=int, default=2000)
    options = parser.parse_args()
    tested = commit()
    result = drain(options.messages, rate=options.rate, devices=options.devices)
    tell("drain", tested, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
