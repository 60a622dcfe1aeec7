from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.derived import ispu

POLLUTANTS = sorted(ispu.BREAKPOINTS)


@pytest.mark.parametrize(
    ("average", "published"), [(42.14, 84), (19.71, 56), (94.27, 142), (46.37, 89)]
)
def test_what_the_ministry_published(average: float, published: int) -> None:
    assert ispu.sub_index("pm25", average) == published


def test_the_fifth_published_pair_is_missed_by_one() -> None:
    assert ispu.sub_index("pm25", 94.01) == 142 - 1


@pytest.mark.parametrize("pollutant", POLLUTANTS)
def test_every_breakpoint_is_its_index(pollutant: str) -> None:
    at = [ispu.sub_index(pollutant, point) for point in ispu.BREAKPOINTS[pollutant]]
    assert at == list(ispu.INDEX)


@pytest.mark.parametrize("pollutant", POLLUTANTS)
def test_a_step_begins_one_above_the_last(pollutant: str) -> None:
    for point, index in list(zip(ispu.BREAKPOINTS[pollutant], ispu.INDEX, strict=True))[1:-1]:
        above = ispu.sub_index(pollutant, point + 1e-6)
        assert above == index + 1
        assert ispu.category(above).code == ispu.category(index).code + 1


@pytest.mark.parametrize("pollutant", POLLUTANTS)
def test_the_index_ends_with_its_table(pollutant: str) -> None:
    assert ispu.sub_index(pollutant, -1.0) == 0
    assert ispu.sub_index(pollutant, ispu.BREAKPOINTS[pollutant][-1] * 10) == 500


@given(st.sampled_from(POLLUTANTS), st.floats(0, 50_000), st.floats(0, 50_000))
def test_more_of_it_is_never_better(pollutant: str, one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert ispu.sub_index(pollutant, less) <= ispu.sub_index(pollutant, more)


@given(st.sampled_from(POLLUTANTS), st.floats(0, 1))
def test_it_never_jumps(pollutant: str, share: float) -> None:
    average = share * ispu.BREAKPOINTS[pollutant][-1]
    steepest = max(
        (last - first) / (high - low)
        for (low, high), (first, last) in zip(
            pairwise(ispu.BREAKPOINTS[pollutant]), pairwise(ispu.INDEX), strict=True
        )
    )
    further = average + 0.5 / steepest
    rise = ispu.sub_index(pollutant, further) - ispu.sub_index(pollutant, average)
    assert 0 <= rise <= 2  # half a point of slope, a point of rounding, a point between steps


@pytest.mark.parametrize(
    ("index", "name"),
    [
        (0, "Baik"),
        (50, "Baik"),
        (51, "Sedang"),
        (100, "Sedang"),
        (101, "Tidak Sehat"),
        (200, "Tidak Sehat"),
        (201, "Sangat Tidak Sehat"),
        (300, "Sangat Tidak Sehat"),
        (301, "Berbahaya"),
        (500, "Berbahaya"),
    ],
)
def test_categories(index: int, name: str) -> None:
    assert ispu.category(index).id == name


@given(st.integers(0, 24), st.randoms())
def test_a_day_needs_three_quarters_of_its_hours(known: int, random: Random) -> None:
    hours: list[float | None] = [10.0] * known + [None] * (24 - known)
    random.shuffle(hours)
    assert ispu.day_average(hours) == (10.0 if known >= 18 else None)


def test_a_single_hour_is_never_an_index() -> None:
    assert ispu.day_average([80.0]) is None
