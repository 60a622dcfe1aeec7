"""The Things Stack v3, the JSON of its MQTT integration.

Of its three times, `uplink_message.received_at` (the network server's) is the reading's: the outer
one is later, and a gateway's clock may be wrong.
https://www.thethingsindustries.com/docs/integrations/data-formats/
"""

from typing import Final

from ingest.envelope import (
    best_rssi,
    count_of,
    need_object,
    number_of,
    read_object,
    text_of,
    time_of,
)
from ingest.types import Reason, Rejected, Uplink

NAME: Final = "thethingsstack"
SUMMARY: Final = "LoRaWAN through The Things Stack v3; a device's address is its DevEUI"
FILTERS: Final[tuple[str, ...]] = ("v3/+/devices/+/up",)


def open_envelope(topic: str, payload: bytes) -> list[Uplink]:
    """The one uplink of an uplink message.

    Raises:
        Rejected: EMPTY, NOT_JSON, WRONG_SHAPE, BAD_TIME, NOT_FINITE, or NO_METRIC where the
            network decodes nothing.
    """
    del topic  # the device's ids stand in the message itself
    message = read_object(payload)
    ids = need_object(message, "end_device_ids")
    address = text_of(ids, "dev_eui") or text_of(ids, "device_id")
    if not address:
        raise Rejected(Reason.WRONG_SHAPE, "end_device_ids has neither dev_eui nor device_id")
    uplink = need_object(message, "uplink_message")
    if not uplink.get("decoded_payload"):
        what = (
            f"The Things Stack sent no decoded_payload for {address[:64]}: "
            "set a payload formatter for the device"
        )
        raise Rejected(Reason.NO_METRIC, what)
    charge = uplink.get("last_battery_percentage")
    return [
        Uplink(
            address,
            need_object(uplink, "decoded_payload"),
            time=time_of(uplink, "received_at") or time_of(message, "received_at"),
            battery=number_of(charge.get("value")) if isinstance(charge, dict) else None,
            rssi=best_rssi(uplink.get("rx_metadata")),
            seq=count_of(uplink, "f_cnt") or 0,
        )
    ]
