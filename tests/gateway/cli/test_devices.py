import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from devices.errors import (
    DeviceExistsError,
    HubError,
    InvalidDeviceError,
    UnknownCityError,
    UnknownDeviceError,
)
from gateway.cli.devices import app
from gateway.cli.logins import LoginRemainsError
from gateway.credentials import NoAdminError
from gateway.errors import InvalidParameterError


@pytest.fixture(autouse=True)
def _data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOTAHUB_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LOGNAME", "ani")
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def told(*arguments: str) -> Any:
    """What a program is told; the command must succeed."""
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def add_gauge() -> Any:
    return told(
        *("add", "flood-deli-01", "--kind", "flood", "--model", "milesight-em500-udl"),
        *("--name", "Deli", "--lat", "3,5935", "--lon", "98.6725", "--address", "24E1"),
        *("--attribute", "mount_height_m=6.2", "--attribute", "road=Jl. A=B"),
        *("--installed-by", "Budi", "--installed-at", "2026-03-01"),
    )


def test_a_device_is_added_and_shown() -> None:
    added = add_gauge()
    assert added == {
        "id": "flood-deli-01",
        "kind": "flood",
        "model": "milesight-em500-udl",
        "name": "Deli",
        "latitude": 3.5935,
        "longitude": 98.6725,
        "area": "12.71.19",
        "status": "active",
        "address": "24E1",
        "attributes": {"mount_height_m": "6.2", "road": "Jl. A=B"},
        "installed_by": "Budi",
        "installed_at": "2026-02-28T17:00:00+00:00",
    }
    shown = told("show", "flood-deli-01")
    assert shown.pop("updated_by") == "ani"
    assert shown.pop("updated_at")
    assert shown == added
    people = run("show", "flood-deli-01").stdout
    assert "attributes: mount_height_m=6.2, road=Jl. A=B" in people
    assert "installed_at: 2026-03-01 00:00:00 WIB" in people


def test_a_device_needs_no_more_than_a_kind() -> None:
    added = told("add", "a1", "--kind", "air")
    assert (added["latitude"], added["area"], added["attributes"]) == (None, None, {})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--kind", "tide"], "kind 'tide' does not exist: use one of air, flood, traffic, weather"),
        (["--kind", "air", "--model", "x"], "model 'x' does not exist"),
        (["--kind", "air", "--lat", "98.6", "--lon", "3.5"], "look swapped"),
        (["--kind", "air", "--lat", "north", "--lon", "3.5"], "'north' is no number"),
        (["--kind", "air", "--lat", "3.5"], "give both or none"),
        (["--kind", "air", "--installed-at", "yesterday"], "'yesterday' is no time"),
    ],
)
def test_what_cannot_be_is_not_added(options: list[str], words: str) -> None:
    failure = run("add", "a1", *options).exception
    assert isinstance(failure, InvalidDeviceError)
    assert words in str(failure)
    assert told("list")["items"] == []


@pytest.mark.parametrize("attribute", ["mount_height_m", "id=x", "kind=air"])
def test_an_attribute_has_a_name_of_its_own(attribute: str) -> None:
    failure = run("add", "a1", "--kind", "air", "--attribute", attribute).exception
    assert isinstance(failure, InvalidParameterError)


def test_a_device_is_added_once() -> None:
    add_gauge()
    assert isinstance(run("add", "flood-deli-01", "--kind", "air").exception, DeviceExistsError)


def test_fields_and_attributes_are_set_and_removed() -> None:
    add_gauge()
    changed = told(
        *("set", "flood-deli-01", "status=maintenance", "latitude=3.768", "longitude=98.669"),
        *("mount_height_m=", "lane=2", "address=", "model="),
    )
    assert (changed["status"], changed["area"]) == ("maintenance", "12.71.08")
    assert changed["attributes"] == {"road": "Jl. A=B", "lane": "2"}
    assert (changed["address"], changed["model"]) == (None, None)
    assert told("show", "flood-deli-01")["attributes"] == changed["attributes"]


@pytest.mark.parametrize(
    ("assignment", "error"),
    [
        ("status", InvalidParameterError),
        ("id=other", InvalidParameterError),
        ("status=gone", InvalidDeviceError),
        ("kind=tide", InvalidDeviceError),
        ("latitude=", InvalidDeviceError),
        ("revision=9", InvalidDeviceError),
    ],
)
def test_what_cannot_be_is_not_set(assignment: str, error: type[HubError]) -> None:
    before = add_gauge()
    assert isinstance(run("set", "flood-deli-01", assignment).exception, error)
    assert told("show", "flood-deli-01").items() >= before.items()


def test_a_device_is_retired_and_its_history_kept() -> None:
    add_gauge()
    told("set", "flood-deli-01", "name=Deli hulu")
    assert told("retire", "flood-deli-01")["status"] == "retired"
    history = told("history", "flood-deli-01")
    assert [change["what"] for change in history["items"]] == [
        "device.retire",
        "device.change",
        "device.add",
    ]
    assert {change["who"] for change in history["items"]} == {"ani"}
    first = told("history", "flood-deli-01", "--limit", "2")
    rest = told("history", "flood-deli-01", "--cursor", first["next"])
    assert first["items"] + rest["items"] == history["items"]
    assert "name: Deli → Deli hulu" in run("history", "flood-deli-01").stdout


@pytest.mark.parametrize("command", ["show", "retire", "history", "credentials"])
def test_an_unknown_device_is_named(command: str) -> None:
    assert isinstance(run(command, "nobody").exception, UnknownDeviceError)
    assert isinstance(run("set", "nobody", "name=x").exception, UnknownDeviceError)


def test_the_list_is_chosen_and_comes_in_pages() -> None:
    add_gauge()
    for number in range(3):
        told("add", f"a{number}", "--kind", "air")
    told("set", "a1", "status=maintenance")

    def ids(*options: str) -> list[str]:
        return [item["id"] for item in told("list", *options)["items"]]

    assert ids() == ["a0", "a1", "a2", "flood-deli-01"]
    assert ids("--kind", "flood") == ids("--area", "12.71.19") == ["flood-deli-01"]
    assert ids("--status", "maintenance") == ["a1"]
    page = told("list", "--limit", "3")
    assert ids("--cursor", page["next"]) == ["flood-deli-01"]
    assert told("list", "--limit", "4")["next"] is None
    assert "Petisah" in run("list").stdout
    assert isinstance(run("list", "--cursor", "?").exception, InvalidParameterError)


def test_a_password_needs_an_admin_of_the_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOTAHUB_MQTT_URL", "mqtt://hub:secret@127.0.0.1:1")
    add_gauge()
    failure = run("credentials", "flood-deli-01").exception
    assert isinstance(failure, NoAdminError)
    assert "KOTAHUB_MQTT_ADMIN_URL" in str(failure)
    assert told("retire", "flood-deli-01")["status"] == "retired"


def test_a_login_that_cannot_be_taken_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOTAHUB_MQTT_ADMIN_URL", "mqtt://admin:secret@127.0.0.1:1")
    add_gauge()
    failure = run("retire", "flood-deli-01").exception
    assert isinstance(failure, LoginRemainsError)
    assert "run again: kotahub devices retire flood-deli-01" in str(failure)
    assert told("show", "flood-deli-01")["status"] == "retired"


def test_the_city_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOTAHUB_CITY", "atlantis")
    assert isinstance(run("list").exception, UnknownCityError)
