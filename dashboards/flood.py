"""Flood: which gauges are high, how fast the water rises, and what comes down the river."""

from typing import Final

from dashboards import maps, panels, sensors, worst
from dashboards.drawing import METRES, MINUTES_LEFT, RISE, SIAGA, Code, Drawn, counted, drawn
from dashboards.influxql import IN_AREA, IN_DEVICE, TIME, Target, call, good, newest, select
from dashboards.links import sensor_name
from dashboards.measurements import DEVICE, FLOOD_LEVEL
from dashboards.metrics import LEAST, add_metrics
from dashboards.page import NOT_COMPUTED, Page
from devices.kind import Kind, Text

KIND: Final = "flood"
_RECENT: Final = "15m"
_DAY: Final = "24h"
_WAVE: Final = "6h"
"""A flood takes hours down a river."""
_THRESHOLDS: Final = ("siaga3_m", "siaga2_m", "siaga1_m")


def add(page: Page, kind: Kind) -> None:
    """The rows of the flood dashboard that no other kind has; then those that every kind has."""
    page.row(Text(en="Siaga now", id="Siaga sekarang"))
    for code in (SIAGA.codes[3], SIAGA.codes[2], SIAGA.codes[1]):
        _add_siaga_count(page, code)
    _add_minutes_left(page)
    _add_gauges(page, kind)
    _add_map(page, kind)
    page.row(Text(en="The river, and the rain beside it", id="Sungai, dan hujan di sekitarnya"))
    _add_levels(page, kind)
    _add_rain(page)
    _add_timeline(page)
    add_metrics(page, kind)


def _add_siaga_count(page: Page, code: Code) -> None:
    each = select(newest("level", "siaga"), FLOOD_LEVEL, TIME, IN_AREA, IN_DEVICE, by=["device"])
    query = select(call("count", "siaga"), each, f'"siaga" = {code.value}')
    made = panels.tile(
        Target(query=query),
        counted(code),
        language=page.language,
    )
    page.add(
        made,
        width=4,
        height=4,
        title=code.name,
        description=Text(
            en="Gauges that stand in this level now.", id="Pos duga air pada tingkat ini sekarang."
        ),
        empty=Text(en="0", id="0"),
        last=_RECENT,
    )


def _add_minutes_left(page: Page) -> None:
    each = select(
        newest("level", "next_level_min"), FLOOD_LEVEL, TIME, IN_AREA, IN_DEVICE, by=["device"]
    )
    made = panels.tile(
        Target(query=select(call("min", "next_level_min"), each)),
        MINUTES_LEFT,
        language=page.language,
    )
    page.add(
        made,
        width=12,
        height=4,
        title=Text(en="Next level reached first in", id="Tingkat berikut tercapai paling cepat"),
        description=Text(
            en="The shortest time to a worse level among all gauges, if their rise goes on.",
            id="Waktu tersingkat ke tingkat yang lebih buruk di antara semua pos, bila kenaikan "
            "berlanjut.",
        ),
        empty=Text(en="No gauge is rising", id="Tidak ada pos yang naik"),
        last=_RECENT,
    )


def _add_gauges(page: Page, kind: Kind) -> None:
    found = select(
        newest("level", "siaga", "rise_m_per_h", "next_level_min"),
        FLOOD_LEVEL,
        TIME,
        IN_AREA,
        IN_DEVICE,
        by=["device"],
    )
    about = sensors.names(sensors.of_kind(kind), IN_AREA, IN_DEVICE, also=("reach", *_THRESHOLDS))
    plain = Drawn(unit=METRES.unit, decimals=2)
    made = panels.rows(
        [about, Target(query=found)],
        {
            "name": (page.word(sensors.NAME), None),
            "siaga": (page.word(worst.SIAGA_WORD), SIAGA),
            "level": (page.word(worst.LEVEL), plain),
            "rise_m_per_h": (page.word(worst.RISE_WORD), RISE),
            "next_level_min": (page.word(worst.LEFT), MINUTES_LEFT),
            "siaga3_m": ("III", plain),
            "siaga2_m": ("II", plain),
            "siaga1_m": ("I", plain),
            "device": (page.word(sensors.SENSOR), None),
        },
        language=page.language,
        sort=[("reach", False)],
        hidden=("reach",),
        links=[sensors.one_kind(page, sensor_name(kind))],
    )
    page.add(
        made,
        width=14,
        height=14,
        title=Text(en="Gauges, upstream above downstream", id="Pos duga air, hulu di atas hilir"),
        description=Text(
            en="Each river from its source to its mouth. I, II and III are where the gauge's own "
            "siaga levels begin. What is high above comes down.",
            id="Setiap sungai dari hulu ke muara. I, II dan III adalah batas siaga pos itu "
            "sendiri. Yang tinggi di hulu akan turun ke hilir.",
        ),
        empty=NOT_COMPUTED,
        last=_RECENT,
    )


def _add_map(page: Page, kind: Kind) -> None:
    where = select(
        newest("state", "latitude", "longitude", "name"),
        DEVICE,
        TIME,
        sensors.of_kind(kind),
        IN_AREA,
        IN_DEVICE,
        by=["device"],
    )
    found = select(
        newest("level", "siaga", "rise_m_per_h"),
        FLOOD_LEVEL,
        TIME,
        IN_AREA,
        IN_DEVICE,
        by=["device"],
    )
    made = maps.markers(
        [Target(query=where, ref="P"), Target(query=found)],
        {
            "device": (page.word(sensors.SENSOR), None),
            "name": (page.word(sensors.NAME), None),
            "siaga": (page.word(worst.SIAGA_WORD), SIAGA),
            "level": (page.word(worst.LEVEL), METRES),
            "rise_m_per_h": (page.word(worst.RISE_WORD), RISE),
        },
        color="siaga",
        site=page.site,
        language=page.language,
        links=[sensors.one_kind(page, sensor_name(kind))],
    )
    page.add(
        made,
        width=10,
        height=14,
        title=Text(en="Gauges by siaga level", id="Pos duga air menurut siaga"),
        description=Text(
            en="Only gauges with thresholds are judged.", id="Hanya pos yang berambang dinilai."
        ),
        empty=NOT_COMPUTED,
        last="30m",
    )


def _add_levels(page: Page, kind: Kind) -> None:
    query = select(
        call("max", "level"),
        FLOOD_LEVEL,
        TIME,
        IN_AREA,
        IN_DEVICE,
        by=["device"],
        every="$__interval",
        fill="none",
    )
    made = panels.series(
        [Target(query=query, alias="$tag_device")],
        drawn(kind.metrics["level"]),
        language=page.language,
    )
    page.add(
        made,
        width=24,
        height=9,
        title=Text(en="Water level", id="Tinggi muka air"),
        description=Text(
            en="The highest of every five minutes. Choose one gauge above to see it alone, "
            "or open it to see its siaga levels.",
            id="Yang tertinggi tiap lima menit. Pilih satu pos di atas untuk melihatnya "
            "sendiri, atau buka untuk melihat batas siaganya.",
        ),
        least=LEAST,
        last=_WAVE,
    )


def _add_rain(page: Page) -> None:
    weather = page.site.kinds["weather"]
    query = select(
        call("mean", "rain_rate"),
        weather.id,
        TIME,
        good("rain_rate"),
        IN_AREA,
        by=["area"],
        every="$__interval",
        fill="none",
    )
    made = panels.series(
        [Target(query=query, alias="$tag_area")],
        drawn(weather.metrics["rain_rate"]),
        language=page.language,
        look="bars",
    )
    panels.rename(made, page.site.area_names)
    page.add(
        made,
        width=24,
        height=6,
        title=Text(en="Rain beside the river", id="Hujan di sekitar sungai"),
        description=Text(
            en="Mean rain intensity of the weather stations of each kecamatan, on the time axis "
            "of the levels above.",
            id="Rata-rata intensitas hujan stasiun cuaca tiap kecamatan, pada sumbu waktu yang "
            "sama dengan tinggi air di atas.",
        ),
        least=LEAST,
        last=_WAVE,
    )


def _add_timeline(page: Page) -> None:
    query = select(
        call("min", "siaga"),
        FLOOD_LEVEL,
        TIME,
        IN_AREA,
        IN_DEVICE,
        by=["device"],
        every="$__interval",
        fill="none",
    )
    made = panels.timeline(Target(query=query, alias="$tag_device"), SIAGA, language=page.language)
    page.add(
        made,
        width=24,
        height=18,
        title=Text(en="Siaga of each gauge, the last day", id="Siaga tiap pos, satu hari terakhir"),
        description=Text(
            en="The worst level of each quarter of an hour. Follow a colour from line to line: a "
            "flood wave passes the gauges one after the other.",
            id="Tingkat terburuk tiap seperempat jam. Ikuti warna dari baris ke baris: gelombang "
            "banjir melewati pos satu demi satu.",
        ),
        empty=NOT_COMPUTED,
        least="15m",
        last=_DAY,
    )
