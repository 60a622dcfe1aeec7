import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.road import Road, RoadRules
from ingest.derived.service import (
    Equivalents,
    capacity,
    city_size_factor,
    equivalents,
    flow,
    level_of_service,
)

UNDIVIDED = Road(road_type="2/2-TT", carriageway_m=7.0)
NARROW = Road(road_type="2/2-TT", carriageway_m=5.9)
FOUR = Road(road_type="4/2-T")
SIX = Road(road_type="6/2-T")


@pytest.mark.parametrize(
    ("road", "vehicles_per_h", "heavy", "motorcycle"),
    [
        (UNDIVIDED, 1799, 1.3, 0.40),
        (UNDIVIDED, 1800, 1.2, 0.25),
        (NARROW, 1799, 1.3, 0.50),
        (NARROW, 1800, 1.2, 0.35),
        (FOUR, 2 * 1050 - 1, 1.3, 0.40),
        (FOUR, 2 * 1050, 1.2, 0.25),
        (SIX, 3 * 1100 - 1, 1.3, 0.40),
        (SIX, 3 * 1100, 1.2, 0.25),
    ],
)
def test_equivalents(road: Road, vehicles_per_h: float, heavy: float, motorcycle: float) -> None:
    assert equivalents(road, vehicles_per_h) == Equivalents(heavy, motorcycle)


@pytest.mark.parametrize(
    ("population", "factor"),
    [
        (None, 1.0),
        (99_999, 0.86),
        (100_000, 0.90),
        (500_000, 0.94),
        (1_000_000, 1.0),
        (3_000_000, 1.0),
        (3_000_001, 1.04),
    ],
)
def test_city_size(population: float | None, factor: float) -> None:
    assert city_size_factor(population) == factor


def test_capacity() -> None:
    rules = RoadRules()
    assert capacity(UNDIVIDED, rules) == 2800
    assert capacity(FOUR, rules) == 3400
    assert capacity(SIX, rules) == 5100
    assert capacity(Road(road_type="4/2-T", lanes=1), rules) == 1700
    assert capacity(Road(road_type="4/2-T", capacity_pcu_h=999), rules) == 999
    small = RoadRules(population=400_000)
    corrected = Road(road_type="2/2-TT", fc_lane_width=0.9, fc_split=0.8, fc_side_friction=0.5)
    assert capacity(corrected, small) == pytest.approx(2800 * 0.9 * 0.8 * 0.5 * 0.9)


def test_a_quarter_as_a_flow() -> None:
    counts = {"volume_mc": 100.0, "volume_lv": 50.0, "volume_hv": 10.0}
    got = flow(counts, 900.0, FOUR)
    assert got is not None
    assert got.vehicles_per_h == 640
    assert got.pcu_per_h == pytest.approx(4 * (50 + 0.4 * 100 + 1.3 * 10))


def test_without_classes_or_a_road_there_are_only_vehicles() -> None:
    for counts, road in (({"volume": 10.0}, FOUR), ({"volume_mc": 4.0, "volume_lv": 6.0}, None)):
        got = flow(counts, 900.0, road)
        assert got is not None
        assert (got.vehicles_per_h, got.pcu_per_h) == (40, None)


def test_nothing_counted_is_no_flow() -> None:
    assert flow({}, 900.0, FOUR) is None
    assert flow({"volume": 3.0}, 0.0, FOUR) is None


@pytest.mark.parametrize(
    ("saturation", "letter"),
    [
        (0.0, "A"),
        (0.6, "A"),
        (0.601, "B"),
        (0.7, "B"),
        (0.701, "C"),
        (0.8, "C"),
        (0.801, "D"),
        (0.9, "D"),
        (0.901, "E"),
        (1.0, "E"),
        (1.001, "F"),
        (3.0, "F"),
    ],
)
def test_level_of_service(saturation: float, letter: str) -> None:
    level = level_of_service(saturation, RoadRules())
    assert level.en[0] == level.id[0] == letter


@given(st.floats(0, 2), st.floats(0, 2))
def test_a_fuller_road_never_serves_better(one: float, other: float) -> None:
    rules = RoadRules(level_of_service=(0.35, 0.54, 0.77, 0.93, 1.0))
    less, more = sorted((one, other))
    assert level_of_service(less, rules).code <= level_of_service(more, rules).code
