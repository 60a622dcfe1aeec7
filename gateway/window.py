"""Windows of time, as people and programs ask for them: `--last 1h`, `?start=…&stop=…`."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from gateway.errors import InvalidParameterError
from ingest.instant import read_time
from ingest.types import Rejected

SECOND_NS: Final = 1_000_000_000
LATEST_NS: Final = 9_223_372_036 * SECOND_NS
"""The last whole second that a store can hold, in the year 2262."""

_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?")
_DURATION = re.compile(r"([0-9]{1,6})(s|m|h|d)")
_UNIT_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST_S: Final = 36_525 * 86_400
"""A hundred years."""


@dataclass(frozen=True, slots=True)
class Window:
    """From `start_ns` on, up to but without `stop_ns`; nanoseconds since the epoch."""

    start_ns: int
    stop_ns: int


def read_instant(text: str, field: str) -> int:
    """Nanoseconds since the epoch from RFC 3339, Unix seconds or Unix milliseconds.

    Raises:
        InvalidParameterError: it is none of them.
    """
    value = float(text) if _NUMBER.fullmatch(text) else text
    try:
        return read_time(value, latest_ns=LATEST_NS)
    except Rejected as error:
        hint = "; in an address + is written %2B" if re.search(r"\d \d\d:?\d\d$", text) else ""
        raise InvalidParameterError(
            field,
            f"'{text[:64]}' is not a time: write 2026-01-31T08:00:00+07:00, "
            f"or Unix seconds or milliseconds{hint}",
        ) from error


def read_duration(text: str, field: str) -> int:
    """Nanoseconds from `90s`, `15m`, `1h` or `7d`.

    Raises:
        InvalidParameterError: it is not such a duration, zero, or longer than a hundred years.
    """
    match = _DURATION.fullmatch(text)
    seconds = int(match[1]) * _UNIT_S[match[2]] if match else 0
    if not 0 < seconds <= _LONGEST_S:
        raise InvalidParameterError(
            field, f"'{text[:64]}' is not a duration: write 90s, 15m, 1h or 7d"
        )
    return seconds * SECOND_NS


def read_window(
    *, start: str | None, stop: str | None, last: str | None, now_ns: int, ahead_s: int
) -> Window:
    """The window that was asked for; without any wish the last hour.

    Without `stop` it reaches `ahead_s` into the future, as far as the clock of a device may be
    ahead of the hub's. `last` counts back from `stop`, or from now.

    Raises:
        InvalidParameterError: naming the parameter that is wrong.
    """
    if start is not None and last is not None:
        raise InvalidParameterError("last", "give start or last, not both")
    end_ns = now_ns if stop is None else read_instant(stop, "stop")
    stop_ns = now_ns + ahead_s * SECOND_NS if stop is None else end_ns
    start_ns = (
        end_ns - read_duration(last or "1h", "last")
        if start is None
        else read_instant(start, "start")
    )
    if start_ns >= stop_ns:
        raise InvalidParameterError("start", "the start is not before the stop")
    return Window(start_ns, stop_ns)


def local_text(instant_ns: int, zone: ZoneInfo) -> str:
    """For people: date and time of the city, to the second."""
    return datetime.fromtimestamp(instant_ns // SECOND_NS, zone).strftime("%Y-%m-%d %H:%M:%S")
