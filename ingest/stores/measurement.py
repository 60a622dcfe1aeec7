"""Measurements that hold computed numbers: what a store needs to know of them."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Measurement:
    """`fields` are floats, in the order in which they are shown."""

    id: str
    fields: tuple[str, ...]


class Row(NamedTuple):
    """One point of a measurement; fields without a value are left out of `values`."""

    time_ns: int
    device: str
    channel: str
    """'' where the device has none."""
    area: str | None
    values: dict[str, float]
