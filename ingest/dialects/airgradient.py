"""AirGradient's own MQTT: one object on `airgradient/readings/<serial number>`, without a time.

https://github.com/airgradienthq/arduino/blob/master/docs/local-server.md
"""

from typing import Final

from ingest.envelope import read_object, topic_level
from ingest.types import Uplink

NAME: Final = "airgradient"
SUMMARY: Final = "AirGradient monitors; a device's address is its serial number"
FILTERS: Final[tuple[str, ...]] = ("airgradient/readings/+",)


def open_envelope(topic: str, payload: bytes) -> list[Uplink]:
    """The one uplink of a message.

    Raises:
        Rejected: WRONG_TOPIC, EMPTY, NOT_JSON, WRONG_SHAPE, NOT_FINITE.
    """
    return [Uplink(topic_level(topic, -1), read_object(payload))]
