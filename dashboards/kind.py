"""A kind: the dashboard of everything that is measured, one for each kind.

Flood, air and traffic have rows of their own on top; any other kind, also one that a city adds,
has the map, the table and the rows that its metrics make.
"""

from collections.abc import Callable, Mapping
from typing import Final

from dashboards import air, flood, sensors, traffic, variables
from dashboards.influxql import IN_AREA, IN_DEVICE
from dashboards.metrics import add_metrics
from dashboards.page import Json, Page
from dashboards.site import Language, Site
from devices.kind import Kind, Text

_WORDS: Final[Mapping[str, Text]] = {
    flood.KIND: Text(
        en="Which gauges are high, how fast does the water rise, what comes down the river?",
        id="Pos mana yang tinggi, secepat apa air naik, apa yang datang dari hulu?",
    ),
    air.KIND: Text(
        en="Is the air healthy, where, since when, and how well do we know?",
        id="Apakah udara sehat, di mana, sejak kapan, dan seberapa pasti kita tahu?",
    ),
    traffic.KIND: Text(
        en="Where does it jam, how much of what drives, and is that usual?",
        id="Di mana macet, kendaraan apa dan berapa banyak, dan apakah itu biasa?",
    ),
}
_ROWS: Final[Mapping[str, Callable[[Page, Kind], None]]] = {
    flood.KIND: flood.add,
    air.KIND: air.add,
    traffic.KIND: traffic.add,
}


def build(site: Site, language: Language, kind: Kind) -> Json:
    """The dashboard of a kind."""
    page = Page(
        kind.id,
        title=kind.name,
        description=_WORDS.get(
            kind.id,
            Text(
                en=f"What do the sensors of kind {kind.name.en} say, where, and can it be trusted?",
                id=f"Apa kata sensor jenis {kind.name.id}, di mana, dan dapatkah dipercaya?",
            ),
        ),
        site=site,
        language=language,
        incidents=[sensors.of_kind(kind)],
    )
    page.choose(variables.area(site, language), variables.device(language, of=kind))
    _ROWS.get(kind.id, _plain)(page, kind)
    return page.build()


def _plain(page: Page, kind: Kind) -> None:
    page.row(Text(en="Sensors now", id="Sensor sekarang"))
    here = (sensors.of_kind(kind), IN_AREA, IN_DEVICE)
    sensors.add_map(page, *here, width=12, height=14)
    sensors.add_table(page, *here, width=12, height=14)
    add_metrics(page, kind)
