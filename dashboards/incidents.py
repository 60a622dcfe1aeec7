"""Incidents: what is open now. An incident is known by its device and rule."""

from typing import Final

from dashboards import panels
from dashboards.drawing import BAD_COUNT, Code, Drawn
from dashboards.influxql import Target, call, select
from dashboards.measurements import INCIDENT
from dashboards.page import Page
from dashboards.sensors import AREA, SENSOR, any_sensor, areas
from devices.kind import Text

_LOOK_BACK: Final = "time > now() - 30d"
"""An incident that began earlier is not shown as open any more."""
_NONE: Final = Text(en="No incident is open", id="Tidak ada insiden terbuka")
_TITLE: Final = Text(en="Open incidents", id="Insiden terbuka")
_COUNT_WORDS: Final = Text(
    en="Incidents that began in the last 30 days and are not over.",
    id="Insiden yang dimulai dalam 30 hari terakhir dan belum selesai.",
)
_SEVERITY: Final = Drawn(
    codes=(
        Code("info", Text(en="Information", id="Informasi"), "#8ab8ff"),
        Code("warning", Text(en="Warning", id="Peringatan"), "#cccc00"),
        Code("critical", Text(en="Critical", id="Kritis"), "#cc0000"),
    )
)


def add_count(page: Page, *conditions: str, width: int) -> None:
    """How many are open."""
    each = select(call("last", "open"), INCIDENT, _LOOK_BACK, *conditions, by=["device", "rule"])
    made = panels.tile(
        Target(query=select(call("sum", "open"), each)), BAD_COUNT, language=page.language
    )
    page.add(
        made,
        width=width,
        height=4,
        title=_TITLE,
        description=_COUNT_WORDS,
        empty=Text(en="0", id="0"),
    )


def add_list(page: Page, *conditions: str, width: int, height: int) -> None:
    """Which are open."""
    title = f"title_{page.language}"
    query = select(
        [call("last", title), call("last", "open")],
        INCIDENT,
        _LOOK_BACK,
        *conditions,
        by=["device", "kind", "area", "severity", "rule"],
    )
    made = panels.rows(
        [Target(query=query)],
        {
            "severity": (page.word(Text(en="Severity", id="Tingkat")), _SEVERITY),
            title: (page.word(Text(en="Incident", id="Insiden")), None),
            "area": (page.word(AREA), areas(page)),
            "device": (page.word(SENSOR), None),
        },
        language=page.language,
        keep=("open", 1),
        hidden=("kind",),
        links=[any_sensor(page)],
    )
    page.add(
        made,
        width=width,
        height=height,
        title=_TITLE,
        description=_COUNT_WORDS,
        empty=_NONE,
    )
