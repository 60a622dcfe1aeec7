"""The shipped dashboards are what Grafana's own types allow; broken ones are not."""

import json
import tempfile
from collections.abc import Sequence
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import pytest

from dashboards.generated import SHIPPED
from tests.dashboards.schema.compiled import HERE, PANELS, Json, Problem, compiled
from tests.dashboards.schema.packages import installed

Version = Literal["oldest", "newest"]

VERSIONS: Final[tuple[Version, ...]] = ("oldest", "newest")
pytestmark = pytest.mark.timeout(600)  # the first test installs a compiler and runs it


class Break(NamedTuple):
    """What is put where, in the first panel of a plugin (or dashboard) that has the place."""

    plugin: str
    path: tuple[str | int, ...]
    value: object

    def __str__(self) -> str:
        return f"{self.plugin}: {'.'.join(map(str, self.path))} = {self.value!r}"


_DEFAULTS: Final = ("fieldConfig", "defaults")
_PROPERTY: Final = ("fieldConfig", "overrides", 0, "properties", 0)

WRONG: Final = (
    Break("dashboard", ("schemaVersion",), "37"),
    Break("dashboard", ("graphTooltip",), 3),
    Break("dashboard", ("tags",), "kotahub"),
    Break("dashboard", ("time", "from"), None),
    Break("dashboard", ("templating", "list", 0, "type"), "wish"),
    Break("dashboard", ("templating", "list", 0, "hide"), 9),
    Break("dashboard", ("templating", "list", 0, "refresh"), "often"),
    Break("dashboard", ("links", 0, "type"), "somewhere"),
    Break("dashboard", ("annotations", "list", 0, "enable"), "yes"),
    Break("dashboard", ("annotations", "list", 0, "target", "query"), 1),
    Break("row", ("collapsed",), "no"),
    Break("stat", ("gridPos", "w"), "4"),
    Break("stat", ("options", "colorMode"), "neon"),
    Break("stat", ("options", "orientation"), "sideways"),
    Break("stat", ("options", "reduceOptions", "calcs"), "lastNotNull"),
    Break("stat", (*_DEFAULTS, "thresholds", "mode"), "relative"),
    Break("stat", (*_DEFAULTS, "thresholds", "steps", 0, "color"), 7),
    Break("stat", (*_DEFAULTS, "color", "mode"), "rainbow"),
    Break("stat", (*_DEFAULTS, "mappings", 0, "type"), "magic"),
    Break("stat", ("targets", 0, "resultFormat"), "pie"),
    Break("stat", ("targets", 0, "query"), None),
    Break("bargauge", ("options", "displayMode"), "neon"),
    Break("geomap", ("options", "tooltip", "mode"), "shout"),
    Break("geomap", ("options", "layers", 0, "location", "mode"), "guess"),
    Break("geomap", ("options", "view", "zoom"), "near"),
    Break("state-timeline", ("options", "showValue"), "sometimes"),
    Break("state-timeline", (*_DEFAULTS, "custom", "fillOpacity"), "80"),
    Break("status-history", ("options", "legend", "displayMode"), "poem"),
    Break("status-history", ("options", "colWidth"), "wide"),
    Break("table", ("options", "cellHeight"), "tall"),
    Break("table", ("options", "showHeader"), 1),
    Break("table", (*_DEFAULTS, "custom", "align"), "middle"),
    Break("table", _PROPERTY, {"id": "custom.cellOptions", "value": {"type": "crayon"}}),
    Break("table", _PROPERTY, {"id": "unit", "value": 5}),
    Break("timeseries", ("options", "tooltip", "mode"), "all"),
    Break("timeseries", (*_DEFAULTS, "custom", "drawStyle"), "scribble"),
    Break("timeseries", (*_DEFAULTS, "custom", "stacking", "mode"), "pile"),
    Break("timeseries", (*_DEFAULTS, "custom", "thresholdsStyle", "mode"), "dotted"),
    Break("timeseries", _PROPERTY, {"id": "custom.drawStyle", "value": "scribble"}),
)
"""A value that the place does not take: refused by every version."""

UNKNOWN: Final = (
    Break("dashboard", ("kiosk",), 1),
    Break("dashboard", ("templating", "list", 0, "lable"), "Kecamatan"),
    Break("dashboard", ("annotations", "list", 0, "target", "text"), "title"),
    Break("row", ("folded",), 0),
    Break("stat", ("options", "sparkle"), 1),
    Break("stat", ("targets", 0, "rawSql"), "SELECT 1"),
    Break("bargauge", (*_DEFAULTS, "units"), "m"),
    Break("geomap", ("options", "controls", "showCompass"), 1),
    Break("table", ("options", "rows"), 5),
    Break("table", _PROPERTY, {"id": "custom.cellOption", "value": {"type": "auto"}}),
    Break("timeseries", (*_DEFAULTS, "custom", "lineColour"), "red"),
    Break("timeseries", ("timeform",), "6h"),
)
"""A member that there is not: refused by the newest version, to which all members are known."""


def shipped() -> dict[str, Json]:
    """The shipped dashboards by language and name."""
    return {
        f"{file.parent.name}-{file.stem}": json.loads(file.read_text(encoding="utf-8"))
        for file in sorted(SHIPPED.glob("*/*.json"))
    }


def broken(boards: Sequence[Json], how: Break) -> Json:
    """A dashboard that has this one fault, and no more than one panel.

    Raises:
        LookupError: no dashboard has the place.
    """
    for board in boards:
        for panel in [] if how.plugin == "dashboard" else board["panels"]:
            if panel["type"] == how.plugin and (changed := _changed(panel, how)) is not None:
                return {**board, "panels": [changed]}
        if how.plugin == "dashboard" and (changed := _changed(board, how)) is not None:
            return {**changed, "panels": []}
    raise LookupError(f"no dashboard can be broken so: {how}")


def _changed(thing: Json, how: Break) -> Json | None:
    """A copy with the fault, where all but the last step of the path leads somewhere."""
    made = deepcopy(thing)
    place: Any = made
    for step in how.path[:-1]:
        try:
            place = place[step]
        except (KeyError, IndexError, TypeError):
            return None
    last = how.path[-1]
    if isinstance(last, int) and len(place) <= last:
        return None
    place[last] = how.value
    return made


@cache
def problems(version: Version) -> dict[str, list[Problem]]:
    """What is wrong with each shipped dashboard, and with each broken one, by its name."""
    boards = shipped()
    english = [board for name, board in boards.items() if name.startswith("en-")]
    boards |= {str(number): broken(english, how) for number, how in enumerate(breaks(version))}
    with tempfile.TemporaryDirectory() as folder:
        found = compiled(
            boards,
            modules=installed(HERE / version),
            folder=Path(folder),
            exact=version == "newest",
        )
    return {name: [one for one in found if one.board == name] for name in boards}


def breaks(version: Version) -> tuple[Break, ...]:
    return WRONG if version == "oldest" else WRONG + UNKNOWN


@pytest.mark.parametrize("version", VERSIONS)
def test_the_shipped_dashboards_are_what_grafanas_types_allow(version: Version) -> None:
    found = problems(version)
    assert len(shipped()) > 20
    assert "\n".join(str(one) for name in shipped() for one in found[name]) == ""


@pytest.mark.parametrize(
    ("version", "name", "how"),
    [
        pytest.param(version, str(number), how, id=f"{version}-{how}")
        for version in VERSIONS
        for number, how in enumerate(breaks(version))
    ],
)
def test_a_broken_dashboard_is_refused(version: Version, name: str, how: Break) -> None:
    (problem,) = problems(version)[name]
    part = "dashboard" if how.plugin == "dashboard" else "panel '"
    assert problem.part.startswith(part)


def test_every_plugin_that_is_used_has_a_type_and_the_other_way_round() -> None:
    used = {panel["type"] for board in shipped().values() for panel in board["panels"]}
    assert used == set(PANELS)
