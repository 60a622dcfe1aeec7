"""How well quality control finds faults, on data whose truth is known.

    python -m bench.quality_truth [--hours 24] [--sensors 160]

The simulator's own sensors play a day of Medan with a flood in the night. Some fail: frozen, with
spikes, drifting, silent, with a wrong clock; which ones, the seed decides, and no limit was fitted
on it. All of it goes through the pipeline with the times of the simulated day; then what was found
is held against what was done.

Spikes are counted by reading. The other faults are counted by device: found, if the test that is
for it has a finding between the fault's start and an hour after its end. A finding of a test on a
device that has no such fault is false; that it has another fault (a frozen thermometer does
disagree with its neighbours) is said beside.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from devices.kind import load_kinds
from devices.simulator.cast import cast
from devices.simulator.places import load_places
from devices.simulator.roster import sensors
from devices.simulator.scenario import Drift, Fault, Frozen, Scenario, Spike, load_scenario
from devices.simulator.sensor import Sensor
from devices.simulator.world import World
from ingest.pipeline import Pipeline
from ingest.quality import SUSPECT, Check
from ingest.stores.lines import Point, parse_line
from ingest.types import Message

CITY: Final = "medan"
SEED: Final = 20_260_301
START: Final = datetime(2026, 3, 2, 6, 0, tzinfo=ZoneInfo("Asia/Jakarta"))
FAULTS: Final = """
frozen air 4 start_min=240 minutes=900
frozen weather 4 start_min=300 minutes=900
frozen flood 3 start_min=360 minutes=600
spike air 5 metric=pm25 amount=150 chance=0.01
spike flood 3 metric=level amount=1.5 chance=0.01
drift weather 3 metric=temperature per_hour=1 start_min=120
drift air 3 metric=humidity per_hour=-4 start_min=120
silence traffic 5 start_min=400 minutes=180
silence flood 3 start_min=500 minutes=45
clock weather 3 seconds=-5400 start_min=200
clock traffic 3 seconds=120 start_min=300
"""
TESTS: Final = {
    "frozen": Check.FLAT,
    "drift": Check.NEIGHBOURS,
    "silence": Check.SILENCE,
    "clock": Check.CLOCK,
}
SECOND_NS: Final = 1_000_000_000
HOUR_NS: Final = 3600 * SECOND_NS


@dataclass
class Outcome:
    """Of one test: what was done, and what was found."""

    done: int = 0
    found: int = 0
    false: int = 0
    of_others: int = 0
    delays_min: list[float] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        claimed = self.found + self.false
        return self.found / claimed if claimed else 1.0

    @property
    def recall(self) -> float:
        return self.found / self.done if self.done else 1.0


@dataclass
class Played:
    """A day that was played and judged."""

    pipeline: Pipeline
    spiked: set[tuple[str, str, int]]
    """Device, metric and time of readings that were made spikes."""
    flags: dict[tuple[str, str, int], int]
    """The flag in the end of every reading, by device, metric and time."""


def play(troupe: Sequence[Sensor], twins: dict[str, Sensor], hours: float) -> Played:
    """Plays a troupe; `twins` are the same sensors without their spikes."""
    pipeline = Pipeline(kinds=load_kinds(), models={}, devices=[one.device for one in troupe])
    played = Played(pipeline, set(), {})
    events = sorted(
        (due_s, order, number)
        for order, sensor in enumerate(troupe)
        for number, due_s in _reports(sensor, hours)
    )
    scanned_s = 0.0
    for due_s, order, number in events:
        while due_s - scanned_s >= 60:
            scanned_s += 60
            for _ in pipeline.quality.scan(_wall_ns(scanned_s)):
                pass
        sensor = troupe[order]
        name = sensor.device.id
        messages = [Message(f"sensors/{name}/up", payload) for payload in sensor.report(number)]
        batch = pipeline.process(messages, _wall_ns(due_s) + SECOND_NS // 5)
        for line in batch.lines:
            point = parse_line(line)
            for metric, value in point.fields.items():
                if metric.endswith("_qc") and metric != "time_qc":
                    played.flags[name, metric.removesuffix("_qc"), point.time_ns] = int(value)
        if name in twins and batch.lines:
            _note_spikes(played, name, parse_line(batch.lines[0]), twins[name].report(number)[0])
    return played


def _note_spikes(played: Played, name: str, point: Point, healthy: bytes) -> None:
    for metric, value in json.loads(healthy).items():
        if metric in point.fields and abs(point.fields[metric] - value) > 1e-9:
            played.spiked.add((name, metric, point.time_ns))


def _reports(sensor: Sensor, hours: float) -> Iterator[tuple[int, float]]:
    number = 0
    while (due_s := sensor.due_s(number)) < hours * 3600:
        yield number, due_s
        number += 1


def _faults() -> list[dict[str, str | float]]:
    """Faults as a scenario has them."""
    faults = []
    for line in FAULTS.strip().splitlines():
        fault, kind, count, *members = line.split()
        given: dict[str, str | float] = {"fault": fault, "kind": kind, "sensors": int(count)}
        for member in members:
            name, _, value = member.partition("=")
            given[name] = value if name == "metric" else float(value)
        faults.append(given)
    return faults


def _wall_ns(at_s: float) -> int:
    return int((START.timestamp() + at_s) * 1000) * 1_000_000


def judge(
    troupe: Sequence[Sensor], faults: dict[str, tuple[Fault, ...]], played: Played, hours: float
) -> dict[str, Outcome]:
    """Holds what was found against what was done."""
    outcomes: dict[str, Outcome] = defaultdict(Outcome)
    _judge_spikes(played, faults, outcomes["spike"])
    for sensor in troupe:
        name = sensor.device.id
        own: dict[str, Fault] = {fault.fault: fault for fault in faults[name]}
        found: dict[Check, int] = {}
        for finding in played.pipeline.quality.watches[name].findings:
            before = found.get(finding.check, finding.since_ns)
            found[finding.check] = min(before, finding.since_ns)
        for kind, check in TESTS.items():
            outcome = outcomes[kind]
            fault = own.get(kind)
            since_ns = found.get(check)
            if fault is None:
                outcome.false += since_ns is not None
                outcome.of_others += since_ns is not None and bool(own)
                continue
            start_ns = _wall_ns(fault.start_min * 60)
            stop_min = fault.start_min + fault.minutes if fault.minutes else hours * 60
            outcome.done += 1
            stop_ns = _wall_ns(stop_min * 60) + HOUR_NS
            if since_ns is not None and start_ns - HOUR_NS // 4 <= since_ns <= stop_ns:
                outcome.found += 1
                outcome.delays_min.append((since_ns - start_ns) / 60 / SECOND_NS)
            else:
                outcome.missed.append(name)
    return outcomes


def _judge_spikes(played: Played, faults: dict[str, tuple[Fault, ...]], outcome: Outcome) -> None:
    """By reading: those flagged 3 or more of the metrics that have a spike limit."""
    kinds = load_kinds()
    watches = played.pipeline.quality.watches
    outcome.done = len(played.spiked)
    for (name, metric, time_ns), flag in played.flags.items():
        if (name, metric, time_ns) in played.spiked:
            outcome.found += flag >= SUSPECT
            continue
        limits = kinds[watches[name].book.kind].metrics[metric].limits
        other = any(isinstance(fault, Frozen | Drift) for fault in faults[name])
        if flag >= SUSPECT and limits.spike_suspect is not None and not other:
            outcome.false += 1


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.quality_truth", description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--sensors", type=int, default=160)
    given = parser.parse_args()
    kinds = load_kinds()
    devices = sensors(CITY, kinds, given.sensors, SEED)
    night = load_scenario(CITY, "flood_night")
    scenario = Scenario.model_validate(
        {**night.model_dump(by_alias=True, exclude_none=True), "fault": _faults()}
    )
    world = World(scenario, load_places(CITY), start=START)
    troupe = cast(devices, kinds, world, seed=SEED)
    faults = {sensor.device.id: tuple(sensor._faults) for sensor in troupe}  # noqa: SLF001
    twins = {
        sensor.device.id: Sensor(
            sensor.device,
            sensor.kind,
            world,
            seed=SEED,
            faults=[fault for fault in faults[sensor.device.id] if not isinstance(fault, Spike)],
        )
        for sensor in troupe
        if any(isinstance(fault, Spike) for fault in faults[sensor.device.id])
    }
    played = play(troupe, twins, given.hours)
    print(f"{given.sensors} sensors, {given.hours:g} h, {len(played.flags)} values")
    print("fault     done  found  false (with other faults)  precision  recall  delay  missed")
    for name, one in judge(troupe, faults, played, given.hours).items():
        delays = sorted(one.delays_min)
        delay = f"{delays[len(delays) // 2]:.0f} min" if delays else "next reading"
        print(
            f"{name:8} {one.done:5} {one.found:6} {one.false:6} ({one.of_others})"
            f" {one.precision:10.3f} {one.recall:7.3f}  {delay}  {' '.join(one.missed)}"
        )
    healthy = {name for name, own in faults.items() if not own}
    values = [flag for (name, _, _), flag in played.flags.items() if name in healthy]
    bad = sum(flag >= SUSPECT for flag in values)
    print(f"healthy sensors: {len(healthy)}, values {len(values)}, flagged 3 or 4: {bad}")


if __name__ == "__main__":
    main()
