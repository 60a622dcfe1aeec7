"""City wall: the whole city on one screen, readable from six metres, for a kiosk."""

from typing import Final

from dashboards import incidents, panels, sensors, worst
from dashboards.drawing import LAG
from dashboards.influxql import TIME, Target, call, select
from dashboards.links import CITY_WALL
from dashboards.measurements import HEALTH
from dashboards.page import NO_HUB, WIDTH, Json, Page
from dashboards.site import Language, Site
from devices.kind import Text

TITLE: Final = Text(en="City wall", id="Dinding kota")
_WORDS: Final = Text(
    en="Is the city well, and do we see it? Sensors by state, open incidents, the worst gauge, air "
    "and junction, and how fresh it all is.",
    id="Apakah kota baik-baik saja, dan apakah kita melihatnya? Sensor menurut keadaan, insiden "
    "terbuka, tinggi air, udara dan simpang terburuk, serta kesegaran data.",
)
_FRESH: Final = Text(en="Newest reading, by kind", id="Bacaan terbaru, menurut jenis")
_FRESH_WORDS: Final = Text(
    en="Seconds since any sensor of the kind was heard. Above a minute something is wrong between "
    "sensors and hub.",
    id="Detik sejak sensor mana pun dari jenis itu terdengar. Di atas satu menit ada yang salah "
    "antara sensor dan hub.",
)
_TILES: Final = 5


def build(site: Site, language: Language) -> Json:
    """The dashboard."""
    page = Page(
        CITY_WALL,
        title=TITLE,
        description=_WORDS,
        site=site,
        language=language,
        since="now-6h",
        refresh="30s",
        kiosk=True,
    )
    width = WIDTH // (_TILES + 1)
    sensors.add_states(page, width=width)
    incidents.add_count(page, width=2 * width)
    sensors.add_map(page, width=12, height=16)
    worst.add_worst_gauge(page, width=12, height=4)
    worst.add_worst_air(page, width=12, height=4, below=True)
    worst.add_worst_junction(page, width=12, height=4, below=True)
    _add_freshness(page, width=12, height=4, below=True)
    incidents.add_list(page, width=12, height=7)
    worst.add_gauges(page, width=12, height=7)
    return page.build()


def _add_freshness(page: Page, *, width: int, height: int, below: bool) -> None:
    query = select(call("last", "age_s"), HEALTH, TIME, by=["kind"])
    made = panels.bars(Target(query=query, alias="$tag_kind"), LAG, language=page.language)
    panels.rename(made, {kind.id: page.word(kind.name) for kind in page.site.kinds.values()})
    page.add(
        made,
        width=width,
        height=height,
        below=below,
        title=_FRESH,
        description=_FRESH_WORDS,
        empty=NO_HUB,
        last="5m",
    )
