"""Gauges: from which water level on which siaga level holds, since when.

Siaga levels run downwards: IV is normal, III, II and I are ever worse. An operator declares the
thresholds of a gauge in `gauges.toml`, of the city or of the data folder (which goes first),
one version a change, so that history keeps the levels that held then:

    [gauges.flood-deli-01]
    hysteresis_m = 0.05

    [[gauges.flood-deli-01.versions]]
    valid_from = 2026-01-01
    siaga3_m = 1.5
    siaga2_m = 2.0
    siaga1_m = 2.5
    normal_m = 0.9

A gauge that is in no file may have `siaga3_m`, `siaga2_m`, `siaga1_m`, `normal_m`,
`above_normal` and `hysteresis_m` as attributes of its device instead; these hold for all times.
"""

from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, ValidationError, model_validator

from devices.declaration import Declared, attribute_problems, read_declaration
from devices.device import Device
from devices.errors import InvalidDeviceError

FILE: Final = "gauges.toml"
_ALWAYS: Final = date.min
_THRESHOLDS: Final = ("siaga3_m", "siaga2_m", "siaga1_m")
_ATTRIBUTES: Final = (*_THRESHOLDS, "normal_m", "above_normal", "hysteresis_m")


class Thresholds(Declared):
    """Thresholds of one gauge from a day of the city on: a level begins at its threshold.

    In metres on the gauge's own scale or, with `above_normal`, in metres above `normal_m`, as
    disaster agencies report a rise.
    """

    valid_from: date = _ALWAYS
    siaga3_m: float
    siaga2_m: float
    siaga1_m: float
    normal_m: float | None = None
    above_normal: bool = False
    source: str = ""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if not self.siaga3_m < self.siaga2_m < self.siaga1_m:
            raise ValueError("siaga3_m < siaga2_m < siaga1_m does not hold: siaga I is the worst")
        if self.above_normal and self.normal_m is None:
            raise ValueError("above_normal counts from normal_m: give normal_m too")
        return self

    @property
    def begins_m(self) -> tuple[float, float, float]:
        """Where siaga III, II and I begin on the gauge's scale."""
        zero = (self.normal_m or 0.0) if self.above_normal else 0.0
        return zero + self.siaga3_m, zero + self.siaga2_m, zero + self.siaga1_m


class Gauge(Declared):
    """A gauge's thresholds over the years, oldest first.

    A level is left only `hysteresis_m` below the threshold that began it.
    """

    hysteresis_m: Annotated[float, Field(ge=0)] = 0.05
    versions: Annotated[tuple[Thresholds, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        days = [version.valid_from for version in self.versions]
        if any(earlier >= later for earlier, later in pairwise(days)):
            raise ValueError("versions stand in the order of valid_from, no two of the same day")
        return self

    def at(self, day: date) -> Thresholds | None:
        """The thresholds of a day; None before the first."""
        held = [version for version in self.versions if version.valid_from <= day]
        return held[-1] if held else None


class _Gauges(Declared):
    gauges: Annotated[dict[str, Gauge], Field(default_factory=dict)]


def load_gauges(*folders: Path) -> Mapping[str, Gauge]:
    """The gauges of the folders' files by device; of two declarations the later folder's holds.

    Raises:
        InvalidDeclarationError: a file is wrong.
    """
    gauges: dict[str, Gauge] = {}
    for folder in folders:
        if (path := folder / FILE).is_file():
            gauges |= read_declaration(_Gauges, path).gauges
    return gauges


def gauge_of(device: Device, declared: Mapping[str, Gauge]) -> Gauge | None:
    """The thresholds of a device: its declaration, else its attributes, else None.

    Raises:
        InvalidDeviceError: its attributes do not make a gauge.
    """
    if (gauge := declared.get(device.id)) is not None:
        return gauge
    given = {name: device.attributes[name] for name in _ATTRIBUTES if name in device.attributes}
    if not any(name in given for name in _THRESHOLDS):
        return None
    hysteresis = {name: given.pop(name) for name in ("hysteresis_m",) if name in given}
    try:
        return Gauge.model_validate({**hysteresis, "versions": [given]})
    except ValidationError as error:
        raise InvalidDeviceError(device.id, attribute_problems(error)) from error
