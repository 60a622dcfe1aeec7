"""SensorThings observations (OGC 18-088, MQTT and its data array extension).

A datastream is one observed property of a thing. Where its id is `<address>:<metric>` (or with a
slash), as it may be in a service whose ids are texts, it names both; otherwise the id is the
address of a device that measures one thing, and the number is its `result`. Of an interval the
end counts; without a phenomenonTime the resultTime stands in.
https://docs.ogc.org/is/18-088/18-088.html
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC
from typing import Any, Final

from ingest.dialects.senml import split_name
from ingest.envelope import read_json, time_of, zoned_time
from ingest.types import Reason, Rejected, Uplink

NAME: Final = "sensorthings"
SUMMARY: Final = "SensorThings observations; a device's address is its datastream's id"
FILTERS: Final[tuple[str, ...]] = tuple(
    f"{version}/{rest}"
    for version in ("v1.1", "v1.0")
    for rest in ("+/Observations", "Observations", "CreateObservations")
)

ROWS_MAX: Final = 10_000

_DATASTREAM: Final = re.compile(r"Datastreams\('?(?P<id>[^()]+?)'?\)")


def open_envelope(topic: str, payload: bytes) -> list[Uplink]:
    """One uplink an observation.

    Raises:
        Rejected: WRONG_TOPIC, EMPTY, NOT_JSON, WRONG_SHAPE, NOT_FINITE, TOO_LARGE, BAD_TIME.
    """
    document = read_json(payload)
    parts = document if isinstance(document, list) else [document]
    uplinks: list[Uplink] = []
    for part in parts:
        if not isinstance(part, dict):
            raise Rejected(Reason.WRONG_SHAPE, "an observation is no object")
        datastream = _datastream(topic, part)
        uplinks += [_uplink(datastream, one) for one in _observations(part)]
        if len(uplinks) > ROWS_MAX:
            raise Rejected(Reason.TOO_LARGE, f"more than {ROWS_MAX} observations in a message")
    return uplinks


def _datastream(topic: str, part: Mapping[str, Any]) -> str:
    match = _DATASTREAM.search(topic)
    if match is not None:
        return match["id"]
    datastream = part.get("Datastream")
    name = datastream.get("@iot.id") if isinstance(datastream, dict) else None
    if isinstance(name, bool) or not isinstance(name, str | int) or not str(name):
        what = "no datastream: neither the topic nor Datastream.@iot.id names one"
        raise Rejected(Reason.WRONG_SHAPE, what)
    return str(name)[:256]


def _observations(part: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The one observation, or those of a data array."""
    if "dataArray" not in part:
        yield part
        return
    names, rows = part.get("components"), part["dataArray"]
    if not isinstance(names, list) or not isinstance(rows, list):
        raise Rejected(Reason.WRONG_SHAPE, "components or dataArray is no array")
    for row in rows:
        if not isinstance(row, list) or len(row) != len(names):
            raise Rejected(Reason.WRONG_SHAPE, "a row of dataArray is not as long as components")
        yield {str(name): member for name, member in zip(names, row, strict=True)}


def _uplink(datastream: str, observation: Mapping[str, Any]) -> Uplink:
    if "result" not in observation:
        raise Rejected(Reason.NO_METRIC, "an observation has no result")
    address, metric = split_name(datastream)
    time = time_of(observation, "phenomenonTime") or time_of(observation, "resultTime")
    return Uplink(
        address,
        {metric or "result": observation["result"]},
        time=None if time is None else zoned_time(time, UTC),
    )
