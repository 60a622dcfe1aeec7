"""Worlds and sensors that the simulator's tests share."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from devices.kind import Kind, load_kinds, parse_kind
from devices.simulator.cast import cast
from devices.simulator.places import load_places
from devices.simulator.roster import sensors
from devices.simulator.scenario import Scenario, load_scenario
from devices.simulator.sensor import Sensor
from devices.simulator.world import World

CITY: Final = "medan"
SCENARIOS: Final = ("calm", "faults", "flood_night")
KINDS: Final = load_kinds()
START: Final = datetime(2026, 3, 2, 6, 0, tzinfo=ZoneInfo("Asia/Jakarta"))
"""A Monday morning."""

CAR_PARKS: Final = parse_kind(
    """
id = "parking"
name = { en = "Parking", id = "Parkir" }
icon = "local_parking"
interval_s = 120
[metrics.free]
name = { en = "Free places", id = "Tempat kosong" }
unit = "{place}"
symbol = "places"
valid = [0, 500]
play = { mean = 60, swing = -25, driver = "rush", gain = -15, noise = 2, step = 1 }
vocabulary = { observed_property = "https://example.org/free", ngsi_ld = "free" }
""",
    "parking.toml",
)


def world(
    scenario: Scenario | str = "calm", *, speed: float = 1.0, start: datetime = START
) -> World:
    if isinstance(scenario, str):
        scenario = load_scenario(CITY, scenario)
    return World(scenario, load_places(CITY), start=start, speed=speed)


def troupe(
    of: World, *, count: int = 40, seed: int = 1, kinds: Mapping[str, Kind] = KINDS
) -> list[Sensor]:
    return cast(sensors(CITY, kinds, count, seed), kinds, of, seed=seed)


def scenario(**members: object) -> Scenario:
    return Scenario.model_validate({"name": {"en": "Test", "id": "Uji"}, **members})
