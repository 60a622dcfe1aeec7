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
from dashboards.influxql import TIME, Target, call, newest, select
from dashboards.measurements import (
    AIR_INDEX,
    COMPLETE,
    DEVICE,
    FLOOD_LEVEL,
    TRAFFIC_SERVICE,
)
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
    for field, title, how in (
        ("siaga", worst.SIAGA_WORD, SIAGA),
        ("rise_m_per_h", worst.RISE_WORD, RISE),
        ("next_level_min", worst.LEFT, MINUTES_LEFT),
        ("above_normal", Text(en="Above normal", id="Di atas normal"), METRES),
    ):
        minute = select(newest("level", field), FLOOD_LEVEL, TIME, *conditions)
        _tile(page, select(f'"{field}"', minute), title, how, last="15m")


def _add_indices(page: Page, *conditions: str) -> None:
    particles = page.site.kinds[air.KIND].metrics["pm25"]
    how = Drawn(unit="conμgm3", decimals=particles.drawing.decimals)
    for field, index, title, drawn in (
        ("ispu", "ispu", Text(en="ISPU", id="ISPU"), ISPU),
        ("aqi", "aqi", Text(en="US AQI", id="US AQI"), AQI),
        ("pm25_24h", "ispu", Text(en="PM2.5, 24 h", id="PM2,5, 24 jam"), how),
        ("pm25_nowcast", "aqi", Text(en="PM2.5, NowCast", id="PM2,5, NowCast"), how),
    ):
        query = select(call("last", field), AIR_INDEX, TIME, f'"{index}_category" > 0', *conditions)
        _tile(page, query, title, drawn, last="2h")


def _add_service(page: Page, *conditions: str) -> None:
    """The worst direction, as on the dashboard of all junctions; vehicles of all directions."""
    for field, function, title, how, known in (
        ("los", "max", worst.SERVICE, LEVEL_OF_SERVICE, '"los" > 0'),
        ("saturation", "max", worst.SATURATION_WORD, SATURATION, '"los" > 0'),
        ("flow", "sum", worst.FLOW, worst.FLOW_DRAWN, COMPLETE),
        ("speed", "min", worst.SPEED, worst.SPEED_DRAWN, COMPLETE),
    ):
        each = select(
            call("last", field), TRAFFIC_SERVICE, TIME, known, *conditions, by=["channel"]
        )
        _tile(page, select(call(function, field), each), title, how, last="45m")


def _tile(page: Page, query: str, title: Text, how: Drawn, *, last: str) -> None:
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
