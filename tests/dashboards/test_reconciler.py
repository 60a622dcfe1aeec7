"""The reconciler against Grafana's rules: see the promises in `dashboards.reconciler`."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from dashboards.reconciler.errors import (
    GrafanaConflictError,
    PatchError,
)
from dashboards.reconciler.reconciler import Reconciler, hand_edits, undoing
from tests.dashboards.grafana import StandIn, show
from tests.dashboards.small import (
    FLOOD,
    INFLUX_TOKEN,
    WALL,
    Session,
    generate,
    model,
    names,
    write,
)

VERSIONS = ((9, 3, 2), (10, 4, 0), (11, 2, 0), (12, 4, 0), (13, 1, 0))


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with StandIn() as stand_in:
        yield Session(stand_in, generate(tmp_path / "generated"), tmp_path / "patches")


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_the_second_time_there_is_nothing_to_do(session: Session, version: tuple[int, ...]) -> None:
    session.stand_in.stop()
    session.stand_in.version = version
    session.stand_in.start()
    session.contact = "https://hook.example/key-in-the-address"
    assert session.apply() == []
    assert [step.action for step in session.done] == ["create"] * 15
    assert session.plan() == []
    session.stand_in.calls.clear()
    assert session.apply() == []
    assert session.stand_in.writes == []


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_what_changes_in_the_declaration_is_brought_there(
    session: Session, version: tuple[int, ...]
) -> None:
    session.stand_in.stop()
    session.stand_in.version = version
    session.stand_in.start()
    session.apply()
    changed = model(WALL, "Wall en", kiosk=True)
    changed["panels"][0]["title"] = "Depth"
    write(session.generated, "en", changed)
    write(session.generated, "en", model(FLOOD, "Flood en", kiosk=True))
    steps = [step for step in session.plan() if step.kind != "library panel"]
    assert names(steps) == [
        ("update", "dashboard", FLOOD),
        ("update", "dashboard", WALL),
        ("update", "playlist", "kotahub-en"),
    ]
    assert '~ model.panels[Level].title: "Level" → "Depth"' in steps[1].lines
    assert session.apply() == []
    assert session.stand_in.dashboards[WALL]["model"]["panels"][0]["title"] == "Depth"
    assert session.plan() == []


def test_what_nobody_declares_any_more_goes_and_nothing_else(session: Session) -> None:
    session.contact = "mailto:room@city.example"
    session.apply()
    state = session.stand_in
    state._store(model("own-board", "Own"), "", "", "ani")
    state._store({**model("kotahub-untagged", "Untagged"), "tags": []}, "", "", "ani")
    state.data_sources["kotahub-other"] = {
        **state.data_sources["kotahub-influxdb"],
        "uid": "kotahub-other",
        "name": "another",
        "jsonData": {},
    }
    panels = [
        one
        for one in session.state()
        if one.kind == "library panel" and one.body["folder"] == "kotahub-en"
    ]
    state.folders["kotahub-other"] = {"uid": "kotahub-other", "title": "Other", "version": 1}
    (session.generated / "id" / "kotahub-flood-id.json").unlink()
    for path in (session.generated / "en").iterdir():
        path.unlink()
    session.contact = None
    assert names(session.plan()) == [
        ("delete", "notification policy", "kotahub-route"),
        ("delete", "contact point", "kotahub-contact"),
        ("delete", "playlist", "kotahub-en"),
        *(("delete", "dashboard", uid) for uid in ("kotahub-flood-id", FLOOD, WALL)),
        *(("delete", "library panel", one.uid) for one in panels),
        ("delete", "folder", "kotahub-en"),
    ]
    assert session.apply() == []
    assert set(state.dashboards) == {"kotahub-wall-id", "own-board", "kotahub-untagged"}
    assert set(state.data_sources) == {"kotahub-influxdb", "kotahub-other"}
    assert set(state.folders) == {"kotahub-id", "kotahub-other"}
    assert state.contacts == []
    assert state.policy["routes"] == []
    assert session.plan() == []


def test_a_folder_in_which_others_keep_something_stays(session: Session) -> None:
    session.apply()
    session.stand_in._store(model("own-board", "Own"), "kotahub-en", "", "ani")
    for path in (session.generated / "en").iterdir():
        path.unlink()
    left = session.apply()
    assert names(left) == [("locked", "folder", "kotahub-en")]
    assert "Own" in left[0].why
    assert "own-board" in session.stand_in.dashboards


def test_routes_of_others_stay_as_they_are(session: Session) -> None:
    water = [["team", "=", "water"]]
    other = {"receiver": "grafana-default-email", "object_matchers": water}
    to_us = {"receiver": "kotahub", "object_matchers": water}
    session.contact = "mailto:room@city.example"
    session.stand_in.policy["routes"] = [other]
    session.apply()
    assert session.stand_in.policy["routes"][1:] == [other]
    session.stand_in.policy["routes"].append(to_us)
    session.contact = "mailto:other@city.example"
    assert session.apply() == []
    assert session.stand_in.policy["routes"][1:] == [other, to_us]
    session.stand_in.policy["routes"].remove(to_us)
    session.contact = None
    session.apply()
    assert session.stand_in.policy["routes"] == [other]


def test_a_contact_point_that_others_use_stays(session: Session) -> None:
    session.contact = "mailto:room@city.example"
    session.apply()
    water = {"receiver": "kotahub", "object_matchers": [["team", "=", "water"]]}
    theirs = {"receiver": "grafana-default-email", "routes": [water]}
    session.stand_in.policy["routes"].append(theirs)
    session.contact = None
    left = session.apply()
    assert names(left) == [("locked", "contact point", "kotahub-contact")]
    assert "routes of their own" in left[0].why
    assert session.stand_in.policy["routes"] == [theirs]
    session.stand_in.policy["routes"] = []
    assert session.apply() == []
    assert session.stand_in.contacts == []


def test_a_grafana_that_was_brought_up_from_9_keeps_where_its_alerting_is_from(
    session: Session,
) -> None:
    session.stand_in.stop()
    session.stand_in.version = (9, 3, 2)
    session.stand_in.start()
    session.contact = "mailto:room@city.example"
    session.apply()
    session.stand_in.version = (11, 2, 0)
    session.contact = "mailto:other@city.example"
    session.stand_in.policy["routes"] = []
    assert session.apply() == []
    assert {one["provenance"] for one in session.stand_in.contacts} == {"api"}
    assert session.plan() == []


# -- edits by hand


def retitle(board: dict[str, object]) -> None:
    board["title"] = "My wall"
    board["description"] = "made by hand"


def test_a_hand_edit_is_found_and_left_alone(session: Session) -> None:
    session.apply()
    session.stand_in.save_by_hand(WALL, retitle)
    left = session.apply()
    assert names(left) == [("edited", "dashboard", WALL)]
    assert "by ani" in left[0].why
    assert set(left[0].lines) == {
        '~ model.title: "My wall" → "Wall en"',
        '- model.description: "made by hand"',
    }
    assert session.stand_in.dashboards[WALL]["model"]["title"] == "My wall"


def test_a_hand_edit_that_took_the_tag_away_is_one_of_a_dashboard_of_the_hub(
    session: Session,
) -> None:
    session.apply()
    session.stand_in.save_by_hand(WALL, lambda board: board.update(tags=["mine"]))
    assert names(session.plan()) == [("edited", "dashboard", WALL)]


def test_a_hand_edit_survives_a_changed_declaration(session: Session) -> None:
    session.apply()
    session.stand_in.save_by_hand(WALL, retitle)
    write(session.generated, "en", {**model(WALL, "Wall en", kiosk=True), "refresh": "1m"})
    assert names(session.apply()) == [("edited", "dashboard", WALL)]
    assert session.stand_in.dashboards[WALL]["model"]["title"] == "My wall"


@pytest.mark.parametrize("version", [(9, 3, 2), (13, 1, 0)], ids=str)
def test_a_kept_edit_belongs_to_what_is_declared(
    session: Session, version: tuple[int, ...]
) -> None:
    session.stand_in.stop()
    session.stand_in.version = version
    session.stand_in.start()
    session.apply()
    session.stand_in.save_by_hand(WALL, retitle)
    session.stand_in.folders["kotahub-en"]["title"] = "Our city"
    keep_all(session)
    assert session.plan() == []
    write(session.generated, "en", {**model(WALL, "Wall en", kiosk=True), "refresh": "1m"})
    assert names(session.plan()) == [("edited", "dashboard", WALL)]
    undo_all(session)
    held = session.stand_in.dashboards[WALL]["model"]
    assert (held["title"], held["refresh"]) == ("My wall", "1m")
    assert session.stand_in.folders["kotahub-en"]["title"] == "Our city"
    assert session.plan() == []


def keep_all(session: Session) -> None:
    bases = {(one.kind, one.uid): one for one in session.state(with_kept=False)}

    async def work(reconciler: Reconciler) -> None:
        for step in hand_edits(await reconciler.plan()):
            assert reconciler.keep(step, bases[step.kind, step.uid], session.patches)

    session.run(work)


def undo_all(session: Session) -> None:
    async def work(reconciler: Reconciler) -> None:
        steps = [undoing(step) for step in hand_edits(await reconciler.plan())]
        assert await reconciler.apply(steps) == []

    session.run(work)


def test_a_second_edit_of_a_kept_one_is_kept_whole(session: Session) -> None:
    session.apply()
    for title in ("My wall", "Our wall"):
        session.stand_in.save_by_hand(WALL, partial(dict.update, title=title))
        keep_all(session)
        assert session.plan() == []
    (patch,) = session.patches.iterdir()
    assert [step["op"] for step in json.loads(patch.read_text())] == ["test", "replace"]


def test_a_kept_edit_that_fits_no_more_is_told(session: Session) -> None:
    session.apply()
    session.stand_in.save_by_hand(WALL, retitle)
    keep_all(session)
    write(session.generated, "en", model(WALL, "Wall of the city", kiosk=True))
    with pytest.raises(PatchError, match="/model/title is not"):
        session.plan()


def test_undone_edits_and_moves(session: Session) -> None:
    session.apply()
    session.stand_in.save_by_hand(WALL, retitle)
    session.stand_in.dashboards[FLOOD]["folder"] = ""
    session.stand_in.folders["kotahub-id"] |= {"title": "Ours", "version": 7}
    assert names(hand_edits(session.plan())) == [
        ("edited", "folder", "kotahub-id"),
        ("edited", "dashboard", FLOOD),
        ("edited", "dashboard", WALL),
    ]
    undo_all(session)
    assert session.plan() == []
    assert session.stand_in.folders["kotahub-id"]["title"] == "Kota"
    assert session.stand_in.dashboards[FLOOD]["folder"] == "kotahub-en"


def test_an_edited_dashboard_that_nobody_declares_is_not_deleted(session: Session) -> None:
    session.apply()
    session.stand_in.save_by_hand(FLOOD, retitle)
    (session.generated / "en" / f"{FLOOD}.json").unlink()
    assert names(session.apply()) == [("edited", "dashboard", FLOOD)]
    undo_all(session)
    assert FLOOD not in session.stand_in.dashboards


# -- what somebody else did


def test_a_data_source_with_another_uid_is_taken_as_it_is(session: Session) -> None:
    session.apply()
    state = session.stand_in
    state.data_sources["P5E"] = {**state.data_sources.pop("kotahub-influxdb"), "uid": "P5E"}
    assert session.apply() == []
    panel = state.dashboards[WALL]["model"]["panels"][0]
    assert panel["datasource"]["uid"] == "P5E"
    assert set(state.data_sources) == {"P5E"}
    assert session.plan() == []
    state.save_by_hand(WALL, retitle)
    keep_all(session)
    assert "P5E" not in next(session.patches.iterdir()).read_text()
    assert session.plan() == []


def test_a_uid_that_a_stranger_has_is_left_to_people(session: Session) -> None:
    session.stand_in._store({**model(WALL, "Theirs"), "tags": []}, "", "", "ani")
    left = session.apply()
    assert names(left) == [("taken", "dashboard", WALL)]
    assert "'Theirs' has this uid" in left[0].why
    assert session.stand_in.dashboards[WALL]["model"]["title"] == "Theirs"
    assert len(session.stand_in.dashboards) == 4


def test_what_comes_from_a_file_is_left_to_it(session: Session) -> None:
    session.apply()
    session.stand_in.dashboards[WALL]["provisioned"] = True
    session.stand_in.data_sources["kotahub-influxdb"]["readOnly"] = True
    assert session.plan() == []
    write(session.generated, "en", model(WALL, "New", kiosk=True))
    session.influx = replace(session.influx, database="other")
    assert names(session.apply()) == [
        ("locked", "data source", "kotahub-influxdb"),
        ("locked", "dashboard", WALL),
    ]


@pytest.mark.parametrize("version", [(12, 4, 0), (13, 1, 0)], ids=str)
def test_a_dashboard_in_the_newer_schema_is_a_hand_edit(
    session: Session, version: tuple[int, ...]
) -> None:
    session.stand_in.stop()
    session.stand_in.version = version
    session.stand_in.start()
    session.apply()
    session.stand_in.save_by_hand(WALL, retitle)
    session.stand_in.dashboards[WALL]["schema"] = "v2"
    assert names(session.plan()) == [("edited", "dashboard", WALL)]
    undo_all(session)
    assert session.stand_in.dashboards[WALL]["model"]["title"] == "Wall en"


def test_somebody_is_quicker_with_a_dashboard(session: Session) -> None:
    session.apply()
    state = session.stand_in
    write(session.generated, "en", model(WALL, "New", kiosk=True))
    edit = lambda: state.save_by_hand(WALL, retitle)  # noqa: E731
    state.break_next("POST", "/api/dashboards/db", status=0, before=edit)
    assert names(session.apply()) == [("edited", "dashboard", WALL)]
    assert state.dashboards[WALL]["model"]["title"] == "My wall"


def test_somebody_is_quicker_with_the_data_source(session: Session) -> None:
    session.apply()
    held = session.stand_in.data_sources["kotahub-influxdb"]
    session.influx = replace(session.influx, database="other")
    edit = lambda: held.update(version=9, url="http://theirs")  # noqa: E731
    session.stand_in.break_next("PUT", "/api/datasources", status=0, before=edit)
    assert session.apply() == []
    held = session.stand_in.data_sources["kotahub-influxdb"]
    assert (held["url"], held["database"], held["version"]) == ("http://influxdb:8086", "other", 10)
    assert session.plan() == []


def test_a_renamed_folder_is_found_and_left_alone(session: Session) -> None:
    session.apply()
    session.stand_in.folders["kotahub-en"] |= {"title": "Ours", "version": 9}
    assert names(session.apply()) == [("edited", "folder", "kotahub-en")]
    write(session.generated, "en", model(WALL, "New", kiosk=True))
    assert names(session.apply()) == [("edited", "folder", "kotahub-en")]
    assert session.stand_in.dashboards[WALL]["model"]["title"] == "New"
    assert session.stand_in.folders["kotahub-en"]["title"] == "Ours"


def test_a_data_source_of_another_kind_with_the_uid_is_left_to_people(session: Session) -> None:
    session.stand_in.data_sources["kotahub-influxdb"] = theirs = {
        "uid": "kotahub-influxdb",
        "name": "Theirs",
        "type": "postgres",
        "access": "proxy",
        "url": "x",
        "version": 1,
    }
    left = session.apply()
    assert names(left) == [("taken", "data source", "kotahub-influxdb")]
    assert "'Theirs' has this uid" in left[0].why
    assert session.stand_in.data_sources["kotahub-influxdb"] == theirs


def test_a_name_that_is_taken_is_told(session: Session) -> None:
    session.stand_in.data_sources["x"] = {"uid": "x", "name": "kotahub", "type": "postgres"}
    with pytest.raises(GrafanaConflictError, match="same name already exists"):
        session.apply()


# -- secrets


def test_no_secret_is_shown(session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    session.contact = "https://hook.example/key-in-the-address"
    session.apply()
    assert session.stand_in.secrets["kotahub-influxdb"] == {
        "httpHeaderValue1": f"Token {INFLUX_TOKEN}"
    }
    session.influx = replace(session.influx, token="another-token")
    session.contact = "https://hook.example/another-key"
    steps = session.plan()
    assert [step.kind for step in steps] == ["data source", "contact point"]
    assert steps[0].lines[0].startswith("~ jsonData.kotahub:")
    said = repr(steps) + repr([step.lines for step in steps]) + show(session.stand_in)
    assert INFLUX_TOKEN not in said
    assert "another-token" not in said
    assert not any("key" in line for step in steps for line in step.lines)
    assert session.apply() == []
    assert "another-token" in session.stand_in.secrets["kotahub-influxdb"]["httpHeaderValue1"]
    assert capsys.readouterr() == ("", "")
