"""What stands on a dashboard, for its readers' table of contents."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from dashboards.page import Json

SHOWN_AS: Final = {
    "alertlist": "list",
    "bargauge": "bars",
    "geomap": "map",
    "stat": "number",
    "state-timeline": "ribbon",
    "status-history": "heat map",
    "table": "table",
    "timeseries": "over time",
}
"""Grafana's panels in a word."""


class Shown(NamedTuple):
    """A panel: its title, how it shows numbers, and its own time range where it has one."""

    title: str
    as_what: str
    span: str | None

    def __str__(self) -> str:
        span = f", {self.span}" if self.span else ""
        return f"{self.title} ({self.as_what}{span})"


class Row(NamedTuple):
    """Panels under one heading; the first row of some dashboards has none."""

    title: str
    panels: list[Shown]


def rows(board: Json) -> list[Row]:
    """The rows of a dashboard, from top to bottom."""
    found = [Row("", [])]
    for panel in board["panels"]:
        if panel["type"] == "row":
            found.append(Row(panel["title"], list(_shown(panel["panels"]))))
        else:
            found[-1].panels.extend(_shown([panel]))
    return [row for row in found if row.panels]


def _shown(panels: list[Json]) -> Iterator[Shown]:
    for panel in panels:
        span, shift = panel.get("timeFrom"), panel.get("timeShift")
        before = f", {shift} before" if shift else ""
        yield Shown(panel["title"], SHOWN_AS[panel["type"]], f"{span}{before}" if span else None)
