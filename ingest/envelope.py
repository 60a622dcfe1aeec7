"""What the dialects share: JSON read with care, and members taken out by type."""

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any, Final

from pydantic_core import from_json

from ingest.types import Reason, Rejected

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
