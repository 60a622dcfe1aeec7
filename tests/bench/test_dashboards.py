"""The dashboards' bench asks what Grafana would ask."""

import pytest

from bench.dashboards import interpolated, interval_ms, queries, widest
from bench.month import CITY, DAY, SEED
from dashboards.build import build_dashboards
from dashboards.site import Site
from devices.kind import load_kinds
from devices.simulator.roster import sensors

DEVICES = sensors(CITY, load_kinds(), 40, SEED)
STOP_S = 1_767_700_800


@pytest.mark.parametrize(
    ("hours", "pixels", "least", "seconds"),
    [
        (6, 600, None, 30),
        (6, 600, "1m", 60),
        (24, 1_900, None, 60),  # 45 s: half way between two widths is the wider one
        (24, 950, None, 120),
        (24 * 30, 1_900, None, 1_200),
        (24 * 30, 633, None, 3_600),
        (24 * 30, 633, "1d", DAY),
        (24 * 90, 20, None, DAY),
    ],
)
def test_time_groups_are_as_wide_as_grafana_makes_them(
    hours: int, pixels: int, least: str | None, seconds: int
) -> None:
    assert interval_ms(hours * 3_600, pixels, least=least) == seconds * 1_000


def test_every_query_is_whole_and_comes_once() -> None:
    asked = queries(DEVICES, STOP_S, 30 * DAY)
    texts = [one.query for one in asked]
    assert len(set(texts)) == len(texts) > 300
    assert [text for text in texts if "$" in text.replace("$/", "")] == []
    assert {one.board.partition(" ")[0] for one in asked} == set(build_dashboards(Site(), "en"))
    assert {30 * DAY, DAY, 6 * 3_600, 90 * DAY} <= {one.range_s for one in asked}
    assert any(one.panel.startswith("variable ") for one in asked)


def test_the_widest_choice_is_all_or_the_fullest() -> None:
    boards = build_dashboards(Site(), "en")
    assert widest("flood", boards["flood"], DEVICES)["device"] == ".*"
    one = widest("sensor-flood", boards["sensor-flood"], DEVICES)["device"]
    assert one.startswith("sim-flood-")
    area = widest("kecamatan", boards["kecamatan"], DEVICES)["area"]
    counts = [device.area for device in DEVICES]
    assert counts.count(area) == max(map(counts.count, set(counts) - {None}))


def test_a_value_is_escaped_as_grafana_does() -> None:
    text = interpolated(
        'SELECT x WHERE "area" =~ /^${area:regex}$/ AND "device" = \'$device\' AND $timeFilter',
        {"area": "12.71.09", "device": "sim-1"},
        start_s=1,
        stop_s=2,
        every_ms=1_000,
    )
    assert text == (
        'SELECT x WHERE "area" =~ /^12\\.71\\.09$/ AND "device" = \'sim-1\' '
        "AND time >= 1000ms and time <= 2000ms"
    )
