"""What `kotahub mosquitto init` makes, tried on real brokers."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from devices.dynamic_security import stored_client
from gateway.certificate import make_certificate
from gateway.cli.mosquitto import ProductionOptionsError, app
from gateway.mosquitto import (
    BrokerFilesError,
    MissingMosquittoError,
    MosquittoFolder,
    Production,
    find_plugin,
    find_program,
)
from tests.brokers import MosquittoServer

SESSION = ("-i", "session", "-c", "-x", "600")


def test_a_second_init_keeps_logins_and_writes_nothing_else_anew(tmp_path: Path) -> None:
    folder = MosquittoFolder(tmp_path)
    first = folder.init_embedded("127.0.0.1", 1883)
    folder.add_logins([stored_client("mine", "secret", "device:mine")])
    security = folder.security.read_bytes()
    assert folder.init_embedded("0.0.0.0", 1884) == first  # noqa: S104
    assert folder.security.read_bytes() == security
    assert "listener 1884 0.0.0.0" in folder.embedded.read_text()


def test_init_keeps_what_the_plugin_saved(broker: MosquittoServer) -> None:
    broker.credentials("mine")
    broker.stop()
    saved = broker.folder.security.read_bytes()
    broker.init()
    assert broker.folder.security.read_bytes() == saved


def test_init_mends_a_role_and_a_password_that_were_changed(broker: MosquittoServer) -> None:
    broker.stop()
    document = json.loads(broker.folder.security.read_text())
    document["roles"] = [role for role in document["roles"] if role["rolename"] != "hub"]
    for client in document["clients"]:
        client["salt"] = "AAAAAAAAAAAAAAAA"
    broker.folder.security.write_text(json.dumps(document))
    broker.init()
    broker.start()
    said = broker.publish(broker.login("hub"), "hub/x", "1")
    assert said.returncode == 0
    assert "RC:135" not in said.stdout


def test_secrets_are_for_their_owner_alone(tls_broker: MosquittoServer) -> None:
    folder = tls_broker.folder
    for path in (
        folder.secrets,
        folder.security,
        folder.environment,
        folder.production,
        folder.path / "server.key",
        folder.path / "ca.key",
    ):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_no_secret_stands_in_a_configuration(tls_broker: MosquittoServer) -> None:
    assert tls_broker.secrets is not None
    text = tls_broker.folder.production.read_text() + tls_broker.folder.security.read_text()
    for login in tls_broker.secrets.logins.values():
        assert login.password not in text


@pytest.mark.parametrize("text", ["{", "{}", '{"hub": {}}'])
def test_damaged_secrets_are_named(tmp_path: Path, text: str) -> None:
    folder = MosquittoFolder(tmp_path)
    folder.secrets.write_text(text)
    with pytest.raises(BrokerFilesError, match=r"secrets\.json: .*kotahub mosquitto init"):
        folder.init_embedded("127.0.0.1", 1883)


@pytest.mark.parametrize("text", ["{", "{}", '{"clients": [{}], "roles": []}'])
def test_a_damaged_plugin_file_is_named(tmp_path: Path, text: str) -> None:
    folder = MosquittoFolder(tmp_path)
    folder.security.write_text(text)
    with pytest.raises(BrokerFilesError, match=r"dynamic-security\.json"):
        folder.init_embedded("127.0.0.1", 1883)


def test_missing_parts_say_how_to_install_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.mosquitto._PROGRAM", "mosquitto-of-another-world")
    monkeypatch.setattr("gateway.mosquitto._PLUGIN", "no_such_plugin.so")
    with pytest.raises(MissingMosquittoError, match="apt-get install mosquitto"):
        find_program()
    with pytest.raises(MissingMosquittoError, match="apt-get install mosquitto"):
        find_plugin()


def test_lines_of_the_operator_are_read_last(broker: MosquittoServer) -> None:
    broker.stop()
    (broker.folder.path / "conf.d" / "own.conf").write_text("max_packet_size 100\n")
    broker.start()
    refused = broker.publish(broker.login("simulator"), "sensors/x/up", "x" * 200, "-V", "mqttv311")
    assert refused.returncode != 0


def test_a_message_of_ten_megabytes_passes_and_one_above_the_limit_is_told(
    broker: MosquittoServer, tmp_path: Path
) -> None:
    large, larger = tmp_path / "large", tmp_path / "larger"
    large.write_bytes(b"x" * 10_000_000)
    larger.write_bytes(b"x" * 17_000_000)
    login = broker.login("simulator")
    arguments = [*broker.arguments(login), "-V", "mqttv311", "-q", "1", "-t", "sensors/x/up", "-f"]
    for path, fits in ((large, True), (larger, False)):
        sent = subprocess.run(
            ["mosquitto_pub", *arguments, path], capture_output=True, check=False, timeout=30
        )
        assert (sent.returncode == 0) is fits


@pytest.mark.parametrize("qos", ["0", "1"])
def test_what_waits_for_the_hub_outlives_a_restart(broker: MosquittoServer, qos: str) -> None:
    hub = broker.login("hub")
    broker.subscribe(hub, "sensors/#", *SESSION, "-E")
    for number in range(3):
        broker.publish(broker.login("simulator"), "sensors/x/up", f"said {number}", "-q", qos)
    broker.stop()
    broker.start()
    got = broker.subscribe(hub, "sensors/#", *SESSION, "-C", "3").stdout
    assert [line for line in got.splitlines() if line.startswith("said")] == [
        "said 0",
        "said 1",
        "said 2",
    ]


def test_more_waits_for_the_hub_than_mosquitto_keeps_by_itself(broker: MosquittoServer) -> None:
    hub = broker.login("hub")
    broker.subscribe(hub, "sensors/#", *SESSION, "-E")
    lines = "".join(f"said {number}\n" for number in range(3000))
    subprocess.run(
        [
            *("mosquitto_pub", *broker.arguments(broker.login("simulator"))),
            *("-q", "1", "-t", "sensors/x/up", "-l"),
        ],
        input=lines,
        text=True,
        check=True,
        timeout=30,
    )
    got = broker.subscribe(hub, "sensors/#", *SESSION, "-C", "3000").stdout
    assert "".join(f"{line}\n" for line in got.splitlines() if line.startswith("said")) == lines


def test_whoever_knows_the_hubs_client_id_takes_its_session(broker: MosquittoServer) -> None:
    """Why that name is a secret: if this fails one day, Mosquitto has become safer."""
    password = broker.credentials("mine")["mine"]
    hub = broker.login("hub")
    broker.subscribe(hub, "sensors/#", *SESSION, "-E")
    broker.publish(broker.login("simulator"), "sensors/x/up", "said 1")
    broker.subscribe(("mine", password), "sensors/mine/down", *SESSION, "-E")
    broker.publish(broker.login("simulator"), "sensors/x/up", "said 2")
    broker.subscribe(hub, "sensors/#", *SESSION, "-E")
    broker.publish(broker.login("simulator"), "sensors/x/up", "said 3")
    got = broker.subscribe(hub, "sensors/#", *SESSION, "-C", "1").stdout
    assert "said 3" in got.splitlines()


def test_the_hubs_client_id_cannot_be_guessed(tmp_path: Path) -> None:
    one = MosquittoFolder(tmp_path / "one").init_embedded("127.0.0.1", 1883)
    two = MosquittoFolder(tmp_path / "two").init_embedded("127.0.0.1", 1883)
    assert one.hub_client_id != two.hub_client_id
    assert len(one.hub_client_id) >= 16


def test_tls_is_trusted_by_its_authority_only(tls_broker: MosquittoServer, tmp_path: Path) -> None:
    hub = tls_broker.login("hub")
    assert tls_broker.publish(hub, "hub/x", "1").returncode == 0
    stranger = make_certificate(tmp_path, "localhost")
    assert tls_broker.publish(hub, "hub/x", "1", "--cafile", str(stranger.ca)).returncode != 0
    named_otherwise = tls_broker.publish(hub, "hub/x", "1", "-h", "127.0.0.1")
    assert named_otherwise.returncode != 0


def test_tls_refuses_plain_and_old_versions(tls_broker: MosquittoServer) -> None:
    hub = tls_broker.login("hub")
    plain = ["mosquitto_pub", "-h", "localhost", "-p", str(tls_broker.port), "-u", hub[0]]
    refused = subprocess.run(
        [*plain, "-P", hub[1], "-t", "hub/x", "-m", "1", "-q", "1"],
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert refused.returncode != 0
    assert tls_broker.publish(hub, "hub/x", "1", "--tls-version", "tlsv1.2").returncode == 0
    old = subprocess.run(
        [
            *("openssl", "s_client", "-connect", f"localhost:{tls_broker.port}"),
            *("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"),
        ],
        input=b"",
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert old.returncode != 0


def test_a_renewed_certificate_has_the_same_authority(tmp_path: Path) -> None:
    made = make_certificate(tmp_path, "10.0.0.7")
    authority, certificate = made.ca.read_bytes(), made.certificate.read_bytes()
    assert make_certificate(tmp_path, "10.0.0.7").certificate.read_bytes() == certificate
    again = make_certificate(tmp_path, "mqtt.example.org", "10.0.0.7")
    assert again.ca.read_bytes() == authority
    verified = subprocess.run(
        [
            *("openssl", "verify", "-CAfile", str(again.ca)),
            *("-verify_hostname", "mqtt.example.org", str(again.certificate)),
        ],
        capture_output=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stderr


def test_a_certificate_that_is_about_to_end_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.certificate._SERVER_DAYS", 89)
    old = make_certificate(tmp_path, "localhost").certificate.read_bytes()
    monkeypatch.undo()
    renewed = make_certificate(tmp_path, "localhost").certificate.read_bytes()
    assert renewed != old
    assert make_certificate(tmp_path, "localhost").certificate.read_bytes() == renewed


def test_the_hub_finds_its_broker_by_hub_env(tmp_path: Path) -> None:
    folder = MosquittoFolder(tmp_path)
    made = folder.init_production(Production("mqtt.example.org"))
    values = dict(
        line.split("=", 1) for line in folder.environment.read_text().splitlines() if line
    )
    hub = made.logins["hub"]
    assert values == {
        "KOTAHUB_MQTT_URL": f"mqtts://{hub.username}:{hub.password}@mqtt.example.org:8883",
        "KOTAHUB_MQTT_ADMIN_URL": made.logins["admin"].url("mqtts", "mqtt.example.org", 8883),
        "KOTAHUB_MQTT_CA_FILE": str(tmp_path / "ca.crt"),
        "KOTAHUB_MQTT_CLIENT_ID": made.hub_client_id,
    }


def test_the_command_makes_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOTAHUB_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    run = CliRunner()
    embedded = json.loads(run.invoke(app, ["init", "--json"]).stdout)
    assert embedded["configuration"] == str(tmp_path / "data" / "mosquitto" / "embedded.conf")
    arguments = ["init", "--dir", "b", "--production", "--hostname", "b.example", "--json"]
    production = json.loads(run.invoke(app, arguments).stdout)
    assert Path(production["hub"]).read_text().startswith("KOTAHUB_MQTT_URL=mqtts://kotahub.hub:")
    given = ["--cert", "b/server.crt", "--key", "b/server.key", "--ca", "b/ca.crt"]
    other = ["init", "--dir", "c", "--production", "--hostname", "b.example", *given]
    assert run.invoke(app, other).exit_code == 0
    assert f"certfile {tmp_path}/b/server.crt" in Path("c/production.conf").read_text()
    assert not Path("c/ca.key").exists()


@pytest.mark.parametrize(
    "options",
    [
        ["--hostname", "x"],
        ["--production"],
        ["--production", "--hostname", "x", "--cert", os.devnull],
    ],
)
def test_half_of_the_options_is_named(options: list[str], tmp_path: Path) -> None:
    certificate = tmp_path / "some.crt"
    certificate.touch()
    words = [str(certificate) if word == os.devnull else word for word in options]
    result = CliRunner().invoke(app, ["init", "--dir", str(tmp_path / "made"), *words])
    assert isinstance(result.exception, ProductionOptionsError)
    assert not (tmp_path / "made").exists()
