from math import cos, radians, sin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.kind import load_kinds
from ingest.derived.aggregates import COMPLETE, day_fields, direction, hour_fields, owed_quarters
from ingest.stores.quarter import Stat

KINDS = load_kinds()
WEATHER = KINDS["weather"]
VALUES = st.lists(st.floats(0, 100), min_size=1, max_size=20)


def _stat(values: list[float]) -> Stat:
    return Stat(len(values), sum(values), min(values), max(values))


def _wind(*degrees: float) -> dict[str, Stat]:
    sines = sum(sin(radians(one)) for one in degrees)
    cosines = sum(cos(radians(one)) for one in degrees)
    whole = _stat(list(degrees))
    return {"wind_direction": Stat(whole.count, whole.total, whole.low, whole.high, sines, cosines)}


@pytest.mark.parametrize(
    ("interval_s", "owed"), [(10, 4), (900, 4), (901, 3), (1800, 2), (3600, 1), (86400, 1)]
)
def test_a_slow_device_owes_fewer_quarters(interval_s: float, owed: int) -> None:
    assert owed_quarters(interval_s) == owed


@given(st.lists(VALUES, min_size=1, max_size=4))
def test_an_hour_is_that_of_all_its_values(quarters: list[list[float]]) -> None:
    fields = hour_fields(WEATHER, [{"rain": _stat(values)} for values in quarters], owed=4)
    values = [value for quarter in quarters for value in quarter]
    assert fields["rain_mean"] == pytest.approx(sum(values) / len(values))
    assert fields["rain_sum"] == pytest.approx(sum(values))
    assert (fields["rain_min"], fields["rain_max"]) == (min(values), max(values))
    assert fields["rain_count"] == len(values)
    assert fields["rain_completeness"] == len(quarters) / 4
    assert all(name.startswith("rain_") for name in fields)


def test_only_what_accumulates_has_a_sum() -> None:
    fields = hour_fields(WEATHER, [{"temperature": _stat([20.0])}], owed=4)
    assert "temperature_mean" in fields
    assert "temperature_sum" not in fields


def test_more_quarters_than_owed_are_no_more_than_complete() -> None:
    fields = hour_fields(WEATHER, [{"rain": _stat([1.0])}] * 4, owed=2)
    assert fields["rain_completeness"] == 1.0


def test_no_values_no_fields() -> None:
    assert hour_fields(WEATHER, [{}, {}], owed=4) == {}
    assert day_fields(WEATHER, [{}], hours_of_day=24) == {}


def test_directions_go_round_at_north() -> None:
    fields = hour_fields(WEATHER, [_wind(350.0), _wind(20.0)], owed=4)
    assert fields["wind_direction_mean"] == pytest.approx(5.0)
    assert "wind_direction_min" not in fields


def test_opposite_directions_cancel_out() -> None:
    assert direction(sin(radians(90)) + sin(radians(270)), 0.0) == 0.0


@given(st.lists(VALUES, min_size=1, max_size=24))
def test_a_day_weighs_its_hours_by_their_values(hours: list[list[float]]) -> None:
    rows = [hour_fields(WEATHER, [{"rain": _stat(values)}] * 3, owed=4) for values in hours]
    values = [value for hour in hours for value in hour * 3]
    fields = day_fields(WEATHER, rows, hours_of_day=24)
    assert fields["rain_mean"] == pytest.approx(sum(values) / len(values))
    assert fields["rain_sum"] == pytest.approx(sum(values))
    assert (fields["rain_min"], fields["rain_max"]) == (min(values), max(values))
    assert fields["rain_count"] == len(values)
    assert fields["rain_completeness"] == pytest.approx(len(hours) / 24)


def test_incomplete_hours_do_not_complete_a_day() -> None:
    whole = hour_fields(WEATHER, [{"rain": _stat([1.0])}] * 3, owed=4)
    half = hour_fields(WEATHER, [{"rain": _stat([1.0])}] * 2, owed=4)
    assert whole["rain_completeness"] >= COMPLETE > half["rain_completeness"]
    fields = day_fields(WEATHER, [whole, half], hours_of_day=25)
    assert fields["rain_completeness"] == 1 / 25
    assert fields["rain_count"] == 5


def test_a_day_of_directions() -> None:
    hours = [hour_fields(WEATHER, [_wind(*around)], owed=1) for around in ((350.0,), (20.0, 20.0))]
    fields = day_fields(WEATHER, hours, hours_of_day=24)
    assert fields["wind_direction_mean"] == pytest.approx(10.0, abs=0.2)
    assert fields["wind_direction_count"] == 3
