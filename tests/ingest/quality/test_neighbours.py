from hypothesis import given
from hypothesis import strategies as st

from ingest.quality.neighbours import STATIONS_MIN, apart


def test_a_station_far_from_the_others_is_apart() -> None:
    values = {f"s{n}": 28.0 + n / 10 for n in range(8)} | {"odd": 35.0}
    assert set(apart(values, 4.0)) == {"odd"}
    low, high = apart(values, 4.0)["odd"]
    assert low < 28.0 < high < 35.0


def test_what_is_less_than_the_smallest_difference_is_together() -> None:
    assert apart({f"s{n}": 28.0 for n in range(8)} | {"odd": 31.9}, 4.0) == {}


def test_a_wide_spread_forgives_more() -> None:
    values = {f"s{n}": 20.0 + 5 * n for n in range(9)} | {"odd": 90.0}
    assert apart(values, 4.0) == {}


@given(st.dictionaries(st.text(max_size=3), st.floats(-50, 50), max_size=STATIONS_MIN - 1))
def test_too_few_stations_agree(values: dict[str, float]) -> None:
    assert apart(values, 0.1) == {}


@given(st.lists(st.floats(-50, 50), min_size=STATIONS_MIN, max_size=30), st.floats(0.1, 10))
def test_at_least_half_always_agree(values: list[float], smallest: float) -> None:
    named = {str(place): value for place, value in enumerate(values)}
    assert len(apart(named, smallest)) <= len(values) / 2
