"""QARTOD flags and the tests that give them."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

GOOD: Final = 1
NOT_EVALUATED: Final = 2
SUSPECT: Final = 3
FAIL: Final = 4
MISSING: Final = 9


class Check(StrEnum):
    """A test of quality control; docs/quality.md explains each with its formula and source."""

    GROSS_RANGE = "gross_range"
    CLIMATOLOGY = "climatology"
    SPIKE = "spike"
    RATE = "rate"
    FLAT = "flat"
    SEQUENCE = "sequence"
    CLOCK = "clock"
    NEIGHBOURS = "neighbours"
    SILENCE = "silence"


EMPTY: Final[Mapping[Any, Any]] = MappingProxyType({})
"""Stands in wherever a device has nothing of a kind to remember; never written to."""
