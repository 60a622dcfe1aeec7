"""Health and metrics."""

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ingest.journal import Journal, JournalFullError
from ingest.stores.influxdb import InfluxStore
from tests.gateway.door import Door


def away() -> InfluxStore:
    return InfluxStore("http://127.0.0.1:1", token="t", org="o", bucket="b", timeout_s=5)


def failing(door: Door) -> dict[str, str]:
    """The checks that fail, with their reasons."""
    answer = door.get("/readyz")
    body = answer.json()
    assert set(body["checks"]) == {"broker", "journal", "store", "registry"}
    reasons = {name: check["reason"] for name, check in body["checks"].items() if not check["ok"]}
    assert answer.status_code == (503 if reasons else 200)
    assert body["ready"] is (not reasons)
    return reasons


def test_ready(calm: Door) -> None:
    assert failing(calm) == {}


def test_alive_though_nothing_works(door: Door) -> None:
    door.hub.journal.close()
    assert door.change(broker_connected=lambda: False).json("/healthz") == {"alive": True}


def test_a_broker_that_is_away(calm: Door) -> None:
    lost = calm.change(broker_connected=lambda: False, last_error=lambda: "Connection refused")
    assert failing(lost) == {"broker": "not connected: Connection refused"}


def test_a_store_that_is_away(calm: Door) -> None:
    store = away()
    assert list(failing(calm.change(store=store))) == ["store"]
    calm.run(store.close())


def test_a_full_journal(door: Door) -> None:
    with closing(Journal.open(door.hub.settings.journal_path, max_bytes=1)) as full:
        narrow = door.change(journal=full)
        with pytest.raises(JournalFullError):
            narrow.publish("air-01", {"pm25": 1})
        assert "of 1 bytes" in failing(narrow)["journal"]


def broken_file(door: Door) -> None:
    with closing(sqlite3.connect(door.hub.settings.data_dir / "registry.db")) as database:
        database.execute("DROP TABLE revision")
        database.commit()


def closed(door: Door) -> None:
    door.hub.journal.close()


@pytest.mark.parametrize(("harm", "name"), [(broken_file, "registry"), (closed, "journal")])
def test_a_part_that_fails(door: Door, harm: Callable[[Door], None], name: str) -> None:
    harm(door)
    assert list(failing(door)) == [name]


def samples(door: Door) -> dict[str, float]:
    """Every sample by its name and labels, read by Prometheus' own parser."""
    answer = door.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    return {
        ",".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_metrics_count_what_the_ledger_counts(door: Door) -> None:
    for payload in ({"pm25": 1}, {"pm25": "x"}, {"time": 1, "pm25": 2}, {"time": 1, "pm25": 2}):
        door.publish("air-01", payload)
    before = samples(door)
    door.deliver()
    after = samples(door)
    assert before["kotahub_messages_pending"] == 2
    assert before["kotahub_lag_seconds"] > 0
    assert after["kotahub_messages_pending"] == after["kotahub_lag_seconds"] == 0
    assert after["kotahub_messages_received_total"] == 4
    assert after["kotahub_messages_total,stored"] == 2
    assert after["kotahub_messages_quarantined"] == 1
    assert after["kotahub_messages_total,duplicate"] == 1
    assert after["kotahub_quarantine_items"] == 1
    assert 0 < after["kotahub_journal_bytes"] < after["kotahub_journal_max_bytes"]
    assert after["kotahub_broker_connected"] == after["kotahub_store_up"] == 1


def test_metrics_tell_of_parts_that_are_away(calm: Door) -> None:
    store = away()
    told = samples(calm.change(store=store, broker_connected=lambda: False))
    calm.run(store.close())
    assert told["kotahub_broker_connected"] == told["kotahub_store_up"] == 0
