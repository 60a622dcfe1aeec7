"""The measurements that the hub computes, and their lines.

A roll-up is stamped with the begin of its hour or day, `traffic_service` with that of its quarter,
`flood_level` with that of its minute; `air_index` with the end of the hours that it stands for.
Code 0 of a category (`ispu_category`, `aqi_category`, `los`) says: not enough data, and what else
the row holds of that index no longer counts. So does `<metric>_count` 0 in a roll-up.
"""

from collections.abc import Mapping
from typing import Final

import orjson

from devices.kind import Kind
from ingest.derived import aqi, ispu
from ingest.derived.aggregates import fields_of
from ingest.line import line_prefix
from ingest.stores.measurement import Measurement

NOT_ENOUGH: Final = 0.0
"""The category of an index that is not computed."""

AIR_INDEX: Final = Measurement(
    "air_index",
    (
        "ispu",
        "ispu_category",
        "aqi",
        "aqi_category",
        *(
            f"{name}_{what}"
            for name in ispu.BREAKPOINTS
            for what in ("hours", "24h", "ispu")
            + (("nowcast", "aqi") if name in aqi.BREAKPOINTS else ())
        ),
    ),
)

FLOOD_LEVEL: Final = Measurement(
    "flood_level", ("level", "siaga", "above_normal", "rise_m_per_h", "next_level_min")
)

TRAFFIC_SERVICE: Final = Measurement(
    "traffic_service",
    ("flow", "flow_pcu", "capacity_pcu", "saturation", "los", "speed", "completeness"),
)


def hours_of(kind: Kind) -> Measurement:
    return Measurement(f"{kind.id}_1h", fields_of(kind))


def days_of(kind: Kind) -> Measurement:
    return Measurement(f"{kind.id}_1d", fields_of(kind))


def measurements(kinds: Mapping[str, Kind]) -> tuple[Measurement, ...]:
    """All of them, for the kinds of a hub."""
    rolled = (roll(kind) for kind in kinds.values() for roll in (hours_of, days_of))
    return (*rolled, AIR_INDEX, FLOOD_LEVEL, TRAFFIC_SERVICE)


def point(
    measurement: Measurement,
    values: Mapping[str, float],
    *,
    device: str,
    area: str | None,
    time_ns: int,
    channel: str = "",
) -> bytes:
    """The line of one point with at least one value."""
    fields = b",".join(
        b"%b=%b" % (name.encode(), orjson.dumps(float(value))) for name, value in values.items()
    )
    return b"%b%b %d" % (line_prefix(measurement.id, device, area, channel), fields, time_ns)
