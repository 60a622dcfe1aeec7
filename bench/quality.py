"""What quality control costs a message, apart from everything else.

    python -m bench.quality [--devices 2000] [--rounds 40]

Three kinds of weather for six metrics of an air station, a minute apart: *calm* values wander in
the resolution of real sensors, *still* ones repeat more often than not, *wild* ones jump at every
reading beyond spike and rate limits, which is the worst that a fleet can do. Each is judged by a
track and its lines are written; the same lines are written without judging, and the difference is
quality control.
"""

import argparse
import random
import time
from collections.abc import Sequence
from typing import Final

from bench.machine import machine
from devices.device import Device
from devices.kind import load_kinds
from ingest.line import LineWriter, line, line_prefix
from ingest.quality import Quality

METRICS: Final = {
    "pm25": (30.0, 0.8),
    "pm10": (55.0, 1.5),
    "no2": (40.0, 1.0),
    "temperature": (29.0, 0.08),
    "humidity": (75.0, 0.5),
    "pressure": (1008.0, 0.05),
}
"""Where values begin, and the deviation of a step."""
WEATHERS: Final = {"calm": 1.0, "still": 0.02, "wild": 200.0}
_MINUTE_NS: Final = 60_000_000_000
_START_NS: Final = 1_764_000_000_000_000_000


def readings(devices: int, rounds: int, factor: float) -> list[list[dict[str, float]]]:
    """Values by round and device."""
    chance = random.Random(1)
    now = [{name: middle for name, (middle, _) in METRICS.items()} for _ in range(devices)]
    result = []
    for _ in range(rounds):
        for values in now:
            for name, (middle, step) in METRICS.items():
                # Drawn back to the middle, so that only steps can be out of the ordinary.
                moved = values[name] + 0.1 * (middle - values[name])
                values[name] = round(abs(moved + chance.gauss(0, step * factor)), 1)
        result.append([dict(values) for values in now])
    return result


def measure(rounds: Sequence[Sequence[dict[str, float]]], *, judged: bool) -> float:
    """Microseconds a reading."""
    kinds = load_kinds()
    writer, quality = LineWriter(kinds["air"]), Quality(kinds)
    names = [f"air-{number:05}" for number in range(len(rounds[0]))]
    watches = [quality.watch(Device(name, "air"), None) for name in names]
    prefixes = [line_prefix("air", name, None, None) for name in names]
    spent = 0.0
    for number, values_of_all in enumerate(rounds):
        time_ns = _START_NS + number * _MINUTE_NS
        began = time.process_time()
        lines: list[bytes] = []
        for watch, prefix, values in zip(watches, prefixes, values_of_all, strict=True):
            shape = writer.shape(values)
            picked = shape.pick(values)
            flags, time_flag, track = None, 0, watch.main
            if judged:
                flags = track.judge(shape, picked, time_ns, number)
                time_flag = watch.hear(time_ns, time_ns + 1_000_000)
                if track.corrections:
                    track.write_corrections(prefix, lines)
            lines.append(line(prefix, shape.fields(picked, flags), time_ns, time_flag=time_flag))
        if number >= 2:  # the first ones make the tracks
            spent += time.process_time() - began
    return spent / (len(rounds) - 2) / len(names) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=__doc__)
    parser.add_argument("--devices", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=40)
    given = parser.parse_args()
    print(" ".join(f"{name}={value}" for name, value in machine().items()))
    for name, factor in WEATHERS.items():
        rounds = readings(given.devices, given.rounds, factor)
        plain = min(measure(rounds, judged=False) for _ in range(3))
        whole = min(measure(rounds, judged=True) for _ in range(3))
        print(f"{name:6} {whole - plain:6.2f} us a message beside {plain:.2f} for its line")


if __name__ == "__main__":
    main()
