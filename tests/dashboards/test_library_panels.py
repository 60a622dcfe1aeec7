"""Library panels: the wall's, for dashboards that people make of their own."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboards.reconciler.declared import DATA_SOURCE_UID, declared
from dashboards.reconciler.reconciler import Reconciler, hand_edits, undoing
from dashboards.reconciler.resource import Resource
from tests.dashboards.grafana import StandIn
from tests.dashboards.small import INFLUX, WALL, Session, generate, model, names, write


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with StandIn() as stand_in:
        yield Session(stand_in, generate(tmp_path / "generated"), tmp_path / "patches")


def panels(generated: Path) -> list[Resource]:
    state = declared(INFLUX, generated=generated)
    return [one for one in state if one.kind == "library panel"]


def level(session: Session) -> Resource:
    """The wall's panel of the level, in English."""
    return next(one for one in panels(session.generated) if one.title == "Level" and in_en(one))


def in_en(panel: Resource) -> bool:
    return bool(panel.body["folder"] == "kotahub-en")


def wall(*changed: dict[str, Any], **members: object) -> dict[str, Any]:
    return {**model(WALL, "Wall en", kiosk=True), "panels": list(changed), **members}


def test_every_panel_of_the_shipped_walls_is_one() -> None:
    found = [one for one in declared(INFLUX) if one.kind == "library panel"]
    boards = [
        one.body["model"]
        for one in declared(INFLUX)
        if one.kind == "dashboard" and "kotahub-kiosk" in one.body["model"]["tags"]
    ]
    assert len(found) == sum(len(board["panels"]) for board in boards) >= 22
    for one in found:
        text = json.dumps(one.body["model"])
        assert DATA_SOURCE_UID in text
        assert "${datasource" not in text
        assert len(one.uid) <= 40


def test_a_panel_that_needs_a_variable_is_none(tmp_path: Path) -> None:
    variables = [{"name": "datasource", "type": "datasource"}, {"name": "area", "type": "custom"}]
    bare = {"type": "stat", "title": "Bare", "datasource": {"uid": "${datasource}"}}
    link = {**bare, "title": "Link", "url": "/d/x?a=1&var-datasource=${datasource}&b=2"}
    board = wall(
        bare,
        link,
        {**bare, "title": "By area", "query": "… =~ /^${area:regex}$/"},
        {**bare, "title": "By area too", "query": "$area"},
        {**bare, "title": "Of areas", "query": "$areas and $__interval"},
        {**bare, "title": "Named", "description": "${datasource:text}"},
        {"type": "row", "title": "A row"},
        {**bare, "title": ""},
        templating={"list": variables},
    )
    write(tmp_path, "en", board)
    found = {one.title: one.body["model"] for one in panels(tmp_path)}
    assert set(found) == {"Bare", "Link", "Of areas"}
    assert found["Bare"]["datasource"] == {"uid": DATA_SOURCE_UID}
    assert found["Link"]["url"] == "/d/x?a=1&b=2"


def test_a_name_comes_once_in_a_folder(tmp_path: Path) -> None:
    write(tmp_path, "en", wall({"type": "stat", "title": "X"}, {"type": "table", "title": "X"}))
    assert {one.title for one in panels(tmp_path)} == {"X (stat)", "X (table)"}


def test_a_panel_that_moves_stays_itself(tmp_path: Path) -> None:
    one, other = {"type": "stat", "title": "A", "id": 1}, {"type": "stat", "title": "B", "id": 2}
    write(tmp_path, "en", wall(one, other))
    before = panels(tmp_path)
    write(tmp_path, "en", wall({**other, "id": 1}, {**one, "id": 2}))
    assert {two.uid: two.digest for two in before} == {
        two.uid: two.digest for two in panels(tmp_path)
    }


def test_a_changed_declaration_goes_there_and_a_hand_edit_does_not_go(session: Session) -> None:
    session.apply()
    uid = level(session).uid
    changed = model(WALL, "Wall en", kiosk=True)
    changed["panels"][0]["type"] = "stat"
    write(session.generated, "en", changed)
    assert session.apply() == []
    assert session.stand_in.library_panels[uid]["model"]["type"] == "stat"
    session.stand_in.edit_panel_by_hand(uid, {"type": "gauge", "title": "Level"})
    changed["panels"][0]["type"] = "table"
    write(session.generated, "en", changed)
    left = session.apply()
    assert names(left) == [("edited", "library panel", uid)]
    assert "by ani" in left[0].why
    assert '~ model.type: "gauge" → "table"' in left[0].lines
    assert session.stand_in.library_panels[uid]["model"]["type"] == "gauge"


def test_a_hand_edit_is_kept_or_undone(session: Session) -> None:
    session.apply()
    panel = level(session)
    edited = {**panel.body["model"], "type": "gauge"}
    session.stand_in.edit_panel_by_hand(panel.uid, edited)

    async def keep(reconciler: Reconciler) -> None:
        (step,) = hand_edits(await reconciler.plan())
        assert reconciler.keep(step, panel, session.patches)

    session.run(keep)
    assert session.plan() == []
    next(session.patches.iterdir()).unlink()

    async def undo(reconciler: Reconciler) -> None:
        steps = [undoing(step) for step in hand_edits(await reconciler.plan())]
        assert await reconciler.apply(steps) == []

    session.run(undo)
    assert session.stand_in.library_panels[panel.uid]["model"]["type"] == "timeseries"
    assert session.plan() == []


def test_what_somebody_shows_is_not_deleted(session: Session) -> None:
    session.apply()
    uid = level(session).uid
    board = {**model("own-board", "Own"), "panels": [{"libraryPanel": {"uid": uid}}]}
    session.stand_in._store(board, "", "", "ani")
    write(session.generated, "en", wall({"type": "stat", "title": "Another"}))
    left = session.apply()
    assert names(left) == [("locked", "library panel", uid)]
    assert "1 dashboards show it" in left[0].why
    assert sum(step.action == "delete" for step in session.done) == 1  # the rain nobody shows
    del session.stand_in.dashboards["own-board"]
    assert session.apply() == []
    assert uid not in session.stand_in.library_panels


def test_a_strangers_panel_in_the_folder_keeps_the_folder(session: Session) -> None:
    session.apply()
    theirs = {"name": "Theirs", "folderUid": "kotahub-en", "model": {}, "version": 1}
    session.stand_in.library_panels["theirs"] = {**theirs, "uid": "theirs", "updatedBy": "ani"}
    for path in (session.generated / "en").iterdir():
        path.unlink()
    left = session.apply()
    assert names(left) == [("locked", "folder", "kotahub-en")]
    assert "Theirs" in left[0].why
    assert set(session.stand_in.library_panels) >= {"theirs"}


def test_somebody_is_quicker(session: Session) -> None:
    session.apply()
    uid = level(session).uid
    changed = model(WALL, "Wall en", kiosk=True)
    changed["panels"][0]["type"] = "stat"
    write(session.generated, "en", changed)

    def edit() -> None:
        session.stand_in.edit_panel_by_hand(uid, {"type": "gauge"})

    session.stand_in.break_next("PATCH", uid, status=0, before=edit)
    assert names(session.apply()) == [("edited", "library panel", uid)]
    assert session.stand_in.library_panels[uid]["model"]["type"] == "gauge"


def test_it_asks_a_data_source_of_another_uid(session: Session) -> None:
    session.apply()
    state = session.stand_in
    state.data_sources["P5E"] = {**state.data_sources.pop(DATA_SOURCE_UID), "uid": "P5E"}
    assert session.apply() == []
    held = state.library_panels[level(session).uid]["model"]
    assert held["datasource"]["uid"] == "P5E"
