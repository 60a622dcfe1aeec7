import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.derived import aqi

HOURS = st.lists(st.none() | st.floats(0, 500), min_size=12, max_size=12)


@pytest.mark.parametrize(
    ("average", "index"),
    [
        (9.0, 50),
        (9.09, 50),
        (9.1, 51),
        (12, 56),
        (35.4, 100),
        (35.5, 101),
        (55.4, 150),
        (55.5, 151),
        (125.4, 200),
        (225.5, 301),
        (325.4, 500),
    ],
)
def test_known_values_of_pm25(average: float, index: int) -> None:
    assert aqi.index("pm25", average) == index


@pytest.mark.parametrize("pollutant", sorted(aqi.BREAKPOINTS))
def test_every_row_begins_and_ends_with_its_index(pollutant: str) -> None:
    for (low, high), (first, last), category in zip(
        aqi.BREAKPOINTS[pollutant], aqi.STEPS, aqi.CATEGORIES, strict=True
    ):
        assert (aqi.index(pollutant, low), aqi.index(pollutant, high)) == (first, last)
        assert aqi.category(first) is aqi.category(last) is category


@pytest.mark.parametrize("pollutant", sorted(aqi.BREAKPOINTS))
def test_the_index_ends_with_its_table(pollutant: str) -> None:
    assert aqi.index(pollutant, -3.0) == 0
    assert aqi.index(pollutant, 5000.0) == 500


def test_digits_are_cut_not_rounded() -> None:
    assert aqi.cut("pm25", 9.19) == 9.1
    assert aqi.cut("pm25", 9.1) == 9.1
    assert aqi.cut("pm10", 54.99) == 54.0
    assert aqi.index("pm10", 54.99) == 50


@given(st.sampled_from(sorted(aqi.BREAKPOINTS)), st.floats(0, 800), st.floats(0, 800))
def test_more_of_it_is_never_better(pollutant: str, one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert aqi.index(pollutant, less) <= aqi.index(pollutant, more)


@pytest.mark.parametrize(
    ("hours", "cut", "index"),
    [
        ([50.0] * 12, 50.0, 137),
        ([64.5, 69.2, 66.1, 53.7, 48.6, 49.2, 53, 51, 49.7, 47.4, 44.6, 40.1], 63.3, 156),
        ([34.9, 43, 50, None, 64.9, 69.2, 66.2, 53.7, 48.6, 49.2, 53, 51.0], 41.1, 115),
        ([None, 10, *[20] * 10], 14.9, 62),
    ],
)
def test_nowcast(hours: list[float | None], cut: float, index: int) -> None:
    now = aqi.nowcast(hours)
    assert now is not None
    assert aqi.cut("pm25", now) == cut
    assert aqi.index("pm25", now) == index


@given(HOURS)
def test_nowcast_needs_two_of_the_last_three_hours(hours: list[float | None]) -> None:
    recent = sum(hour is not None for hour in hours[:3])
    assert (aqi.nowcast(hours) is not None) == (recent >= 2)


@given(HOURS, st.lists(st.floats(0, 500), max_size=5))
def test_nowcast_lies_among_its_hours_and_forgets_older_ones(
    hours: list[float | None], older: list[float]
) -> None:
    now = aqi.nowcast(hours)
    assert aqi.nowcast([*hours, *older]) == now
    if now is not None:
        known = [hour for hour in hours if hour is not None]
        assert min(known) - 1e-9 <= now <= max(known) + 1e-9


def test_clean_air_has_a_nowcast() -> None:
    assert aqi.nowcast([0.0, -1.0, 0.0]) == 0.0
