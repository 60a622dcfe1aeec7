"""PurpleAir: the JSON of the sensor's local page, fetched or pushed by a script.

A particle counter that fails writes the text "nan"; a date has slashes and a small z. A device's
address is its SensorId (a MAC address), or the topic's last level where that is left out.
https://community.purpleair.com/t/local-json-documentation/6917
"""

from datetime import UTC
from typing import Final

from ingest.envelope import number_of, numeral, read_object, text_of, topic_level, zoned_time
from ingest.types import Uplink

NAME: Final = "purpleair"
SUMMARY: Final = "PurpleAir's local JSON; a device's address is its SensorId"
FILTERS: Final[tuple[str, ...]] = ("purpleair/#",)


def open_envelope(topic: str, payload: bytes) -> list[Uplink]:
    """The one uplink of a message.

    Raises:
        Rejected: WRONG_TOPIC, EMPTY, NOT_JSON, WRONG_SHAPE, NOT_FINITE, BAD_TIME.
    """
    message = read_object(payload)
    date = text_of(message, "DateTime")
    return [
        Uplink(
            text_of(message, "SensorId") or topic_level(topic, -1),
            {name: numeral(member) for name, member in message.items()},
            time=zoned_time(date.replace("/", "-"), UTC) if date else None,
            rssi=number_of(message.get("rssi")),
        )
    ]
