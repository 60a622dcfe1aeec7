"""SenML packs in JSON (RFC 8428).

A record's resolved name is `<address><: or /><metric>`: after its last separator stands the metric
if it looks like one (lower-case letters, digits and _, and not eight or more hexadecimal digits,
which are part of an address). Otherwise all of the name is the address and the unit tells the
metric: %RH is humidity, Cel temperature. A unit that tells none becomes the member's own name,
which the hub then lists as unknown; %EL is the device's battery.

Records of one address and instant are one reading. A pack is one message: one record that cannot
be read refuses all of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final, NamedTuple

from devices.kind import NAME as METRIC_NAME
from ingest.envelope import json_name, read_json, text_of
from ingest.types import Reason, Rejected, Uplink

NAME: Final = "senml"
SUMMARY: Final = "SenML in JSON (RFC 8428); a device's address is the name before its metric"
FILTERS: Final[tuple[str, ...]] = ("senml/#",)

RECORDS_MAX: Final = 10_000
"""Records in one pack."""

ABSOLUTE_FROM: Final = 2.0**28
"""Smaller times are relative to now (RFC 8428, section 4.5.3)."""

VERSIONS: Final = frozenset({10, 26})
"""Understood beside those below 10: RFC 8428's, and with secondary units (RFC 9100)."""

_VALUES: Final = ("v", "vs", "vb", "vd", "s")
_HEX_DIGITS: Final = frozenset("0123456789abcdef")
_ADDRESS_DIGITS: Final = 8

_METRIC_BY_UNIT: Final[Mapping[str, str]] = {
    "%RH": "humidity",
    "Cel": "temperature",
    "K": "temperature",
    "Pa": "pressure",
    "hPa": "pressure",
    "m3/s": "flow",
    "mm/h": "rain_rate",
}

_LENGTHS: Final = {"mm": (0.001, 0.0), "cm": (0.01, 0.0), "km": (1000.0, 0.0)}
_CONVERSIONS: Final[Mapping[str, Mapping[str, tuple[float, float]]]] = {
    "temperature": {"K": (1.0, -273.15)},
    "pressure": {"Pa": (0.01, 0.0)},
    "humidity": {"/": (100.0, 0.0)},
    "occupancy": {"/": (100.0, 0.0)},
    "speed": {"m/s": (3.6, 0.0)},
    "wind_speed": {"km/h": (1 / 3.6, 0.0)},
    "flow": {"l/s": (0.001, 0.0)},
    "level": _LENGTHS,
    "depth": _LENGTHS,
    "distance": _LENGTHS,
    "queue": _LENGTHS,
}
"""Factor and offset from a SenML unit to the metric's own; other units are taken as they are."""


class Record(NamedTuple):
    """A resolved record: its place in the pack, its name and time whole.

    A `time` below `ABSOLUTE_FROM` is seconds from now, mostly negative.
    """

    place: int
    name: str
    unit: str | None
    time: float
    members: Mapping[str, Any]
    base_value: float


@dataclass(slots=True)
class Group:
    """What one address says at one instant."""

    address: str
    time: float
    values: dict[str, float] = field(default_factory=dict)
    aside: dict[str, Any] = field(default_factory=dict)
    """Members that are no metric by themselves, so that they make no reading of their own."""
    battery: float | None = None


def open_envelope(topic: str, payload: bytes) -> list[Uplink]:
    """The readings of a pack, in the order of their first records.

    Raises:
        Rejected: EMPTY, NOT_JSON, WRONG_SHAPE, WRONG_TYPE, NOT_FINITE, TOO_LARGE.
    """
    del topic  # names are in the pack
    return open_pack(read_json(payload))


def open_pack(pack: Any) -> list[Uplink]:
    """The readings of a pack whose labels are those of its JSON, in the order of first records.

    Raises:
        Rejected: WRONG_SHAPE, WRONG_TYPE, NOT_FINITE, TOO_LARGE.
    """
    if not isinstance(pack, list):
        raise Rejected(Reason.WRONG_SHAPE, f"a pack is an array, not {json_name(pack)}")
    if len(pack) > RECORDS_MAX:
        raise Rejected(Reason.TOO_LARGE, f"{len(pack)} records, the most is {RECORDS_MAX}")
    groups: dict[tuple[str, float], Group] = {}
    for record in _resolve(pack):
        address, metric = split_name(record.name)
        group = groups.setdefault((address, record.time), Group(address, record.time))
        _add(group, metric, record)
    return [
        Uplink(
            group.address,
            {**group.aside, **group.values},
            time=group.time if group.time >= ABSOLUTE_FROM else None,
            age_s=-group.time if group.time < ABSOLUTE_FROM else 0.0,
            battery=group.battery,
        )
        for group in _fold(list(groups.values()))
    ]


def split_name(name: str) -> tuple[str, str | None]:
    """Address and metric of a resolved name; no metric where only the unit can tell it."""
    cut = max(name.rfind(":"), name.rfind("/"))
    address, tail = name[:cut], name[cut + 1 :]
    if cut > 0 and not tail:
        return address, None
    is_address = len(tail) >= _ADDRESS_DIGITS and set(tail) <= _HEX_DIGITS
    if cut > 0 and METRIC_NAME.fullmatch(tail) and not is_address:
        return address, tail
    return name, None


def _resolve(pack: list[Any]) -> list[Record]:
    name = unit = ""
    time = value = 0.0
    records = []
    for place, members in enumerate(pack):
        if not isinstance(members, dict):
            what = f"record {place} is {json_name(members)}, not an object"
            raise Rejected(Reason.WRONG_SHAPE, what)
        _check(place, members)
        if "bn" in members:
            name = text_of(members, "bn") or ""
        if "bu" in members:
            unit = text_of(members, "bu") or ""
        time = _number(place, members, "bt", time)
        value = _number(place, members, "bv", value)
        full_name = name + (text_of(members, "n") or "")
        if not full_name:
            raise Rejected(Reason.WRONG_SHAPE, f"record {place} has no name: neither bn nor n")
        own_unit = text_of(members, "u") or unit or None
        when = time + _number(place, members, "t", 0.0)
        if any(label in members for label in _VALUES):
            records.append(Record(place, full_name, own_unit, when, members, value))
    return records


def _check(place: int, members: Mapping[str, Any]) -> None:
    for label in members:
        if label.endswith("_"):
            what = f"record {place}: {label[:40]} must be understood (RFC 8428), and is not"
            raise Rejected(Reason.WRONG_SHAPE, what)
    version = members.get("bver", 10)
    whole = isinstance(version, int) and not isinstance(version, bool)
    if not whole or not (0 < version <= 10 or version in VERSIONS):  # noqa: PLR2004 - RFC 8428's
        raise Rejected(Reason.WRONG_SHAPE, f"record {place}: version {version!s:.20} is unknown")


def _number(place: int, members: Mapping[str, Any], label: str, default: float) -> float:
    member = members.get(label, default)
    if isinstance(member, bool) or not isinstance(member, int | float):
        what = f"record {place}: {label} is {json_name(member)}, not a number"
        raise Rejected(Reason.WRONG_TYPE, what)
    return _finite(place, label, member)


def _finite(place: int, label: str, number: float) -> float:
    try:
        number = float(number)
    except OverflowError:
        number = float("inf")
    if not isfinite(number):
        raise Rejected(Reason.NOT_FINITE, f"record {place}: {label} is not a finite number")
    return number


def _add(group: Group, metric: str | None, record: Record) -> None:
    unit = record.unit or ""
    name = metric or _METRIC_BY_UNIT.get(unit)
    members = record.members
    if "v" not in members:
        label = next(label for label in _VALUES if label in members)
        group.aside[f"{name or unit or 'record'}.{label}"] = members[label]
        return
    number = _number(record.place, members, "v", 0.0) + record.base_value
    factor, offset = _CONVERSIONS.get(name or "", {}).get(unit, (1.0, 0.0))
    if (factor, offset) != (1.0, 0.0):
        number = float(f"{number * factor + offset:.12g}")
    number = _finite(record.place, "v", number)
    if unit == "%EL" and name in (None, "battery"):
        group.battery = number
    elif name is not None:
        group.values[name] = number
    else:
        group.aside[unit or "v"] = number


def _fold(groups: list[Group]) -> list[Group]:
    """Groups that hold a metric, with what others of their address say aside beside them.

    A position or battery that a device tells at an instant of its own is no reading.
    """
    holders: dict[str, Group] = {}
    for group in groups:
        if group.values:
            holders.setdefault(group.address, group)
    folded = []
    for group in groups:
        holder = holders.get(group.address)
        if group.values or holder is None:
            holders[group.address] = group
            folded.append(group)
            continue
        holder.aside.update(group.aside)
        holder.battery = group.battery if group.battery is not None else holder.battery
    return folded
