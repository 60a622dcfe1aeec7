"""Agreement with ioos_qc, QARTOD's reference implementation in Python, sample by sample."""

import random
from collections.abc import Callable, Sequence
from typing import Final

import pytest
from ioos_qc import qartod

from devices.kind import Limits
from tests.ingest.quality.series import MINUTE_NS, START_NS, flagged, kind_with

SEEDS: Final = range(20)
COUNT: Final = 500
TIMES: Final = [START_NS // 1_000_000_000 + 60 * number for number in range(COUNT)]

Walk = Callable[[random.Random], list[float]]


def wandering(chance: random.Random) -> list[float]:
    value, values = 100.0, []
    for _ in range(COUNT):
        value = min(190.0, max(60.0, value + chance.gauss(0, 4)))
        values.append(round(value + chance.choice([0] * 20 + [30, -30, 60]), 1))
    return values


def sticking(chance: random.Random) -> list[float]:
    values: list[float] = []
    while len(values) < COUNT:
        values += [round(chance.uniform(10, 190), 1)] * chance.choice([1, 1, 2, 5, 12, 15, 25])
    return values[:COUNT]


def sampled(walk: Walk) -> list[list[float]]:
    return [walk(random.Random(seed)) for seed in SEEDS]  # noqa: S311 - play


def theirs(flags: Sequence[int]) -> list[int]:
    """Their flags, with 1 where they do not evaluate: the hub calls that good."""
    return [1 if flag == 2 else int(flag) for flag in flags]


@pytest.mark.parametrize("values", sampled(wandering))
def test_gross_range(values: list[float]) -> None:
    kind = kind_with("pm25", Limits(suspect=(80, 120)), valid=(65, 150))
    expected = qartod.gross_range_test(values, fail_span=(65, 150), suspect_span=(80, 120))
    assert flagged(kind, "pm25", values) == theirs(expected)


@pytest.mark.parametrize("values", sampled(wandering))
def test_spike(values: list[float]) -> None:
    kind = kind_with("pm25", Limits(spike_suspect=20, spike_fail=45))
    expected = qartod.spike_test(values, 20, 45, method="differential")
    assert flagged(kind, "pm25", values) == theirs(expected)


def test_the_spikes_of_the_mean_formula_are_ours_and_the_neighbours_of_ours() -> None:
    """QARTOD's first formula flags, with a large spike, the good readings beside it."""
    kind = kind_with("pm25", Limits(spike_suspect=20))
    for values in sampled(wandering):
        ours = flagged(kind, "pm25", values)
        mean = theirs(qartod.spike_test(values, 20, None, method="average"))
        for place, flag in enumerate(ours):
            assert flag == 1 or mean[place] == flag


@pytest.mark.parametrize("values", sampled(wandering))
def test_rate_of_change(values: list[float]) -> None:
    kind = kind_with("pm25", Limits(rate_per_min=15))
    expected = qartod.rate_of_change_test(values, TIMES, 15 / 60)
    assert flagged(kind, "pm25", values) == theirs(expected)


@pytest.mark.parametrize("values", sampled(sticking))
def test_flat_line(values: list[float]) -> None:
    kind = kind_with("pm25", Limits(flat_tolerance=0.05, flat_suspect_s=600, flat_fail_s=1200))
    expected = qartod.flat_line_test(values, TIMES, 600, 1200, 0.05)
    assert flagged(kind, "pm25", values, every_ns=MINUTE_NS) == theirs(expected)
