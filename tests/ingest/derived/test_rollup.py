"""Hours and days on both stores."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from devices.device import Device
from ingest.derived import rollup
from ingest.derived.calendar import (
    HOUR_NS,
    MINUTE_NS,
    QUARTER_NS,
    SECOND_NS,
    day_start,
    quarter_start,
)
from ingest.derived.measurements import days_of, hours_of
from ingest.derived.scene import Scene, runs
from ingest.stores import Store
from ingest.stores.measurement import Measurement, Row
from tests.ingest.stores.places import KINDS, Place

JAKARTA: Final = ZoneInfo("Asia/Jakarta")
BERLIN: Final = ZoneInfo("Europe/Berlin")
KATHMANDU: Final = ZoneInfo("Asia/Kathmandu")
BEGIN: Final = int(datetime(2026, 11, 23, 17, tzinfo=UTC).timestamp()) * SECOND_NS
"""Midnight in Medan."""


def line(
    values: str, at_ns: int, *, kind: str, area: str = "medan-kota", channel: str = ""
) -> bytes:
    lane = f",channel={channel}" if channel else ""
    return f"{kind},area={area}{lane},device={kind}-1 {values} {at_ns}".encode()


def rolled(
    place: Place,
    measurement: Measurement,
    *arrivals: Sequence[bytes],
    zone: ZoneInfo = JAKARTA,
    device: Device | None = None,
) -> list[Row]:
    """Rows, oldest first, after the lines arrived, each time with a round."""
    kind = KINDS[measurement.id.partition("_")[0]]
    stamp = slice(-19, None)
    device = device or Device(f"{kind.id}-1", kind.id)

    async def scenario(store: Store) -> list[Row]:
        for lines in arrivals:
            assert await store.write(lines) == {}
            quarters = {quarter_start(int(one[stamp])) for one in lines}
            scene = Scene(
                store=store, kinds=KINDS, devices={device.id: device}, zone=zone, now_ns=BEGIN
            )
            await rollup.derive(scene, kind, {device.id: quarters})
        rows = await store.rows(
            measurement, [device.id], start_ns=0, stop_ns=BEGIN + 400 * 24 * HOUR_NS
        )
        return rows[::-1]

    return place.run(scenario)


def test_an_hour_and_its_day(place: Place) -> None:
    lines = [
        line(f"rain={rain},rain_qc=1", BEGIN + minute * MINUTE_NS, kind="weather")
        for minute, rain in ((0, 1.0), (20, 2.0), (50, 6.0), (70, 3.0))
    ]
    weather = KINDS["weather"]
    first, second = rolled(place, hours_of(weather), lines)
    assert first == Row(
        BEGIN,
        "weather-1",
        "",
        "medan-kota",
        {
            "rain_mean": 3.0,
            "rain_min": 1.0,
            "rain_max": 6.0,
            "rain_count": 3.0,
            "rain_completeness": 0.75,
            "rain_sum": 9.0,
        },
    )
    assert (second.time_ns, second.values["rain_sum"]) == (BEGIN + HOUR_NS, 3.0)
    (day,) = rolled(place, days_of(weather))
    assert day.time_ns == BEGIN
    assert (day.values["rain_sum"], day.values["rain_max"]) == (12.0, 6.0)
    assert day.values["rain_completeness"] == pytest.approx(1 / 24)


def test_channels_are_apart(place: Place) -> None:
    lines = [
        line(f"volume={count},volume_qc=1", BEGIN, kind="traffic", channel=lane)
        for lane, count in (("inbound", 4), ("outbound", 7))
    ]
    rows = rolled(place, days_of(KINDS["traffic"]), lines)
    assert {row.channel: row.values["volume_sum"] for row in rows} == {"inbound": 4, "outbound": 7}


def test_north_is_between_its_sides(place: Place) -> None:
    lines = [
        line(f"wind_direction={way},wind_direction_qc=1", BEGIN + at * HOUR_NS, kind="weather")
        for at, way in enumerate((350, 20))
    ]
    (day,) = rolled(place, days_of(KINDS["weather"]), lines)
    assert day.values["wind_direction_mean"] == pytest.approx(5)
    assert "wind_direction_max" not in day.values


def test_late_data_recomputes_its_hour_and_day(place: Place) -> None:
    rains = [line("rain=1,rain_qc=1", BEGIN + at * HOUR_NS, kind="weather") for at in range(3)]
    late = line("rain=5,rain_qc=1", BEGIN + HOUR_NS + MINUTE_NS, kind="weather")
    weather = KINDS["weather"]
    hours = rolled(place, hours_of(weather), rains, [late])
    assert [hour.values["rain_sum"] for hour in hours] == [1, 6, 1]
    (day,) = rolled(place, days_of(weather))
    assert (day.values["rain_sum"], day.values["rain_count"]) == (8, 4)


def test_a_value_that_is_flagged_later_leaves_hour_and_day(place: Place) -> None:
    good = line("rain=9,rain_qc=1", BEGIN, kind="weather")
    weather = KINDS["weather"]
    (hour,) = rolled(place, hours_of(weather), [good], [line("rain_qc=4", BEGIN, kind="weather")])
    assert (hour.values["rain_count"], hour.values["rain_completeness"]) == (0, 0)
    (day,) = rolled(place, days_of(weather))
    assert (day.values["rain_count"], day.values["rain_completeness"]) == (0, 0)


def test_an_hour_in_which_a_device_moves_counts_once(place: Place) -> None:
    before = line("rain=1,rain_qc=1", BEGIN, kind="weather", area="medan-kota")
    after = line("rain=2,rain_qc=1", BEGIN + 30 * MINUTE_NS, kind="weather", area="medan-baru")
    hours = rolled(place, hours_of(KINDS["weather"]), [before], [after])
    told = {hour.area: hour.values["rain_sum"] for hour in hours if hour.values["rain_count"]}
    assert told == {"medan-baru": 3}
    days = rolled(place, days_of(KINDS["weather"]))
    told = {day.area: day.values["rain_sum"] for day in days if day.values["rain_count"]}
    assert told == {"medan-baru": 3}


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 7, 1), 24)]
)
def test_a_day_has_the_hours_of_its_clocks(place: Place, day: date, hours: int) -> None:
    begin = day_start(day, BERLIN)
    lines = [
        line("rain=1,rain_qc=1", begin + at * QUARTER_NS, kind="weather")
        for at in range(-4, hours * 4 + 4)
    ]
    before, whole, after = rolled(place, days_of(KINDS["weather"]), lines, zone=BERLIN)
    assert whole.time_ns == begin
    assert after.time_ns == begin + hours * HOUR_NS
    assert whole.values["rain_count"] == hours * 4
    assert whole.values["rain_completeness"] == 1
    assert before.values["rain_count"] == after.values["rain_count"] == 4


def test_hours_begin_when_the_citys_clocks_say(place: Place) -> None:
    # Kathmandu is 5:45 ahead.
    hour = int(datetime(2026, 11, 24, 0, 15, tzinfo=UTC).timestamp()) * SECOND_NS
    lines = [line("rain=1,rain_qc=1", at, kind="weather") for at in (hour - 1, hour)]
    rows = rolled(place, hours_of(KINDS["weather"]), lines, zone=KATHMANDU)
    assert [row.time_ns for row in rows] == [hour - HOUR_NS, hour]


@pytest.mark.parametrize(
    ("interval_s", "completeness"), [("3600", 1.0), ("1800", 0.5), ("x", 0.25)]
)
def test_a_device_owes_what_it_reports(place: Place, interval_s: str, completeness: float) -> None:
    device = Device("weather-1", "weather", attributes={"interval_s": interval_s})
    reading = line("rain=1,rain_qc=1", BEGIN, kind="weather")
    (hour,) = rolled(place, hours_of(KINDS["weather"]), [reading], device=device)
    assert hour.values["rain_completeness"] == completeness


def test_runs_hold_every_window_once() -> None:
    windows = {"a": {0, 1, 2, 5}, "b": [2, 1, 0], "c": range(7)}
    found = list(runs(windows, 1, most=4))
    assert next(run for run in found if "a" in run.devices).devices == ("a", "b")
    for device, starts in windows.items():
        covered = [
            start
            for run in found
            if device in run.devices
            for start in range(run.start_ns, run.stop_ns)
        ]
        assert sorted(covered) == sorted(set(starts))
    assert all(run.stop_ns - run.start_ns <= 4 for run in found)


def test_a_read_has_a_hundred_devices_at_most() -> None:
    windows = {f"d-{number}": {0} for number in range(250)}
    assert [len(run.devices) for run in runs(windows, 1, most=9)] == [100, 100, 50]
