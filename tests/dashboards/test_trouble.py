"""What goes wrong between the hub and a Grafana: nothing is lost, nothing is done twice."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards.reconciler.errors import (
    GrafanaAnswerError,
    GrafanaBusyError,
    GrafanaConflictError,
    GrafanaError,
    GrafanaForbiddenError,
    GrafanaLoginError,
    GrafanaServerError,
    GrafanaUnreachableError,
)
from dashboards.reconciler.reconciler import Reconciler
from tests.dashboards.grafana import StandIn
from tests.dashboards.small import Session, generate


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with StandIn() as stand_in:
        yield Session(stand_in, generate(tmp_path / "generated"), tmp_path / "patches")


@pytest.mark.parametrize("cut", range(15))
def test_a_run_that_was_cut_off_is_finished_by_the_next(session: Session, cut: int) -> None:
    session.contact = "mailto:room@city.example"
    writes = 0

    def until(_step: object) -> None:
        nonlocal writes
        writes += 1
        if writes > cut:
            raise KeyboardInterrupt

    async def work(reconciler: Reconciler) -> None:
        await reconciler.apply(await reconciler.plan(), until)

    with pytest.raises(KeyboardInterrupt):
        session.run(work)
    assert session.apply() == []
    assert len(session.done) == 14 - cut
    assert session.plan() == []


CREATES = (
    ("POST", "/folders"),
    ("POST", "/datasources"),
    ("POST", "/library-elements"),
    ("POST", "/dashboards/db"),
    ("POST", "/playlists"),
    ("POST", "/contact-points"),
    ("PUT", "/policies"),
)


@pytest.mark.parametrize("version", [(9, 3, 2), (13, 1, 0)], ids=str)
@pytest.mark.parametrize(("method", "path"), CREATES)
@pytest.mark.parametrize("status", [0, 502])
def test_a_write_whose_answer_was_lost_is_not_done_twice(
    session: Session, version: tuple[int, ...], method: str, path: str, status: int
) -> None:
    session.stand_in.stop()
    session.stand_in.version = version
    session.stand_in.start()
    session.contact = "mailto:room@city.example"
    session.stand_in.break_next(method, path, status=status, carried_out=True)
    assert session.apply() == []
    sent_again_at_once = (method, status) == ("PUT", 0)  # by aiohttp, as HTTP lets it
    assert session.pauses == ([] if sent_again_at_once else [0.25])
    assert session.plan() == []
    state = session.stand_in
    held = (state.folders, state.data_sources, state.library_panels, state.dashboards)
    assert [len(things) for things in held] == [2, 1, 4, 4]
    assert [len(state.playlists), len(state.contacts), len(state.policy["routes"])] == [2, 1, 1]
    assert all(len(versions) == 1 for versions in state.history.values())


def test_grafana_restarts_in_the_middle(session: Session) -> None:
    stopped = threading.Event()

    def back() -> None:
        if len(session.pauses) == 3 and stopped.is_set():
            session.stand_in.start()

    def restart(_step: object) -> None:
        if not stopped.is_set():
            session.stand_in.stop()
            stopped.set()

    session.on_pause = back

    async def work(reconciler: Reconciler) -> None:
        assert await reconciler.apply(await reconciler.plan(), restart) == []

    session.run(work)
    assert stopped.is_set()
    assert session.pauses == [0.25, 0.5, 1.0]
    assert session.plan() == []


def test_it_waits_as_long_as_grafana_asks(session: Session) -> None:
    session.stand_in.break_next("GET", "search", status=429, headers={"Retry-After": "7"}, times=2)
    assert session.apply() == []
    assert session.pauses == [7.0, 7.0]


@pytest.mark.parametrize(
    ("status", "kind", "todo"),
    [
        (401, GrafanaLoginError, "KOTAHUB_GRAFANA_TOKEN"),
        (403, GrafanaForbiddenError, "role Admin"),
        (409, GrafanaConflictError, "kotahub dashboards plan"),
        (412, GrafanaConflictError, "kotahub dashboards plan"),
        (429, GrafanaBusyError, "goes on from there"),
        (500, GrafanaServerError, "its log"),
        (503, GrafanaServerError, "its log"),
        (418, GrafanaAnswerError, "Grafana's log"),
        (302, GrafanaAnswerError, "Grafana's log"),
        (0, GrafanaUnreachableError, "KOTAHUB_GRAFANA_URL"),
    ],
)
def test_what_cannot_be_helped_is_told(
    session: Session, status: int, kind: type[GrafanaError], todo: str
) -> None:
    session.stand_in.break_next(
        "POST", "/api/folders", status=status, times=1000, message="so says Grafana"
    )
    with pytest.raises(kind, match="POST /api/folders") as caught:
        session.apply()
    assert todo in str(caught.value)
    assert status == 0 or "so says Grafana" in str(caught.value)
    assert sum(session.pauses) <= 60
    session.stand_in.faults.clear()
    assert session.apply() == []


@pytest.mark.parametrize(
    ("role", "kind"), [("Editor", GrafanaForbiddenError), ("Viewer", GrafanaForbiddenError)]
)
def test_a_login_that_may_not_is_told(
    session: Session, role: str, kind: type[GrafanaError]
) -> None:
    session.stand_in.tokens["weak"] = role
    session.token = "weak"
    with pytest.raises(kind, match="role Admin"):
        session.apply()


def test_an_old_grafana_is_refused(session: Session) -> None:
    session.stand_in.version = (9, 2, 20)
    with pytest.raises(GrafanaError, match=r"version is '9\.2\.20'; the hub needs 9\.3"):
        session.plan()
    assert session.stand_in.writes == []


def test_a_version_that_is_hidden_from_strangers(session: Session) -> None:
    session.stand_in.hides_version = True
    assert session.apply() == []
    assert session.plan() == []
