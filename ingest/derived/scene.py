"""What derivations see: the store, what the hub knows of devices and places, and the time."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from devices.device import Device
from devices.gauge import Gauge
from devices.kind import Kind
from devices.road import RoadRules
from ingest.stores import Store

logger = logging.getLogger(__name__)

DEVICES_MAX: Final = 100
"""Devices in one read of the store."""

Windows = Mapping[str, Iterable[int]]
"""Begins of windows by device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything that indices are computed from; `now_ns` is one instant for a whole round."""

    store: Store
    kinds: Mapping[str, Kind]
    devices: Mapping[str, Device]
    zone: ZoneInfo
    now_ns: int
    gauges: Mapping[str, Gauge] = field(default_factory=dict)
    rules: RoadRules = field(default_factory=RoadRules)

    def interval_s(self, device: str, kind: Kind) -> float:
        """How often a device reports: its attribute `interval_s`, else what its kind says."""
        told = self.devices[device].attributes.get("interval_s", "")
        try:
            seconds = float(told)
        except ValueError:
            return kind.interval_s
        return seconds if seconds > 0 else kind.interval_s

    async def write(self, lines: Sequence[bytes]) -> None:
        """Write computed points; what the store refuses is logged.

        Raises:
            StoreUnavailableError: the same again later.
        """
        if not lines:
            return
        for index, why in (await self.store.write(lines)).items():
            logger.error("the store refuses %r: %s", lines[index], why)


class Run(NamedTuple):
    """Devices that share a run of windows without a gap."""

    start_ns: int
    stop_ns: int
    devices: tuple[str, ...]


def runs(windows: Windows, width_ns: int, *, most: int) -> Iterator[Run]:
    """Windows as few runs of at most `most` windows and `DEVICES_MAX` devices, oldest first."""
    found: dict[tuple[int, int], list[str]] = {}
    for device, starts in windows.items():
        for start, stop in _joined(starts, width_ns, most):
            found.setdefault((start, stop), []).append(device)
    for (start, stop), devices in sorted(found.items()):
        for at in range(0, len(devices), DEVICES_MAX):
            yield Run(start, stop, tuple(devices[at : at + DEVICES_MAX]))


def _joined(starts: Iterable[int], width_ns: int, most: int) -> Iterator[tuple[int, int]]:
    first = stop = None
    for start in sorted(set(starts)):
        if first is not None and start == stop and start - first < most * width_ns:
            stop = start + width_ns
            continue
        if first is not None and stop is not None:
            yield first, stop
        first, stop = start, start + width_ns
    if first is not None and stop is not None:
        yield first, stop
