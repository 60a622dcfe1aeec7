"""The hub beside Telegraf: CPU a message, latency, memory and losses at several rates.

`make bench`, or `python -m bench.ingest --subjects hub --rates 10000`. Each figure comes from a
broker, a store and a subject that start fresh. CPU is counted from the first message until the
last one is readable, so that whoever falls behind pays for the rest too; latency is measured in a
second run at the same rate, for asking the store costs it CPU.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Final

from bench.load import command
from bench.machine import HOUSE, commit, machine, results_file
from bench.probe import Probe
from bench.process import Process, ProcessError
from bench.publisher import LoadError
from bench.servers import Influx, Mosquitto, ServerError
from bench.stream import PROBE, device_ids
from bench.subjects import Subject, World
from bench.subjects.hub import EmbeddedHub, Hub
from bench.subjects.telegraf import Telegraf

SUBJECTS: Final[Mapping[str, type[Subject]]] = {
    one.name: one for one in (Hub, EmbeddedHub, Telegraf)
}
BESIDE: Final = (Hub.name, Telegraf.name)
RATES: Final = (5000, 10_000, 20_000, 0)  # 0: flat out
SETTLE_S: Final = 1.0

Result = dict[str, Any]


@contextmanager
def world(devices: int) -> Iterator[World]:
    """A fresh broker and store in a temporary folder."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kotahub-bench-")))
        mosquitto = Mosquitto(folder)
        stack.enter_context(mosquitto.process)
        influx = stack.enter_context(closing(Influx(folder)))
        yield World(folder, mosquitto, influx, [*device_ids(devices), PROBE])


def load(url: str, *, rate: float, seconds: float, devices: int, bad: float) -> Result:
    """Runs the load as a program of its own; its report."""
    words = [*command(url, rate=rate, seconds=seconds, devices=devices), f"--bad={bad}"]
    done = subprocess.run(words, cwd=HOUSE, stdout=subprocess.PIPE, text=True, check=False)
    if not done.stdout:
        raise LoadError("The load stopped; its words are above")
    return dict(json.loads(done.stdout))


def measure(subject: Subject, *, rate: float, seconds: float, devices: int, bad: float) -> Result:
    with world(devices) as around:
        view = subject.view(around)
        with (
            subject.start(around) as process,
            closing(Probe(around.mosquitto.url, view)) as probe,
        ):
            probe.await_ready(process)
            time.sleep(SETTLE_S)
            watched = (process, around.mosquitto.process, around.influx.process)
            before = [one.cpu_s() for one in watched]
            first = load(around.mosquitto.url, rate=rate, seconds=seconds, devices=devices, bad=bad)
            behind_s = probe.drain()
            after = [one.cpu_s() for one in watched]
            rss_mb = process.rss_mb()
            reports = [first]
            latencies: list[float] = []
            if rate:
                latencies = latency(
                    probe, around, reports, rate=rate, seconds=seconds, devices=devices
                )
                probe.drain()
            peak_mb = process.rss_peak_mb()
        cpu_us = [
            round((end - begin) / first["published"] * 1e6, 1)
            for begin, end in zip(before, after, strict=True)
        ]
        acked = sum(report["acked"] for report in reports)
        bad_sent = sum(sum(report["bad"].values()) for report in reports)
        account = subject.account(around)
        return {
            "subject": subject.name,
            "rate": rate,
            "achieved": first["rate"],
            "messages": acked,
            "bad": bad_sent,
            "cpu_us": {
                "subject": cpu_us[0],
                "broker": cpu_us[1],
                "store": cpu_us[2],
                "load": first["cpu_us_per_message"],
            },
            "behind_s": round(behind_s, 2),
            "latency_ms": percentiles(latencies),
            "rss_mb": {"drained": rss_mb, "peak": peak_mb},
            # Acknowledged by the broker, good, and not in the store.
            "lost": acked - bad_sent - view.count(),
            # Acknowledged by the broker and unknown to the subject's own account, if it has one.
            "unaccounted": acked - account["received"] if account else None,
            "account": dict(account),
        }


def latency(
    probe: Probe,
    around: World,
    reports: list[Result],
    *,
    rate: float,
    seconds: float,
    devices: int,
) -> list[float]:
    """Latencies under load; the load's report joins `reports`."""
    log = around.folder / "load.json"
    words = command(around.mosquitto.url, rate=rate, seconds=seconds + 3, devices=devices)
    with Process("load", words, log=log, folder=HOUSE) as background:
        time.sleep(2)
        found = probe.latencies(seconds)
        background.wait(60)
    reports.append(json.loads(log.read_text(encoding="utf-8")))
    return found


def percentiles(values: Sequence[float]) -> Mapping[str, float] | None:
    if len(values) < 2:
        return None
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {"p50": round(cuts[49]), "p99": round(cuts[98]), "max": round(max(values))}


def line(result: Result) -> str:
    cpu, rss = result["cpu_us"], result["rss_mb"]
    times = result["latency_ms"] or {"p50": "-", "p99": "-"}
    return (
        f"{result['subject']:<10} {result['rate'] or 'flat out':>8} {result['achieved']:>8} "
        f"{cpu['subject']:>8} {cpu['broker']:>7} {cpu['store']:>6} {cpu['load']:>5} "
        f"{times['p50']:>6} {times['p99']:>6} {result['behind_s']:>8} "
        f"{rss['drained']:>7} {rss['peak']:>7} {result['lost']:>6}"
    )


HEADER: Final = (
    "                     msg/s      CPU us a message                 "
    "latency ms   behind      RSS MB          \n"
    "subject        rate achieved  subject  broker  store  load "
    "   p50    p99        s drained    peak   lost"
)


def ratios(results: Sequence[Result]) -> Iterator[str]:
    """CPU of the hub as a part of Telegraf's, where both ran at a rate."""
    cost = {(one["subject"], one["rate"]): one["cpu_us"]["subject"] for one in results}
    for (name, rate), hub in cost.items():
        peer = cost.get(("telegraf", rate))
        if name == "hub" and peer:
            yield f"{rate or 'flat out':>8}: hub / telegraf = {hub / peer:.2f}"


def bench(options: argparse.Namespace) -> None:
    """Measures, prints and writes down what the command line asks for."""
    tested = commit()
    print(f"{tested} on {machine()}\n\n{HEADER}", flush=True)
    results: list[Result] = []
    for rate in options.rates:
        for name in options.subjects:
            result = measure(
                SUBJECTS[name](),
                rate=int(rate),
                seconds=options.seconds,
                devices=options.devices,
                bad=options.bad,
            )
            results.append(result)
            print(line(result), flush=True)
            if result["account"]:
                counts = ", ".join(f"{count} {name}" for name, count in result["account"].items())
                print(f"{'':<9} {counts}; {result['unaccounted']} unaccounted", flush=True)
    print(*ratios(results), sep="\n")
    file = results_file("ingest", tested)
    report = {"commit": tested, "machine": dict(machine()), "results": results}
    file.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"\nWritten to {file.relative_to(HOUSE)}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.ingest", description=__doc__)
    parser.add_argument("--subjects", nargs="+", choices=SUBJECTS, default=BESIDE)
    parser.add_argument("--rates", nargs="+", type=float, default=RATES, help="0: flat out")
    parser.add_argument("--seconds", type=float, default=15, help="length of one load")
    parser.add_argument("--devices", type=int, default=2000)
    parser.add_argument("--bad", type=float, default=0.0, help="fraction of bad messages")
    options = parser.parse_args()
    try:
        bench(options)
    except (ProcessError, ServerError, LoadError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
