"""Provisioning files: a Grafana that starts with them is as declared."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from dashboards.reconciler import provisioning
from dashboards.reconciler.declared import GENERATED, Influx, declared
from dashboards.reconciler.reconciler import hand_edits
from tests.dashboards.grafana import StandIn
from tests.dashboards.grafana.from_files import read, start_from
from tests.dashboards.small import INFLUX, INFLUX_TOKEN, WALL, Session, generate, model, write

HOOK = "https://hook.example/key-in-the-address"
ENVIRONMENT = {
    "KOTAHUB_GRAFANA_INFLUX_URL": INFLUX.url,
    "KOTAHUB_INFLUX_BUCKET": INFLUX.database,
    "KOTAHUB_GRAFANA_INFLUX_TOKEN": INFLUX_TOKEN,
    "KOTAHUB_GRAFANA_CONTACT": HOOK,
}
NO_FILES = {"library panel", "playlist"}
"""What Grafana reads from no file."""


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with StandIn() as stand_in:
        yield Session(stand_in, generate(tmp_path / "generated"), tmp_path / "patches")


def written(session: Session, folder: Path) -> Path:
    seen_as = PurePosixPath(folder.as_posix())
    provisioning.write(provisioning.provisioned(session.state(), seen_as), folder)
    return folder


@pytest.mark.parametrize("version", [(9, 3, 2), (11, 2, 0), (13, 1, 0)], ids=str)
@pytest.mark.parametrize("contact", [None, HOOK, "mailto:room@city.example"])
def test_a_grafana_that_starts_with_the_files_is_as_declared(
    session: Session, tmp_path: Path, version: tuple[int, ...], contact: str | None
) -> None:
    session.stand_in.stop()
    session.stand_in.version = version
    session.stand_in.start()
    session.contact = contact
    start_from(session.stand_in, written(session, tmp_path / "files"), ENVIRONMENT)
    by_hand = Session(StandIn(version=version), session.generated, session.patches)
    by_hand.contact = contact
    with by_hand.stand_in:
        assert by_hand.apply() == []
        assert session.stand_in.secrets == by_hand.stand_in.secrets
        assert session.stand_in.dashboards.keys() == by_hand.stand_in.dashboards.keys()
    left = session.plan()
    assert {step.action for step in left} == {"create"}
    assert {step.kind for step in left} == NO_FILES
    assert session.apply() == []
    assert session.plan() == []


def test_what_differs_from_the_files_is_left_to_them(session: Session, tmp_path: Path) -> None:
    session.contact = HOOK
    start_from(session.stand_in, written(session, tmp_path / "files"), ENVIRONMENT)
    session.apply()
    write(session.generated, "en", model(WALL, "Another", kiosk=True))
    session.influx = Influx(url="http://elsewhere", database="kotahub", token="other")
    session.contact = "mailto:room@city.example"
    session.stand_in.policy["routes"] = []
    session.stand_in.calls.clear()
    left = session.apply()
    assert {(step.action, step.kind) for step in left} == {
        ("locked", "data source"),
        ("locked", "dashboard"),
        ("locked", "contact point"),
        ("locked", "notification policy"),
    }
    assert all("provisioning file" in step.why for step in left)
    assert session.stand_in.writes == []
    assert hand_edits(session.plan()) == []


def test_no_secret_is_in_the_files(session: Session, tmp_path: Path) -> None:
    session.contact = HOOK
    folder = written(session, tmp_path / "files")
    text = "".join(path.read_text() for path in folder.rglob("*") if path.is_file())
    assert INFLUX_TOKEN not in text
    assert "key-in-the-address" not in text
    assert "KOTAHUB_GRAFANA_INFLUX_TOKEN" in text


def test_a_dollar_stays_one(session: Session, tmp_path: Path) -> None:
    session.influx = Influx(url="http://a$b:8086", database="x$$y", token="t")
    folder = written(session, tmp_path / "files")
    ((file,),) = [read(folder, "datasources", {"b": "wrong"})]
    (one,) = file["datasources"]
    assert (one["url"], one["database"]) == ("http://a$b:8086", "x$$y")


def test_written_again_only_what_changed(session: Session, tmp_path: Path) -> None:
    session.contact = HOOK
    folder = written(session, tmp_path / "files")
    (folder / "dashboards" / "others.yaml").write_text("apiVersion: 1\n")
    session.contact = None
    (session.generated / "en" / f"{WALL}.json").unlink()
    write(session.generated, "id", model("kotahub-wall-id", "Baru", kiosk=True))
    wanted = provisioning.provisioned(session.state(), PurePosixPath(folder.as_posix()))
    changes = {
        (one.path.as_posix(), one.change) for one in provisioning.differences(wanted, folder)
    }
    assert changes == {
        ("alerting/kotahub.yaml", "left over"),
        (f"dashboards/kotahub/en/{WALL}.json", "left over"),
        ("dashboards/kotahub/id/kotahub-wall-id.json", "different"),
    }
    provisioning.write(wanted, folder)
    assert provisioning.differences(wanted, folder) == []
    assert (folder / "dashboards" / "others.yaml").is_file()


def test_the_shipped_files_are_those_of_the_shipped_dashboards(tmp_path: Path) -> None:
    wanted = provisioning.shipped(declared(provisioning.SHIPPED_INFLUX))
    assert provisioning.differences(wanted, provisioning.SHIPPED) == []
    folder = tmp_path / "provisioning"
    for path, text in wanted.items():
        (folder / path).parent.mkdir(parents=True)
        here = text.replace(str(provisioning.SHIPPED_BOARDS), GENERATED.as_posix())
        (folder / path).write_text(here, encoding="utf-8")
    with StandIn() as stand_in:
        session = Session(stand_in, GENERATED, tmp_path / "patches")
        start_from(stand_in, folder, ENVIRONMENT)
        assert {step.kind for step in session.plan()} == NO_FILES
        assert session.apply() == []
        assert session.plan() == []


def test_the_variables_are_the_settings_of_the_hub() -> None:
    text = "".join(path.read_text() for path in provisioning.SHIPPED.rglob("*.yaml"))
    assert set(re.findall(r"\$(\w+)", text)) == set(ENVIRONMENT) - {"KOTAHUB_GRAFANA_CONTACT"}
