"""The bench itself, at a rate that proves nothing but that its figures add up."""

import shutil
from pathlib import Path

import pytest

from bench import ingest
from bench.subjects.hub import EmbeddedHub, Hub
from tests.servers import influxd_binary, lacking


@pytest.fixture(scope="module", autouse=True)
def _servers() -> None:
    influxd_binary()
    if shutil.which("mosquitto") is None and not Path("/usr/sbin/mosquitto").exists():
        lacking("mosquitto is missing: scripts/system.sh mosquitto")


@pytest.mark.parametrize("subject", [Hub(), EmbeddedHub()], ids=lambda one: str(one.name))
def test_every_message_is_in_the_store_or_in_quarantine(subject: Hub) -> None:
    result = ingest.measure(subject, rate=500, seconds=1, devices=50, bad=0.02)
    assert result["messages"] > 2000
    assert result["lost"] == 0
    assert result["unaccounted"] == 0
    account = result["account"]
    assert account["quarantined"] == result["bad"] > 0
    assert account["stored"] == result["messages"] - result["bad"]
    assert account["duplicate"] == account["pending"] == 0
    assert result["latency_ms"]["p50"] > 0
    assert all(cost > 0 for name, cost in result["cpu_us"].items() if name != "store")


def test_ratios_compare_equal_rates_only() -> None:
    results = [
        {"subject": "hub", "rate": 1000, "cpu_us": {"subject": 10.0}},
        {"subject": "telegraf", "rate": 1000, "cpu_us": {"subject": 40.0}},
        {"subject": "hub", "rate": 0, "cpu_us": {"subject": 9.0}},
        {"subject": "hub-duckdb", "rate": 1000, "cpu_us": {"subject": 20.0}},
    ]
    assert list(ingest.ratios(results)) == ["    1000: hub / telegraf = 0.25"]
