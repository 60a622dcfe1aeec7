"""Quarters, hours and days of a city, in nanoseconds since the epoch.

Quarters of an hour are the same in every time zone, since all zones are whole quarters away from
UTC. An hour begins when the city's clocks show a full hour, a day at the city's midnight: days
are 23 or 25 hours long where the clocks change.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

SECOND_NS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * SECOND_NS
QUARTER_NS: Final = 15 * MINUTE_NS
HOUR_NS: Final = 3600 * SECOND_NS


def quarter_start(at_ns: int) -> int:
    return at_ns - at_ns % QUARTER_NS


def hour_start(at_ns: int, zone: ZoneInfo) -> int:
    """The begin of the hour of the city that holds the instant."""
    offset = datetime.fromtimestamp(at_ns // SECOND_NS, zone).utcoffset() or timedelta()
    shift = offset // timedelta(seconds=1) * SECOND_NS
    return at_ns - (at_ns + shift) % HOUR_NS


def local_day(at_ns: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(at_ns // SECOND_NS, zone).date()


def day_start(day: date, zone: ZoneInfo) -> int:
    """The city's midnight; where the clocks leave it out, the first instant after."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    return int(midnight.astimezone(UTC).timestamp()) * SECOND_NS


def day_span(at_ns: int, zone: ZoneInfo) -> tuple[int, int]:
    """Begin and end of the city's day that holds the instant."""
    day = local_day(at_ns, zone)
    return day_start(day, zone), day_start(day + timedelta(days=1), zone)


def hours_until(end_ns: int, count: int) -> Iterator[int]:
    """Begins of the `count` hours before an instant, newest first."""
    return (end_ns - age * HOUR_NS for age in range(1, count + 1))
