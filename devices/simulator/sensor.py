"""A simulated sensor: what it reports and when, as pure functions of its report's number."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from math import ceil, cos, pi
from random import Random
from typing import Final

from devices.device import Device
from devices.kind import Kind, Metric
from devices.simulator.scenario import (
    Clock,
    Drift,
    Duplicate,
    Fault,
    Frozen,
    Garbage,
    Sentinel,
    Silence,
    Spike,
)
from devices.simulator.world import World

STAGGER_S: Final = 8.0
"""All sensors have reported once so many seconds (on the wall) after the start."""

Element = dict[str, str | int | float]
"""One reading of our own payload."""


class Sensor:
    """One device in a world. The same seed, world and number give the same bytes."""

    def __init__(
        self,
        device: Device,
        kind: Kind,
        world: World,
        *,
        seed: int,
        faults: Sequence[Fault] = (),
    ) -> None:
        self.device = device
        self.kind = kind
        self._world = world
        self._seed = f"{seed}/{device.id}"
        self._faults = faults
        self._place = (device.latitude or 0.0, device.longitude or 0.0)
        self._river = world.places.river(device.attributes.get("river", ""))
        self._river_km = float(device.attributes.get("river_km", 0))
        self.metrics = _played(kind, at_river="river" in device.attributes)
        """The metrics that it reports, in declared order."""
        rng = Random(self._seed)  # noqa: S311 - play, not secrets
        self._phase = rng.random()
        self._stagger = rng.random()
        self._spread = {name: rng.uniform(-1, 1) for name in kind.fields}
        self._charge = rng.uniform(75, 100)
        self._signal = rng.uniform(-105, -65)

    def due_s(self, number: int) -> float:
        """When report `number` (from 0) is made, in seconds of the simulated city.

        The first comes soon after the start, the others at the kind's interval in the sensor's
        own phase.
        """
        interval = self.kind.interval_s
        if number == 0:
            return self._stagger * min(STAGGER_S * self._world.speed, interval / 4)
        return interval * (self._phase + 0.25 + number - 1)

    def report(self, number: int) -> list[bytes]:
        """The payloads that report `number` publishes: mostly one, none in silence."""
        at_s = self.due_s(number)
        faults = [fault for fault in self._faults if fault.active(at_s)]
        if any(isinstance(fault, Silence) for fault in faults):
            return []
        measured = number
        for fault in faults:
            if isinstance(fault, Frozen):
                measured = min(measured, self._first_at(fault.start_min * 60))
        elements = self._elements(number, measured, faults)
        payload = json.dumps(
            elements if len(elements) > 1 else elements[0], separators=(",", ":")
        ).encode()
        copies = 1
        for order, fault in enumerate(faults):
            rng = self._rng(number, f"fault{order}")
            if isinstance(fault, Garbage) and rng.random() < fault.chance:
                payload = _garbage(payload, self.metrics[0], rng)
            elif isinstance(fault, Duplicate) and rng.random() < fault.chance:
                copies = 2
        return [payload] * copies

    def _first_at(self, at_s: float) -> int:
        """The number of the first report from then on."""
        interval = self.kind.interval_s
        if at_s <= self.due_s(0):
            return 0
        return max(1, ceil(at_s / interval - self._phase - 0.25 + 1))

    def _elements(self, number: int, measured: int, faults: Sequence[Fault]) -> list[Element]:
        """One element a channel; a kind without channels has one."""
        time = self._world.wall(self.due_s(number))
        for fault in faults:
            if isinstance(fault, Clock):
                time += timedelta(seconds=fault.seconds)
        common: Element = {
            "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "seq": number,
        }
        # A battery that lasts a year; a radio that hears a little better or worse each time.
        rng = self._rng(number, "radio")
        charge = max(5.0, self._charge - self.due_s(number) / 86_400 * 100 / 365)
        extras: Element = {
            "battery": round(charge, 1),
            "rssi": round(self._signal + rng.gauss(0, 3)),
        }
        elements = []
        for channel in self.kind.channels or (None,):
            values = self._values(measured, channel)
            self._distort(values, number, channel, faults)
            named: Element = {} if channel is None else {"channel": channel}
            elements.append(common | named | values | extras)
        return elements

    def _values(self, number: int, channel: str | None) -> Element:
        at_s = self.due_s(number)
        rng = self._rng(number, channel or "")
        drivers = self._drivers(at_s)
        hour = self._world.hour(at_s)
        exact: dict[str, float] = {}
        # What is played of others comes after them.
        for name in sorted(self.metrics, key=lambda name: bool(self.kind.metrics[name].play.of)):
            metric = self.kind.metrics[name]
            play = metric.play
            value = play.mean * (1 + play.jitter * self._spread[name])
            value += play.swing * cos(2 * pi * (hour - play.peak_hour) / 24)
            value += play.gain * drivers.get(play.driver or "", 0.0)
            value += sum(factor * exact[other] for other, factor in play.of.items())
            value += rng.gauss(0, play.noise) if play.noise else 0.0
            exact[name] = _as_reported(value, metric)
        return {name: exact[name] for name in self.metrics}

    def _drivers(self, at_s: float) -> Mapping[str, float]:
        world = self._world
        if self._river is not None:
            river = world.rise(self._river, self._river_km, at_s)
        else:
            river = world.local_rise(self._place, at_s)
        return {
            "rain": world.rain(self._place, at_s),
            "river": river,
            "rush": world.rush(at_s),
            "pond": world.pond(self._place, at_s),
        }

    def _distort(
        self, values: Element, number: int, channel: str | None, faults: Sequence[Fault]
    ) -> None:
        for order, fault in enumerate(faults):
            if not isinstance(fault, Spike | Drift | Sentinel) or fault.metric not in values:
                continue
            rng = self._rng(number, f"fault{order}/{channel}")
            value = float(values[fault.metric])
            if isinstance(fault, Drift):
                hours = (self.due_s(number) - fault.start_min * 60) / 3600
                values[fault.metric] = round(value + fault.per_hour * hours, 6)
            elif rng.random() < fault.chance:
                spiked = fault.value if isinstance(fault, Sentinel) else value + fault.amount
                values[fault.metric] = round(spiked, 6)

    def _rng(self, number: int, what: str) -> Random:
        return Random(f"{self._seed}/{number}/{what}")  # noqa: S311 - play, not secrets


def _played(kind: Kind, *, at_river: bool) -> tuple[str, ...]:
    """The metrics that a sensor at a river (or not at one) reports; all, where none is left."""
    absent = "pond" if at_river else "river"
    played = {name for name, metric in kind.metrics.items() if metric.play.driver != absent}
    played -= {name for name in played if not played.issuperset(kind.metrics[name].play.of)}
    if not played - {name for name in played if kind.metrics[name].play.of}:
        return kind.fields
    return tuple(name for name in kind.fields if name in played)


def _as_reported(value: float, metric: Metric) -> float:
    """In range and in the sensor's resolution."""
    step = metric.play.step or 10.0 ** -(metric.drawing.decimals + 1)
    low, high = metric.valid
    # Twelve digits hide what binary fractions of a step leave behind (0.1 * 3).
    stepped = float(f"{round(value / step) * step:.12g}")
    return min(high, max(low, stepped)) + 0.0


def _garbage(payload: bytes, metric: str, rng: Random) -> bytes:
    """What a hub cannot read, in the ways that real sensors find."""
    return rng.choice(
        (
            payload[: len(payload) // 2],
            b"",
            b"\x00\xff\xfe" + payload,
            b"AT+CMQTTPUB: ERROR\r\n",
            f'{{"{metric}": "n/a"}}'.encode(),
            f'{{"{metric}": NaN}}'.encode(),
            b"[]",
        )
    )
