import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.devices import app
from gateway.credentials import NoAdminError
from gateway.errors import InvalidParameterError

HEADING = "id,kind,model,name,latitude,longitude,mount_height_m"

GOOD = f"""{HEADING}
air-01,air,,Balai Kota,3.5906,98.6754,
flood-01,flood,milesight-em500-udl,Deli,3.5935,98.6725,6.2
sea-01,weather,,Laut,3.9,98.7,
"""


@pytest.fixture(autouse=True)
def _data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOTAHUB_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def import_text(text: str, *options: str) -> tuple[int, Any]:
    Path("list.csv").write_text(text, encoding="utf-8")
    result = run("import", "list.csv", "--json", *options)
    assert result.exit_code in {0, 1}, result.output
    return result.exit_code, json.loads(result.stdout)


def registered() -> dict[str, Any]:
    return {item["id"]: item for item in json.loads(run("list", "--json").stdout)["items"]}


def test_a_sheet_is_imported_whole() -> None:
    code, result = import_text(GOOD)
    assert code == 0
    assert result == {
        "added": 3,
        "changed": 0,
        "unchanged": 0,
        "logins": 0,
        "dry_run": False,
        "outside_areas": ["sea-01"],
        "faults": [],
    }
    gauge = registered()["flood-01"]
    assert (gauge["area"], gauge["attributes"]) == ("12.71.19", {"mount_height_m": "6.2"})
    assert registered()["air-01"]["attributes"] == {}


def test_one_fault_keeps_all_out() -> None:
    code, result = import_text(f"{GOOD}x,air,,,3.5,98.6,\nair-02,tide,,,north,98.6,\n")
    assert code == 1
    assert (result["added"], result["changed"]) == (0, 0)
    assert [(fault["line"], fault["column"]) for fault in result["faults"]] == [
        (5, "id"),
        (6, "kind"),
        (6, "latitude"),
    ]
    assert registered() == {}


def test_people_see_the_faults_and_that_nothing_was_imported() -> None:
    Path("list.csv").write_text(f"{HEADING}\nx,air,,,,,\n", encoding="utf-8")
    result = run("import", "list.csv")
    assert result.exit_code == 1
    assert "cannot be an id" in result.stdout
    assert "Nothing was imported: 1 faults" in result.stderr


def test_people_see_what_was_done() -> None:
    Path("list.csv").write_text(GOOD, encoding="utf-8")
    result = run("import", "list.csv")
    assert result.exit_code == 0
    assert "added: 3" in result.stdout
    assert "1 devices stand in none of the city's areas, sea-01" in result.stdout
    assert "Writing" in result.stderr


def test_a_dry_run_leaves_nothing() -> None:
    code, result = import_text(GOOD, "--dry-run")
    assert (code, result["added"], result["dry_run"]) == (0, 3, True)
    assert registered() == {}


def test_the_same_sheet_again_changes_nothing() -> None:
    import_text(GOOD)
    before = registered()
    assert import_text(GOOD)[1]["unchanged"] == 3
    grown = import_text(GOOD + "air-02,air,,,,,\n")[1]
    assert (grown["added"], grown["unchanged"]) == (1, 3)
    assert registered().items() >= before.items()


def test_a_changed_row_needs_update() -> None:
    import_text(GOOD)
    changed = GOOD.replace("6.2", "6.4")
    code, result = import_text(changed)
    assert code == 1
    assert [(fault["line"], fault["column"]) for fault in result["faults"]] == [
        (3, "mount_height_m")
    ]
    assert registered()["flood-01"]["attributes"] == {"mount_height_m": "6.2"}
    code, result = import_text(changed, "--update")
    assert (code, result["changed"], result["unchanged"]) == (0, 1, 2)
    assert registered()["flood-01"]["attributes"] == {"mount_height_m": "6.4"}


def test_an_export_imports_again_unchanged() -> None:
    import_text(GOOD)
    run("set", "air-01", "status=maintenance", 'note=a,"b"\nc', "installed_at=2026-03-01")
    run("retire", "sea-01")
    before = registered()
    exported = json.loads(run("export", "export.csv", "--json").stdout)
    assert exported == {"written": 3, "file": "export.csv"}
    assert import_text(Path("export.csv").read_bytes().decode(), "--update")[1]["unchanged"] == 3
    assert registered() == before
    assert run("export").stdout_bytes == Path("export.csv").read_bytes()


def test_an_export_moves_to_another_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    import_text(GOOD)
    before = registered()
    sheet = run("export").stdout
    monkeypatch.setenv("KOTAHUB_DATA_DIR", "elsewhere")
    assert import_text(sheet)[1]["added"] == 3
    assert registered() == before


def test_an_export_to_programs_needs_a_file() -> None:
    assert isinstance(run("export", "--json").exception, InvalidParameterError)


def test_passwords_need_an_admin_of_the_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOTAHUB_MQTT_URL", "mqtt://hub:secret@127.0.0.1:1")
    Path("list.csv").write_text(GOOD, encoding="utf-8")
    result = run("import", "list.csv", "--credentials", "new.csv")
    assert isinstance(result.exception, NoAdminError)
    assert registered() == {}
    assert not Path("new.csv").exists()


def test_a_broker_that_is_away_keeps_all_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOTAHUB_MQTT_ADMIN_URL", "mqtt://admin:secret@127.0.0.1:1")
    Path("list.csv").write_text(GOOD, encoding="utf-8")
    result = run("import", "list.csv", "--credentials", "new.csv")
    assert type(result.exception).__name__ == "CredentialsUnavailableError"
    assert registered() == {}
    assert not Path("new.csv").exists()


def test_an_old_file_of_passwords_is_not_written_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOTAHUB_MQTT_ADMIN_URL", "mqtt://admin:secret@127.0.0.1:1")
    Path("list.csv").write_text(GOOD, encoding="utf-8")
    Path("new.csv").write_text("kept", encoding="utf-8")
    result = run("import", "list.csv", "--credentials", "new.csv")
    assert "never written over" in str(result.exception)
    assert Path("new.csv").read_text(encoding="utf-8") == "kept"
    assert registered() == {}
