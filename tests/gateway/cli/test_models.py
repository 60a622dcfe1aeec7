import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from devices.errors import UnknownKindError, UnknownModelError
from devices.guess import NothingGuessedError
from devices.model import SHIPPED, ModelError
from gateway.cli.models import app

CASES = Path(__file__).parents[2] / "cases"


@pytest.fixture(autouse=True)
def _data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOTAHUB_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, arguments, input=stdin)


def test_the_list_is_paged() -> None:
    first = json.loads(run("list", "--limit", "4", "--json").stdout)
    rest = json.loads(run("list", "--cursor", first["next"], "--json").stdout)
    ids = [item["id"] for item in first["items"] + rest["items"]]
    assert ids == sorted(path.stem for path in SHIPPED.glob("*.toml"))
    assert rest["next"] is None


def test_the_list_of_one_kind() -> None:
    items = json.loads(run("list", "--kind", "weather", "--json").stdout)["items"]
    found = {item["id"]: item for item in items}
    assert {item["source"] for item in items} == {"shipped"}
    assert "rain" in found["milesight-wts506"]["metrics"]
    assert "shelly-ht" in found
    assert "milesight-vs135" not in found
    assert isinstance(run("list", "--kind", "tide").exception, UnknownKindError)


def test_a_model_is_shown() -> None:
    shown = run("show", "milesight-em500-udl").stdout
    assert "https://github.com/Milesight-IoT/" in shown
    declared = json.loads(run("show", "milesight-em500-udl", "--json").stdout)
    assert declared["metrics"]["distance"]["scale"] == 0.001
    assert declared["list"]["path"] == "history"
    assert isinstance(run("show", "abacus").exception, UnknownModelError)


def test_a_right_file() -> None:
    result = run("check", str(SHIPPED / "parametric-tcr.toml"))
    assert result.exit_code == 0
    assert "model 'parametric-tcr' (Parametric TCR) of kind traffic gives volume, speed" in (
        result.stdout
    )


def test_a_wrong_file_has_its_problems_by_line_and_key(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('id = "mine"\nkind = "flood"\nvendor = "M"\nproduct = "P"\n')
    result = run("check", str(file))
    assert result.exit_code == 1
    assert f"{file}: line 1, key source: is missing" in result.stdout
    report = json.loads(run("check", str(file), "--json").stdout)
    assert report["ok"] is False
    assert report["problems"] == ["line 1, key source: is missing"]


def test_a_payload_is_tried_with_a_known_model() -> None:
    payload = '{"distance": 2780, "odd": 1}'
    result = run(
        *("try", "milesight-em500-udl", "-", "--attribute", "mount_height_m=4.2", "--json"),
        stdin=payload,
    )
    tried = json.loads(result.stdout)
    assert {item["metric"]: item["value"] for item in tried["items"]} == {
        "distance": 2.78,
        "level": 1.42,
    }
    assert tried["unknown"] == ["odd"]


def test_a_payload_is_tried_in_its_envelope() -> None:
    envelope = CASES / "parametric-tcr" / "two_directions" / "input.json"
    file = SHIPPED / "parametric-tcr.toml"
    result = run("try", str(file), str(envelope), "--dialect", "chirpstack")
    assert result.exit_code == 0
    assert "34.5" in result.stdout
    assert "-84.0" in result.stdout


def test_a_counter_that_is_tried_says_why_it_has_no_value() -> None:
    result = run("try", "milesight-vs135-totals", "-", stdin='{"line_1_total_in": 7}')
    assert "growth needs the payload before" in result.stdout


def test_a_payload_that_the_model_refuses_is_a_sentence() -> None:
    error = run("try", "milesight-em500-udl", "-", stdin='{"distance": "far"}').exception
    assert isinstance(error, ModelError)
    assert str(error) == "distance is the text 'far', not a number"


@pytest.mark.parametrize(
    "arguments",
    [
        ("no-such-file.json",),
        ("-", "--dialect", "morse"),
        ("-", "--attribute", "mount_height_m"),
    ],
)
def test_wrong_arguments_are_named(arguments: tuple[str, ...]) -> None:
    result = run("try", "milesight-em500-udl", *arguments, stdin="{}")
    assert result.exit_code == 2


def test_a_model_is_proposed_checked_and_tried(tmp_path: Path) -> None:
    sample = tmp_path / "sample.json"
    sample.write_text('{"waterLevel": {"value": 142, "unit": "cm"}, "batt": 97}')
    proposal = run("guess", str(sample), "--id", "acme-gauge")
    assert proposal.exit_code == 0
    file = tmp_path / "acme-gauge.toml"
    file.write_text(proposal.stdout)
    assert run("check", str(file)).exit_code == 0
    tried = json.loads(run("try", str(file), str(sample), "--json").stdout)
    values = {item["metric"]: item["value"] for item in tried["items"]}
    assert values == {"level": 1.42, "battery": 97.0}


def test_a_sample_in_its_envelope() -> None:
    envelope = CASES / "tasmota-sr04" / "centimetres" / "input.json"
    result = run(
        *("guess", str(envelope), "--dialect", "tasmota", "--topic", "tele/x/SENSOR"),
        *("--kind", "flood", "--json"),
    )
    proposal = json.loads(result.stdout)
    assert proposal["kind"] == "flood"
    assert proposal["metrics"] == {"distance": "SR04.Distance"}
    assert 'id = "my-sensor"' in proposal["toml"]


def test_a_guess_of_nothing_or_with_wrong_options() -> None:
    assert isinstance(run("guess", "-", stdin='{"x": 1}').exception, NothingGuessedError)
    assert isinstance(run("guess", "-", "--kind", "tide").exception, UnknownKindError)
    assert run("guess", "-", "--id", "My Sensor", stdin="{}").exit_code == 2
