"""Telraam: the rows of its traffic report, one an interval.

A row's `date` is the start of its interval, in UTC; the reading stands at its end, as of every
device that counts. Counts are scaled up by `uptime`, so that they are rarely whole numbers.
A device's address is its segment_id: instance_id is -1 where segments are summed up.
https://documenter.getpostman.com/view/8210376/TWDRqyaV
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ingest.envelope import read_json, text_of, zoned_time
from ingest.types import Reason, Rejected, Uplink

NAME: Final = "telraam"
SUMMARY: Final = "Telraam's traffic report; a device's address is its segment_id"
FILTERS: Final[tuple[str, ...]] = ("telraam/#",)

PERIODS_S: Final[Mapping[str, int]] = {"quarterly": 900, "hourly": 3600, "daily": 86_400}
ROWS_MAX: Final = 10_000


def open_envelope(topic: str, payload: bytes) -> list[Uplink]:
    """One uplink a row of a report, of a list of rows, or of the one row that the payload is.

    Raises:
        Rejected: EMPTY, NOT_JSON, WRONG_SHAPE, NOT_FINITE, TOO_LARGE, BAD_TIME.
    """
    del topic  # segments stand in the rows
    document = read_json(payload)
    rows = document.get("report", document) if isinstance(document, dict) else document
    rows = [rows] if isinstance(rows, dict) else rows
    if not isinstance(rows, list):
        raise Rejected(Reason.WRONG_SHAPE, "the payload is neither a report nor its rows")
    if len(rows) > ROWS_MAX:
        raise Rejected(Reason.TOO_LARGE, f"{len(rows)} rows, the most is {ROWS_MAX}")
    return [_uplink(row) for row in rows]


def _uplink(row: Any) -> Uplink:
    if not isinstance(row, dict):
        raise Rejected(Reason.WRONG_SHAPE, "a row of the report is no object")
    segment, period = row.get("segment_id"), PERIODS_S.get(str(row.get("interval")))
    if isinstance(segment, bool) or not isinstance(segment, str | int):
        raise Rejected(Reason.WRONG_SHAPE, "a row of the report has no segment_id")
    if period is None:
        known = ", ".join(PERIODS_S)
        raise Rejected(Reason.WRONG_SHAPE, f"interval is none of {known}")
    date = text_of(row, "date")
    if date is None:
        raise Rejected(Reason.BAD_TIME, "a row of the report has no date")
    return Uplink(str(segment)[:256], {**row, "period": period}, time=_end(date, period))


def _end(date: str, period: int) -> str:
    start = datetime.fromisoformat(zoned_time(date, UTC))
    try:
        return (start + timedelta(seconds=period)).isoformat()
    except OverflowError as error:
        raise Rejected(Reason.BAD_TIME, f"date {date[:64]!r} has no end") from error
