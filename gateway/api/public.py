"""What anybody may see without a key."""

import hashlib
import time
from collections.abc import Sequence
from typing import Annotated, Final

import orjson
from fastapi import APIRouter, Depends, Header, Request, Response

from devices.area import Area
from devices.errors import HubError
from devices.registry import Registry
from gateway.api.problems import responses

router = APIRouter(prefix="/public", tags=["public"])

_FRESH_S: Final = 60.0
_DECIMALS: Final = 5
"""About a metre: what a map can show."""
_MAX_BYTES: Final = 8 * 1024**2
_NOT_MODIFIED: Final = 304


class AreasTooLargeError(HubError):
    def __init__(self, size: int) -> None:
        super().__init__(
            f"The outlines of the city have {size} bytes, and a map takes {_MAX_BYTES}. Simplify "
            "areas.geojson in the city's folder (for example with mapshaper)"
        )


class Outlines:
    """The areas as GeoJSON, made once a minute at most: everybody may ask, and often."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._until = 0.0
        self._body = b""
        self._tag = ""

    def read(self) -> tuple[bytes, str]:
        """The document and its entity tag.

        Raises:
            AreasTooLargeError: the city's file has more detail than a map can take.
        """
        now = time.monotonic()
        if now >= self._until:
            body = areas_geojson(self._registry.areas())
            if len(body) > _MAX_BYTES:
                raise AreasTooLargeError(len(body))
            self._body = body
            self._tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            self._until = now + _FRESH_S
        return self._body, self._tag


def areas_geojson(areas: Sequence[Area]) -> bytes:
    """A FeatureCollection (RFC 7946) of the areas, with `code` and `name` each."""
    features = [
        {
            "type": "Feature",
            "id": area.code,
            "properties": {"code": area.code, "name": area.name},
            "geometry": {
                "type": "MultiPolygon",
                "coordinates": [
                    [
                        [[round(x, _DECIMALS), round(y, _DECIMALS)] for x, y in ring]
                        for ring in polygon
                    ]
                    for polygon in area.geometry
                ],
            },
        }
        for area in areas
    ]
    return orjson.dumps({"type": "FeatureCollection", "features": features})


def _outlines(request: Request) -> Outlines:
    outlines: Outlines = request.app.state.outlines
    return outlines


@router.get(
    "/areas.geojson",
    response_class=Response,
    responses={
        200: {"content": {"application/geo+json": {}}, "description": "GeoJSON (RFC 7946)"},
        _NOT_MODIFIED: {"description": "As the entity tag says"},
        **responses(422, 500),
    },
)
def areas(
    outlines: Annotated[Outlines, Depends(_outlines)],
    if_none_match: Annotated[
        str | None, Header(max_length=1000, description="The ETag of what you have")
    ] = None,
) -> Response:
    """The outlines of the city's areas, for maps; any web page may read them."""
    body, tag = outlines.read()
    headers = {
        "ETag": tag,
        "Cache-Control": f"public, max-age={_FRESH_S:.0f}",
        # A map in Grafana is another site than the hub.
        "Access-Control-Allow-Origin": "*",
    }
    if if_none_match is not None and tag in if_none_match:
        return Response(status_code=_NOT_MODIFIED, headers=headers)
    return Response(body, media_type="application/geo+json", headers=headers)
