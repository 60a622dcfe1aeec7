"""Tasmota, the JSON of its telemetry: one object a sensor chip, and a local time without an offset.

Numbers come in the units that the device is set to: temperatures in Fahrenheit and pressures in
mmHg or inHg are brought to degrees Celsius and hPa here, so that one model fits all. With
`FullTopic sensors/%topic%/%prefix%/` a device keeps to the topics of its own login.
https://tasmota.github.io/docs/MQTT/
"""

from collections.abc import Mapping
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, Final

from ingest.envelope import (
    number_of,
    presence,
    read_object,
    text_of,
    topic_level,
    zoned_time,
)
from ingest.types import Notice, Uplink

if TYPE_CHECKING:
    from ingest.dialects import Opener, Surroundings

NAME: Final = "tasmota"
SUMMARY: Final = "Tasmota's telemetry; a device's address is its topic, its clock the city's"
FILTERS: Final[tuple[str, ...]] = tuple(
    topic
    for prefix, last in (
        ("tele", "SENSOR"),
        ("tele", "LWT"),
        ("stat", "STATUS8"),
        ("stat", "STATUS10"),
    )
    for topic in (f"{prefix}/+/{last}", f"sensors/+/{prefix}/{last}")
)

_PREFIXES: Final = ("tele", "stat")
_UNSET_YEARS: Final = ("1970", "1999", "2000")
"""Where a Tasmota clock stands before it was ever set."""
_TO_HPA: Final[Mapping[str, float]] = {"mmHg": 1.333224, "inHg": 33.86389}
_TEMPERATURES: Final = ("Temperature", "DewPoint")
_PRESSURES: Final = ("Pressure", "SeaPressure")


def make(surroundings: "Surroundings") -> "Opener":
    """The opener that reads local times in the city's zone."""
    zone = surroundings.zone

    def open_envelope(topic: str, payload: bytes) -> list[Uplink] | list[Notice]:
        """The one uplink of a telemetry message, or what the last will says.

        Raises:
            Rejected: WRONG_TOPIC, EMPTY, NOT_JSON, WRONG_SHAPE, NOT_FINITE, BAD_TIME.
        """
        place = -3 if topic_level(topic, -2) in _PREFIXES else -2
        address = topic_level(topic, place)
        if topic.endswith("/LWT"):
            return presence(address, payload, online=b"Online", offline=b"Offline")
        return [_uplink(address, read_object(payload), zone)]

    return open_envelope


def _uplink(address: str, message: Mapping[str, Any], zone: tzinfo) -> Uplink:
    status = message.get("StatusSNS")
    if isinstance(status, dict):
        message = status
    time = text_of(message, "Time")
    fahrenheit = message.get("TempUnit") == "F"
    factor = _TO_HPA.get(str(message.get("PressureUnit")), 1.0)
    values = {
        name: _metric(member, factor, fahrenheit=fahrenheit)
        if isinstance(member, dict) and (fahrenheit or factor != 1.0)
        else member
        for name, member in message.items()
        if name not in ("Time", "TempUnit", "PressureUnit", "SpeedUnit")
    }
    is_set = time is not None and time[:4] not in _UNSET_YEARS
    return Uplink(address, values, time=zoned_time(time, zone) if time and is_set else None)


def _metric(sensor: Mapping[str, Any], factor: float, *, fahrenheit: bool) -> dict[str, Any]:
    values = dict(sensor)
    for name in _TEMPERATURES:
        if fahrenheit and (number := number_of(values.get(name))) is not None:
            values[name] = float(f"{(number - 32) / 1.8:.6g}")
    for name in _PRESSURES:
        if (number := number_of(values.get(name))) is not None:
            values[name] = float(f"{number * factor:.6g}")
    return values
