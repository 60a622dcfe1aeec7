"""Windows of time."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidParameterError
from gateway.window import SECOND_NS, Window, local_text, read_duration, read_instant, read_window

NOW_NS = 1_769_821_200 * SECOND_NS  # 2026-01-31T01:00:00Z


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T01:00:00Z",
        "2026-01-31T08:00:00+07:00",
        "2026-01-31T08:00:00.000+07:00",
        "1769821200",
        "1769821200.0",
        "1769821200000",
    ],
)
def test_an_instant_has_many_spellings(text: str) -> None:
    assert read_instant(text, "start") == NOW_NS


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2026-01-31T08:00:00", "nan", "inf", "1e9", "1_000", "9" * 15, "0x10"],
)
def test_what_is_no_instant_names_its_field(text: str) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        read_instant(text, "stop")
    assert caught.value.field == "stop"


def test_a_plus_that_became_a_space_is_explained() -> None:
    with pytest.raises(InvalidParameterError, match="%2B"):
        read_instant("2026-01-31T08:00:00 07:00", "start")


@given(st.datetimes(datetime(1970, 1, 1), datetime(2260, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_every_rfc_3339_time_is_read_to_the_microsecond(moment: datetime) -> None:
    micros = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    # Times go through a float, which holds a microsecond exactly until the year 2255.
    assert abs(read_instant(moment.isoformat(), "start") - micros * 1000) <= 32_000


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("1h", 3600), ("7d", 604_800)]
)
def test_durations(text: str, seconds: int) -> None:
    assert read_duration(text, "last") == seconds * SECOND_NS


@pytest.mark.parametrize("text", ["", "1", "h", "0s", "-1h", "1 h", "1.5h", "1w", "36526d", "٣h"])
def test_what_is_no_duration_says_how_to_write_one(text: str) -> None:
    with pytest.raises(InvalidParameterError, match="write 90s, 15m, 1h or 7d"):
        read_duration(text, "last")


def window(start: str | None = None, stop: str | None = None, last: str | None = None) -> Window:
    return read_window(start=start, stop=stop, last=last, now_ns=NOW_NS, ahead_s=300)


def test_without_any_wish_the_last_hour_and_clocks_that_are_ahead() -> None:
    assert window() == Window(NOW_NS - 3600 * SECOND_NS, NOW_NS + 300 * SECOND_NS)


def test_last_counts_back_from_stop() -> None:
    stop = NOW_NS - 86_400 * SECOND_NS
    assert window(stop=str(stop // SECOND_NS), last="15m") == Window(stop - 900 * SECOND_NS, stop)


def test_start_and_stop() -> None:
    assert window("1769734800", "1769738400") == Window(
        1_769_734_800 * SECOND_NS, 1_769_738_400 * SECOND_NS
    )


@pytest.mark.parametrize(
    ("start", "stop", "last", "field"),
    [
        ("1769734800", None, "1h", "last"),
        ("1769738400", "1769734800", None, "start"),
        ("1769734800", "1769734800", None, "start"),
        ("4000000000", None, None, "start"),
    ],
)
def test_a_window_that_cannot_be(start: str, stop: str, last: str, field: str) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        window(start, stop, last)
    assert caught.value.field == field


def test_people_read_the_time_of_their_city() -> None:
    assert local_text(NOW_NS, ZoneInfo("Asia/Jakarta")) == "2026-01-31 08:00:00"
