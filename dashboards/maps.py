"""Maps: markers over the outlines of the kecamatan, which the hub serves.

There is no base map from the internet: a control room may have none. Grafana 9.3 puts no variable
into the address of a layer, so the hub's address stands in it as it was when this was built.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from grafana_foundation_sdk.models import common, dashboard, geomap

from dashboards.drawing import Drawn
from dashboards.influxql import Target
from dashboards.links import DataLink
from dashboards.panels import Columns, joined, override, panel, shown
from dashboards.site import Language, Site

AREAS_PATH: Final = "/public/areas.geojson"
"""Where the hub serves the outlines, to any origin and without a key."""
_ZOOM: Final = 11.0


class View(geomap.MapViewConfig):
    """What is seen first; the SDK's has whole degrees only."""

    def __init__(self, latitude: float, longitude: float, zoom: float) -> None:
        super().__init__(id_val="coords")
        self.latitude, self.longitude, self.closeness = latitude, longitude, zoom

    def to_json(self) -> dict[str, object]:
        return {
            "id": self.id_val,
            "lat": self.latitude,
            "lon": self.longitude,
            "zoom": self.closeness,
        }


class Outlines(common.MapLayerOptions):
    """The layer of the kecamatan."""

    def __init__(self, site: Site) -> None:
        super().__init__(
            type_val="geojson",
            name="Kecamatan",
            config={
                "src": site.hub_url + AREAS_PATH,
                "rules": [],
                "style": {
                    "color": {"fixed": "#5794f2"},
                    "opacity": 0.15,
                    "lineWidth": 2,
                    "size": {"fixed": 5, "min": 2, "max": 15},
                    "symbol": {"mode": "fixed", "fixed": "img/icons/marker/circle.svg"},
                    "rotation": {"fixed": 0, "mode": "mod", "min": -360, "max": 360},
                },
            },
            tooltip=False,
        )


def markers(
    targets: Sequence[Target],
    columns: Columns,
    *,
    color: str,
    site: Site,
    language: Language,
    size: int = 7,
    hidden: Sequence[str] = (),
    links: Sequence[DataLink] = (),
) -> dashboard.Panel:
    """A map of devices: each row is what all targets say of one `device`.

    Targets are tables with `device`, one of them with `latitude` and `longitude`; `columns` are
    told of a device under the pointer. `color` is the column that colours it, drawn by codes or
    steps; `hidden` are fields that links need and nobody reads.
    """
    heading, _ = columns[color]
    layer = common.MapLayerOptions(
        type_val="markers",
        name="Sensor",
        config={
            "showLegend": True,
            "style": {
                "color": {"field": heading, "fixed": "dark-green"},
                "opacity": 0.9,
                "size": {"fixed": size, "min": 2, "max": 15},
                "symbol": {"mode": "fixed", "fixed": "img/icons/marker/circle.svg"},
                "rotation": {"fixed": 0, "mode": "mod", "min": -360, "max": 360},
                "textConfig": {
                    "fontSize": 12,
                    "offsetX": 0,
                    "offsetY": 0,
                    "textAlign": "center",
                    "textBaseline": "middle",
                },
            },
        },
        location=common.FrameGeometrySource(
            mode=common.FrameGeometrySourceMode.COORDS, latitude="latitude", longitude="longitude"
        ),
        tooltip=True,
    )
    options = geomap.Options(
        view=View(*site.centre, _ZOOM),
        controls=geomap.ControlsOptions(
            show_zoom=True, mouse_wheel_zoom=True, show_attribution=False, show_scale=True
        ),
        # Nothing lies beneath: the outlines are all there is.
        basemap=Outlines(site),
        layers=[layer],
        tooltip=geomap.TooltipOptions(mode=geomap.TooltipMode.DETAILS),
    )
    made = panel("geomap", [_table(t) for t in targets], options, Drawn(), language=language)
    made.transformations = [
        *([joined()] if len(targets) > 1 else []),
        *shown(columns, ("latitude", "longitude", *hidden)),
    ]
    for title, drawn in columns.values():
        if drawn is not None:
            override(made, title, _field(drawn, language))
    for name in ("latitude", "longitude", *hidden):
        override(made, name, {"custom.hideFrom": {"tooltip": True, "viz": False, "legend": False}})
    if links:
        override(made, columns["device"][0], {"links": list(links)})
    return made


def _table(target: Target) -> Target:
    return Target(query=target.query, ref=target.ref, format="table")


def _field(drawn: Drawn, language: Language) -> Mapping[str, object]:
    found: dict[str, object] = {
        "unit": drawn.unit,
        "mappings": drawn.mappings(language),
        "thresholds": drawn.thresholds(),
        "color": {"mode": "thresholds"},
    }
    if drawn.decimals is not None:
        found["decimals"] = drawn.decimals
    return found
