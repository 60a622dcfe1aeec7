from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.kind import Limits
from ingest.quality.track import REPEATS
from tests.ingest.quality.series import (
    KINDS,
    MINUTE_NS,
    SECOND_NS,
    START_NS,
    Station,
    flagged,
    kind_with,
)

SPIKE = kind_with("pm25", Limits(spike_suspect=10, spike_fail=50))
RATE = kind_with("pm25", Limits(rate_per_min=10))
FLAT = kind_with("pm25", Limits(flat_suspect_s=600, flat_fail_s=1200))
ALL = kind_with(
    "pm25",
    Limits(
        suspect=(5, 95),
        spike_suspect=10,
        spike_fail=50,
        rate_per_min=12,
        flat_tolerance=0.5,
        flat_suspect_s=240,
        flat_fail_s=480,
    ),
)
near = st.one_of(
    st.integers(-20, 120).map(float),
    st.sampled_from([30.0, 30.1, 30.2, 30.4, 31.0, 45.0]),
    st.none(),
)


def test_a_spike_is_known_by_the_next_reading_and_corrected() -> None:
    assert flagged(SPIKE, "pm25", [20, 20, 45, 20, 20]) == [1, 1, 3, 1, 1]
    assert flagged(SPIKE, "pm25", [100, 100, 45, 100, 100]) == [1, 1, 4, 1, 1]


def test_a_step_is_no_spike() -> None:
    assert flagged(SPIKE, "pm25", [20, 20, 45, 45, 45]) == [1] * 5
    assert flagged(SPIKE, "pm25", [20, 20, 45, 70, 95]) == [1] * 5


def test_the_neighbours_of_a_spike_are_not_flagged_with_it() -> None:
    assert flagged(SPIKE, "pm25", [20.3, 20, 400, 20, 20.4]) == [1, 1, 4, 1, 1]


def test_a_correction_names_the_metric_the_flag_and_the_time() -> None:
    station = Station(SPIKE)
    for number, value in enumerate([20.0, 90.0, 20.0]):
        station.say({"pm25": value}, START_NS + number * MINUTE_NS)
    lines: list[bytes] = []
    assert station.watch.main.write_corrections(b"air,device=air-1 ", lines) == 1
    assert lines == [b"air,device=air-1 pm25_qc=4 %d" % (START_NS + MINUTE_NS)]
    assert station.watch.main.corrections == ()


def test_a_change_is_too_fast_beyond_its_rate_and_not_at_it() -> None:
    assert flagged(RATE, "pm25", [20, 30, 40.5, 40]) == [1, 1, 3, 1]
    assert flagged(RATE, "pm25", [20, 40], every_ns=2 * MINUTE_NS) == [1, 1]
    assert flagged(RATE, "pm25", [20, 40.5], every_ns=2 * MINUTE_NS) == [1, 3]


def test_within_a_minute_a_change_may_be_as_large_as_in_a_minute() -> None:
    assert flagged(RATE, "pm25", [20, 30, 40], every_ns=SECOND_NS) == [1, 1, 1]
    assert flagged(RATE, "pm25", [20, 30.5], every_ns=SECOND_NS) == [1, 3]


def test_after_a_spike_the_rate_is_that_from_before_it() -> None:
    kind = kind_with("pm25", Limits(spike_suspect=10, spike_fail=50, rate_per_min=10))
    assert flagged(kind, "pm25", [20, 20, 95, 20, 20]) == [1, 1, 4, 1, 1]


@settings(max_examples=40)
@given(st.integers(10, 240), st.floats(1, 390), st.floats(1, 390))
def test_a_still_series_is_flagged_exactly_at_its_thresholds(
    every_s: int, value: float, before: float
) -> None:
    count = 1200 // every_s + 5
    flags = flagged(FLAT, "pm25", [value] * count, every_ns=every_s * SECOND_NS)
    still_s = [number * every_s for number in range(count)]
    long_enough = 3 * every_s
    assert flags == [
        1 if still < max(600, long_enough) else 3 if still < 1200 else 4 for still in still_s
    ]
    if value != before:
        moved = flagged(FLAT, "pm25", [before, *[value] * count], every_ns=every_s * SECOND_NS)
        assert moved == [1, *flags]


def test_a_movement_ends_a_still_line() -> None:
    station = Station(FLAT)
    flags = station.series("pm25", [30.0] * 12 + [31.0] * 11)
    assert flags == [1] * 10 + [3] * 2 + [1] * 10 + [3]


def test_a_pause_is_not_still() -> None:
    station = Station(FLAT)
    assert station.series("pm25", [30.0] * 8) == [1] * 8
    later_ns = START_NS + 60 * MINUTE_NS
    assert station.series("pm25", [30.0] * 11, start_ns=later_ns) == [1] * 10 + [3]


def test_still_zeros_are_exempt_where_the_kind_says_so() -> None:
    limits = Limits(flat_suspect_s=600, flat_fail_s=1200, flat_zero_exempt=True)
    kind = kind_with("pm25", limits)
    assert set(flagged(kind, "pm25", [0.0] * 60)) == {1}
    assert flagged(kind, "pm25", [0.0] * 60 + [1.0] * 11) == [1] * 70 + [3]


def test_a_tolerance_is_not_reached_by_a_step_as_large() -> None:
    kind = kind_with("pm25", Limits(flat_tolerance=0.1, flat_suspect_s=240))
    assert set(flagged(kind, "pm25", [76.1, 76.0] * 20)) == {1}
    assert flagged(kind, "pm25", [76.1, 76.04] * 5)[4:] == [3] * 6


def test_missing_and_impossible_values_are_no_neighbours() -> None:
    assert flagged(SPIKE, "pm25", [20, None, 21]) == [1, 9, 1]
    assert flagged(SPIKE, "pm25", [20, -1, 20.5]) == [1, 4, 1]
    # Two minutes after the last one, a change of 20 is no more than 10 a minute.
    assert flagged(RATE, "pm25", [20, -1, 40]) == [1, 4, 1]


def test_a_counter_that_stops_is_stuck_and_one_that_never_counts_is_not() -> None:
    station = Station(SPIKE)
    seqs = [1, 2, *[3] * REPEATS, 4]
    flags = [
        station.say({"pm25": 20.0 + number}, START_NS + number * MINUTE_NS, seq)[0]
        for number, seq in enumerate(seqs)
    ]
    assert flags == [1] * (1 + REPEATS) + [3, 1]
    assert station.checks() == {"sequence"}
    constant = Station(SPIKE)
    flags = [
        constant.say({"pm25": 20.0 + number}, START_NS + number * MINUTE_NS, 0)[0]
        for number in range(10)
    ]
    assert set(flags) == {1}
    assert constant.checks() == {"sequence"}  # found, but nothing says that values are old


@given(st.lists(near, max_size=60), st.integers(1, 200))
def test_the_quick_answer_is_the_full_one(values: list[float | None], every_s: int) -> None:
    quick, full = Station(ALL), Station(ALL)
    every_ns = every_s * SECOND_NS
    assert quick.series("pm25", values, every_ns=every_ns) == full.series(
        "pm25", values, every_ns=every_ns, closely=True
    )
    assert list(quick.watch.findings) == list(full.watch.findings)


@given(st.lists(near, min_size=1, max_size=40), st.lists(st.integers(0, 39), max_size=20))
def test_late_readings_change_nothing(values: list[float | None], again: list[int]) -> None:
    plain, disturbed = Station(ALL), Station(ALL)
    expected, got = [], []
    for number, value in enumerate(values):
        at_ns = START_NS + number * MINUTE_NS
        expected += plain.say({"pm25": value}, at_ns)
        got += disturbed.say({"pm25": value}, at_ns)
        for earlier in again:
            if earlier <= number:
                flags = disturbed.say({"pm25": 7.0}, START_NS + earlier * MINUTE_NS)
                assert flags == [1]
    assert got == expected
    assert list(plain.watch.findings) == list(disturbed.watch.findings)


@given(
    st.lists(st.tuples(st.sampled_from(["pm25", "no2", "both"]), near), max_size=40),
    st.integers(0, 40),
)
def test_a_restart_changes_no_later_flag(
    said: list[tuple[str, float | None]], restart_at: int
) -> None:
    def values(which: str, value: float | None) -> dict[str, float | None]:
        return {"pm25": value, "no2": 3.0} if which == "both" else {which: value}

    through, restarted = Station(ALL), Station(ALL)
    for number, (which, value) in enumerate(said):
        if number == restart_at:
            again = Station(ALL)
            again.watch.load(_through_json(restarted.watch.dump()), list(restarted.watch.findings))
            restarted = again
        at_ns = START_NS + number * MINUTE_NS
        assert restarted.say(values(which, value), at_ns, number // 7) == through.say(
            values(which, value), at_ns, number // 7
        )
        assert restarted.watch.main.corrections == through.watch.main.corrections
        for station in (restarted, through):
            station.watch.main.write_corrections(b"", [])


def _through_json(dumped: list[Any]) -> list[Any]:
    loaded: list[Any] = orjson.loads(orjson.dumps(dumped))
    return loaded


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: str(kind.id))
def test_a_first_reading_in_range_is_good(kind: Any) -> None:
    station = Station(kind)
    values = {
        name: (metric.limits.suspect or metric.valid)[1] for name, metric in kind.metrics.items()
    }
    assert set(station.say(values, START_NS)) == {1}
