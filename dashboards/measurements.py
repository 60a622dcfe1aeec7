"""What the hub writes beside readings, as dashboards read it.

Names of measurements and fields that other rooms compute or count stand here once; tests hold them
against what those rooms write.
"""

from collections.abc import Mapping
from typing import Final

from devices.kind import Kind

DEVICE: Final = "device"
LEDGER: Final = "hub_ledger"
HEALTH: Final = "hub_health"
INCIDENT: Final = "incident"
AIR_INDEX: Final = "air_index"
FLOOD_LEVEL: Final = "flood_level"
TRAFFIC_SERVICE: Final = "traffic_service"

OUTCOMES: Final = ("received", "stored", "quarantined", "duplicate", "pending")
"""Of messages, in the ledger."""
STATES: Final = ("ok", "suspect", "silent", "maintenance")
"""Of devices."""

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    DEVICE: (
        "latitude",
        "longitude",
        "name",
        "label",
        "kind_en",
        "kind_id",
        "state",
        "since",
        "reach",
        "siaga3_m",
        "siaga2_m",
        "siaga1_m",
    ),
    LEDGER: OUTCOMES,
    HEALTH: (
        *OUTCOMES,
        "lag_s",
        "journal_bytes",
        "journal_max_bytes",
        "broker_connected",
        "store_up",
        "to_visit",
        "devices",
        *STATES,
        "age_s",
        "items",
    ),
    INCIDENT: ("title_en", "title_id", "open"),
    AIR_INDEX: (
        "ispu",
        "ispu_category",
        "aqi",
        "aqi_category",
        "pm25_24h",
        "pm25_nowcast",
    ),
    FLOOD_LEVEL: ("level", "siaga", "above_normal", "rise_m_per_h", "next_level_min"),
    TRAFFIC_SERVICE: ("flow", "saturation", "los", "speed", "completeness"),
}

COMPLETE: Final = '"completeness" >= 0.75'
"""Where a quarter of an hour of `traffic_service` has a flow; else an older one may stand there."""

TAGS: Final[Mapping[str, tuple[str, ...]]] = {
    DEVICE: ("device", "kind", "area"),
    LEDGER: ("device", "kind", "area"),
    HEALTH: ("kind", "reason"),
    INCIDENT: ("device", "kind", "area", "rule", "severity"),
}
"""Every other measurement has `device`, `area` and `channel`."""


def hours(kind: Kind) -> str:
    """The measurement of a kind's hours."""
    return f"{kind.id}_1h"


def days(kind: Kind) -> str:
    """The measurement of a kind's days."""
    return f"{kind.id}_1d"
