"""What every command prints."""

import json

import pytest

from gateway.cli.output import print_item, print_items


def test_words_of_devices_are_never_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_items([{"topic": "[/red]a[bold]b\x1b[2J"}], as_json=False)
    print_item({"payload": "[/red]a[bold]b\x1b[2J"}, as_json=False)
    printed = capsys.readouterr().out
    assert printed.count("[/red]a[bold]b\\x1b[2J") == 2
    assert "\x1b" not in printed


def test_numbers_stay_whole_on_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    print_items([{"topic": "sensors/with/a/long/name", "quarantined": 1234567}], as_json=False)
    printed = capsys.readouterr().out
    assert "quarantined" in printed
    assert "1234567" in printed


def test_programs_get_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    print_items([{"name": "Jl. Gatot Subroto — “utara”"}], as_json=True, cursor="abc")
    printed = capsys.readouterr().out
    assert json.loads(printed) == {
        "items": [{"name": "Jl. Gatot Subroto — “utara”"}],
        "next": "abc",
    }
    print_items([], as_json=True)
    assert json.loads(capsys.readouterr().out) == {"items": [], "next": None}


def test_people_get_the_way_to_the_next_page(capsys: pytest.CaptureFixture[str]) -> None:
    print_items([{"id": 1}], as_json=False, cursor="abc")
    assert "--cursor abc" in capsys.readouterr().out
    print_items([], as_json=False)
    assert capsys.readouterr().out == "(none)\n"
