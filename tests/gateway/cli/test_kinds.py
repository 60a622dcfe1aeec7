"""`kotahub kinds`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from devices.errors import UnknownKindError
from devices.kind import SHIPPED
from gateway.cli.kinds import app
from tests.gateway.test_docs import example

RUN = CliRunner()


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder that has a kind of its own."""
    (tmp_path / "kinds").mkdir()
    file = tmp_path / "kinds" / "parking.toml"
    file.write_text(example(), encoding="utf-8")
    monkeypatch.setenv("KOTAHUB_DATA_DIR", str(tmp_path))
    return file


@pytest.mark.usefixtures("city")
def test_list_pages_through_shipped_kinds_and_the_citys_own() -> None:
    first = json.loads(RUN.invoke(app, ["list", "--json", "--limit", "3"]).stdout)
    assert [(item["id"], item["source"]) for item in first["items"]] == [
        ("air", "shipped"),
        ("flood", "shipped"),
        ("parking", "city"),
    ]
    assert first["items"][1]["metrics"] == ["level", "depth", "distance", "flow"]
    rest = json.loads(RUN.invoke(app, ["list", "--json", "--cursor", first["next"]]).stdout)
    assert [item["id"] for item in rest["items"]] == ["traffic", "weather"]
    assert rest["next"] is None


@pytest.mark.usefixtures("city")
def test_show_tells_names_units_and_ranges() -> None:
    shown = RUN.invoke(app, ["show", "traffic"]).stdout
    assert "Direction (inbound, outbound)" in shown
    assert "volume_mc" in shown
    whole = json.loads(RUN.invoke(app, ["show", "parking", "--json"]).stdout)
    assert whole["metrics"]["free"]["valid"] == [0, 5000]


@pytest.mark.usefixtures("city")
def test_show_names_the_known_kinds_when_there_is_no_such() -> None:
    result = RUN.invoke(app, ["show", "sound"])
    assert isinstance(result.exception, UnknownKindError)
    assert "air, flood, parking, traffic, weather" in str(result.exception)


def test_check_says_ok_and_what_the_hub_read(city: Path) -> None:
    result = RUN.invoke(app, ["check", str(city)])
    assert result.exit_code == 0
    assert result.stdout == (
        f"{city}: ok, kind 'parking' (Parking / Parkir) with free in places, taken in places\n"
    )
    assert json.loads(RUN.invoke(app, ["check", str(city), "--json"]).stdout)["ok"] is True


def test_check_names_every_problem_by_line_and_key(city: Path) -> None:
    text = example().replace('unit = "{place}"', 'unit = "free places"', 1)
    city.write_text(text.replace("noise = 2", "noises = 2"), encoding="utf-8")
    lines = {text.splitlines().index(start) + 1 for start in ('unit = "free places"', "noise = 2")}
    result = RUN.invoke(app, ["check", str(city)])
    assert result.exit_code == 1
    problems = [line.removeprefix(f"{city}: ") for line in result.stdout.splitlines()]
    assert {int(problem.split(",")[0].removeprefix("line ")) for problem in problems} == lines
    assert problems[1].endswith("key metrics.free.play.noises: is not a known key here")
    told = json.loads(RUN.invoke(app, ["check", str(city), "--json"]).stdout)
    assert told == {"file": str(city), "ok": False, "problems": problems}


def test_check_refuses_a_shipped_id_and_a_missing_file(city: Path) -> None:
    twin = city.with_name("air.toml")
    twin.write_bytes((SHIPPED / "air.toml").read_bytes())
    result = RUN.invoke(app, ["check", str(twin)])
    assert result.exit_code == 1
    assert "kind 'air' is shipped already" in result.stdout
    result = RUN.invoke(app, ["check", str(city.with_name("none.toml"))])
    assert result.exit_code == 1
    assert "cannot be read: No such file or directory" in result.stdout
