"""What an index value is called and in which colour it is drawn."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Category:
    """A step of an index; `code` is what the store keeps of it, worse steps later."""

    code: int
    en: str
    id: str
    color: str


def rounded(value: float) -> int:
    """To the nearest whole number, halves upwards, as index tables are read."""
    return int(value + 0.5)
