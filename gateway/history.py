"""The readings of one device, page by page, newest first."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, NamedTuple

from pydantic import Field, TypeAdapter

from devices.kind import Kind
from gateway.cursor import read_cursor, write_cursor
from gateway.window import LATEST_NS, Window
from ingest.instant import EARLIEST_NS
from ingest.stores import Store
from ingest.stores.reading import epoch_ns

_Instant = Annotated[int, Field(ge=EARLIEST_NS, le=LATEST_NS)]


class _Position(NamedTuple):
    """Everything after `at_ns` was shown, and of that instant the channels in `shown`.

    `start_ns` keeps the window where it was, though `last` moves with the clock.
    """

    start_ns: _Instant
    at_ns: _Instant
    shown: Annotated[list[str | None], Field(max_length=1000)]


_POSITION: Final = TypeAdapter(_Position)


async def read_history(
    store: Store,
    kind: Kind,
    device: str,
    window: Window,
    *,
    channel: str | None,
    limit: int,
    cursor: str | None,
) -> tuple[list[dict[str, Any]], str | None]:
    """One page of readings and the cursor of the next, None at the end.

    Raises:
        InvalidParameterError: the cursor is not of this list.
        StoreUnavailableError: the store does not answer.
    """
    start_ns, stop_ns, shown = window.start_ns, window.stop_ns, list[str | None]()
    at_ns: int | None = None
    if cursor is not None:
        start_ns, at_ns, shown = read_cursor(cursor, _POSITION)
        stop_ns = at_ns + 1
    rows = await store.readings(
        kind,
        device,
        start_ns=start_ns,
        stop_ns=stop_ns,
        limit=limit + len(shown) + 1,
        channel=channel,
    )
    fresh = [row for row in rows if _time(row) != at_ns or row.get("channel") not in shown]
    page = fresh[:limit]
    if len(fresh) <= limit:
        return page, None
    last_ns = _time(page[-1])
    channels = [row.get("channel") for row in page if _time(row) == last_ns]
    before = shown if last_ns == at_ns else []
    return page, write_cursor(_Position(start_ns, last_ns, [*before, *channels]))


def _time(row: Mapping[str, Any]) -> int:
    return epoch_ns(row["time"])
