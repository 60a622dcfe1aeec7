"""NGSI-LD and NGSIv2 entities of the Smart Data Models, normalized or as key-values.

An entity is opened to key-values in the units of its data model: an attribute that names another
unit (`unitCode`) is brought to it. A notification holds several. An observation's id often tells
its time, so that the address is the device it refers to (`refDevice`) and only else the id. Of an
interval the end counts; a time without an offset is local.
https://ngsi-ld.org, https://smartdatamodels.org
"""

from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, Final

from ingest.envelope import number_of, read_json, zoned_time
from ingest.types import Reason, Rejected, Uplink

if TYPE_CHECKING:
    from ingest.dialects import Opener, Surroundings

NAME: Final = "ngsi"
SUMMARY: Final = "NGSI-LD entities; a device's address is the entity's refDevice, or its id"
FILTERS: Final[tuple[str, ...]] = ("ngsi-ld/#",)

ENTITIES_MAX: Final = 10_000

_TIMES: Final = ("dateObservedTo", "dateObserved", "observationDateTime", "observedAt")
_DEVICES: Final = ("refDevice", "device")
_UNITS: Final[Mapping[str, Callable[[float], float]]] = {
    "GP": lambda value: value * 1000,  # mg/m3 to ug/m3
    "P1": lambda value: value / 100,  # percent to a fraction
    "FAH": lambda value: (value - 32) / 1.8,
    "KEL": lambda value: value - 273.15,
}
"""UN/CEFACT codes of units that no data model has for its numbers, brought to the one it has."""


def make(surroundings: "Surroundings") -> "Opener":
    """The opener that reads local times in the city's zone."""
    zone = surroundings.zone

    def open_envelope(topic: str, payload: bytes) -> list[Uplink]:
        """One uplink an entity.

        Raises:
            Rejected: EMPTY, NOT_JSON, WRONG_SHAPE, NOT_FINITE, TOO_LARGE, BAD_TIME.
        """
        del topic  # entities name themselves
        document = read_json(payload)
        if isinstance(document, dict) and isinstance(document.get("data"), list):
            document = document["data"]  # a notification
        entities = [document] if isinstance(document, dict) else document
        if not isinstance(entities, list):
            raise Rejected(Reason.WRONG_SHAPE, "the payload is neither an entity nor a list")
        if len(entities) > ENTITIES_MAX:
            raise Rejected(Reason.TOO_LARGE, f"{len(entities)} entities, too many for a message")
        return [_uplink(entity, zone) for entity in entities]

    return open_envelope


def _uplink(entity: Any, zone: tzinfo) -> Uplink:
    if not isinstance(entity, dict):
        raise Rejected(Reason.WRONG_SHAPE, "an entity is no object")
    values = {name: _value(member) for name, member in entity.items() if name != "@context"}
    address = next(
        (name for member in _DEVICES if (name := _first_text(values.get(member)))), None
    ) or _first_text(values.get("id"))
    if address is None:
        raise Rejected(Reason.WRONG_SHAPE, "an entity has neither id nor refDevice")
    time = next((text for name in _TIMES if (text := _first_text(values.get(name)))), None)
    if time is None:
        time = next((text for member in entity.values() if (text := _observed_at(member))), None)
    return Uplink(address, values, time=None if time is None else zoned_time(time, zone))


def _value(member: Any) -> Any:
    """The plain value of an attribute, whichever of the forms it is written in."""
    if not isinstance(member, dict):
        return member
    for name in ("value", "object", "@value"):
        if name in member:
            value = _value(member[name])
            break
    else:
        return member
    convert = _UNITS.get(str(member.get("unitCode")))
    number = number_of(value)
    return value if convert is None or number is None else float(f"{convert(number):.12g}")


def _first_text(value: Any) -> str | None:
    if isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, str) and value else None


def _observed_at(member: Any) -> str | None:
    return _first_text(member.get("observedAt")) if isinstance(member, dict) else None
