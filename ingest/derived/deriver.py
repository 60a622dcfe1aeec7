"""Computes what new readings touched: hours, days and indices, round after round."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from zoneinfo import ZoneInfo

from devices.device import Device
from devices.gauge import Gauge
from devices.kind import Kind
from devices.road import RoadRules
from ingest.derived import air, flood, rollup, traffic
from ingest.derived.calendar import HOUR_NS, hour_start, quarter_start
from ingest.derived.ispu import HOURS
from ingest.derived.scene import Scene
from ingest.derived.touched import Quarters, Touched
from ingest.stores import Store, StoreUnavailableError

logger = logging.getLogger(__name__)

_EVERY_S: Final = 30.0
_FIRST_S: Final = 10.0
"""Readings go first when the hub starts: the hours of 100,000 devices keep it from all else."""
_SHARE: Final = 3.0
"""A round is followed by a pause that is so many times as long: a quarter of the time at most."""
_QUARTERS_MAX: Final = 20_000
"""Quarters of one round."""
_AIR_HOURS: Final = "air_index"


class Deriver:
    """Keeps everything that is derived up to date.

    Every reading that reaches the store is noted in `touched`; a round takes the quarters that are
    over, computes from the store what they are part of and writes it back. Computing again gives
    the same points, so that a round that failed is simply repeated. Gauges do not wait for the end
    of a quarter: a watch computes the minutes that go on. `devices` gives those of now, by id.
    """

    def __init__(
        self,
        *,
        store: Store,
        devices: Callable[[], Mapping[str, Device]],
        kinds: Mapping[str, Kind],
        touched: Touched,
        zone: ZoneInfo,
        gauges: Mapping[str, Gauge],
        rules: RoadRules,
    ) -> None:
        self.touched = touched
        self._store = store
        self._devices = devices
        self._kinds = kinds
        self._zone = zone
        self._gauges = gauges
        self._rules = rules

    async def run(self) -> None:
        """Runs until it is cancelled. What fails is tried again: readings do not wait for it."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._again(self.round), name="derive.rounds")
            tasks.create_task(self._again(self.watch), name="derive.watch")

    async def _again(self, work: Callable[[int], Awaitable[bool]]) -> None:
        problem: str | None = None
        await asyncio.sleep(_FIRST_S)
        while True:
            more = False
            began = time.monotonic()
            try:
                more = await work(time.time_ns())
            except StoreUnavailableError as error:
                if problem != str(error):
                    logger.warning("indices and roll-ups wait for the store: %s", error)
                problem = str(error)
            except Exception as error:
                if problem != repr(error):
                    logger.exception("indices and roll-ups cannot be computed, trying again")
                problem = repr(error)
            else:
                problem = None
            took = time.monotonic() - began
            await asyncio.sleep(max(0.0 if more else _EVERY_S, _SHARE * took))

    async def round(self, now_ns: int) -> bool:
        """Computes what was touched and is over; whether there is more to do.

        Raises:
            StoreUnavailableError: nothing is lost, the next round does it again.
        """
        scene = self._scene(now_ns)
        quarters = await asyncio.to_thread(
            self.touched.take, _QUARTERS_MAX, before_ns=quarter_start(now_ns)
        )
        await self._derive(scene, quarters)
        await self._close_air_hours(scene)
        await asyncio.to_thread(self.touched.finish, quarters)
        return quarters.more

    async def watch(self, now_ns: int) -> bool:
        """Computes the last minutes of the gauges that were heard in this quarter.

        Raises:
            StoreUnavailableError: the next time does it again.
        """
        scene = self._scene(now_ns)
        heard = await asyncio.to_thread(self.touched.since, quarter_start(now_ns))
        await flood.follow(
            scene,
            [
                name
                for name in sorted(heard)
                if (device := scene.devices.get(name)) is not None and device.kind == flood.KIND
            ],
        )
        return False

    async def _derive(self, scene: Scene, quarters: Quarters) -> None:
        by_kind: dict[str, dict[str, set[int]]] = {}
        for name, starts in quarters.by_device.items():
            if (device := scene.devices.get(name)) is not None:
                by_kind.setdefault(device.kind, {})[name] = starts
        for kind_id, touched in by_kind.items():
            if (kind := scene.kinds.get(kind_id)) is None:
                continue
            await rollup.derive(scene, kind, touched)
            if kind_id == air.KIND:
                await air.derive(scene, touched)
            elif kind_id == flood.KIND:
                await flood.derive(scene, touched)
            elif kind_id == traffic.KIND:
                await traffic.derive(scene, touched)

    async def _close_air_hours(self, scene: Scene) -> None:
        """Indices of the hours that ended since the last round, also of devices gone silent."""
        closed = hour_start(scene.now_ns, scene.zone)
        until = await asyncio.to_thread(self.touched.done_until, _AIR_HOURS)
        if until is not None and until >= closed:
            return
        # Before that, no silent device has an hour to stand on.
        first = closed - (HOURS - 1) * HOUR_NS
        if until is not None:
            first = max(first, until + HOUR_NS)
        ends = range(first, closed + 1, HOUR_NS)
        devices = [device.id for device in scene.devices.values() if device.kind == air.KIND]
        await air.derive_ends(scene, dict.fromkeys(devices, ends))
        await asyncio.to_thread(self.touched.set_done, _AIR_HOURS, closed)

    def _scene(self, now_ns: int) -> Scene:
        return Scene(
            store=self._store,
            kinds=self._kinds,
            devices=self._devices(),
            zone=self._zone,
            now_ns=now_ns,
            gauges=self._gauges,
            rules=self._rules,
        )
