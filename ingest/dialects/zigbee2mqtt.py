"""Zigbee2MQTT: one flat object a device, on its friendly name.

`last_seen` is in the message only if Zigbee2MQTT is told to add it (`advanced.last_seen`). Do so:
it publishes its cache again when it starts, and without it the old value looks like a new one.
https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html
"""

from typing import Any, Final

from ingest.envelope import number_of, presence, read_json, read_object, topic_level
from ingest.types import Notice, Reason, Rejected, Uplink

NAME: Final = "zigbee2mqtt"
SUMMARY: Final = "Zigbee devices behind Zigbee2MQTT; a device's address is its friendly name"
FILTERS: Final[tuple[str, ...]] = ("zigbee2mqtt/+", "zigbee2mqtt/+/availability")


def open_envelope(topic: str, payload: bytes) -> list[Uplink] | list[Notice]:
    """The one uplink of a device's message, or whether it is there.

    Raises:
        Rejected: WRONG_TOPIC, EMPTY, NOT_JSON, WRONG_SHAPE, NOT_FINITE, BAD_TIME.
    """
    if topic.endswith("/availability"):
        address = topic_level(topic, -2)
        if payload.startswith(b"{"):
            state = read_json(payload).get("state")
            return presence(address, str(state).encode(), online=b"online", offline=b"offline")
        return presence(address, payload, online=b"online", offline=b"offline")
    values = read_object(payload)
    return [
        Uplink(
            topic_level(topic, -1),
            {
                name: member
                for name, member in values.items()
                if name not in ("last_seen", "battery", "linkquality")
            },
            time=_seen(values.get("last_seen")),
            battery=number_of(values.get("battery")),
        )
    ]


def _seen(member: Any) -> str | float | None:
    if isinstance(member, bool) or not (member is None or isinstance(member, str | int | float)):
        raise Rejected(Reason.BAD_TIME, "last_seen is neither a text nor a number")
    return member
