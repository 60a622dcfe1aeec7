"""Where settings come from, and which source wins."""

from pathlib import Path

import pytest

from gateway.settings import SecretsFolderError, Settings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of secrets that the environment names, and no other file in reach."""
    made = tmp_path / "secrets"
    made.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KOTAHUB_SECRETS_DIR", str(made))
    return made


def test_a_file_is_a_setting(folder: Path) -> None:
    (folder / "influx_token").write_text("from a file\n")
    (folder / "mqtt_client_id").write_text("kotahub-1")
    settings = Settings()
    assert settings.influx_token.get_secret_value() == "from a file"
    assert settings.mqtt_client_id == "kotahub-1"


def test_the_environment_wins_over_a_file_and_a_file_over_toml(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("kotahub.toml").write_text('city = "toml"\ninflux_org = "toml"\ninflux_bucket = "toml"\n')
    (folder / "influx_org").write_text("file")
    (folder / "influx_bucket").write_text("file")
    monkeypatch.setenv("KOTAHUB_INFLUX_BUCKET", "environment")
    settings = Settings()
    assert (settings.city, settings.influx_org, settings.influx_bucket) == (
        "toml",
        "file",
        "environment",
    )


def test_other_files_in_the_folder_are_nobody_s_setting(folder: Path) -> None:
    (folder / "first-run-key").write_text("kh_x")
    (folder / "kotahub_city").write_text("elsewhere")
    assert Settings().city == "medan"


def test_a_folder_that_is_not_there_stops_the_hub(folder: Path) -> None:
    folder.rmdir()
    with pytest.raises(SecretsFolderError, match="there is no such folder"):
        Settings()


def test_an_empty_name_of_the_folder_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "city").write_text("elsewhere")
    monkeypatch.setenv("KOTAHUB_SECRETS_DIR", "")
    assert Settings().city == "medan"
