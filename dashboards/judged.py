"""What is computed of one device: its siaga, indices or level of service, and its limits."""

from collections.abc import Callable, Mapping
from typing import Final

from dashboards import air, flood, panels, traffic, worst
from dashboards.drawing import (
    AQI,
    ISPU,
    LEVEL_OF_SERVICE,
    METRES,
    MINUTES_LEFT,
    RISE,
    SATURATION,
    SIAGA,
    Drawn,
)
from dashboards.influxql import TIME, Target, call, select
from dashboards.measurements import AIR_INDEX, DEVICE, FLOOD_LEVEL, TRAFFIC_SERVICE
from dashboards.page import NOT_COMPUTED, Page
from devices.kind import Kind, Text

_LIMITS: Final[Mapping[str, Mapping[str, str]]] = {
    "level": {"siaga3_m": "Siaga III", "siaga2_m": "Siaga II", "siaga1_m": "Siaga I"}
}
"""Fields of a device that are limits of a metric of floods."""


def limits(kind: Kind, metric: str, *conditions: str) -> list[Target]:
    """The device's own limits of a metric as lines; none for most."""
    if kind.id != flood.KIND:
        return []
    found = []
    for ref, (field, name) in zip("CDE", _LIMITS.get(metric, {}).items(), strict=False):
        query = select(
            call("last", field), DEVICE, TIME, *conditions, every="$__interval", fill="none"
        )
        found.append(Target(query=query, ref=ref, alias=name))
    return found


def add_judged(page: Page, kind: Kind, *conditions: str) -> None:
    """Panels of what is computed of a device of this kind; none for most kinds."""
    if (add := _JUDGED.get(kind.id)) is not None:
        add(page, *conditions)


def _add_siaga(page: Page, *conditions: str) -> None:
    _tile(page, FLOOD_LEVEL, "siaga", worst.SIAGA_WORD, SIAGA, *conditions)
    _tile(page, FLOOD_LEVEL, "rise_m_per_h", worst.RISE_WORD, RISE, *conditions)
    _tile(page, FLOOD_LEVEL, "next_level_min", worst.LEFT, MINUTES_LEFT, *conditions)
    _tile(
        page,
        FLOOD_LEVEL,
        "above_normal",
        Text(en="Above normal", id="Di atas normal"),
        METRES,
        *conditions,
    )


def _add_indices(page: Page, *conditions: str) -> None:
    _tile(page, AIR_INDEX, "ispu", Text(en="ISPU", id="ISPU"), ISPU, *conditions, last="2h")
    _tile(page, AIR_INDEX, "aqi", Text(en="US AQI", id="US AQI"), AQI, *conditions, last="2h")
    particles = page.site.kinds[air.KIND].metrics["pm25"]
    how = Drawn(unit="conμgm3", decimals=particles.drawing.decimals)
    for field, name in (
        ("pm25_24h", Text(en="PM2.5, 24 h", id="PM2,5, 24 jam")),
        ("pm25_nowcast", Text(en="PM2.5, NowCast", id="PM2,5, NowCast")),
    ):
        _tile(page, AIR_INDEX, field, name, how, *conditions, last="2h")


def _add_service(page: Page, *conditions: str) -> None:
    _tile(page, TRAFFIC_SERVICE, "los", worst.SERVICE, LEVEL_OF_SERVICE, '"los" > 0', *conditions)
    for field, name, how in (
        ("saturation", worst.SATURATION_WORD, SATURATION),
        ("flow", worst.FLOW, worst.FLOW_DRAWN),
        ("speed", worst.SPEED, worst.SPEED_DRAWN),
    ):
        _tile(page, TRAFFIC_SERVICE, field, name, how, *conditions)


def _tile(
    page: Page,
    measurement: str,
    field: str,
    title: Text,
    how: Drawn,
    *conditions: str,
    last: str = "45m",
) -> None:
    query = select(call("last", field), measurement, TIME, *conditions)
    page.add(
        panels.tile(Target(query=query), how, language=page.language),
        width=6,
        height=4,
        title=title,
        description=Text(en="As computed last.", id="Hasil hitungan terakhir."),
        empty=NOT_COMPUTED,
        last=last,
    )


_JUDGED: Final[Mapping[str, Callable[..., None]]] = {
    flood.KIND: _add_siaga,
    air.KIND: _add_indices,
    traffic.KIND: _add_service,
}
