from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from devices.place import ABSENT, ModelError
from devices.source import Growth, MetricSource, Unless


def source(**options: Any) -> MetricSource:
    return MetricSource.model_validate({"path": ("a", "b"), **options})


@pytest.mark.parametrize(
    ("payload", "mean", "total"),
    [
        ({"a": 2, "b": 5}, 3.5, 7.0),
        ({"a": 2}, 2.0, 2.0),
        ({"a": 2, "b": None}, 2.0, None),
        ({"a": -1, "b": 5}, 5.0, None),
        ({"a": None, "b": -1}, None, None),
        ({"c": 1}, ABSENT, ABSENT),
        ({"a": 0.1, "b": 0.2}, 0.15, 0.3),
    ],
)
def test_several_members_come_to_one_number(payload: object, mean: Any, total: Any) -> None:
    assert source(combine="mean", sentinels=[-1]).amount(payload) == mean
    assert source(combine="sum", sentinels=[-1]).amount(payload) == total


def test_the_first_that_is_there_counts() -> None:
    assert source().amount({"a": 1, "b": 2}) == 1
    assert source().amount({"b": 2}) == 2
    assert source().amount({}) is ABSENT


def test_a_part_of_a_wrong_type_is_named() -> None:
    with pytest.raises(ModelError, match="not a number"):
        source(combine="mean").amount({"a": 1, "b": "far"})


@pytest.mark.parametrize(
    ("pair", "mean"),
    [((20, 24), 22.0), ((2, 6), 4.0), ((0, 46), None), ((60, 100), 80.0), ((0, 5), 2.5)],
)
def test_two_that_disagree_have_no_mean(pair: tuple[float, float], mean: float | None) -> None:
    two = source(combine="mean", apart=[5, 0.61])
    assert two.amount(dict(zip("ab", pair, strict=True))) == mean
    assert two.amount(dict(zip("ba", pair, strict=True))) == mean
    assert two.amount({"a": pair[1]}) == pair[1]


@pytest.mark.parametrize(
    ("values", "member", "holds"),
    [
        (["tilt"], "Tilt ", True),
        (["tilt"], "normal", False),
        ([0], 0, True),
        ([0], 0.0, True),
        ([0], False, False),
        ([False], False, True),
        ([False], 0, False),
        ([1], "1", False),
        (["1"], 1, False),
        ([0, "off"], "OFF", True),
        ([0], None, False),
    ],
)
def test_a_member_makes_another_worthless(values: list[Any], member: Any, *, holds: bool) -> None:
    assert Unless.model_validate({"path": "state", "values": values}).holds({"state": member}) is (
        holds
    )
    assert not Unless.model_validate({"path": "state", "values": values}).holds({})


def test_a_worthless_number_is_missing_and_an_absent_one_absent() -> None:
    one = source(unless={"path": "position", "values": ["tilt"]})
    assert one.amount({"a": 5, "position": "tilt"}) is None
    assert one.amount({"a": 5}) == 5
    assert one.amount({"position": "tilt"}) is ABSENT


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"wraps_at": 256}, "add cumulative = true"),
        ({"path": "a", "combine": "mean"}, "a mean needs several paths"),
        ({"apart": [5, 0.5]}, "apart is of a mean of two paths"),
        ({"combine": "sum", "apart": [5, 0.5]}, "apart is of a mean of two paths"),
        ({"cumulative": True, "mount": "level"}, "neither offset nor mount"),
        ({"unless": {"path": "a", "values": []}}, "at least 1 item"),
    ],
)
def test_parts_that_do_not_fit(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        source(**options)


@pytest.mark.parametrize(
    ("before", "total", "grown"),
    [(250, 255, 5), (251, 4, 9), (255, 0, 1), (90, 0, None), (200, 100, None), (7, 7, 0)],
)
def test_a_counter_that_wraps(before: float, total: float, grown: float | None) -> None:
    growth = Growth("gauge", {"gauge//rain": before})
    assert growth.of(total, None, "rain", 256) == grown
    assert growth.totals == {"gauge//rain": total}


@given(
    start=st.integers(min_value=0, max_value=255),
    steps=st.lists(st.integers(min_value=0, max_value=127), max_size=30),
)
def test_growth_over_wraps_adds_up(start: int, steps: list[int]) -> None:
    total, grown = start, 0.0
    for step in steps:
        growth = Growth("gauge", {"gauge//rain": total % 256})
        total += step
        grown += growth.of(total % 256, None, "rain", 256)
    assert grown == sum(steps)
