import json
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from devices.errors import UnknownKeyError, UnknownScopeError
from devices.registry import Registry
from gateway.cli.keys import app
from gateway.errors import InvalidParameterError
from gateway.settings import Settings


@pytest.fixture(autouse=True)
def _data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOTAHUB_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def scopes_of(key: str) -> frozenset[str] | None:
    with closing(Registry.open(Settings().registry_url)) as registry:
        return registry.key_scopes(key)


def test_a_key_is_printed_once_and_opens_until_it_is_revoked() -> None:
    made = json.loads(run("create", "--scope", "read", "--name", "peta", "--json").stdout)
    assert set(made) == {"id", "key", "scopes"}
    assert made["scopes"] == ["read"]
    assert scopes_of(made["key"]) == frozenset({"read"})
    listed = run("list", "--json").stdout
    [item] = json.loads(listed)["items"]
    assert (item["id"], item["name"], item["revoked_at"]) == (made["id"], "peta", None)
    assert made["key"].split("_", 2)[2] not in listed
    assert run("revoke", made["id"]).exit_code == 0
    assert scopes_of(made["key"]) is None
    assert json.loads(run("list", "--json").stdout)["items"][0]["revoked_at"] is not None
    assert isinstance(run("revoke", made["id"]).exception, UnknownKeyError)


def test_people_are_told_to_keep_the_key() -> None:
    shown = run("create", "--scope", "read", "--scope", "write").stdout
    assert "scopes: read write" in shown
    assert "not shown again" in shown
    key = next(line for line in shown.splitlines() if line.startswith("key: ")).split()[1]
    assert scopes_of(key) == frozenset({"read", "write"})


def test_a_scope_that_does_not_exist_is_refused() -> None:
    assert isinstance(run("create", "--scope", "root").exception, UnknownScopeError)
    assert json.loads(run("list", "--json").stdout) == {"items": [], "next": None}


def test_the_list_comes_in_pages() -> None:
    made = [json.loads(run("create", "--scope", "read", "--json").stdout)["id"] for _ in range(3)]
    first = json.loads(run("list", "--limit", "2", "--json").stdout)
    rest = json.loads(run("list", "--limit", "2", "--cursor", first["next"], "--json").stdout)
    assert [item["id"] for item in first["items"] + rest["items"]] == made
    assert rest["next"] is None
    assert isinstance(run("list", "--cursor", "x").exception, InvalidParameterError)
