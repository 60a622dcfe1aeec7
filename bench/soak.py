"""A long steady load: does memory stay flat, is it all in time, and is nothing lost?

`python -m bench.soak`: ten minutes at 20,000 messages a second; resident memory and a second of
probes every ten seconds.
Growth is the median of the last third of them less that of the middle third: the first third is the
hub's getting warm (each device's state is made with its first readings).
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from typing import Any, Final

from bench.ingest import percentiles, world
from bench.load import command
from bench.machine import HOUSE, commit, tell
from bench.probe import Probe
from bench.process import Process
from bench.subjects.hub import Hub

EVERY_S: Final = 10.0


def soak(rate: float, *, seconds: float, devices: int) -> Mapping[str, Any]:
    with world(devices) as around:
        subject = Hub()
        view = subject.view(around)
        log = around.folder / "load.json"
        words = command(around.mosquitto.url, rate=rate, seconds=seconds, devices=devices)
        with ExitStack() as stack:
            hub = stack.enter_context(subject.start(around))
            probe = stack.enter_context(closing(Probe(around.mosquitto.url, view)))
            probe.await_ready(hub)  # before that nobody has subscribed
            load = stack.enter_context(Process("load", words, log=log, folder=HOUSE))
            cpu_s = hub.cpu_s()
            begun = time.monotonic()
            memory: list[float] = []
            latencies: list[float] = []
            for number in range(1, int(seconds / EVERY_S)):
                time.sleep(max(0.0, begun + number * EVERY_S - time.monotonic()))
                hub.check()
                memory.append(hub.rss_mb())
                latencies += probe.latencies(1.0)
            load.wait(seconds)
            report = json.loads(log.read_text(encoding="utf-8"))
            behind_s = probe.drain()
            cpu_s = hub.cpu_s() - cpu_s
            peak_mb = hub.rss_peak_mb()
        account = subject.account(around)
        third = len(memory) // 3
        middle, last = memory[third : 2 * third], memory[2 * third :]
        return {
            "rate": rate,
            "achieved": report["rate"],
            "seconds": seconds,
            "messages": report["acked"],
            "lost": report["acked"] - view.count(),
            "account": dict(account),
            "latency_ms": percentiles(latencies),
            "behind_s": round(behind_s, 2),
            "cpu_us": round(cpu_s / report["published"] * 1e6, 1),
            "rss_mb": {
                "peak": peak_mb,
                "growth": round(statistics.median(last) - statistics.median(middle), 1),
                "samples": memory,
            },
        }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--rate", type=float, default=20_000, help="messages a second")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--devices", type=int, default=2000)
    options = parser.parse_args()
    tested = commit()
    result = soak(options.rate, seconds=options.seconds, devices=options.devices)
    tell("soak", tested, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
