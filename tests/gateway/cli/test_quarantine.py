"""`kotahub quarantine`."""

import base64
import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from devices.device import Device
from gateway.cli import app
from ingest.journal import UnknownItemError
from tests.gateway.door import Door

CLI = CliRunner()


def invoke(*arguments: str, typed: str = "") -> Result:
    return CLI.invoke(app, ["quarantine", *arguments], env={"COLUMNS": "250"}, input=typed)


def words(*arguments: str) -> str:
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def told(*arguments: str) -> Any:
    return json.loads(words(*arguments, "--json"))


def ids(door: Door) -> list[int]:
    return [item.id for item in door.hub.journal.quarantine()]


@pytest.fixture
def full(door: Door) -> Door:
    """Four bad messages of two devices and one that is not registered."""
    door.publish("air-01", b"")
    door.publish("air-01", b"[oops")
    door.publish("flood-01", b"")
    door.publish("stray-01", {"pm25": 7, "time": "2026-01-31T01:00:00Z"})
    return door


def test_for_programs_it_is_what_the_api_says(full: Door) -> None:
    assert told("list") == full.json("/api/v1/quarantine")
    assert told("list", "--device", "air-01") == full.json(
        "/api/v1/quarantine", {"device": "air-01"}
    )
    assert told("list", "--reason", "empty") == full.json("/api/v1/quarantine", {"reason": "empty"})
    assert told("show", "1") == full.json("/api/v1/quarantine/1")


def test_pages(full: Door) -> None:
    first = told("list", "--limit", "3")
    second = told("list", "--limit", "3", "--cursor", first["next"])
    assert [item["id"] for item in first["items"] + second["items"]] == ids(full)
    assert second["next"] is None


@pytest.mark.usefixtures("full")
def test_people_see_sizes_and_words() -> None:
    listed = words("list")
    assert "not_json" in listed
    assert base64.b64encode(b"[oops").decode() not in listed
    assert "[oops" in words("show", "2")


def test_raw_is_byte_for_byte(door: Door) -> None:
    payload = bytes(range(256))
    door.publish("air-01", payload)
    assert invoke("show", "1", "--raw").stdout_bytes == payload
    assert "\\xff" in words("show", "1")


def test_what_devices_write_is_not_markup(door: Door) -> None:
    door.publish("air-01", b"[/red] [bold] \x1b[2J")
    door.publish("a[/b]c", b"")
    shown = words("show", "1")
    assert "[/red] [bold]" in shown
    assert "\x1b" not in shown
    assert "sensors/a[/b]c/up" in words("list")


def test_a_reason_that_is_none_names_those_that_are(full: Door) -> None:
    for command in ("list", "replay", "discard"):
        result = invoke(command, "--reason", "bad_luck")
        assert result.exit_code == 2
        assert "not_json" in result.stderr
    assert len(ids(full)) == 4


@pytest.mark.parametrize("command", ["replay", "discard"])
@pytest.mark.parametrize(
    "choice", [[], ["1", "--all"], ["1", "--device", "x"], ["--all", "--reason", "empty"]]
)
def test_one_way_to_choose(full: Door, command: str, choice: list[str]) -> None:
    assert invoke(command, *choice).exit_code == 2
    assert len(ids(full)) == 4


@pytest.mark.parametrize("command", ["show", "replay", "discard"])
def test_an_item_that_is_not_there(full: Door, command: str) -> None:
    result = invoke(command, "99")
    assert isinstance(result.exception, UnknownItemError)
    assert len(ids(full)) == 4


def test_discard_asks(full: Door) -> None:
    refused = invoke("discard", "1", typed="n\n")
    assert refused.exit_code == 1
    assert "Discard 1 items for good?" in refused.stderr
    assert len(ids(full)) == 4
    assert invoke("discard", "1", typed="y\n").exit_code == 0
    assert ids(full) == [2, 3, 4]


def test_discard_by_choice(full: Door) -> None:
    assert told("discard", "--device", "air-01", "--reason", "empty", "--yes") == {"discarded": 1}
    assert ids(full) == [2, 3, 4]
    assert told("discard", "2", "3", "2", "--yes") == {"discarded": 2}
    assert told("discard", "--all", "--yes") == {"discarded": 1}
    assert told("discard", "--all") == {"discarded": 0}


def test_discarded_messages_stay_in_the_ledger(full: Door) -> None:
    before = full.json("/api/v1/ledger")
    told("discard", "--all", "--yes")
    assert full.json("/api/v1/ledger") == before


def test_replay_after_a_cure(full: Door) -> None:
    full.hub.registry.add(Device("stray-01", "air"), by="tests")
    assert told("replay", "--all") == {"accepted": 1, "still": 3}
    assert ids(full) == [1, 2, 3]
    full.deliver()
    window = {"start": "2026-01-31T01:00:00Z", "stop": "2026-01-31T01:00:01Z"}
    (reading,) = full.json("/api/v1/devices/stray-01/readings", window)["items"]
    assert reading["pm25"] == 7
    (row,) = full.json("/api/v1/ledger", {"device": "stray-01"})["items"]
    assert (row["received"], row["stored"], row["quarantined"]) == (1, 1, 0)


def test_replay_by_choice(full: Door) -> None:
    assert told("replay", "1", "2") == {"accepted": 0, "still": 2}
    assert told("replay", "--reason", "empty") == {"accepted": 0, "still": 2}
    assert told("replay", "--device", "flood-01") == {"accepted": 0, "still": 1}
    assert len(ids(full)) == 4
