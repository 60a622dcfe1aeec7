import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from gateway.cli.dialects import dialects
from ingest.dialects import DIALECTS


def test_dialects_are_listed_with_their_topics_and_those_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KOTAHUB_DIALECTS", '{"packs/+": "senml"}')
    app = typer.Typer()
    app.command()(dialects)
    result = CliRunner().invoke(app, ["--json", "--limit", "3"])
    page = json.loads(result.stdout)
    assert [item["name"] for item in page["items"]] == sorted(DIALECTS)[:3]
    assert page["next"] == sorted(DIALECTS)[2]
    rest = json.loads(CliRunner().invoke(app, ["--json", "--cursor", page["next"]]).stdout)
    assert [item["name"] for item in rest["items"]] == sorted(DIALECTS)[3:]
    topics = {item["name"]: item["topics"] for item in rest["items"]}
    assert topics["senml"] == ["senml/#", "packs/+"]
    assert "thethingsstack" in CliRunner().invoke(app, []).stdout
