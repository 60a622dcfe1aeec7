"""Kecamatan: one page for a district head."""

from typing import Final

from dashboards import incidents, metrics, panels, sensors, variables, worst
from dashboards.drawing import drawn
from dashboards.influxql import IN_AREA, TIME, Target, call, good, select
from dashboards.links import KECAMATAN, DataLink, path
from dashboards.measurements import hours
from dashboards.page import Json, Page
from dashboards.site import Language, Site
from devices.kind import Kind, Metric, Text

TITLE: Final = Text(en="Kecamatan", id="Kecamatan")
_WORDS: Final = Text(
    en="Is my district well? What is open, what do its sensors say, and which of them "
    "need a visit?",
    id="Apakah wilayah saya baik-baik saja? Apa yang terbuka, apa kata sensornya, dan mana yang "
    "perlu dikunjungi?",
)
_HEADLINES: Final = 2
"""Metrics of each kind that are shown here: the first ones of its declaration."""
_TILES: Final = 6
_NOW: Final = "15m"


def build(site: Site, language: Language) -> Json:
    """The dashboard."""
    page = Page(KECAMATAN, title=TITLE, description=_WORDS, site=site, language=language)
    page.choose(variables.area(site, language, single=True))
    width = 24 // _TILES
    sensors.add_states(page, IN_AREA, width=width)
    incidents.add_count(page, IN_AREA, width=2 * width)
    worst.add_gauges(page, IN_AREA, width=12, height=8)
    worst.add_junctions(page, IN_AREA, width=12, height=8)
    worst.add_air(page, IN_AREA, width=12, height=8)
    incidents.add_list(page, IN_AREA, width=12, height=8)
    for kind in site.kinds.values():
        page.row(kind.name)
        for name, metric in list(kind.metrics.items())[:_HEADLINES]:
            _add_headline(page, kind, name, metric)
    page.row(Text(en="Sensors", id="Sensor"))
    sensors.add_map(page, IN_AREA, width=12, height=14)
    sensors.add_table(page, IN_AREA, width=12, height=14)
    return page.build()


def _add_headline(page: Page, kind: Kind, name: str, metric: Metric) -> None:
    by_hour = metrics.hourly_drawn(metric)
    title = page.word(Text(en=f"{kind.name.en}: all", id=f"{kind.name.id}: semua"))
    link = DataLink(title, path(kind.id, page.language, area="${area}"))
    query = select(call("mean", name), kind.id, TIME, good(name), IN_AREA)
    page.add(
        panels.tile(Target(query=query), drawn(metric), language=page.language, links=[link]),
        width=4,
        height=7,
        title=metric.name,
        description=Text(
            en="Mean of the believed readings of the last 15 minutes in this kecamatan.",
            id="Rata-rata bacaan tepercaya 15 menit terakhir di kecamatan ini.",
        ),
        last=_NOW,
    )
    function, field = metrics.hourly(name, metric)
    over_time = select(
        call(function, field, name),
        hours(kind),
        TIME,
        f'"{name}_count" > 0',
        IN_AREA,
        by=["device"],
        every="$__interval",
        fill="none",
    )
    made = panels.series(
        [Target(query=over_time, alias="$tag_device")],
        by_hour,
        language=page.language,
        look="bars" if metric.summary == "sum" else "line",
        links=[metrics.to_sensor(page, kind, "${__field.labels.device}")],
    )
    page.add(
        made,
        width=8,
        height=7,
        title=metric.name,
        description=Text(
            en="Each sensor, hour by hour, from believed readings.",
            id="Tiap sensor, jam demi jam, dari bacaan tepercaya.",
        ),
        least="1h",
        last=metrics.WEEK,
    )
