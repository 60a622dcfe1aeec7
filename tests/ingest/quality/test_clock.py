from ingest.quality.clock import Clock
from tests.ingest.quality.series import MINUTE_NS, SECOND_NS, START_NS

HOUR_NS = 60 * MINUTE_NS


def test_a_clock_ahead_is_flagged_at_once_and_not_for_half_a_minute() -> None:
    clock = Clock()
    assert clock.flag(START_NS + 30 * SECOND_NS, START_NS) == 0
    assert clock.flag(START_NS + 31 * SECOND_NS, START_NS) == 3
    assert clock.flag(START_NS + MINUTE_NS, START_NS + MINUTE_NS) == 0


def test_a_clock_that_stands_behind_is_flagged_when_it_keeps_pace() -> None:
    clock = Clock()
    flags = [
        clock.flag(START_NS + number * MINUTE_NS - HOUR_NS, START_NS + number * MINUTE_NS)
        for number in range(6)
    ]
    assert flags == [0, 0, 0, 3, 3, 3]
    assert clock.lag_ns == HOUR_NS


def test_a_buffer_sent_after_an_outage_is_no_fault() -> None:
    clock = Clock()
    sent = [
        clock.flag(START_NS + number * MINUTE_NS, START_NS + HOUR_NS * 3 + number * 2 * SECOND_NS)
        for number in range(180)
    ]
    assert set(sent) == {0}


def test_a_drift_shows_after_hours_and_ends_when_the_clock_is_set() -> None:
    clock = Clock()
    flags = {}
    for minute in range(10 * 60):
        at_ns = START_NS + minute * MINUTE_NS
        drift_ns = minute * MINUTE_NS * 4 // 3600  # 4 s an hour
        delay_ns = (minute % 7) * SECOND_NS
        flags[minute] = clock.flag(at_ns - drift_ns, at_ns + delay_ns)
    first = min(minute for minute, flag in flags.items() if flag)
    assert 4 * 60 <= first <= 6 * 60
    assert clock.fault == 3
    later = [
        clock.flag(START_NS + minute * MINUTE_NS, START_NS + minute * MINUTE_NS)
        for minute in range(10 * 60, 13 * 60)
    ]
    assert later[-1] == 0


def test_a_steady_delay_is_no_drift() -> None:
    clock = Clock()
    flags = [
        clock.flag(START_NS + n * MINUTE_NS, START_NS + n * MINUTE_NS + 90 * SECOND_NS)
        for n in range(600)
    ]
    assert set(flags) == {0}


def test_a_clock_is_the_same_after_a_restart() -> None:
    through, restarted = Clock(), Clock()
    for minute in range(900):
        at_ns = START_NS + minute * MINUTE_NS
        time_ns = at_ns - minute * SECOND_NS // 4 - (HOUR_NS if minute > 700 else 0)
        if minute % 50 == 0:
            restarted = Clock.load(restarted.dump())
        assert restarted.flag(time_ns, at_ns) == through.flag(time_ns, at_ns)
