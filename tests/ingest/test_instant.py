from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.instant import read_time
from ingest.types import Reason, Rejected

LATEST = 4_000_000_000_000_000_000
NOON = 1_764_000_000_000_000_000  # 2025-11-24T16:00:00Z


@pytest.mark.parametrize(
    "value",
    [
        "2025-11-24T16:00:00Z",
        "2025-11-24T16:00:00z",
        "2025-11-24T23:00:00+07:00",
        "2025-11-24 16:00:00.000+00:00",
        "2025-11-24T16:00:00.000000000Z",
        1_764_000_000,
        1_764_000_000.0,
        1_764_000_000_000,
    ],
)
def test_the_same_instant_in_every_form(value: object) -> None:
    assert read_time(value, latest_ns=LATEST) == NOON


@pytest.mark.parametrize(
    "value",
    [
        "2025-11-24T16:00:00",  # no offset
        "2025-11-24",
        "yesterday",
        "",
        "2025-02-30T00:00:00Z",
        True,
        {"t": 1},
        [1],
        float("nan"),
        float("inf"),
        "2025-11-24T16:00:00Z\x00",
        -1e300,
    ],
)
def test_what_cannot_be_read_is_bad(value: object) -> None:
    with pytest.raises(Rejected) as caught:
        read_time(value, latest_ns=LATEST)
    assert caught.value.reason is Reason.BAD_TIME


def test_after_the_latest_instant_is_future_and_at_it_is_not() -> None:
    assert read_time(NOON // 10**9, latest_ns=NOON) == NOON
    with pytest.raises(Rejected) as caught:
        read_time(NOON // 10**6 + 1, latest_ns=NOON)
    assert caught.value.reason is Reason.FUTURE_TIME


@given(
    st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2090, 1, 1)),  # noqa: DTZ001
    st.integers(-14 * 60, 14 * 60),
)
def test_text_keeps_the_microsecond_in_every_zone(naive: datetime, minutes: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    exact = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert read_time(moment.isoformat(), latest_ns=LATEST) == exact * 1000


@given(st.integers(100_000_000_000, 3_900_000_000_000))
def test_milliseconds_are_exact(millis: int) -> None:
    assert read_time(millis, latest_ns=LATEST) == millis * 10**6


@given(st.one_of(st.text(), st.floats(), st.integers(), st.booleans(), st.none()))
def test_anything_is_read_or_rejected(value: object) -> None:
    reason = None
    try:
        instant = read_time(value, latest_ns=LATEST)
    except Rejected as fault:
        reason = fault.reason
    else:
        assert instant <= LATEST
    assert reason in {None, Reason.BAD_TIME, Reason.FUTURE_TIME}
