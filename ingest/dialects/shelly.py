"""Shelly, second generation and later: RPC notifications on `<prefix>/events/rpc`.

A NotifyStatus holds what changed, so that most of them measure nothing; a device that sleeps sends
a NotifyFullStatus when it wakes. Members are called `<component>:<number>`. The prefix's last
level is the address; with the prefix `sensors/<id>` a device keeps to the topics of its own login.
https://shelly-api-docs.shelly.cloud/gen2/General/Notifications
"""

from typing import Any, Final

from ingest.envelope import need_object, number_of, presence, read_object, topic_level
from ingest.types import Notice, Uplink

NAME: Final = "shelly"
SUMMARY: Final = "Shelly Gen2 and later; a device's address is its MQTT prefix"
FILTERS: Final[tuple[str, ...]] = (
    "+/events/rpc",
    "sensors/+/events/rpc",
    "+/online",
    "sensors/+/online",
)

_NOTIFICATIONS: Final = ("NotifyStatus", "NotifyFullStatus")
_MEASURING: Final = ("temperature", "humidity", "illuminance", "voltmeter", "input", "bthomesensor")
_CLOCK_SET: Final = 1e9
"""Earlier times (s) are those of a clock that was never set."""


def open_envelope(topic: str, payload: bytes) -> list[Uplink] | list[Notice]:
    """The one uplink of a notification that measures something; others are no readings.

    Raises:
        Rejected: WRONG_TOPIC, EMPTY, NOT_JSON, WRONG_SHAPE, NOT_FINITE.
    """
    if topic.endswith("/online"):
        return presence(topic_level(topic, -2), payload, online=b"true", offline=b"false")
    address = topic_level(topic, -3)
    frame = read_object(payload)
    if frame.get("method") not in _NOTIFICATIONS:
        return [Notice(address)]
    params = need_object(frame, "params")
    values = {name: member for name, member in params.items() if _measures(name)}
    if not values:
        return [Notice(address)]
    time = number_of(params.get("ts"))
    return [
        Uplink(
            address,
            values,
            time=time if time is not None and time > _CLOCK_SET else None,
            battery=number_of(_member(params, "devicepower:0", "battery", "percent")),
            rssi=number_of(_member(params, "wifi", "rssi")),
        )
    ]


def _measures(name: str) -> bool:
    return name.partition(":")[0] in _MEASURING


def _member(node: Any, *path: str) -> Any:
    for name in path:
        node = node.get(name) if isinstance(node, dict) else None
    return node
