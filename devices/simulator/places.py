"""Places of a city that the simulator needs beyond its areas: rivers and roads."""

from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from math import asin, cos, radians, sin, sqrt
from typing import Annotated

from pydantic import Field

from devices.city import city_folder
from devices.declaration import Declared, read_declaration

Point = tuple[
    Annotated[float, Field(ge=-90, le=90)],
    Annotated[float, Field(ge=-180, le=180)],
]
"""Latitude and longitude in degrees (WGS 84)."""

_EARTH_KM = 6371.0


def distance_km(one: Point, other: Point) -> float:
    """Great-circle distance (haversine formula)."""
    south, north = radians(one[0]), radians(other[0])
    half = sin((north - south) / 2) ** 2
    half += cos(south) * cos(north) * sin(radians(other[1] - one[1]) / 2) ** 2
    return 2 * _EARTH_KM * asin(sqrt(min(1.0, half)))


class Course(Declared):
    """A named line through the city; a river's runs downstream."""

    name: Annotated[str, Field(min_length=1)]
    course: Annotated[tuple[Point, ...], Field(min_length=2)]

    @cached_property
    def lengths_km(self) -> tuple[float, ...]:
        """Kilometres from the beginning to each point of the course."""
        steps = (distance_km(one, other) for one, other in pairwise(self.course))
        return tuple(accumulate(steps, initial=0.0))

    def at_km(self, km: float) -> Point:
        """The place so far along the course, which it does not leave at its ends."""
        for (start, end), (one, other) in zip(
            pairwise(self.lengths_km), pairwise(self.course), strict=True
        ):
            if km <= end:
                part = max(0.0, km - start) / (end - start) if end > start else 0.0
                return (
                    one[0] + part * (other[0] - one[0]),
                    one[1] + part * (other[1] - one[1]),
                )
        return self.course[-1]


class River(Course):
    """A river: rain at its headwater arrives at the first point of the course, then runs down it.

    `speed_km_h` is how fast a flood wave runs; `rise_m_per_100mm` how much the river rises when
    100 mm of rain stand in its catchment.
    """

    headwater: Point
    speed_km_h: Annotated[float, Field(gt=0)]
    rise_m_per_100mm: Annotated[float, Field(gt=0)]


class Places(Declared):
    """`places.toml` of a city's folder; a city without one has neither rivers nor roads."""

    rivers: Annotated[tuple[River, ...], Field(alias="river")] = ()
    roads: Annotated[tuple[Course, ...], Field(alias="road")] = ()

    def river(self, name: str) -> River | None:
        return _named(self.rivers, name)


def _named(rivers: Sequence[River], name: str) -> River | None:
    return next((river for river in rivers if river.name == name), None)


def load_places(city: str) -> Places:
    """The places of a city, by shipped name or folder.

    Raises:
        UnknownCityError: neither a shipped city nor a folder.
        InvalidDeclarationError: `places.toml` is wrong.
    """
    path = city_folder(city) / "places.toml"
    return read_declaration(Places, path) if path.exists() else Places()
