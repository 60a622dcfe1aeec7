"""The simulated devices: how many of which kind stand where."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Final, TypeVar

from devices.area import Area, area_at
from devices.city import city_areas
from devices.device import Device
from devices.errors import InvalidDeclarationError
from devices.kind import Kind
from devices.simulator.places import Course, Places, Point, River, load_places

C = TypeVar("C", bound=Course)

_DRAWS: Final = 10_000
STREETS_OF_FLOOD: Final = 4
"""Of a kind that rivers and street water drive, every so many-th sensor stands in a street."""
_SIAGA: Final = {"above_normal": "true", "siaga3_m": "1", "siaga2_m": "2", "siaga1_m": "3"}
"""Levels of a gauge at a river: invented, for there is no public table of the city's."""
_ROAD: Final = {"road_type": "4/2-T"}


def sensors(city: str, kinds: Mapping[str, Kind], count: int, seed: int) -> list[Device]:
    """`count` devices at plausible places of the city, the kinds in equal parts.

    Ids are `sim-<kind>-<number>` and stay the same for the same city, kinds and seed; a larger
    count moves none but those along rivers and roads.

    Raises:
        UnknownCityError: neither a shipped city nor a folder.
        InvalidDeclarationError: a file of the city is wrong or it has no area.
    """
    areas = city_areas(city)
    if not areas:
        raise InvalidDeclarationError(city, ["areas.geojson has no area to put sensors in"])
    places = load_places(city)
    devices: list[Device] = []
    for order, kind in enumerate(sorted(kinds.values(), key=lambda kind: kind.id)):
        share = count // len(kinds) + (order < count % len(kinds))
        devices += _of_kind(kind, share, areas, places, seed)
    return devices


def _of_kind(
    kind: Kind, count: int, areas: Sequence[Area], places: Places, seed: int
) -> list[Device]:
    drivers = {metric.play.driver for metric in kind.metrics.values()}
    rivers = places.rivers if "river" in drivers else ()
    streets = count // STREETS_OF_FLOOD if "pond" in drivers else 0
    roads = places.roads if kind.channel is not None else ()
    along = count if roads else 0
    gauges = count - streets if rivers else 0
    found: list[tuple[str, Point, dict[str, str]]] = []
    found += [_at_river(river, km, kind) for river, km in _spread(rivers, gauges)]
    found += [
        (f"{road.name} km {km:.1f}", road.at_km(km), dict(_ROAD))
        for road, km in _spread(roads, along)
    ]
    for order in range(count - len(found)):
        area = areas[order % len(areas)]
        rng = Random(f"{seed}/{kind.id}/{order}")  # noqa: S311 - play, not secrets
        name = f"{kind.name.id} {area.name} {order // len(areas) + 1}"
        found.append((name, _inside(area, areas, rng), {}))
    return [
        Device(
            id=f"sim-{kind.id.replace('_', '-')}-{number:03d}",
            kind=kind.id,
            name=name,
            latitude=round(place[0], 5),
            longitude=round(place[1], 5),
            area=area_at(areas, round(place[0], 5), round(place[1], 5)),
            attributes={"simulated": "yes", **attributes},
        )
        for number, (name, place, attributes) in enumerate(found, 1)
    ]


def _at_river(river: River, km: float, kind: Kind) -> tuple[str, Point, dict[str, str]]:
    attributes = {"river": river.name, "river_km": f"{km:.2f}"}
    if "level" in kind.metrics:
        attributes |= {"normal_m": f"{kind.metrics['level'].play.mean:g}", **_SIAGA}
    if "distance" in kind.metrics:
        attributes["mount_height_m"] = f"{kind.metrics['distance'].play.mean:g}"
    return f"{river.name} km {km:.1f}", river.at_km(km), attributes


def _spread(courses: Sequence[C], count: int) -> list[tuple[C, float]]:
    """`count` places, evenly along each course, each course in turn from its beginning."""
    found = []
    for order, course in enumerate(courses):
        here = count // len(courses) + (order < count % len(courses))
        length = course.lengths_km[-1]
        found += [(course, length * (number + 0.5) / here) for number in range(here)]
    return found


def _inside(area: Area, areas: Sequence[Area], rng: Random) -> Point:
    """A place that the hub finds in the area, by drawing from its bounds until one is.

    An area that others cover, or that is thin as a line, is never drawn: its middle stands in.
    """
    west, south, east, north = area.bounds
    for _ in range(_DRAWS):
        latitude = round(rng.uniform(south, north), 5)
        longitude = round(rng.uniform(west, east), 5)
        if area_at(areas, latitude, longitude) == area.code:
            return latitude, longitude
    return (south + north) / 2, (west + east) / 2
