"""Times as devices write them, read to nanoseconds since the Unix epoch."""

from datetime import datetime
from typing import Final

from ingest.types import Reason, Rejected

SECONDS_BELOW: Final = 1e11
"""Numbers below are seconds (until the year 5138), others milliseconds (from 1973 on)."""

EARLIEST_NS: Final = -9_223_372_036_854_775_806
"""The first instant that InfluxDB can hold, in the year 1677."""


def read_time(value: object, *, latest_ns: int) -> int:
    """Nanoseconds since the epoch from RFC 3339 text, Unix seconds or Unix milliseconds.

    Fractions of a second are kept to the microsecond.

    Raises:
        Rejected: BAD_TIME if it cannot be read, FUTURE_TIME if it is after `latest_ns`.
    """
    if type(value) is int:
        instant = value * (1_000_000_000 if abs(value) < SECONDS_BELOW else 1_000_000)
    elif isinstance(value, str):
        instant = _read_text(value)
    elif isinstance(value, float):
        instant = _read_fraction(value)
    else:
        raise Rejected(Reason.BAD_TIME, f"time is a {type(value).__name__}")
    if instant > latest_ns:
        raise Rejected(Reason.FUTURE_TIME, f"time {value!r} is in the future")
    if instant < EARLIEST_NS:
        raise Rejected(Reason.BAD_TIME, f"time {value!r} is before 1677")
    return instant


def _read_text(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text.upper() if text[-1:] == "z" else text)
        if not text.isprintable():  # the parser stops at a NUL
            raise ValueError(text)  # noqa: TRY301 - one fault for all that is not RFC 3339
        if moment.tzinfo is None:
            raise Rejected(Reason.BAD_TIME, f"time {text[:64]!r} has no offset: end it with Z")
        return round(moment.timestamp() * 1e6) * 1000
    except (ValueError, OverflowError) as error:
        raise Rejected(Reason.BAD_TIME, f"time {text[:64]!r} is not RFC 3339") from error


def _read_fraction(number: float) -> int:
    try:
        micros = round(number * (1e6 if abs(number) < SECONDS_BELOW else 1e3))
    except (ValueError, OverflowError) as error:  # NaN, infinity
        raise Rejected(Reason.BAD_TIME, f"time {number!r} is not a finite number") from error
    return micros * 1000
