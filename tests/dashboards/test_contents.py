"""A dashboard's table of contents."""

from dashboards.contents import SHOWN_AS, rows
from tests.dashboards.boards import NAMES, boards, panels


def test_panels_stand_under_their_row() -> None:
    found = rows(boards("en")["air"])
    assert [str(panel) for panel in found[0].panels] == [
        "ISPU by kecamatan (number, 2h)",
        "Worst air (table, 2h)",
    ]
    assert found[0].title == "ISPU now"


def test_a_range_in_the_past_is_told() -> None:
    told = [str(panel) for row in rows(boards("en")["traffic"]) for panel in row.panels]
    assert "The week before (over time, 7d, 7d before)" in told


def test_a_folded_row_holds_its_panels() -> None:
    board = {
        "panels": [
            {"type": "stat", "title": "Above"},
            {"type": "row", "title": "Folded", "panels": [{"type": "table", "title": "Inside"}]},
            {"type": "row", "title": "Empty", "panels": []},
        ]
    }
    assert [(row.title, list(map(str, row.panels))) for row in rows(board)] == [
        ("", ["Above (number)"]),
        ("Folded", ["Inside (table)"]),
    ]


def test_no_panel_is_left_out() -> None:
    for name in NAMES:
        board = boards("en")[name]
        told = [panel.title for row in rows(board) for panel in row.panels]
        assert told == [panel["title"] for panel in panels(board)]
        assert {panel["type"] for panel in panels(board)} <= SHOWN_AS.keys()
