"""Faults: what keeps a device from being registered, in words for whoever typed it."""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final, NamedTuple, get_args

from devices.device import DEVICE_ID, Device, Status

STATUSES: Final[tuple[str, ...]] = get_args(Status)

TEXT_MAX: Final = 1000
"""Characters of an attribute's value; a name and an address have at most 200."""

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_ATTRIBUTE_NAME = re.compile(r"[^\s=](?:[^=\n\t]{0,62}[^\s=])?")


class Fault(NamedTuple):
    field: str
    problem: str
    """A sentence without its full stop that says what to do."""


def tidy(device: Device) -> Device:
    """The device without the spaces around its texts and without empty attributes.

    Line ends become single line feeds: so a device is the same after a spreadsheet held it.
    """
    return replace(
        device,
        model=_tidy(device.model or "") or None,
        name=_tidy(device.name),
        address=_tidy(device.address or "") or None,
        installed_by=_tidy(device.installed_by),
        attributes={
            name: value
            for name, value in ((_tidy(k), _tidy(v)) for k, v in device.attributes.items())
            if value
        },
    )


def _tidy(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def find_faults(
    device: Device,
    *,
    kinds: Collection[str] | None = None,
    models: Mapping[str, str] | None = None,
) -> list[Fault]:
    """Everything that is wrong with a tidy device; an empty list: it can be registered.

    Args:
        device: as `tidy` returns it.
        kinds: the kinds that exist; None leaves that to the caller.
        models: the kind of every model that exists; None leaves that to the caller.
    """
    faults = []
    if not DEVICE_ID.fullmatch(device.id):
        faults.append(
            Fault("id", f"'{device.id}' cannot be an id: use 2 to 64 letters, digits, _ and -")
        )
    if kinds is not None and device.kind not in kinds:
        faults.append(
            Fault("kind", f"'{device.kind}' does not exist: use one of {', '.join(sorted(kinds))}")
        )
    if models is not None and device.model is not None:
        kind = models.get(device.model)
        if kind is None:
            faults.append(
                Fault(
                    "model",
                    f"'{device.model}' does not exist: leave it empty for the hub's own payload, "
                    f"or use one of {', '.join(sorted(models))}",
                )
            )
        elif kind != device.kind:
            faults.append(Fault("model", f"'{device.model}' measures {kind}, not {device.kind}"))
    if device.status not in STATUSES:
        faults.append(
            Fault("status", f"'{device.status}' is no status: use one of {', '.join(STATUSES)}")
        )
    if device.installed_at is not None and device.installed_at.tzinfo is None:
        faults.append(Fault("installed_at", "has no zone: end it with Z or an offset like +07:00"))
    return faults + _position_faults(device) + _text_faults(device)


def _position_faults(device: Device) -> list[Fault]:
    latitude, longitude = device.latitude, device.longitude
    if latitude is None and longitude is None:
        return []
    if latitude is None:
        return [Fault("latitude", "is missing beside a longitude: give both or none")]
    if longitude is None:
        return [Fault("longitude", "is missing beside a latitude: give both or none")]
    faults = []
    if not -90 <= latitude <= 90:  # noqa: PLR2004 - degrees of a globe
        swapped = abs(latitude) <= 180 and abs(longitude) <= 90  # noqa: PLR2004 - as above
        hint = ": latitude and longitude look swapped" if swapped else ""
        faults.append(Fault("latitude", f"{latitude} is outside -90 to 90{hint}"))
    if not -180 <= longitude <= 180:  # noqa: PLR2004 - as above
        faults.append(Fault("longitude", f"{longitude} is outside -180 to 180"))
    return faults


def _text_faults(device: Device) -> list[Fault]:
    faults = []
    texts = [
        ("model", device.model or "", 200),
        ("name", device.name, 200),
        ("address", device.address or "", 200),
        ("installed_by", device.installed_by, 200),
        *((name, value, TEXT_MAX) for name, value in device.attributes.items()),
    ]
    for field, text, longest in texts:
        if len(text) > longest:
            faults.append(Fault(field, f"has {len(text)} characters: shorten it to {longest}"))
        if odd := _UNPRINTABLE.search(text):
            name = unicodedata.name(odd[0], f"U+{ord(odd[0]):04X}")
            faults.append(Fault(field, f"holds a character that cannot be printed ({name})"))
    reserved = Device.__slots__
    for name in device.attributes:
        if not _ATTRIBUTE_NAME.fullmatch(name) or _UNPRINTABLE.search(name):
            faults.append(Fault(name, "cannot name an attribute: use 1 to 64 characters without ="))
        elif name.lower() in reserved and name.lower() != "area":
            faults.append(Fault(name, "is a field of every device: name the attribute otherwise"))
    return faults
