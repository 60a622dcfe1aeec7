"""What products call the metrics, the units and the rest of a payload: one table, for guesses.

Words are written as `bare` makes them of any spelling: small letters and digits alone. A kind's own
names need no entry: its metrics' ids, names in both languages and NGSI-LD attributes are known.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

METRICS: Final[Mapping[str, tuple[str, ...]]] = {
    "pm25": ("pm02", "pm2p5", "pm025", "sdsp2", "pmsp2", "sps30p2", "pm25atm", "pm25ae", "dust25"),
    "pm10": ("pm100", "sdsp1", "pmsp1", "sps30p1", "pm100atm", "pm10atm", "dust10"),
    "no2": ("nitrogendioxide",),
    "so2": ("sulfurdioxide", "sulphurdioxide"),
    "o3": ("ozone",),
    "co": ("carbonmonoxide",),
    "noise": ("laeq", "leq", "sound", "soundlevel", "soundpressure", "spl", "decibel", "noisedb"),
    "temperature": ("temp", "t", "tc", "atmp", "airtemp", "tempair", "suhu", "ambienttemp"),
    "humidity": ("hum", "rh", "rhum", "h", "humid", "kelembaban", "airhumidity"),
    "pressure": ("press", "pres", "baro", "barometer", "barometricpressure", "airpressure", "p"),
    "rain_rate": ("rainrate", "rainintensity", "rainfallintensity", "precipitationrate"),
    "rain": ("rainfall", "raintotal", "rainfalltotal", "precipitation", "precip", "curahhujan"),
    "wind_speed": ("windspeed", "windspd", "wspd", "ws", "windavg", "anginkecepatan"),
    "wind_direction": ("winddirection", "winddir", "wdir", "wd", "winddirectionavg"),
    "level": ("waterlevel", "wl", "stage", "height", "tma", "tinggimukaair", "currentlevel"),
    "depth": ("waterdepth", "flooddepth", "genangan"),
    "distance": ("dist", "range", "jarak", "ultrasonic", "measureddistance", "airgap", "d"),
    "flow": ("flowrate", "discharge", "debit"),
    "volume": ("count", "vehicles", "vehiclecount", "total", "intensity", "cars", "passages"),
    "volume_mc": ("motorbike", "motorcycle", "motorcycles", "motorbikes", "sepedamotor", "mc"),
    "volume_lv": ("car", "lightvehicles", "lv", "mobil"),
    "volume_hv": ("heavy", "truck", "heavyvehicles", "hv", "truk"),
    "period": ("interval", "intervals", "duration", "countingperiod"),
    "speed": ("avgspeed", "averagespeed", "meanspeed", "kecepatan", "speedavg", "velocity"),
    "occupancy": ("occ", "okupansi"),
    "headway": ("averageheadwaytime", "gap", "avgheadway"),
    "queue": ("queuelength", "antrean"),
}

TIMES: Final = frozenset(
    [
        *("time", "timestamp", "ts", "datetime", "date", "dateobserved", "phenomenontime"),
        *("measuredat", "observedat", "recordedat", "utc", "epoch", "unixtime", "when", "waktu"),
    ]
)
BATTERIES: Final = frozenset(
    ["battery", "bat", "batt", "batterylevel", "batterypercent", "soc", "baterai"]
)
SIGNALS: Final = frozenset(
    ["rssi", "wifi", "wifirssi", "signal", "signalstrength", "wifisignal", "dbm"]
)
COUNTERS: Final = frozenset(["total", "counter", "cumulative", "cum", "accumulated", "acc"])
"""Words in a name that say: this number only grows."""


class Conversion(NamedTuple):
    """number * scale + offset."""

    scale: float
    offset: float = 0.0


UNITS: Final[Mapping[str, tuple[str, ...]]] = {
    "mm": ("mm", "millimeter", "millimetre", "millimeters"),
    "cm": ("cm", "centimeter", "centimetre"),
    "m": ("m", "meter", "metre", "meters"),
    "[degF]": ("f", "degf", "fahrenheit", "tempf"),
    "Cel": ("c", "degc", "celsius", "°c", "tempc"),
    "K": ("k", "kelvin"),
    "Pa": ("pa", "pascal"),
    "hPa": ("hpa", "mbar"),
    "kPa": ("kpa",),
    "m/s": ("ms", "mps", "m/s"),
    "km/h": ("kmh", "kph", "km/h"),
    "[mi_i]/h": ("mph",),
    "mg/m3": ("mgm3", "mg/m3", "mg/m³"),
    "ug/m3": ("ugm3", "ug/m3", "µg/m³", "μg/m³"),
    "%": ("pct", "percent", "%"),
    "min": ("min", "minutes"),
    "s": ("s", "sec", "seconds"),
    "l/s": ("lps", "l/s"),
}
"""UCUM unit to the ways in which names and members write it."""

CONVERSIONS: Final[Mapping[tuple[str, str], Conversion]] = {
    ("mm", "m"): Conversion(0.001),
    ("cm", "m"): Conversion(0.01),
    ("cm", "mm"): Conversion(10),
    ("m", "mm"): Conversion(1000),
    ("[degF]", "Cel"): Conversion(0.5555555555555556, -17.77777777777778),
    ("K", "Cel"): Conversion(1, -273.15),
    ("Pa", "hPa"): Conversion(0.01),
    ("kPa", "hPa"): Conversion(10),
    ("km/h", "m/s"): Conversion(0.2777777777777778),
    ("[mi_i]/h", "m/s"): Conversion(0.44704),
    ("m/s", "km/h"): Conversion(3.6),
    ("[mi_i]/h", "km/h"): Conversion(1.609344),
    ("mg/m3", "ug/m3"): Conversion(1000),
    ("min", "s"): Conversion(60),
    ("l/s", "m3/s"): Conversion(0.001),
}
"""From a product's unit to the metric's own."""

NOTHING: Final = frozenset(
    ["nan", "none", "null", "n/a", "na", "-", "no sensor", "unknown", "invalid reading", "error"]
)
"""Texts that stand where a number has no value."""

_PARTS: Final = re.compile(r"[^\W_]+")
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


def bare(name: str) -> str:
    """A name in whatever spelling as the table writes it."""
    return "".join(character for character in name.casefold() if character.isalnum())


def words(name: str) -> list[str]:
    """The words of a name: `current_temp_f` and `currentTempF` have the same."""
    found: list[str] = []
    for part in _PARTS.findall(name):
        found += [part.casefold()] if unit_of(part) else map(str.casefold, _WORD.findall(part))
    return found


def unit_of(text: str) -> str | None:
    """The UCUM unit that a text names."""
    wanted = text.strip().casefold()
    return next((unit for unit, ways in UNITS.items() if wanted in ways), None)
