"""The servers that other tests stand on are the real ones, and each test gets an empty place."""

import signal
import sys
from pathlib import Path

import psycopg
import pytest

from tests.servers import Influx, Server, lacking


def test_influxd_is_a_real_influxdb_with_a_bucket_for_each(influxd: Influx) -> None:
    assert influxd.request("GET", "/health")["name"] == "influxdb"
    assert influxd.bucket() != influxd.bucket()


def test_influxd_keeps_what_it_has_over_a_restart(influxd: Influx) -> None:
    name = influxd.bucket()
    influxd.stop()
    influxd.start()
    found = influxd.request("GET", f"/api/v2/buckets?org={influxd.org}&name={name}")
    assert [bucket["name"] for bucket in found["buckets"]] == [name]


def test_each_test_has_a_postgres_database_of_its_own(postgres_url: str) -> None:
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as connection:
        answer = connection.execute("SELECT current_setting('server_version_num')").fetchone()
        tables = connection.execute(
            "SELECT 1 FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
    assert answer is not None
    assert int(answer[0]) >= 150000
    assert tables == []


@pytest.mark.parametrize(
    ("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)]
)
def test_what_is_missing_is_skipped_by_name_but_fails_in_ci(
    ci: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="influxd is missing"):
        lacking("influxd is missing")


def test_a_server_that_ends_at_once_tells_its_words(tmp_path: Path) -> None:
    server = Server(
        [sys.executable, "-c", "raise SystemExit('no such option')"], log=tmp_path / "log"
    )
    with pytest.raises(pytest.fail.Exception, match="no such option"):
        server.wait_until(lambda: False, "it answers")
    server.stop()
    assert server.process.returncode == 1


def test_a_server_that_does_not_end_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    deaf = "import signal; signal.signal(15, signal.SIG_IGN); print('on', flush=True)"
    server = Server([sys.executable, "-c", f"{deaf}; signal.pause()"], log=log)
    server.wait_until(lambda: "on" in log.read_text(), "it is deaf")
    monkeypatch.setattr("tests.servers.READY_WITHIN_S", 0.1)
    server.stop()
    assert server.process.returncode == -signal.SIGKILL
