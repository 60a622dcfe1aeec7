"""A page: one dashboard in one language, while it is put together."""

import json
from collections.abc import Sequence
from typing import Any, Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard
from grafana_foundation_sdk.models.common import GraphFieldConfig

from dashboards import variables
from dashboards.influxql import DATASOURCE, IN_AREA, TIME, AnnotationTarget
from dashboards.links import uid
from dashboards.measurements import INCIDENT
from dashboards.site import Language, Site, word
from devices.kind import Text

Json = dict[str, Any]
"""A dashboard as Grafana reads it."""

SCHEMA_VERSION: Final = 37
"""Grafana 9.3's; later ones migrate it when they open it."""
TAG: Final = "kotahub"
KIOSK_TAG: Final = "kotahub-kiosk"
WIDTH: Final = 24
_ROOM_FOR_RANGE: Final = 6
_HOUR_MS: Final = 3_600_000
_GAPS_MS: Final = {"1h": 6 * _HOUR_MS, "1d": 72 * _HOUR_MS}
"""How far apart two values are that no line joins, by the width of their groups."""
_GAP_MS: Final = 3 * _HOUR_MS
"""The same of narrower ones: more than groups are wide over a month."""
_INCIDENTS: Final = Text(en="Incidents", id="Insiden")

NOTHING: Final = Text(
    en="No readings: no sensor of this kind has reported here in this time, or quality control "
    "has found fault with all of its values",
    id="Tidak ada bacaan: tidak ada sensor jenis ini yang melapor di sini pada waktu ini, atau "
    "semua nilainya diragukan oleh kendali mutu",
)
"""Why a panel of readings is empty."""
NOT_COMPUTED: Final = Text(
    en="Not computed: too few readings in the hours that it needs, or no thresholds are set",
    id="Belum dihitung: bacaan pada jam yang diperlukan kurang, atau ambang belum ditetapkan",
)
"""Why a panel of an index is empty."""
NO_HUB: Final = Text(
    en="The hub has written nothing about itself in this time: is it running?",
    id="Hub tidak menulis apa pun tentang dirinya pada waktu ini: apakah berjalan?",
)
"""Why a panel about the hub is empty."""


class Page:
    """Takes variables and panels, from left to right and top to bottom.

    Args:
        name: what the uid says; the same in every language.
        since: begin of the time range, as Grafana writes it.
        refresh: how often it is read again.
        kiosk: whether wall screens show it in turn with others.
        incidents: which incidents are marked, beside that they are of the chosen areas.
    """

    def __init__(
        self,
        name: str,
        *,
        title: Text,
        description: Text,
        site: Site,
        language: Language,
        since: str = "now-24h",
        refresh: str = "1m",
        kiosk: bool = False,
        incidents: Sequence[str] = (),
    ) -> None:
        self.site = site
        self.language: Language = language
        self.name = name
        self.links: list[dashboard.DashboardLink] = []
        self._title, self._description = title, description
        self._since, self._refresh = since, refresh
        self._of_incidents = incidents
        self._tags = [TAG, f"{TAG}-{language}", *([KIOSK_TAG] if kiosk else [])]
        self._variables = [variables.datasource(language)]
        self._panels: list[dashboard.Panel | dashboard.RowPanel] = []
        self._folded: dashboard.RowPanel | None = None
        self._x = self._y = self._tallest = self._count = 0
        self._before = dashboard.GridPos(h=0, w=0, x=0, y=0)

    def word(self, text: Text) -> str:
        return word(text, self.language)

    def choose(self, *chosen: dashboard.VariableModel) -> None:
        """Adds variables; each may depend on those before it."""
        self._variables += chosen

    def row(self, title: Text, *, folded: bool = False) -> None:
        """Begins a titled row; a folded one is opened by the reader, and reads nothing before."""
        self._break()
        made = dashboard.RowPanel(
            title=self.word(title),
            collapsed=folded,
            id_val=self._next_id(),
            grid_pos=dashboard.GridPos(h=1, w=WIDTH, x=0, y=self._y),
        )
        self._y += 1
        self._panels.append(made)
        self._folded = made if folded else None

    def add(
        self,
        made: dashboard.Panel,
        *,
        width: int,
        height: int,
        title: Text | str,
        description: Text,
        empty: Text = NOTHING,
        least: str | None = None,
        last: str | None = None,
        shift: str | None = None,
        below: bool = False,
    ) -> None:
        """Places a panel after the one before.

        Args:
            made: the panel.
            width: of `WIDTH` columns.
            height: in Grafana's rows of 30 pixels.
            title: what it answers.
            description: how to read it, in a sentence or two.
            empty: why there may be nothing to see.
            least: narrowest time group, where the data has no more than that.
            last: time range of its own, back from now.
            shift: moves its range back.
            below: under the panel before, not beside it.
        """
        if below:
            x, y = self._before.x, self._before.y + self._before.h
        else:
            if self._x + width > WIDTH:
                self._break()
            x, y = self._x, self._y
            self._x += width
        made.id_val = self._next_id()
        made.title = title if isinstance(title, str) else self.word(title)
        made.description = self.word(description)
        made.datasource = DATASOURCE
        made.grid_pos = self._before = dashboard.GridPos(h=height, w=width, x=x, y=y)
        made.interval, made.time_from, made.time_shift = least, last, shift
        # Grafana writes a panel's own range over its title where both do not fit.
        made.hide_time_override = True if last is not None and width < _ROOM_FOR_RANGE else None
        if made.field_config is not None:
            made.field_config.defaults.no_value = self.word(empty)
            if isinstance(drawn := made.field_config.defaults.custom, GraphFieldConfig):
                drawn.insert_nulls = _GAPS_MS.get(least or "", _GAP_MS)
        self._tallest = max(self._tallest, y + height - self._y)
        if self._folded is not None:
            self._folded.panels.append(made)
        else:
            self._panels.append(made)

    def build(self) -> Json:
        """The dashboard as JSON."""
        model = dashboard.Dashboard(
            uid=uid(self.name, self.language),
            title=self.word(self._title),
            description=self.word(self._description),
            tags=self._tags,
            timezone=self.site.zone,
            editable=True,
            graph_tooltip=dashboard.DashboardCursorSync.CROSSHAIR,
            time=dashboard.DashboardDashboardTime(from_val=self._since, to="now"),
            timepicker=dashboard.TimePickerConfig(
                refresh_intervals=["10s", "30s", "1m", "5m", "15m", "1h"]
            ),
            refresh=self._refresh,
            schema_version=SCHEMA_VERSION,
            week_start="monday",
            panels=self._panels,
            templating=dashboard.DashboardDashboardTemplating(list_val=self._variables),
            annotations=dashboard.AnnotationContainer(list_val=[self._incidents()]),
            links=self.links,
        )
        # Through text, so that what is compared is what is written.
        plain: Json = json.loads(json.dumps(model, cls=JSONEncoder))
        return plain

    def _incidents(self) -> dashboard.AnnotationQuery:
        conditions = [TIME, *self._of_incidents]
        if any(variable.name == "area" for variable in self._variables):
            conditions.append(IN_AREA)
        conditions.append('"open" = 1')
        title = f"title_{self.language}"
        # Not through `select`: a tag beside a field is not a function of one.
        query = (
            f'SELECT "{title}", "severity", "rule" FROM "{INCIDENT}" '  # noqa: S608 - constants
            f"WHERE {' AND '.join(conditions)}"
        )
        return dashboard.AnnotationQuery(
            name=self.word(_INCIDENTS),
            datasource=DATASOURCE,
            enable=True,
            hide=False,
            icon_color="red",
            target=AnnotationTarget(query=query, text=title, tags="severity,rule"),
        )

    def _break(self) -> None:
        self._y += self._tallest
        self._x = self._tallest = 0

    def _next_id(self) -> int:
        self._count += 1
        return self._count
