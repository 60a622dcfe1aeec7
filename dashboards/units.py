"""UCUM units as Grafana calls them.

Only Grafana's units that leave the number alone: its own metres turn 0.95 m into 950 mm, and a
gauge is read in metres. Every other unit is a suffix, the symbol that the kind gives.
"""

from collections.abc import Mapping
from typing import Final

from devices.kind import Metric

UNITS: Final[Mapping[str, str]] = {
    "%": "percent",
    "Cel": "celsius",
    "K": "kelvin",
    "hPa": "pressurehpa",
    "ug/m3": "conμgm3",
    "mg/m3": "conmgm3",
    "[ppm]": "ppm",
    "dB": "dB",
    "m/s": "velocityms",
    "km/h": "velocitykmh",
    "m3/s": "flowcms",
    "deg": "degree",
    "1": "none",
}


def grafana_unit(metric: Metric) -> str:
    """Grafana's id of the unit of a metric."""
    return UNITS.get(metric.unit) or suffix(metric.symbol)


def suffix(symbol: str) -> str:
    """A unit that is written after the number as it is."""
    return f"suffix: {symbol}" if symbol else "none"
