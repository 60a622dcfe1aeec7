"""One reading as it comes back from a store."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from devices.kind import Kind

EARLIEST_NS: Final = -9_223_372_036_854_775_806
LATEST_NS: Final = 9_223_372_036_854_775_806
"""The instants that both stores can hold: years 1677 to 2262."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BILLION: Final = 1_000_000_000


def is_flag(column: str) -> bool:
    """Whether a column holds QARTOD flags."""
    return column.endswith("_qc")


def columns(kind: Kind) -> tuple[str, ...]:
    """Fields of a kind's measurement in the order in which they are shown."""
    return (
        *(name for metric in kind.fields for name in (metric, f"{metric}_qc")),
        "battery",
        "rssi",
        "time_qc",
    )


def reading(
    time_ns: int, channel: str | None, values: Iterable[tuple[str, object]]
) -> dict[str, Any]:
    """A reading in the form that `Store.readings` promises.

    What is no number is left out: others may have written to the same database.
    """
    row: dict[str, Any] = {"time": rfc3339(time_ns)}
    if channel:
        row["channel"] = channel
    for name, value in values:
        if isinstance(value, int | float) and not isinstance(value, bool):
            row[name] = int(value) if is_flag(name) else float(value)
    return row


def rfc3339(time_ns: int) -> str:
    """RFC 3339 in UTC from nanoseconds since the epoch, no digit lost and none too many."""
    seconds, nanos = divmod(time_ns, _BILLION)
    moment = _EPOCH + timedelta(seconds=seconds)
    fraction = f".{nanos:09d}".rstrip("0") if nanos else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def epoch_ns(text: str) -> int:
    """The inverse of `rfc3339`: up to nine digits after the point, `Z` at the end.

    Raises:
        ValueError: the text is something else.
    """
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    moment = datetime.strptime(seconds, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    whole = moment - _EPOCH
    return (whole.days * 86_400 + whole.seconds) * _BILLION + int(f"{fraction:0<9}")
