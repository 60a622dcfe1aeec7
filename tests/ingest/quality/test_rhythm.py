import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.quality.rhythm import Rhythm
from tests.ingest.quality.series import SECOND_NS, START_NS


def heard(distances_s: list[float], *, kind_s: float = 60.0) -> Rhythm:
    rhythm = Rhythm(kind_s)
    at_ns = START_NS
    for count, distance_s in enumerate([0.0, *distances_s], start=1):
        at_ns += round(distance_s * SECOND_NS)
        rhythm.look(count, at_ns)
    return rhythm


@given(st.floats(1, 86_400))
def test_a_regular_rhythm_is_learned_from_three(distance_s: float) -> None:
    assert not heard([distance_s] * 2).learned
    rhythm = heard([distance_s] * 3)
    assert rhythm.learned
    assert rhythm.interval_s == pytest.approx(distance_s, rel=1e-6)
    assert rhythm.patience_s >= max(150.0, 3 * distance_s * 0.999)


def test_before_it_is_learned_the_kind_s_interval_stands_in() -> None:
    assert heard([600.0], kind_s=60.0).patience_s == 6000.0 or not heard([600.0]).learned
    assert Rhythm(60.0).patience_s == 600.0


def test_an_outage_teaches_little() -> None:
    rhythm = heard([600.0] * 30 + [86_400.0] + [600.0])
    assert rhythm.interval_s == pytest.approx(600, rel=0.06)
    assert rhythm.patience_s < 3 * 1.1 * 600


def test_a_new_rhythm_is_followed() -> None:
    assert heard([60.0] * 30 + [900.0] * 100).interval_s == pytest.approx(900, rel=0.05)


def test_many_messages_between_two_looks_are_counted() -> None:
    rhythm = Rhythm(60.0)
    for minute in range(10):
        rhythm.look(12 * minute + 1, START_NS + minute * 60 * SECOND_NS)
    assert rhythm.interval_s == pytest.approx(5.0)


def test_a_look_without_news_changes_nothing() -> None:
    rhythm = heard([60.0] * 5)
    before = rhythm.dump()
    rhythm.look(6, START_NS + 300 * SECOND_NS)
    assert rhythm.dump() == before
    assert Rhythm.load(before).dump() == before
