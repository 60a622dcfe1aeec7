"""Areas: the parts of a city, as polygons in a GeoJSON file, and which of them holds a place.

Boundary rule: a ring is crossed by the half-open rule on latitude, and an edge is computed from its
lower to its upper end whichever way a ring runs along it. So a point on a border that two areas
share vertex by vertex belongs to exactly one of them, always the same. Where polygons overlap, the
area with the lowest code is taken; outside all of them there is none: the nearest is not guessed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from devices.errors import InvalidDeclarationError

Position = tuple[float, float]
"""Longitude and latitude in degrees (WGS 84), in GeoJSON's order."""
Ring = tuple[Position, ...]
Polygon = tuple[Ring, ...]
"""The outer ring, then its holes."""
MultiPolygon = tuple[Polygon, ...]


@dataclass(frozen=True)
class Area:
    """A part of the city, by the code that its administration uses."""

    code: str
    name: str
    geometry: MultiPolygon

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north."""
        outer = [position for polygon in self.geometry for position in polygon[0]]
        longitudes, latitudes = zip(*outer, strict=True)
        return min(longitudes), min(latitudes), max(longitudes), max(latitudes)

    def holds(self, latitude: float, longitude: float) -> bool:
        west, south, east, north = self.bounds
        if not (west <= longitude <= east and south <= latitude <= north):
            return False
        return any(
            _inside(polygon[0], latitude, longitude)
            and not any(_inside(hole, latitude, longitude) for hole in polygon[1:])
            for polygon in self.geometry
        )


def _inside(ring: Ring, latitude: float, longitude: float) -> bool:
    """Ray casting to the east (W. R. Franklin's PNPOLY) with edges in one direction."""
    inside = False
    for (x1, y1), (x2, y2) in pairwise(ring):
        if (y1 > latitude) == (y2 > latitude):
            continue
        (low_x, low_y), (high_x, high_y) = ((x1, y1), (x2, y2)) if y1 < y2 else ((x2, y2), (x1, y1))
        if longitude < (high_x - low_x) * (latitude - low_y) / (high_y - low_y) + low_x:
            inside = not inside
    return inside


def area_at(areas: Iterable[Area], latitude: float, longitude: float) -> str | None:
    """The code of the area that holds the place; None outside all of them."""
    return min((area.code for area in areas if area.holds(latitude, longitude)), default=None)


Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
GeoPosition = tuple[Longitude, Latitude] | tuple[Longitude, Latitude, float]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


def _closed(ring: list[GeoPosition]) -> list[GeoPosition]:
    if ring[0][:2] != ring[-1][:2]:
        raise ValueError("a ring ends where it begins: repeat its first position at its end")
    return ring


GeoRing = Annotated[list[GeoPosition], Field(min_length=4), AfterValidator(_closed)]
GeoPolygon = Annotated[list[GeoRing], Field(min_length=1)]


class _Geo(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)


class _Polygon(_Geo):
    type: Literal["Polygon"]
    coordinates: GeoPolygon


class _MultiPolygon(_Geo):
    type: Literal["MultiPolygon"]
    coordinates: Annotated[list[GeoPolygon], Field(min_length=1)]


class _Properties(_Geo):
    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    name: Label


class _Feature(_Geo):
    type: Literal["Feature"]
    properties: _Properties
    geometry: Annotated[_Polygon | _MultiPolygon, Field(discriminator="type")]


class _Collection(_Geo):
    type: Literal["FeatureCollection"]
    features: list[_Feature]


def load_areas(path: Path) -> list[Area]:
    """The areas of a GeoJSON file (RFC 7946), by code.

    The file is a FeatureCollection; every feature is a Polygon or MultiPolygon with the properties
    `code` and `name`. Other properties are left alone.

    Raises:
        InvalidDeclarationError: the file cannot be read or is wrong; each problem names its place.
    """
    try:
        collection = _Collection.model_validate_json(
            path.read_bytes().removeprefix(b"\xef\xbb\xbf")
        )
    except OSError as error:
        raise InvalidDeclarationError(
            str(path), [f"cannot be read ({error.strerror}); put the city's areas there as GeoJSON"]
        ) from error
    except ValidationError as error:
        raise InvalidDeclarationError(
            str(path),
            [
                f"key {'.'.join(str(part) for part in fault['loc']) or '(file)'}: {fault['msg']}"
                for fault in error.errors()
            ],
        ) from error
    areas: dict[str, Area] = {}
    for number, feature in enumerate(collection.features):
        code = feature.properties.code
        if code in areas:
            raise InvalidDeclarationError(
                str(path), [f"key features.{number}.properties.code: '{code}' comes twice"]
            )
        areas[code] = Area(code, feature.properties.name, _geometry(feature.geometry))
    return [areas[code] for code in sorted(areas)]


def _geometry(geometry: _Polygon | _MultiPolygon) -> MultiPolygon:
    polygons = [geometry.coordinates] if isinstance(geometry, _Polygon) else geometry.coordinates
    return tuple(
        tuple(tuple((place[0], place[1]) for place in ring) for ring in polygon)
        for polygon in polygons
    )
