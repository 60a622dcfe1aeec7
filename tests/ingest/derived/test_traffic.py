import pytest

from devices.road import Road, RoadRules
from ingest.derived.measurements import NOT_ENOUGH
from ingest.derived.traffic import served
from ingest.stores.quarter import Stat

FOUR = Road(road_type="4/2-T")
RULES = RoadRules()


def _counted(minutes: int, *, per_minute: float = 5.0) -> dict[str, Stat]:
    def each(value: float) -> Stat:
        return Stat(minutes, minutes * value, value, value)

    return {
        "volume_mc": each(2 * per_minute),
        "volume_lv": each(per_minute),
        "period": each(60.0),
        "speed": each(30.0),
    }


def test_a_whole_quarter_is_judged() -> None:
    values = served([_counted(15)], interval_s=60, road=FOUR, rules=RULES)
    assert values["completeness"] == 1.0
    assert values["flow"] == pytest.approx(900)
    assert values["flow_pcu"] == pytest.approx(300 + 600 * 0.4)
    assert values["saturation"] == pytest.approx(540 / 3400)
    assert (values["los"], values["speed"]) == (1, 30)


def test_a_quarter_with_gaps_has_the_flow_of_what_was_counted() -> None:
    values = served([_counted(12)], interval_s=60, road=FOUR, rules=RULES)
    assert values["completeness"] == pytest.approx(0.8)
    assert values["flow"] == pytest.approx(900)


def test_below_its_completeness_it_is_not_judged() -> None:
    values = served([_counted(11)], interval_s=60, road=FOUR, rules=RULES)
    assert values == {"completeness": pytest.approx(11 / 15), "los": NOT_ENOUGH, "speed": 30.0}


def test_without_a_road_there_is_only_flow() -> None:
    values = served([_counted(15)], interval_s=60, road=None, rules=RULES)
    assert values["flow"] == pytest.approx(900)
    assert values["los"] == NOT_ENOUGH
    assert "saturation" not in values


def test_both_ways_of_an_undivided_road_are_judged_together() -> None:
    road = Road(road_type="2/2-TT")
    values = served([_counted(15), _counted(15)], interval_s=60, road=road, rules=RULES)
    assert values["flow"] == pytest.approx(1800)
    assert values["flow_pcu"] == pytest.approx(600 + 1200 * 0.25)


def test_nothing_counted_is_nothing() -> None:
    assert served([{"speed": Stat(1, 30, 30, 30)}], interval_s=60, road=FOUR, rules=RULES) == {}
