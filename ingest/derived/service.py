"""Degree of saturation and level of service of a road, from counts of a quarter of an hour.

PKJI 2023 (Pedoman Kapasitas Jalan Indonesia, Bina Marga), urban roads: each vehicle counts as so
many passenger cars (SMP); degree of saturation DJ = q / C with flow q in SMP/h and capacity
C = C0 * FC_lane_width * FC_split * FC_side_friction * FC_city_size. An undivided road (2/2-TT) is
judged for both ways together, a divided one for each way. Level of service by DJ differs between
sources, so its steps are the city's setting (`roads.toml`); the default is KM 14/2006.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from devices.road import Road, RoadRules
from ingest.derived.category import Category

LEVELS: Final = (
    Category(1, "A: free flow", "A: arus bebas", "#00cc00"),
    Category(2, "B: stable flow", "B: arus stabil", "#66cc00"),
    Category(3, "C: stable, speed limited", "C: stabil, kecepatan terbatas", "#cccc00"),
    Category(4, "D: nearly unstable", "D: mendekati tidak stabil", "#ff9900"),
    Category(5, "E: unstable, at capacity", "E: tidak stabil, sebatas kapasitas", "#cc0000"),
    Category(6, "F: forced, jammed", "F: dipaksakan, macet", "#660000"),
)

LIGHT: Final = 1.0
"""SMP of a light vehicle (KR)."""

_NARROW_M: Final = 6.0
_C0_UNDIVIDED: Final = 2800.0
_C0_LANE: Final = 1700.0
_DENSE: Final = {"2/2-TT": 1800.0, "4/2-T": 1050.0, "6/2-T": 1100.0}
"""From which flow on the equivalents of dense traffic hold: vehicles/h of both ways on an
undivided road, of a lane on a divided one."""
_CITY_SIZE: Final = ((100_000, 0.86), (500_000, 0.90), (1_000_000, 0.94), (3_000_000, 1.0))
_CITY_SIZE_ABOVE: Final = 1.04


@dataclass(frozen=True, slots=True)
class Equivalents:
    """SMP of a heavy vehicle (KS) and of a motorcycle (SM)."""

    heavy: float
    motorcycle: float


def equivalents(road: Road, vehicles_per_h: float) -> Equivalents:
    """Equivalents at a flow of both ways (undivided) or of what one channel counts (divided)."""
    flow = vehicles_per_h / road.lanes_counted if road.divided else vehicles_per_h
    dense = flow >= _DENSE[road.road_type]
    if road.divided:
        return Equivalents(1.2, 0.25) if dense else Equivalents(1.3, 0.40)
    if road.carriageway_m is not None and road.carriageway_m < _NARROW_M:
        return Equivalents(1.2, 0.35) if dense else Equivalents(1.3, 0.50)
    return Equivalents(1.2, 0.25) if dense else Equivalents(1.3, 0.40)


def city_size_factor(population: float | None) -> float:
    """FC of city size; 1 where the population is not told."""
    if population is None:
        return 1.0
    for below, factor in _CITY_SIZE:
        if population < below:
            return factor
    return _CITY_SIZE[-1][1] if population == _CITY_SIZE[-1][0] else _CITY_SIZE_ABOVE


def capacity(road: Road, rules: RoadRules) -> float:
    """Capacity in SMP/h of both ways (undivided) or of what one channel counts (divided)."""
    if road.capacity_pcu_h is not None:
        return road.capacity_pcu_h
    base = _C0_LANE * road.lanes_counted if road.divided else _C0_UNDIVIDED
    factors = road.fc_lane_width * road.fc_split * road.fc_side_friction
    return base * factors * city_size_factor(rules.population)


@dataclass(frozen=True, slots=True)
class Flow:
    """A quarter of an hour as flows: vehicles/h, and SMP/h where all vehicles are classed."""

    vehicles_per_h: float
    pcu_per_h: float | None


def flow(counts: Mapping[str, float], counted_s: float, road: Road | None) -> Flow | None:
    """The flow of counts (`volume` and its classes) within so many seconds; None without any.

    Without `volume` it is the sum of the classes.
    """
    classes = [counts[name] for name in ("volume_mc", "volume_lv", "volume_hv") if name in counts]
    if counted_s <= 0 or not ("volume" in counts or classes):
        return None
    per_h = 3600.0 / counted_s
    vehicles = counts.get("volume", sum(classes)) * per_h
    if road is None or "volume_lv" not in counts or "volume_mc" not in counts:
        return Flow(vehicles, None)
    each = equivalents(road, vehicles)
    pcu = (
        LIGHT * counts["volume_lv"]
        + each.motorcycle * counts["volume_mc"]
        + each.heavy * counts.get("volume_hv", 0.0)
    )
    return Flow(vehicles, pcu * per_h)


def level_of_service(saturation: float, rules: RoadRules) -> Category:
    """A to F by degree of saturation: each level reaches up to its step."""
    return LEVELS[bisect_left(rules.level_of_service, saturation)]
