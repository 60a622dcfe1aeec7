"""`kotahub dashboards plan|apply|drift` against Grafana's rules, as a person calls them."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from devices.errors import HubError
from gateway.cli import grafana
from gateway.grafana import NoGrafanaError, NoGrafanaLoginError, NoInfluxForGrafanaError
from tests.dashboards.grafana import TOKEN, StandIn
from tests.dashboards.grafana.from_files import start_from
from tests.dashboards.small import INFLUX_TOKEN, WALL, generate

APP = typer.Typer()
for command in (grafana.plan, grafana.apply, grafana.drift, grafana.provision):
    APP.command()(command)


class Cli:
    def __init__(self, generated: Path) -> None:
        self.generated = generated

    def __call__(self, *words: str) -> Result:
        return CliRunner().invoke(APP, [*words, "--from", str(self.generated)])

    def json(self, *words: str) -> list[dict[str, object]]:
        items: list[dict[str, object]] = json.loads(self(*words, "--json").stdout)["items"]
        return items

    def error(self, *words: str) -> HubError:
        error = self(*words).exception
        assert isinstance(error, HubError)
        return error


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[StandIn]:
    with StandIn() as started:
        for name, value in {
            "DATA_DIR": str(tmp_path / "data"),
            "STORE": "influxdb",
            "INFLUX_TOKEN": INFLUX_TOKEN,
            "GRAFANA_URL": started.url_with_password,
        }.items():
            monkeypatch.setenv(f"KOTAHUB_{name}", value)
        yield started


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(generate(tmp_path / "generated"))


def test_applied_twice_the_second_time_there_is_nothing_to_do(
    stand_in: StandIn, cli: Cli, tmp_path: Path
) -> None:
    assert {item["action"] for item in cli.json("plan")} == {"create"}
    assert stand_in.dashboards == {}
    first = cli("apply")
    assert first.exit_code == 0, first.output
    second = cli("apply")
    assert (second.exit_code, second.stdout) == (0, "nothing to do\n")
    assert cli.json("plan") == []
    assert INFLUX_TOKEN not in first.output
    token = tmp_path / "data" / "grafana.token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert stand_in.tokens[token.read_text().strip()] == "Admin"
    assert len(stand_in.accounts) == 1


def test_a_login_that_is_no_good_any_more_is_made_anew(
    stand_in: StandIn, cli: Cli, tmp_path: Path
) -> None:
    cli("apply")
    token = tmp_path / "data" / "grafana.token"
    del stand_in.tokens[token.read_text().strip()]
    assert cli.json("plan") == []
    assert token.read_text().strip() in stand_in.tokens
    assert len(stand_in.accounts) == 1


def test_a_login_whose_answer_was_lost_is_made_once(stand_in: StandIn, cli: Cli) -> None:
    stand_in.break_next("POST", "/api/serviceaccounts$", status=0, carried_out=True)
    assert {item["action"] for item in cli.json("plan")} == {"create"}
    assert len(stand_in.accounts) == 1


def test_a_hand_edit_is_found_kept_and_undone(stand_in: StandIn, cli: Cli, tmp_path: Path) -> None:
    cli("apply")
    assert cli("drift").exit_code == 0
    stand_in.save_by_hand(WALL, lambda board: board.update(title="Ours [red]"))
    applied = cli("apply")
    assert applied.exit_code == 1
    assert "left for you to decide" in applied.stderr
    found = cli("drift")
    assert found.exit_code == 1
    (item,) = cli.json("drift")
    assert item["differences"] == ['~ model.title: "Ours [red]" → "Wall en"']
    assert "by ani" in str(item["why"])
    assert cli("drift", "kotahub-other", "--overwrite").stdout == "nothing to do\n"
    kept = cli("drift", "--keep")
    assert kept.exit_code == 0
    patch = tmp_path / "data" / "dashboards" / f"dashboard.{WALL}.patch.json"
    assert patch.is_file()
    assert cli.json("plan") == []
    patch.unlink()
    assert cli("drift", WALL, "--overwrite").exit_code == 0
    assert stand_in.dashboards[WALL]["model"]["title"] == "Wall en"
    assert cli.json("plan") == []


def test_many_differences_are_told_in_short(stand_in: StandIn, cli: Cli) -> None:
    cli("apply")
    stand_in.save_by_hand(WALL, lambda board: board.update({f"x{n}": n for n in range(20)}))
    text = cli("plan").stdout
    assert "x0" in text
    assert "x9" not in text
    assert "8 more" in text
    (item,) = cli.json("plan")
    assert len(item["differences"]) == 20  # type: ignore[arg-type]


def test_what_cannot_be_kept_stays_found(stand_in: StandIn, cli: Cli) -> None:
    cli("apply")
    stand_in.data_sources["kotahub-influxdb"]["url"] = "http://elsewhere"
    assert cli("drift", "--keep").exit_code == 1
    assert cli("drift", "--overwrite").exit_code == 0
    assert cli.json("drift") == []


def test_both_at_once_is_refused(stand_in: StandIn, cli: Cli) -> None:
    assert "not both" in str(cli.error("drift", "--keep", "--overwrite"))
    assert stand_in.calls == []


def test_what_was_done_is_shown_though_it_failed(stand_in: StandIn, cli: Cli) -> None:
    stand_in.break_next("POST", "/api/dashboards/db", status=403, times=100)
    failed = cli("apply")
    assert isinstance(failed.exception, HubError)
    assert "kotahub-influxdb" in failed.stdout


def test_a_token_of_the_settings_goes_first(
    stand_in: StandIn, cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KOTAHUB_GRAFANA_TOKEN", TOKEN)
    assert cli("apply").exit_code == 0
    assert stand_in.accounts == {}
    assert not (tmp_path / "data" / "grafana.token").exists()


def test_files_are_written_looked_at_and_read(
    stand_in: StandIn, cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KOTAHUB_GRAFANA_CONTACT", "https://hook.example/key")
    folder = tmp_path / "provisioning"
    assert cli("provision", str(folder), "--check").exit_code == 1
    assert not folder.exists()
    made = {str(item["file"]) for item in cli.json("provision", str(folder))}
    assert made == {str(path) for path in folder.rglob("*.*")}
    assert cli("provision", str(folder), "--check").exit_code == 0
    assert cli.json("provision", str(folder)) == []
    environment = {
        "KOTAHUB_GRAFANA_INFLUX_TOKEN": INFLUX_TOKEN,
        "KOTAHUB_GRAFANA_CONTACT": "https://hook.example/key",
    }
    start_from(stand_in, folder, environment)
    assert cli("drift").exit_code == 0
    assert {item["kind"] for item in cli.json("plan")} == {"library panel", "playlist"}
    assert cli("apply").exit_code == 0
    assert cli("apply").stdout == "nothing to do\n"


def test_files_for_a_grafana_that_sees_the_folder_elsewhere(
    stand_in: StandIn, cli: Cli, tmp_path: Path
) -> None:
    cli("provision", str(tmp_path / "x"), "--as", "/etc/grafana/provisioning")
    text = (tmp_path / "x" / "dashboards" / "kotahub.yaml").read_text()
    assert '"/etc/grafana/provisioning/dashboards/kotahub/en"' in text
    assert str(tmp_path) not in text
    assert stand_in.calls == []


def test_files_that_are_shipped_are_up_to_date() -> None:
    assert CliRunner().invoke(APP, ["provision", "--check"]).exit_code == 0
    refused = CliRunner().invoke(APP, ["provision", "--as", "/etc/grafana/provisioning"])
    assert "which FOLDER" in str(refused.exception)


def test_what_is_missing_is_told(
    stand_in: StandIn, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOTAHUB_GRAFANA_URL", stand_in.url)
    assert isinstance(cli.error("plan"), NoGrafanaLoginError)
    monkeypatch.delenv("KOTAHUB_GRAFANA_URL")
    assert isinstance(cli.error("plan"), NoGrafanaError)
    monkeypatch.setenv("KOTAHUB_STORE", "duckdb")
    assert isinstance(cli.error("plan"), NoInfluxForGrafanaError)
