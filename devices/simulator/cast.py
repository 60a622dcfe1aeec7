"""The cast of a simulation: devices as sensors of a world, some of them faulty."""

from collections.abc import Mapping, Sequence
from random import Random

from devices.device import Device
from devices.errors import InvalidDeclarationError
from devices.kind import Kind
from devices.simulator.scenario import Drift, Fault, Scenario, Sentinel, Spike
from devices.simulator.sensor import Sensor
from devices.simulator.world import World


def cast(
    devices: Sequence[Device], kinds: Mapping[str, Kind], world: World, *, seed: int
) -> list[Sensor]:
    """The devices as sensors of a world, with the faults of its scenario.

    Raises:
        InvalidDeclarationError: a fault names a kind or metric that there is not.
    """
    _check_faults(world.scenario, kinds)
    faults: dict[str, list[Fault]] = {device.id: [] for device in devices}
    for order, fault in enumerate(world.scenario.faults):
        ids = sorted(device.id for device in devices if device.kind == fault.kind)
        rng = Random(f"{seed}/fault{order}")  # noqa: S311 - play, not secrets
        for device_id in rng.sample(ids, min(fault.sensors, len(ids))):
            faults[device_id].append(fault)
    return [
        Sensor(device, kinds[device.kind], world, seed=seed, faults=tuple(faults[device.id]))
        for device in devices
        if device.kind in kinds
    ]


def _check_faults(scenario: Scenario, kinds: Mapping[str, Kind]) -> None:
    problems = []
    for order, fault in enumerate(scenario.faults):
        kind = kinds.get(fault.kind)
        if kind is None:
            problems.append(f"key fault.{order}.kind: there is no kind '{fault.kind}'")
        elif isinstance(fault, Spike | Drift | Sentinel) and fault.metric not in kind.metrics:
            problems.append(
                f"key fault.{order}.metric: kind '{kind.id}' has no metric '{fault.metric}'"
            )
    if problems:
        raise InvalidDeclarationError(f"scenario '{scenario.name.en}'", problems)
