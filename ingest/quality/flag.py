"""QARTOD flags and the tests that give them."""

from enum import StrEnum
from typing import Final

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
