import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.gauge import Thresholds
from ingest.derived.siaga import LEVELS, minutes_to_next, plain_siaga, rise_m_per_h, siaga

KATULAMPA = Thresholds(siaga3_m=0.81, siaga2_m=1.51, siaga1_m=2.01)
BAND_M = 0.05
LEVEL_M = st.floats(-1, 4)


@pytest.mark.parametrize(
    ("level_m", "level"),
    [(0.0, 4), (0.80, 4), (0.81, 3), (1.50, 3), (1.51, 2), (2.00, 2), (2.01, 1), (9.0, 1)],
)
def test_levels_run_downwards(level_m: float, level: int) -> None:
    assert plain_siaga(level_m, KATULAMPA) == level
    assert LEVELS[level].code == level


@given(LEVEL_M, st.sampled_from([None, 1, 2, 3, 4]))
def test_rising_water_is_told_at_once(level_m: float, before: int | None) -> None:
    now = siaga(level_m, KATULAMPA, hysteresis_m=BAND_M, before=before)
    assert now <= plain_siaga(level_m, KATULAMPA)


@given(
    st.sampled_from(KATULAMPA.begins_m),
    st.lists(st.floats(-BAND_M * 0.99, BAND_M * 5), min_size=2),
)
def test_it_never_flaps_within_the_band(begin: float, offsets: list[float]) -> None:
    level = plain_siaga(begin, KATULAMPA)
    for offset in offsets:
        now = siaga(begin + offset, KATULAMPA, hysteresis_m=BAND_M, before=level)
        assert now == level


@given(LEVEL_M, st.sampled_from([1, 2, 3, 4]))
def test_a_level_is_left_below_the_band(level_m: float, before: int) -> None:
    now = siaga(level_m, KATULAMPA, hysteresis_m=BAND_M, before=before)
    if now > before:
        assert level_m + BAND_M < KATULAMPA.begins_m[3 - before]
    assert siaga(level_m, KATULAMPA, hysteresis_m=BAND_M, before=now) == now


def test_without_a_band_it_is_the_plain_level() -> None:
    assert siaga(0.80, KATULAMPA, hysteresis_m=0.0, before=1) == 4


@given(st.floats(-3, 3), st.integers(5, 30))
def test_the_slope_of_a_straight_rise(per_h: float, count: int) -> None:
    samples = [(150.0 * at, 1.0 + per_h * 150.0 * at / 3600) for at in range(count)]
    assert rise_m_per_h(samples) == pytest.approx(per_h, abs=1e-9)


def test_one_wrong_sample_does_not_move_the_slope() -> None:
    samples = [(60.0 * at, 1.0 + 0.01 * at) for at in range(30)]
    samples[10] = (600.0, 9.0)
    assert rise_m_per_h(samples) == pytest.approx(0.6, rel=0.02)


@pytest.mark.parametrize(
    "seconds", [[], [0.0, 300.0, 600.0, 900.0], [0.0, 60.0, 120.0, 180.0, 240.0, 599.0]]
)
def test_too_little_for_a_slope(seconds: list[float]) -> None:
    assert rise_m_per_h([(second, second) for second in seconds]) is None


def test_minutes_to_the_next_level() -> None:
    assert minutes_to_next(0.51, 4, 0.6, KATULAMPA) == pytest.approx(30.0)
    assert minutes_to_next(1.01, 3, 1.0, KATULAMPA) == pytest.approx(30.0)
    assert minutes_to_next(1.76, 2, 0.5, KATULAMPA) == pytest.approx(30.0)


@pytest.mark.parametrize(
    ("level_m", "level", "rise"),
    [(2.5, 1, 1.0), (0.5, 4, None), (0.5, 4, 0.0), (0.5, 4, -1.0), (-9.0, 4, 0.02)],
)
def test_no_minutes_to_tell(level_m: float, level: int, rise: float | None) -> None:
    assert minutes_to_next(level_m, level, rise, KATULAMPA) is None
