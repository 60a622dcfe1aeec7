"""sensor.community: what the airRohr firmware pushes, over HTTP or MQTT.

Every value is a text, "nan" among them, and there is no time. A device's address is its chip id,
with or without the name of the chip before it (`1234567`, `esp8266-1234567`).
https://github.com/opendata-stuttgart/sensors-software/tree/master/airrohr-firmware
"""

from typing import Any, Final

from ingest.envelope import number_of, numeral, read_object
from ingest.types import Reason, Rejected, Uplink

NAME: Final = "sensorcommunity"
SUMMARY: Final = "sensor.community's push; a device's address is its chip id"
FILTERS: Final[tuple[str, ...]] = ("sensorcommunity/#",)

_IDS: Final = ("esp8266id", "esp32id", "raspiid")


def open_envelope(topic: str, payload: bytes) -> list[Uplink]:
    """The one uplink of a push.

    Raises:
        Rejected: EMPTY, NOT_JSON, WRONG_SHAPE, NOT_FINITE.
    """
    del topic  # the chip id stands in the payload
    push = read_object(payload)
    rows = push.get("sensordatavalues")
    if not isinstance(rows, list):
        raise Rejected(Reason.WRONG_SHAPE, "sensordatavalues is no array")
    values = {}
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("value_type"), str):
            raise Rejected(Reason.WRONG_SHAPE, "an element of sensordatavalues has no value_type")
        values[row["value_type"]] = numeral(row.get("value"))
    return [Uplink(_address(push), values, rssi=number_of(values.pop("signal", None)))]


def _address(push: dict[str, Any]) -> str:
    for name in _IDS:
        member = push.get(name)
        if isinstance(member, str | int) and not isinstance(member, bool) and str(member):
            return str(member)
    raise Rejected(Reason.WRONG_SHAPE, f"none of {', '.join(_IDS)} names the device")
