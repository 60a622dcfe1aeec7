"""OpenDataCam: the counts of a recording, a class a member and a counting line an object.

Classes that were not seen are left out, and `_total` is their sum, not a class. Each line is a
channel, called as its area is where the recording names it. The reading stands at the recording's
end; a device's address is the topic's last level, as recordings do not name their camera.
https://github.com/opendatacam/opendatacam
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ingest.envelope import need_object, read_object, text_of, topic_level, zoned_time
from ingest.types import Notice, Reason, Rejected, Uplink

NAME: Final = "opendatacam"
SUMMARY: Final = "OpenDataCam's recordings; a device's address is the topic's last level"
FILTERS: Final[tuple[str, ...]] = ("opendatacam/+",)


def open_envelope(topic: str, payload: bytes) -> list[Uplink] | list[Notice]:
    """One uplink a counting line; a recording without lines counted nothing.

    Raises:
        Rejected: WRONG_TOPIC, EMPTY, NOT_JSON, WRONG_SHAPE, NOT_FINITE, BAD_TIME.
    """
    address = topic_level(topic, -1)
    recording = read_object(payload)
    summary = need_object(recording, "counterSummary")
    start, end = _moment(recording, "dateStart"), _moment(recording, "dateEnd")
    period = (end - start).total_seconds()
    if period <= 0:
        raise Rejected(Reason.BAD_TIME, "dateEnd is not after dateStart")
    areas = recording.get("areas")
    return [
        Uplink(
            address,
            {**need_object(summary, line), "line": _name(areas, line), "period": period},
            time=end.isoformat(),
        )
        for line in summary
    ] or [Notice(address)]


def _moment(recording: Mapping[str, Any], name: str) -> datetime:
    text = text_of(recording, name)
    if text is None:  # dateEnd is null while a recording runs
        raise Rejected(Reason.BAD_TIME, f"{name} is missing: is the recording finished?")
    return datetime.fromisoformat(zoned_time(text, UTC))


def _name(areas: Any, line: str) -> str:
    area = areas.get(line) if isinstance(areas, dict) else None
    name = area.get("name") if isinstance(area, dict) else None
    return name if isinstance(name, str) and name else line
