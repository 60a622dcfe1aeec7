import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from gateway.cli.dialects import dialects


def test_dialects_are_listed_with_their_topics_and_those_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KOTAHUB_DIALECTS", '{"packs/+": "senml"}')
    app = typer.Typer()
    app.command()(dialects)
    result = CliRunner().invoke(app, ["--json", "--limit", "3"])
    page = json.loads(result.stdout)
    assert [item["name"] for item in page["items"]] == ["chirpstack", "native", "senml"]
    assert page["items"][2]["topics"] == ["senml/#", "packs/+"]
    assert page["next"] == "senml"
    rest = json.loads(CliRunner().invoke(app, ["--json", "--cursor", "senml"]).stdout)
    assert [item["name"] for item in rest["items"]] == ["thethingsstack"]
    assert "thethingsstack" in CliRunner().invoke(app, []).stdout
