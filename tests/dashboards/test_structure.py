"""What holds for every dashboard, whatever the kinds."""

import re
from itertools import combinations
from typing import Any, Final

import pytest

from dashboards.build import build_dashboards
from dashboards.drawing import DOUBTFUL
from dashboards.links import UID_MAX, KindNameError
from dashboards.measurements import AIR_INDEX, COMPLETE, FIELDS, FLOOD_LEVEL, TRAFFIC_SERVICE
from dashboards.page import KIOSK_TAG, TAG
from dashboards.site import LANGUAGES, Language, Site
from devices.kind import Kind
from tests.dashboards.boards import (
    EVERY,
    NAMES,
    SITE,
    Asked,
    Json,
    asked,
    asked_beside,
    boards,
    duration,
    links,
    panels,
    variables,
)
from tests.dashboards.city import KINDS
from tests.devices.simulator.scene import CAR_PARKS

LONGEST_RAW: Final = "24h"
"""How far back readings of many devices may be read."""
SERIES: Final = {"timeseries", "state-timeline", "status-history"}


def test_uids_are_grafanas_and_come_once() -> None:
    uids = [board["uid"] for language in LANGUAGES for board in boards(language).values()]
    assert len(set(uids)) == len(uids)
    for uid in uids:
        assert re.fullmatch(rf"[a-zA-Z0-9_-]{{1,{UID_MAX}}}", uid), uid


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_have_the_same_panels_and_queries(name: str) -> None:
    def shape(language: Language) -> list[Any]:
        texts = r'"(title|kind)_(id|en)"'
        return [
            (
                panel["type"],
                panel["gridPos"],
                panel.get("interval"),
                panel.get("timeFrom"),
                panel.get("timeShift"),
                [
                    (one["refId"], re.sub(texts, r'"\1"', one["query"]))
                    for one in panel.get("targets", ())
                ],
            )
            for panel in boards(language)[name]["panels"]
        ]

    assert shape("id") == shape("en")


@pytest.mark.parametrize("name", NAMES)
def test_words_are_in_the_language(name: str) -> None:
    """Whole sentences in both languages would be a copy that nobody translated."""
    for panel_id, panel_en in zip(*(panels(boards(one)[name]) for one in LANGUAGES), strict=True):
        assert panel_id["description"] != panel_en["description"], panel_en["title"]
        empty = [one["fieldConfig"]["defaults"]["noValue"] for one in (panel_id, panel_en)]
        assert empty == ["0", "0"] or empty[0] != empty[1], panel_en["title"]


@pytest.mark.parametrize(("language", "name"), EVERY)
def test_panels_say_what_they_answer_and_why_they_are_empty(language: Language, name: str) -> None:
    board = boards(language)[name]
    assert board["title"]
    assert board["description"]
    for panel in panels(board):
        assert panel["title"]
        assert len(panel["description"]) > 15, panel["title"]
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["noValue"] == "0" or " " in defaults["noValue"], panel["title"]
        assert defaults.get("unit") or panel["type"] == "alertlist", panel["title"]


@pytest.mark.parametrize(("language", "name"), EVERY)
def test_panels_lie_beside_each_other(language: Language, name: str) -> None:
    board = boards(language)[name]
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in board["panels"]:
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
    for one, other in combinations(board["panels"], 2):
        assert not _overlap(one["gridPos"], other["gridPos"]), (one["title"], other["title"])


def _overlap(one: Json, other: Json) -> bool:
    return bool(
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )


@pytest.mark.parametrize(("language", "name"), EVERY)
def test_every_variable_is_used_and_every_used_one_is_defined(
    language: Language, name: str
) -> None:
    board = boards(language)[name]
    defined = variables(board).keys()
    queries = [one.query for one in (*asked(language, name), *asked_beside(language, name))]
    urls = [url for url, _ in links(board)]
    sources = [
        target["datasource"]["uid"]
        for panel in panels(board)
        for target in panel.get("targets", ())
    ]
    used: set[str] = set()
    for text in (*queries, *urls, *sources):
        used |= set(re.findall(r"\$\{(\w+)(?::\w+)?\}", text))
        used |= set(re.findall(r"\$(\w+)", text))
    used -= {"__url_time_range", "timeFilter", "__interval"}
    assert used == defined


@pytest.mark.parametrize("name", NAMES)
def test_variables_depend_on_those_before_them(name: str) -> None:
    seen: set[str] = set()
    for variable in boards("en")[name]["templating"]["list"]:
        used = (
            set(re.findall(r"\$\{(\w+):", variable["query"]))
            if variable["type"] == "query"
            else set()
        )
        assert used <= seen
        seen.add(variable["name"])


def reads_one_device(one: Asked) -> bool:
    return "\"device\" = '$device'" in one.query


@pytest.mark.parametrize("name", NAMES)
def test_long_ranges_read_roll_ups(name: str) -> None:
    """Where the reader may choose a month, no readings of many devices are behind the panel."""
    for one in asked("en", name):
        measurement = re.findall(r'FROM "(\w+)"', one.query)[0]
        of_minutes = {*KINDS, "flood_level", "traffic_service"}
        if measurement in of_minutes and not reads_one_device(one):
            assert one.panel.get("timeFrom"), str(one)
            assert one.length <= duration(LONGEST_RAW), str(one)
        rolled = measurement.rpartition("_")[2]
        if rolled in ("1h", "1d"):  # narrower groups would be holes between its points
            assert one.every == rolled or f"time({rolled})" in one.query, str(one)


@pytest.mark.parametrize("name", NAMES)
def test_only_believed_values_are_used(name: str) -> None:
    """Every query of readings says which flags it takes."""
    for one in asked("en", name):
        kind = KINDS.get(re.findall(r'FROM "(\w+)"', one.query)[0])
        if kind is None:
            continue
        for metric in re.findall(r'\("(\w+)"\)', one.query):
            if metric in kind.metrics:
                flags = (f'"{metric}_qc" <= 2', f'"{metric}_qc" >= 3')
                assert sum(flag in one.query for flag in flags) == 1, str(one)


@pytest.mark.parametrize("name", NAMES)
def test_suspect_values_are_drawn_differently(name: str) -> None:
    for panel in panels(boards("en")[name]):
        doubted = [one["refId"] for one in panel.get("targets", ()) if '_qc" >= 3' in one["query"]]
        if not doubted:
            continue
        (ref,) = doubted
        (drawn,) = (
            {one["id"]: one["value"] for one in override["properties"]}
            for override in panel["fieldConfig"]["overrides"]
            if override["matcher"] == {"id": "byFrameRefID", "options": ref}
        )
        assert drawn["color"] == {"mode": "fixed", "fixedColor": DOUBTFUL}
        assert drawn["custom.drawStyle"] == "points"


def test_what_is_suspect_has_a_colour_of_its_own() -> None:
    colours = {
        band.color.lower()
        for kind in KINDS.values()
        for metric in kind.metrics.values()
        for band in metric.drawing.bands
    }
    assert DOUBTFUL not in colours


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.id)
def test_every_metric_is_drawn_as_its_kind_says(kind: Kind) -> None:
    """With its suspect values, in the kind's unit, on the page of all and on that of one."""
    for name in (kind.id, f"sensor-{kind.id}"):
        found = {
            metric
            for metric in kind.metrics
            for panel in panels(boards("en")[name])
            if panel["type"] == "timeseries"
            and any(f'"{metric}_qc" >= 3' in one["query"] for one in panel["targets"])
        }
        assert found == set(kind.metrics)
    for metric in kind.metrics.values():
        for panel in panels(boards("en")[f"sensor-{kind.id}"]):
            if panel["title"] == metric.name.en and panel["type"] == "timeseries":
                steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
                bands = [band.color for band in metric.drawing.bands]
                assert bands in ([], [step["color"] for step in steps])


def test_a_kind_that_a_city_adds_has_its_dashboards() -> None:
    kind = CAR_PARKS.id
    for language in LANGUAGES:
        mine = boards(language)
        assert {kind, f"sensor-{kind}"} <= mine.keys()
        title = CAR_PARKS.name.en if language == "en" else CAR_PARKS.name.id
        assert mine[kind]["title"] == title
        wall = [url for url, _ in links(mine["city-wall"])]
        assert any(f"/d/{mine[kind]['uid']}?" in url for url in wall)
        chosen = variables(mine["hub-health"])["kind"]
        assert kind in [option["value"] for option in chosen["options"]]
        named = "".join(one.query for one in asked(language, "kecamatan"))
        assert f'FROM "{kind}"' in named


@pytest.mark.parametrize(("kind", "why"), [("city-wall", "hub's own"), ("a" * 32, "characters")])
def test_a_kind_whose_dashboards_would_collide(kind: str, why: str) -> None:
    renamed = CAR_PARKS.model_copy(update={"id": kind})
    with pytest.raises(KindNameError, match=why):
        build_dashboards(Site(kinds={**KINDS, kind: renamed}), "en")


@pytest.mark.parametrize(("language", "name"), EVERY)
def test_time_is_the_citys(language: Language, name: str) -> None:
    assert boards(language)[name]["timezone"] == SITE.zone
    for one in asked(language, name):
        by_day = one.every == "1d" or "time(1d)" in one.query
        assert ("tz('Asia/Jakarta')" in one.query) == by_day, str(one)


def test_another_citys_time_is_its_own() -> None:
    for board in build_dashboards(Site(zone="Asia/Jayapura"), "id").values():
        assert board["timezone"] == "Asia/Jayapura"
        for panel in panels(board):
            for target in panel.get("targets", ()):
                assert "Asia/Jakarta" not in target["query"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_tags_tell_what_is_ours_and_what_the_kiosk_shows(language: Language) -> None:
    for name, board in boards(language).items():
        assert {TAG, f"{TAG}-{language}"} <= set(board["tags"])
        assert (KIOSK_TAG in board["tags"]) == (name == "city-wall")


@pytest.mark.parametrize("measurement", [AIR_INDEX, FLOOD_LEVEL, TRAFFIC_SERVICE])
def test_no_field_is_declared_that_nobody_reads(measurement: str) -> None:
    read = "".join(
        one.query
        for language, name in EVERY
        for one in (*asked(language, name), *asked_beside(language, name))
        if f'"{measurement}"' in one.query
    )
    unread = {name for name in FIELDS[measurement] if f'"{name}"' not in read}
    assert not unread


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_so_any_more_is_left_out(name: str) -> None:
    """Late flags take values back: their fields stay in the store, beside a count or code of 0."""
    for one in asked("en", name):
        (measurement,) = re.findall(r'FROM "(\w+)"', one.query)
        asks = set(re.findall(r'"(\w+)"', one.query)) & set(FIELDS.get(measurement, ()))
        if measurement.endswith(("_1h", "_1d")):
            for metric in re.findall(r'\("(\w+)_(?:mean|sum|min|max)"\)', one.query):
                assert f'"{metric}_count" > 0' in one.query, str(one)
        if measurement == AIR_INDEX and asks:
            assert '_category" > 0' in one.query, str(one)
        if measurement == TRAFFIC_SERVICE and asks & {"flow", "saturation", "los"}:
            assert '"los" > 0' in one.query or COMPLETE in one.query, str(one)
