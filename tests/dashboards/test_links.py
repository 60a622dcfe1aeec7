"""Every link leads somewhere, and takes along what is asked for there."""

import re
from typing import Final
from urllib.parse import parse_qsl

import pytest

from dashboards.links import uid
from dashboards.site import Language
from tests.dashboards.boards import EVERY, NAMES, Json, boards, links, panels, variables
from tests.dashboards.city import KINDS

BUILT_IN: Final = {"__url_time_range"}
_VARIABLE: Final = re.compile(r"\$\{([^}:]+)(?::[a-z]+)?\}")


def targets(url: str) -> list[str]:
    """The uids that a link may lead to; a field of a row stands for each kind."""
    path = url.partition("?")[0].removeprefix("/d/")
    if "${" not in path:
        return [path]
    assert path.count("${") == 1
    return [_VARIABLE.sub(kind, path) for kind in KINDS]


def columns(panel: Json) -> set[str]:
    """The names that a row's fields have when links are made."""
    found: set[str] = set()
    for step in panel["transformations"]:
        if step["id"] == "filterFieldsByName":
            found = set(step["options"]["include"]["names"])
        if step["id"] == "organize":
            renamed = step["options"]["renameByName"]
            found = {renamed.get(name, name) for name in found}
    return found


@pytest.mark.parametrize(("language", "name"), EVERY)
def test_links_lead_to_dashboards_in_the_same_language(language: Language, name: str) -> None:
    by_uid = {board["uid"]: board for board in boards(language).values()}
    inside = [url for url, _ in links(boards(language)[name]) if not url.startswith("${hub}/")]
    assert inside
    for url in inside:
        assert url.startswith("/d/"), url
        given = {key.removeprefix("var-") for key, _ in parse_qsl(_plain(url)) if "var-" in key}
        given |= set(re.findall(r"\$\{(\w+):queryparam\}", url))
        assert "datasource" in given, url
        for target in targets(url):
            assert target in by_uid, url
            assert given <= variables(by_uid[target]).keys(), url


def _plain(url: str) -> str:
    return url.partition("?")[2].replace("${__url_time_range}", "from=now-6h&to=now")


@pytest.mark.parametrize(("language", "name"), EVERY)
def test_links_name_what_their_panel_has(language: Language, name: str) -> None:
    board = boards(language)[name]
    known = variables(board).keys() | BUILT_IN
    for url, panel in links(board):
        for named in _VARIABLE.findall(url):
            if found := re.fullmatch(r"__data\.fields\[(.+)\]", named):
                assert panel is not None
                assert found[1] in columns(panel), (panel["title"], url)
            elif found := re.fullmatch(r"__field\.labels\.(\w+)", named):
                assert panel is not None
                for target in panel["targets"]:
                    assert f'"{found[1]}"' in target["query"].partition("GROUP BY")[2], url
            else:
                assert named in known, url


def test_there_is_a_way_from_everywhere_to_everywhere() -> None:
    for language in ("id", "en"):
        ways = {
            name: {
                target
                for url, _ in links(board)
                if url.startswith("/d/")
                for target in targets(url)
            }
            for name, board in boards(language).items()
        }
        every = {uid(name, language) for name in NAMES}
        for name in NAMES:
            reached, fresh = set[str](), {uid(name, language)}
            while fresh:
                reached |= fresh
                fresh = {
                    way for one in ways if uid(one, language) in fresh for way in ways[one] & every
                } - reached
            assert reached == every, name


@pytest.mark.parametrize("name", [one for one in NAMES if one.startswith("sensor-")])
def test_a_sensor_leads_to_its_console_page(name: str) -> None:
    found = [url for url, _ in links(boards("en")[name]) if url.startswith("${hub}/")]
    assert found == ["${hub}/console/devices/${device}"]


@pytest.mark.parametrize("name", NAMES)
def test_tables_and_maps_lead_to_the_sensor(name: str) -> None:
    for panel in panels(boards("en")[name]):
        if panel["type"] in ("table", "geomap"):
            assert any(found is panel for _, found in links(boards("en")[name])), panel["title"]
