"""ESPHome over MQTT: one bare number a topic, `<prefix>/sensor/<name>/state`.

Each message is a reading of one value, at its arrival. The prefix is the device's name unless it
is set (`mqtt.topic_prefix`); its last level is the address. With `topic_prefix: sensors/<id>` a
device keeps to the topics of its own login. "nan" and "None" are a sensor without a value.
https://esphome.io/components/mqtt
"""

from typing import Final

from ingest.envelope import numeral, presence, topic_level
from ingest.types import Notice, Reason, Rejected, Uplink

NAME: Final = "esphome"
SUMMARY: Final = "ESPHome, one number a topic; a device's address is its topic prefix"
FILTERS: Final[tuple[str, ...]] = (
    "+/sensor/+/state",
    "sensors/+/sensor/+/state",
    "esphome/+/sensor/+/state",
    "+/status",
    "esphome/+/status",
)

_LENGTH_MAX: Final = 64


def open_envelope(topic: str, payload: bytes) -> list[Uplink] | list[Notice]:
    """The one value of a state, or whether the device is there.

    Raises:
        Rejected: WRONG_TOPIC, EMPTY, WRONG_TYPE, NOT_DECODABLE.
    """
    if topic.endswith("/status"):
        address = topic_level(topic, -2)
        return presence(address, payload, online=b"online", offline=b"offline")
    name, address = topic_level(topic, -2), topic_level(topic, -4)
    if not payload.strip():
        raise Rejected(Reason.EMPTY)
    try:
        text = payload[: _LENGTH_MAX + 1].decode()
    except UnicodeDecodeError as error:
        raise Rejected(Reason.NOT_DECODABLE, f"{name[:64]} is no text") from error
    value = None if text.strip() == "None" else numeral(text)
    if isinstance(value, str):
        raise Rejected(Reason.WRONG_TYPE, f"{name[:64]} is {text[:40]!r}, not a number")
    return [Uplink(address, {name: value})]
