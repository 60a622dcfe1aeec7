"""ChirpStack v4, the JSON of its MQTT integration.

Events are protobuf's JSON: members with default values (a counter of 0) are left out. The decoded
payload stands in `object`, which is there only if the device profile has a codec.
https://www.chirpstack.io/docs/chirpstack/integrations/events.html
"""

from typing import Final

from ingest.envelope import best_rssi, count_of, need_object, read_object, text_of, time_of
from ingest.types import Reason, Rejected, Uplink

NAME: Final = "chirpstack"
SUMMARY: Final = "LoRaWAN through ChirpStack v4; a device's address is its DevEUI"
FILTERS: Final[tuple[str, ...]] = ("application/+/device/+/event/up",)


def open_envelope(topic: str, payload: bytes) -> list[Uplink]:
    """The one uplink of an `up` event.

    Raises:
        Rejected: EMPTY, NOT_JSON, WRONG_SHAPE, BAD_TIME, NOT_FINITE, or NO_METRIC where the
            network decodes nothing.
    """
    del topic  # the DevEUI stands in the event itself
    event = read_object(payload)
    address = text_of(need_object(event, "deviceInfo"), "devEui")
    if not address:
        raise Rejected(Reason.WRONG_SHAPE, "deviceInfo.devEui is missing")
    if not event.get("object"):
        what = (
            f"ChirpStack sent no decoded object for {address[:32]}: "
            "set a codec in the device profile"
        )
        raise Rejected(Reason.NO_METRIC, what)
    return [
        Uplink(
            address,
            need_object(event, "object"),
            time=time_of(event, "time"),
            rssi=best_rssi(event.get("rxInfo")),
            seq=count_of(event, "fCnt") or 0,
        )
    ]
