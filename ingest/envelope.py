"""What the dialects share: JSON read with care, and members taken out by type."""

from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo
from math import isfinite
from typing import Any, Final

from pydantic_core import from_json

from ingest.types import Notice, Reason, Rejected

_TOO_DEEP: Final = "recursion limit exceeded"
_TOO_LONG: Final = "number out of range"
_DETAIL_MAX: Final = 200


def read_json(payload: bytes) -> Any:
    """The payload's JSON. NaN and infinities are read as such: what expects a number refuses them.

    Raises:
        Rejected: EMPTY, NOT_JSON, WRONG_SHAPE for nesting beyond 200 levels, NOT_FINITE for a
            number of more than 4300 digits.
    """
    if not payload.strip():
        raise Rejected(Reason.EMPTY)
    try:
        return from_json(payload)
    except ValueError as error:
        detail = str(error)[:_DETAIL_MAX]
        if detail.startswith(_TOO_DEEP):
            raise Rejected(Reason.WRONG_SHAPE, "nested deeper than 200 levels") from error
        if detail.startswith(_TOO_LONG):
            raise Rejected(Reason.NOT_FINITE, "a number has more than 4300 digits") from error
        raise Rejected(Reason.NOT_JSON, detail) from error


def read_object(payload: bytes) -> dict[str, Any]:
    """As `read_json`, where only an object will do.

    Raises:
        Rejected: also WRONG_SHAPE.
    """
    document = read_json(payload)
    if not isinstance(document, dict):
        raise Rejected(Reason.WRONG_SHAPE, f"the payload is {json_name(document)}, not an object")
    return document


def json_name(value: object) -> str:
    """What JSON calls a value, with its article."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"


def need_object(holder: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A member that must be an object.

    Raises:
        Rejected: WRONG_SHAPE.
    """
    member = holder.get(name)
    if not isinstance(member, dict):
        raise Rejected(Reason.WRONG_SHAPE, f"{name} is {_what(holder, name)}, not an object")
    return member


def text_of(holder: Mapping[str, Any], name: str) -> str | None:
    """A member that is a text, or is not there.

    Raises:
        Rejected: WRONG_SHAPE.
    """
    member = holder.get(name)
    if member is not None and not isinstance(member, str):
        raise Rejected(Reason.WRONG_SHAPE, f"{name} is {json_name(member)}, not a string")
    return member


def time_of(holder: Mapping[str, Any], name: str) -> str | None:
    """A time as text, not yet read; None where it is not there.

    Raises:
        Rejected: BAD_TIME.
    """
    member = holder.get(name)
    if member is not None and not isinstance(member, str):
        raise Rejected(Reason.BAD_TIME, f"{name} is {json_name(member)}, not a string")
    return member


def count_of(holder: Mapping[str, Any], name: str) -> int | None:
    """A whole number that is of no harm where it is something else."""
    member = holder.get(name)
    return member if isinstance(member, int) and not isinstance(member, bool) else None


def number_of(member: object) -> float | None:
    """A finite number that is of no harm where it is something else."""
    if isinstance(member, bool) or not isinstance(member, int | float):
        return None
    try:
        number = float(member)
    except OverflowError:
        return None
    return number if isfinite(number) else None


def numeral(member: object) -> object:
    """A number written as text as a number, and the text "nan" as None.

    Anything else stays as it is: whoever wants a number of it says what is wrong.
    """
    if not isinstance(member, str):
        return member
    text = member.strip()
    if text.casefold() == "nan":
        return None
    if not text.isascii() or "_" in text:
        return member
    try:
        number = float(text)
    except ValueError:
        return member
    return number if isfinite(number) else member


def zoned_time(text: str, zone: tzinfo) -> str:
    """RFC 3339 of a time that may lack its offset and is then local; an interval gives its end.

    Raises:
        Rejected: BAD_TIME.
    """
    moment = text.rpartition("/")[2]
    try:
        when = datetime.fromisoformat(moment.upper() if moment[-1:] == "z" else moment)
    except ValueError as error:
        raise Rejected(Reason.BAD_TIME, f"time {text[:64]!r} cannot be read") from error
    return (when if when.tzinfo is not None else when.replace(tzinfo=zone)).isoformat()


def topic_level(topic: str, place: int) -> str:
    """A level of a topic, counted from its start or (negative) from its end.

    Raises:
        Rejected: WRONG_TOPIC, where it is not there or empty.
    """
    levels = topic.split("/")
    level = levels[place] if -len(levels) <= place < len(levels) else ""
    if not level:
        raise Rejected(Reason.WRONG_TOPIC, f"{topic[:128]} names no device")
    return level


def presence(address: str, payload: bytes, *, online: bytes, offline: bytes) -> list[Notice]:
    """What a last will or its opposite says; other words say nothing."""
    return [Notice(address, {online: True, offline: False}.get(payload.strip()))]


def best_rssi(gateways: object) -> float | None:
    """The strongest `rssi` (dBm) among the gateways that heard a device."""
    heard: Iterable[object] = gateways if isinstance(gateways, list) else ()
    strengths = [
        strength
        for gateway in heard
        if isinstance(gateway, dict) and (strength := number_of(gateway.get("rssi"))) is not None
    ]
    return max(strengths, default=None)


def _what(holder: Mapping[str, Any], name: str) -> str:
    return json_name(holder[name]) if name in holder else "missing"
