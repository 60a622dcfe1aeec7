"""The steps before the containers: secrets once and for all, and tokens that can do little."""

import asyncio
import json
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from devices.registry import Registry
from gateway.certificate import Certificate, make_certificate
from gateway.cli import app
from gateway.mosquitto import MissingMosquittoError, find_plugin, find_program
from gateway.settings import Settings
from gateway.stack import InfluxSetupError, OwnCertificateError, Stack, complete, prepare
from tests.servers import Influx, Server, free_port, lacking

PLUGIN = Path("/usr/lib/mosquitto_dynamic_security.so")


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(
        secrets=tmp_path / "secrets", broker=tmp_path / "broker", own_certificate=tmp_path / "tls"
    )


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def setting(stack: Stack, folder: str, name: str) -> str:
    return (stack.secrets / folder / name).read_text(encoding="utf-8")


def test_each_service_gets_what_it_needs(stack: Stack) -> None:
    prepare(stack, "mqtt.medan.example")
    assert set(files(stack.secrets)) == {
        "postgres/password",
        "influxdb/password",
        "influxdb/token",
        "grafana/password",
        "grafana/secret-key",
        "hub/ca.crt",
        "hub/database_url",
        "hub/mqtt_admin_url",
        "hub/mqtt_ca_file",
        "hub/mqtt_client_id",
        "hub/mqtt_url",
        "dashboards/grafana_url",
    }
    password = setting(stack, "postgres", "password")
    assert password in setting(stack, "hub", "database_url")
    assert setting(stack, "grafana", "password") in setting(stack, "dashboards", "grafana_url")


def test_the_hub_takes_its_settings_from_the_folder(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(stack, "mqtt.medan.example")
    monkeypatch.setenv("KOTAHUB_SECRETS_DIR", str(stack.secrets / "hub"))
    settings = Settings()
    assert settings.mqtt_url is not None
    assert settings.mqtt_admin_url is not None
    assert settings.mqtt_url.get_secret_value().endswith("@mosquitto:8883")
    assert settings.mqtt_admin_url.get_secret_value().startswith("mqtts://kotahub.admin:")
    assert settings.mqtt_client_id != "kotahub-ingest"
    assert settings.mqtt_ca_file == stack.secrets / "hub" / "ca.crt"
    assert settings.registry_url.endswith("@postgres:5432/kotahub")


def test_no_two_installations_and_no_two_services_share_a_password(
    stack: Stack, tmp_path: Path
) -> None:
    other = Stack(
        secrets=tmp_path / "other", broker=tmp_path / "b2", own_certificate=tmp_path / "tls"
    )
    for one in (stack, other):
        prepare(one, "localhost")
    made = [
        setting(one, folder, name)
        for one in (stack, other)
        for folder, name in (
            ("postgres", "password"),
            ("influxdb", "password"),
            ("influxdb", "token"),
            ("grafana", "password"),
            ("grafana", "secret-key"),
        )
    ]
    assert len(set(made)) == len(made)
    assert min(map(len, made)) >= 43  # 256 bits


def test_it_is_called_with_every_start_and_changes_nothing(stack: Stack) -> None:
    prepare(stack, "localhost")
    before = files(stack.secrets), files(stack.broker)
    prepare(stack, "localhost")
    assert (files(stack.secrets), files(stack.broker)) == before


def test_another_host_name_keeps_logins_and_authority(stack: Stack) -> None:
    prepare(stack, "localhost")
    before = files(stack.secrets), files(stack.broker)
    prepare(stack, "10.1.2.3")
    after = files(stack.secrets), files(stack.broker)
    assert after[0] == before[0]
    changed = {name for name in before[1] if before[1][name] != after[1][name]}
    assert changed == {"server.crt", "hub.env"}
    text = subprocess.run(
        ["openssl", "x509", "-in", stack.broker / "server.crt", "-noout", "-text"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in ("IP Address:10.1.2.3", "DNS:mosquitto", "DNS:localhost"):
        assert name in text


def test_the_broker_s_own_folder_is_for_its_owner_alone(stack: Stack) -> None:
    prepare(stack, "localhost")
    open_to_others = {
        path.name
        for path in stack.broker.rglob("*")
        if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077
    }
    assert open_to_others <= {"ca.crt", "server.crt", "broker.lock"}


def own_certificate(stack: Stack, *, with_authority: bool) -> Certificate:
    stack.own_certificate.mkdir()
    made = make_certificate(stack.own_certificate, "mqtt.medan.example")
    (stack.own_certificate / "ca.key").unlink()
    if not with_authority:
        made.ca.unlink()
    return made


@pytest.mark.parametrize("with_authority", [True, False])
def test_the_city_s_own_certificate_is_used(stack: Stack, *, with_authority: bool) -> None:
    own = own_certificate(stack, with_authority=with_authority)
    prepare(stack, "mqtt.medan.example")
    configuration = (stack.broker / "production.conf").read_text()
    assert f"certfile {own.certificate}" in configuration
    assert f"keyfile {own.key}" in configuration
    assert "@mqtt.medan.example:8883" in setting(stack, "hub", "mqtt_url")
    authority = str(own.ca) if with_authority else "/etc/ssl/certs/ca-certificates.crt"
    assert setting(stack, "hub", "mqtt_ca_file") == authority
    assert not (stack.broker / "ca.key").exists()


def test_half_a_certificate_is_told(stack: Stack) -> None:
    own_certificate(stack, with_authority=False).key.unlink()
    with pytest.raises(OwnCertificateError, match=r"one is missing.*server\.key"):
        prepare(stack, "mqtt.medan.example")


def test_a_key_that_cannot_be_read_is_told(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    own_certificate(stack, with_authority=False)
    monkeypatch.setattr(
        os, "access", lambda path, _mode: path.suffix != ".key"
    )  # root may read all
    with pytest.raises(OwnCertificateError, match=r"server\.key cannot be read"):
        prepare(stack, "mqtt.medan.example")


@pytest.fixture
def broker(stack: Stack) -> Iterator[int]:
    """The port of a real Mosquitto on the prepared folder."""
    try:
        program, plugin = find_program(), find_plugin()
    except MissingMosquittoError as error:
        lacking(str(error))
    if shutil.which("mosquitto_sub") is None:
        lacking("mosquitto_sub is missing: apt-get install mosquitto-clients")
    prepare(stack, "localhost", plugin=plugin)
    port = free_port()
    for path in (stack.broker / "production.conf", stack.broker / "health" / "mosquitto_sub"):
        path.chmod(0o600)
        path.write_text(re.sub(r"\b8883\b", str(port), path.read_text()))
    configuration = stack.broker / "production.conf"
    configuration.write_text(re.sub(r"(?m)^user .*", "user root", configuration.read_text()))
    server = Server([program, "-c", configuration], log=stack.broker / "output.log")
    try:
        server.wait_until(lambda: healthy(stack), "Mosquitto answers its health check")
        yield port
    finally:
        server.stop()


def healthy(stack: Stack) -> bool:
    check = ["mosquitto_sub", "-t", "$SYS/broker/uptime", "-C", "1", "-W", "5"]
    environment = {"PATH": os.environ["PATH"], "XDG_CONFIG_HOME": str(stack.broker / "health")}
    return subprocess.run(check, env=environment, capture_output=True, check=False).returncode == 0


def test_a_real_broker_runs_on_it_and_its_log_tells_no_session(broker: int, stack: Stack) -> None:
    assert broker
    assert healthy(stack)
    log = (stack.broker / "output.log").read_text()
    assert "Mosquitto should not be run as root" in log
    assert "client connected" not in log
    assert not (stack.broker / "mosquitto.log").exists()


def test_the_health_check_fails_where_its_login_is_refused(broker: int, stack: Stack) -> None:
    check = stack.broker / "health" / "mosquitto_sub"
    check.write_text(re.sub(r"-P .*", "-P wrong", check.read_text()))
    assert broker
    assert not healthy(stack)


@pytest.fixture
def settings(influxd: Influx, postgres_url: str) -> Settings:
    return Settings.model_validate(
        {
            "influx_url": influxd.url,
            "influx_org": influxd.org,
            "influx_bucket": influxd.bucket(),
            "database_url": postgres_url,
        }
    )


@pytest.fixture
def prepared(stack: Stack, influxd: Influx) -> Stack:
    prepare(stack, "localhost")
    stack.operator_token.chmod(0o600)
    stack.operator_token.write_text(influxd.token)
    return stack


def write(settings: Settings, token: str) -> int:
    return httpx.post(
        f"{settings.influx_url}/api/v2/write",
        params={"org": settings.influx_org, "bucket": settings.influx_bucket},
        content="air,device=a pm25=1",
        headers={"Authorization": f"Token {token}"},
        trust_env=False,
    ).status_code


def read(settings: Settings, token: str) -> int:
    return httpx.get(
        f"{settings.influx_url}/query",
        params={"db": settings.influx_bucket, "q": "SELECT * FROM air"},
        headers={"Authorization": f"Token {token}"},
        trust_env=False,
    ).status_code


def test_the_hub_may_write_and_grafana_only_read(prepared: Stack, settings: Settings) -> None:
    asyncio.run(complete(prepared, settings))
    hub = setting(prepared, "hub", "influx_token")
    grafana = setting(prepared, "dashboards", "grafana_influx_token")
    assert (write(settings, hub), read(settings, hub)) == (204, 200)
    assert (write(settings, grafana), read(settings, grafana)) == (403, 200)
    for token in (hub, grafana):
        answer = httpx.post(
            f"{settings.influx_url}/api/v2/buckets",
            json={"name": "mine"},
            headers={"Authorization": f"Token {token}"},
            trust_env=False,
        )
        assert answer.status_code in {400, 401, 403}, "no more than its bucket"


def test_it_migrates_the_registry_and_makes_one_key(prepared: Stack, settings: Settings) -> None:
    asyncio.run(complete(prepared, settings))
    key = prepared.first_key.read_text()
    registry = Registry.open(settings.registry_url)
    try:
        assert registry.key_scopes(key) == frozenset({"admin"})
        asyncio.run(complete(prepared, settings))
        assert len(registry.keys()) == 1
    finally:
        registry.close()
    assert prepared.first_key.read_text() == key


def test_a_first_key_that_opens_nothing_any_more_is_not_kept(
    prepared: Stack, settings: Settings
) -> None:
    asyncio.run(complete(prepared, settings))
    registry = Registry.open(settings.registry_url)
    try:
        (key,) = registry.keys()
        registry.revoke_key(key.id, by="tests")
    finally:
        registry.close()
    asyncio.run(complete(prepared, settings))
    assert not prepared.first_key.exists()


def test_tokens_that_work_are_kept_and_others_replaced(prepared: Stack, settings: Settings) -> None:
    asyncio.run(complete(prepared, settings))
    before = setting(prepared, "hub", "influx_token")
    asyncio.run(complete(prepared, settings))
    assert setting(prepared, "hub", "influx_token") == before
    path = prepared.secrets / "hub" / "influx_token"
    path.chmod(0o600)
    path.write_text("of a database that is gone")
    asyncio.run(complete(prepared, settings))
    assert write(settings, setting(prepared, "hub", "influx_token")) == 204


@pytest.mark.parametrize(
    "change",
    [
        {"influx_bucket": "elsewhere"},
        {"influx_org": "elsewhere"},
        {"influx_url": "http://127.0.0.1:9"},
    ],
)
def test_it_says_why_there_are_no_tokens(
    prepared: Stack, settings: Settings, change: dict[str, str]
) -> None:
    with pytest.raises(InfluxSetupError, match=r"made no tokens: .+"):
        asyncio.run(complete(prepared, settings.model_copy(update=change)))


def test_the_passwords_are_shown(stack: Stack) -> None:
    prepare(stack, "localhost")
    told = CliRunner().invoke(
        app, ["stack", "passwords", "--secrets", str(stack.secrets), "--json"]
    )
    assert json.loads(told.stdout) == {
        "Grafana user": "admin",
        "Grafana password": setting(stack, "grafana", "password"),
        "API key (scope admin)": None,
    }


def test_the_command_prepares(stack: Stack) -> None:
    options = ["--secrets", str(stack.secrets), "--broker", str(stack.broker)]
    run = CliRunner()
    told = run.invoke(
        app, ["stack", "prepare", *options, "--tls", str(stack.own_certificate), "--json"]
    )
    assert json.loads(told.stdout)["broker"] == str(stack.broker)
    assert f"plugin {PLUGIN}" in (stack.broker / "production.conf").read_text()
    assert (stack.secrets / "hub" / "mqtt_url").is_file()
