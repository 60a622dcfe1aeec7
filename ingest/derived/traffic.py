"""`traffic_service`: flow, degree of saturation and level of service of a quarter of an hour."""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Final

from devices.errors import InvalidDeviceError
from devices.road import Road, RoadRules, road_of
from ingest.derived import service
from ingest.derived.aggregates import COMPLETE
from ingest.derived.calendar import SECOND_NS
from ingest.derived.measurements import NOT_ENOUGH, TRAFFIC_SERVICE, point
from ingest.derived.scene import Scene, Windows, runs
from ingest.stores.quarter import QUARTER_NS, Quarter, Stat

logger = logging.getLogger(__name__)

KIND: Final = "traffic"
_QUARTERS_MAX: Final = 96
_COUNTS: Final = ("volume", "volume_mc", "volume_lv", "volume_hv")


async def derive(scene: Scene, touched: Windows) -> None:
    """Computes these quarters and writes them."""
    if (kind := scene.kinds.get(KIND)) is None:
        return
    for run in runs(touched, QUARTER_NS, most=_QUARTERS_MAX):
        found = await scene.store.quarters(
            kind, run.devices, start_ns=run.start_ns, stop_ns=run.stop_ns
        )
        together: dict[tuple[str, int], list[Quarter]] = defaultdict(list)
        for quarter in found:
            together[quarter.device, quarter.start_ns].append(quarter)
        lines = []
        for (device, start), quarters in together.items():
            road = _road(scene, device)
            interval_s = scene.interval_s(device, kind)
            judged = (
                {"": quarters}
                if road is not None and not road.divided
                else {quarter.channel: [quarter] for quarter in quarters}
            )
            for channel, parts in judged.items():
                stats = [part.stats for part in parts]
                if values := served(stats, interval_s=interval_s, road=road, rules=scene.rules):
                    line = point(
                        TRAFFIC_SERVICE,
                        values,
                        device=device,
                        channel=channel,
                        area=parts[-1].area,
                        time_ns=start,
                    )
                    lines.append(line)
        await scene.write(lines)


def served(
    channels: Sequence[Mapping[str, Stat]],
    *,
    interval_s: float,
    road: Road | None,
    rules: RoadRules,
) -> dict[str, float]:
    """All fields of `traffic_service` from a quarter of the channels that are judged together.

    Counts are taken to stand for the seconds of `period` that came with them, or for `interval_s`
    each. Empty where nothing was counted.
    """
    rates: dict[str, float] = defaultdict(float)
    counted_s = []
    for stats in channels:
        if not (counts := [stats[name] for name in _COUNTS if name in stats]):
            continue
        period = stats.get("period")
        seconds = period.total if period else max(count.count for count in counts) * interval_s
        counted_s.append(seconds)
        for name in _COUNTS:
            if name in stats and seconds > 0:
                rates[name] += stats[name].total * 3600.0 / seconds
    if not counted_s:
        return {}
    values = {
        "completeness": min(1.0, min(counted_s) / (QUARTER_NS / SECOND_NS)),
        "los": NOT_ENOUGH,
    }
    if speeds := [stats["speed"] for stats in channels if "speed" in stats]:
        speed = reduce(Stat.plus, speeds)
        values["speed"] = speed.total / speed.count
    if values["completeness"] < COMPLETE:
        return values
    flow = service.flow(rates, 3600.0, road)
    if flow is None:
        return values
    values["flow"] = flow.vehicles_per_h
    if flow.pcu_per_h is not None and road is not None:
        capacity = service.capacity(road, rules)
        saturation = flow.pcu_per_h / capacity
        values |= {
            "flow_pcu": flow.pcu_per_h,
            "capacity_pcu": capacity,
            "saturation": saturation,
            "los": service.level_of_service(saturation, rules).code,
        }
    return values


def _road(scene: Scene, device: str) -> Road | None:
    try:
        return road_of(scene.devices[device])
    except InvalidDeviceError as error:
        logger.debug("%s", error)  # the reader of the index is told
        return None
