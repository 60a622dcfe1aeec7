from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.derived.calendar import (
    HOUR_NS,
    QUARTER_NS,
    SECOND_NS,
    day_span,
    day_start,
    hour_start,
    hours_until,
    local_day,
    quarter_start,
)

JAKARTA = ZoneInfo("Asia/Jakarta")
BERLIN = ZoneInfo("Europe/Berlin")
KATHMANDU = ZoneInfo("Asia/Kathmandu")
SECONDS = st.integers(1_600_000_000, 2_000_000_000)


def _ns(at: datetime) -> int:
    return int(at.timestamp()) * SECOND_NS


def test_jakarta_begins_its_day_at_17_utc() -> None:
    begin = _ns(datetime(2026, 11, 23, 17, tzinfo=UTC))
    assert day_span(begin, JAKARTA) == (begin, begin + 24 * HOUR_NS)
    assert local_day(begin, JAKARTA) == date(2026, 11, 24)
    assert local_day(begin - 1, JAKARTA) == date(2026, 11, 23)


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 7, 1), 24)],
)
def test_days_are_as_long_as_the_clocks_say(day: date, hours: int) -> None:
    begin, end = day_span(day_start(day, BERLIN), BERLIN)
    assert end - begin == hours * HOUR_NS
    assert end == day_start(day + timedelta(days=1), BERLIN)


@given(SECONDS, st.sampled_from([JAKARTA, BERLIN, KATHMANDU]))
def test_every_instant_lies_in_its_windows(second: int, zone: ZoneInfo) -> None:
    at_ns = second * SECOND_NS
    assert 0 <= at_ns - quarter_start(at_ns) < QUARTER_NS
    assert 0 <= at_ns - hour_start(at_ns, zone) < HOUR_NS
    begin, end = day_span(at_ns, zone)
    assert begin <= at_ns < end
    assert (end - begin) // HOUR_NS in {23, 24, 25}


@given(SECONDS)
def test_hours_are_those_of_the_citys_clocks(second: int) -> None:
    begin = hour_start(second * SECOND_NS, KATHMANDU)
    assert datetime.fromtimestamp(begin // SECOND_NS, KATHMANDU).minute == 0


def test_hours_run_backwards() -> None:
    assert list(hours_until(3 * HOUR_NS, 3)) == [2 * HOUR_NS, HOUR_NS, 0]
