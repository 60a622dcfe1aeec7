"""The dashboards of the test city, opened up: panels, queries, links, variables."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, Final

from dashboards.build import build_dashboards
from dashboards.site import LANGUAGES, Language, Site
from devices.city import city_areas
from tests.dashboards.city import KINDS, ODD_AREA

Json = dict[str, Any]
SITE: Final = Site(kinds=KINDS, areas=[*city_areas("medan"), ODD_AREA])


@cache
def boards(language: Language) -> dict[str, Json]:
    """By name; with a kind that a city added."""
    return build_dashboards(SITE, language)


NAMES: Final = tuple(boards("en"))
EVERY: Final = [(language, name) for language in LANGUAGES for name in NAMES]
"""What tests of every dashboard are parametrized with."""


def panels(board: Json) -> Iterator[Json]:
    """All panels, also folded ones, without rows."""
    for panel in board["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


@dataclass(frozen=True)
class Asked:
    """One query, and where it stands; `panel` is empty where it is a variable's or a mark's."""

    board: str
    title: str
    query: str
    panel: Json
    length: timedelta
    """Of the time range, which ends `shift` before now."""
    shift: timedelta
    every: str
    """The interval of its groups, as narrow as Grafana makes it."""

    def __str__(self) -> str:
        return f"{self.board} · {self.title}"

    def uses(self, variable: str) -> bool:
        return f"${{{variable}:" in self.query or f"'${variable}'" in self.query

    @property
    def by(self) -> set[str]:
        """The tags that its rows are grouped by."""
        outer = re.sub(r"\(SELECT .*\)", "", self.query)
        return set(re.findall(r'"(\w+)"', outer.partition("GROUP BY")[2]))


def asked(language: Language, name: str) -> list[Asked]:
    """The queries of every target of every panel."""
    board = boards(language)[name]
    range_of = board["time"]["from"].removeprefix("now-")
    return [
        Asked(
            name,
            panel["title"],
            target["query"],
            panel,
            duration(panel.get("timeFrom") or range_of),
            duration(panel.get("timeShift") or "0h"),
            panel.get("interval") or "1m",
        )
        for panel in panels(board)
        for target in panel.get("targets", ())
    ]


def asked_beside(language: Language, name: str) -> list[Asked]:
    """The queries of variables and annotations."""
    board = boards(language)[name]
    beside = [
        (one["name"], one["query"]) for one in board["templating"]["list"] if one["type"] == "query"
    ]
    beside += [(one["name"], one["target"]["query"]) for one in board["annotations"]["list"]]
    day = timedelta(days=1)
    return [Asked(name, title, query, {}, day, timedelta(), "1m") for title, query in beside]


def duration(text: str) -> timedelta:
    """Of a number and a unit, as Grafana and InfluxQL write it."""
    found = re.fullmatch(r"(\d+)([mhd])", text)
    assert found, text
    return timedelta(minutes=int(found[1]) * {"m": 1, "h": 60, "d": 1440}[found[2]])


def variables(board: Json) -> dict[str, Json]:
    return {one["name"]: one for one in board["templating"]["list"]}


def links(board: Json) -> Iterator[tuple[str, Json | None]]:
    """The addresses of all links with their panel: above the dashboard, on values, in overrides."""
    yield from ((link["url"], None) for link in board["links"])
    for panel in panels(board):
        config = panel["fieldConfig"]
        yield from ((link["url"], panel) for link in config["defaults"].get("links", ()))
        for override in config["overrides"]:
            for one in override["properties"]:
                if one["id"] == "links":
                    yield from ((link["url"], panel) for link in one["value"])


def panel(language: Language, name: str, title: str, kind: str | None = None) -> Json:
    """The one panel of a dashboard with this title, and of this type."""
    (found,) = (
        one
        for one in panels(boards(language)[name])
        if one["title"] == title and kind in (None, one["type"])
    )
    return found


def query_of(name: str, title: str, ref: str | None = None, kind: str | None = None) -> Asked:
    """A query of the English dashboard by its panel's title; without `ref` the last one."""
    wanted = panel("en", name, title, kind)
    *_, query = (one["query"] for one in wanted["targets"] if ref in (None, one["refId"]))
    (found,) = (
        one for one in asked("en", name) if one.panel["id"] == wanted["id"] and one.query == query
    )
    return found
