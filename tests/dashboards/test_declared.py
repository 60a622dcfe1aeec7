"""What is declared for Grafana, and what is refused."""

from pathlib import Path

import pytest

from dashboards.reconciler.declared import LANGUAGES, declared, fingerprint
from dashboards.reconciler.errors import DeclarationError
from dashboards.reconciler.transport import Transport
from tests.dashboards.small import INFLUX, WALL, generate, model, write


def test_everything_in_the_order_in_which_it_is_made(tmp_path: Path) -> None:
    state = declared(INFLUX, contact="mailto:room@city.example", generated=generate(tmp_path))
    assert [(one.kind, one.uid) for one in state] == [
        ("folder", "kotahub-id"),
        ("folder", "kotahub-en"),
        ("data source", "kotahub-influxdb"),
        *(("library panel", one.uid) for one in state if one.kind == "library panel"),
        *(("dashboard", f"kotahub-{name}-id") for name in ("flood", "wall")),
        *(("dashboard", f"kotahub-{name}-en") for name in ("flood", "wall")),
        ("playlist", "kotahub-id"),
        ("playlist", "kotahub-en"),
        ("contact point", "kotahub-contact"),
        ("notification policy", "kotahub-route"),
    ]
    assert set(LANGUAGES) == {"id", "en"}


def test_the_database_stands_where_old_and_new_grafanas_look(tmp_path: Path) -> None:
    body = declared(INFLUX, generated=tmp_path)[0].body
    assert body["database"] == body["jsonData"]["dbName"] == "kotahub"
    assert INFLUX.token not in repr(declared(INFLUX, generated=tmp_path))


def test_a_dashboard_is_declared_as_it_was_generated(tmp_path: Path) -> None:
    variable = {"name": "datasource", "type": "datasource", "query": "influxdb"}
    board = {**model(WALL, "Wall"), "templating": {"list": [variable]}}
    write(tmp_path, "en", {**board, "id": 7, "version": 3})
    found = next(one for one in declared(INFLUX, generated=tmp_path) if one.kind == "dashboard")
    assert found.body == {"folder": "kotahub-en", "model": board}


def test_the_shipped_dashboards_can_be_declared() -> None:
    state = declared(INFLUX)
    assert {one.uid for one in state if one.kind == "playlist"} == {"kotahub-id", "kotahub-en"}
    boards = [one.body["model"] for one in state if one.kind == "dashboard"]
    assert len(boards) >= 20
    annotated = {one["name"] for board in boards for one in board["annotations"]["list"]}
    assert annotated == {"Incidents", "Insiden"}
    assert all(board["annotations"]["list"] for board in boards)


def test_a_fingerprint_tells_apart_and_nothing_else() -> None:
    assert fingerprint("a") == fingerprint("a") != fingerprint("b")
    assert len(fingerprint("secret")) == 16


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"uid": "wall"}, "must begin with kotahub-"),
        ({"uid": "kotahub-" + "x" * 33}, "at most 40"),
        ({"uid": "kotahub-wäll"}, "letters"),
        ({"tags": []}, "lacks the tag 'kotahub'"),
    ],
)
def test_what_is_no_dashboard_of_the_hub(
    tmp_path: Path, change: dict[str, object], problem: str
) -> None:
    write(tmp_path, "en", {**model(WALL, "Wall"), **change})
    with pytest.raises(DeclarationError, match=problem):
        declared(INFLUX, generated=tmp_path)


@pytest.mark.parametrize("text", ["[]", "{", '"x"'])
def test_what_is_no_dashboard_at_all(tmp_path: Path, text: str) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "x.json").write_text(text)
    with pytest.raises(DeclarationError, match=r"x\.json"):
        declared(INFLUX, generated=tmp_path)


def test_a_uid_comes_once(tmp_path: Path) -> None:
    for language in LANGUAGES:
        write(tmp_path, language, model(WALL, "Wall"))
    with pytest.raises(DeclarationError, match="two declarations have this uid"):
        declared(INFLUX, generated=tmp_path)


@pytest.mark.parametrize("contact", ["room@city.example", "mailto:room", "ftp://x", "https://"])
def test_a_contact_that_is_none(tmp_path: Path, contact: str) -> None:
    with pytest.raises(DeclarationError, match="KOTAHUB_GRAFANA_CONTACT"):
        declared(INFLUX, contact=contact, generated=tmp_path)


@pytest.mark.parametrize("url", ["grafana:3000", "ftp://grafana", "", "http://"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(DeclarationError, match="KOTAHUB_GRAFANA_URL"):
        Transport(url)


def test_the_password_is_in_no_address_that_is_shown() -> None:
    transport = Transport("https://ani:se%2Fcret@grafana.example/sub/")
    assert transport.url == "https://grafana.example/sub"
    assert transport.has_password
