"""The worst places of the moment, over the whole city or one kecamatan."""

from typing import Final

from dashboards import panels, sensors
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
from dashboards.links import DataLink, path, sensor_name
from dashboards.measurements import AIR_INDEX, FLOOD_LEVEL, TRAFFIC_SERVICE
from dashboards.page import NOT_COMPUTED, Page
from devices.kind import Kind, Text

_ROWS: Final = 6
_GAUGE_MINUTES: Final = "15m"
_AIR_HOURS: Final = "2h"
TRAFFIC_MINUTES: Final = "35m"
"""The newest quarter that is over began within these."""

_GAUGES_FIRST: Final = (("siaga", False), ("rise_m_per_h", True))
_AIR_FIRST: Final = (("ispu", True), ("aqi", True))
_JUNCTIONS_FIRST: Final = (("los", True), ("saturation", True))

LEVEL: Final = Text(en="Level", id="Tinggi air")
SIAGA_WORD: Final = Text(en="Siaga", id="Siaga")
RISE_WORD: Final = Text(en="Rise", id="Kenaikan")
LEFT: Final = Text(en="Next level in", id="Tingkat berikut dalam")
SATURATION_WORD: Final = Text(en="Saturation", id="Kejenuhan")
SERVICE: Final = Text(en="Level of service", id="Tingkat pelayanan")
SPEED: Final = Text(en="Speed", id="Kecepatan")
FLOW: Final = Text(en="Flow", id="Arus")
FLOW_DRAWN: Final = Drawn(unit="suffix: /h", decimals=0)
SPEED_DRAWN: Final = Drawn(unit="velocitykmh", decimals=0)


def junctions(*conditions: str) -> str:
    """Counters as their worst direction stands; those whose road is not known are left out."""
    worst = [call("max", "saturation"), '"los"', '"flow"', '"speed"']
    return select(worst, TRAFFIC_SERVICE, TIME, '"los" > 0', *conditions, by=["device"])


def _of_kind(page: Page, kind: Kind) -> DataLink:
    title = page.word(Text(en="All of this kind", id="Semua jenis ini"))
    return DataLink(title, path(kind.id, page.language))


def add_worst_gauge(page: Page, *, width: int, height: int, below: bool = False) -> None:
    """The gauge with the worst siaga level, of equals the fastest rising."""
    kind = page.site.kinds["flood"]
    query = select(newest("level", "siaga", "rise_m_per_h"), FLOOD_LEVEL, TIME, by=["device"])
    made = panels.leader(
        [sensors.names(sensors.of_kind(kind)), Target(query=query)],
        SIAGA,
        field="siaga",
        sort=_GAUGES_FIRST,
        language=page.language,
        links=[_of_kind(page, kind)],
    )
    page.add(
        made,
        width=width,
        height=height,
        title=Text(en="Worst gauge", id="Pos duga air terburuk"),
        description=Text(
            en="Siaga I is the worst level; of gauges in the same one, the fastest rising.",
            id="Siaga I tingkat terburuk; di antara yang sama, yang naik paling cepat.",
        ),
        empty=NOT_COMPUTED,
        last=_GAUGE_MINUTES,
        below=below,
    )


def add_worst_air(page: Page, *, width: int, height: int, below: bool = False) -> None:
    """The station with the highest ISPU."""
    kind = page.site.kinds["air"]
    query = select(
        newest("ispu_category", "ispu", "aqi"),
        AIR_INDEX,
        TIME,
        '"ispu_category" > 0',
        by=["device"],
    )
    made = panels.leader(
        [sensors.names(sensors.of_kind(kind)), Target(query=query)],
        ISPU,
        field="ispu",
        sort=_AIR_FIRST,
        language=page.language,
        links=[_of_kind(page, kind)],
    )
    page.add(
        made,
        width=width,
        height=height,
        title=Text(en="Worst air (ISPU)", id="Udara terburuk (ISPU)"),
        description=Text(
            en="The station with the highest ISPU of the last 24 hours.",
            id="Stasiun dengan ISPU tertinggi dari 24 jam terakhir.",
        ),
        empty=NOT_COMPUTED,
        last=_AIR_HOURS,
        below=below,
    )


def add_worst_junction(page: Page, *, width: int, height: int, below: bool = False) -> None:
    """The counter with the worst level of service, of equals the most saturated."""
    kind = page.site.kinds["traffic"]
    made = panels.leader(
        [sensors.names(sensors.of_kind(kind)), Target(query=junctions())],
        LEVEL_OF_SERVICE,
        field="los",
        sort=_JUNCTIONS_FIRST,
        language=page.language,
        links=[_of_kind(page, kind)],
    )
    page.add(
        made,
        width=width,
        height=height,
        title=Text(en="Worst junction", id="Simpang terburuk"),
        description=Text(
            en="Level of service F is the worst; of equals, the most saturated.",
            id="Tingkat pelayanan F yang terburuk; di antara yang sama, yang paling jenuh.",
        ),
        empty=NOT_COMPUTED,
        last=TRAFFIC_MINUTES,
        below=below,
    )


def add_gauges(page: Page, *conditions: str, width: int, height: int, below: bool = False) -> None:
    """Gauges with the worst siaga level first, the fastest rising beside."""
    kind = page.site.kinds["flood"]
    query = select(
        newest("level", "siaga", "rise_m_per_h", "next_level_min"),
        FLOOD_LEVEL,
        TIME,
        *conditions,
        by=["device"],
    )
    made = panels.rows(
        [sensors.names(sensors.of_kind(kind), *conditions), Target(query=query)],
        {
            "name": (page.word(sensors.NAME), None),
            "siaga": (page.word(SIAGA_WORD), SIAGA),
            "level": (page.word(LEVEL), METRES),
            "rise_m_per_h": (page.word(RISE_WORD), RISE),
            "next_level_min": (page.word(LEFT), MINUTES_LEFT),
            "device": (page.word(sensors.SENSOR), None),
        },
        language=page.language,
        sort=_GAUGES_FIRST,
        limit=_ROWS,
        links=[sensors.one_kind(page, sensor_name(kind))],
    )
    page.add(
        made,
        width=width,
        height=height,
        title=Text(en="Worst gauges", id="Pos duga air terburuk"),
        description=Text(
            en="Siaga I is the worst. Rise is that of the last half hour; the time to the next "
            "level holds if it goes on.",
            id="Siaga I yang terburuk. Kenaikan adalah dari setengah jam terakhir; waktu ke "
            "tingkat berikut berlaku bila kenaikan berlanjut.",
        ),
        empty=NOT_COMPUTED,
        last=_GAUGE_MINUTES,
        below=below,
    )


def add_air(page: Page, *conditions: str, width: int, height: int, below: bool = False) -> None:
    """Stations with the highest ISPU first."""
    kind = page.site.kinds["air"]
    query = select(
        newest("ispu_category", "ispu", "aqi", "pm25_nowcast"),
        AIR_INDEX,
        TIME,
        '("ispu_category" > 0 OR "aqi_category" > 0)',
        *conditions,
        by=["device", "area"],
    )
    made = panels.rows(
        [sensors.names(sensors.of_kind(kind), *conditions), Target(query=query)],
        {
            "name": (page.word(sensors.NAME), None),
            "area": (page.word(sensors.AREA), sensors.areas(page)),
            "ispu": ("ISPU", ISPU),
            "aqi": ("AQI", AQI),
            "pm25_nowcast": ("PM2.5 NowCast", Drawn(unit="conμgm3", decimals=1)),
            "device": (page.word(sensors.SENSOR), None),
        },
        language=page.language,
        sort=_AIR_FIRST,
        limit=_ROWS,
        links=[sensors.one_kind(page, sensor_name(kind))],
    )
    page.add(
        made,
        width=width,
        height=height,
        title=Text(en="Worst air", id="Udara terburuk"),
        description=Text(
            en="ISPU stands for the last 24 hours, AQI by NowCast for the last hours.",
            id="ISPU mewakili 24 jam terakhir, AQI dengan NowCast mewakili jam-jam terakhir.",
        ),
        empty=NOT_COMPUTED,
        last=_AIR_HOURS,
        below=below,
    )


def add_junctions(
    page: Page, *conditions: str, width: int, height: int, below: bool = False
) -> None:
    """Counters with the worst level of service first."""
    kind = page.site.kinds["traffic"]
    query = junctions(*conditions)
    made = panels.rows(
        [sensors.names(sensors.of_kind(kind), *conditions), Target(query=query)],
        {
            "name": (page.word(sensors.NAME), None),
            "los": (page.word(SERVICE), LEVEL_OF_SERVICE),
            "saturation": (page.word(SATURATION_WORD), SATURATION),
            "flow": (page.word(FLOW), FLOW_DRAWN),
            "speed": (page.word(SPEED), SPEED_DRAWN),
            "device": (page.word(sensors.SENSOR), None),
        },
        language=page.language,
        sort=_JUNCTIONS_FIRST,
        limit=_ROWS,
        links=[sensors.one_kind(page, sensor_name(kind))],
    )
    page.add(
        made,
        width=width,
        height=height,
        title=Text(en="Worst junctions", id="Simpang terburuk"),
        description=Text(
            en="Level of service A to F by degree of saturation of the last quarter of an hour.",
            id="Tingkat pelayanan A sampai F menurut derajat kejenuhan seperempat jam terakhir.",
        ),
        empty=NOT_COMPUTED,
        last=TRAFFIC_MINUTES,
        below=below,
    )
