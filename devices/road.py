"""Roads: what a counter stands at, and how full is too full in this city.

A device of kind traffic says in its attributes what road it counts:

| attribute | meaning |
|---|---|
| `road_type` | `2/2-TT` (two lanes, two ways, undivided), `4/2-T`, `6/2-T` (divided) |
| `lanes` | lanes that one channel counts; 2 on 4/2-T, 3 on 6/2-T if left out |
| `carriageway_m` | width of an undivided road |
| `capacity_pcu_h` | known capacity, in place of the computed one |
| `fc_lane_width`, `fc_split`, `fc_side_friction` | correction factors of PKJI 2023; 1 if left out |

`roads.toml`, of the city or of the data folder, holds what is the same for all roads:

    population = 2_500_000
    level_of_service = [0.6, 0.7, 0.8, 0.9, 1.0]
"""

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from devices.declaration import Declared, attribute_problems, read_declaration
from devices.device import Device
from devices.errors import InvalidDeviceError

FILE: Final = "roads.toml"

RoadType = Literal["2/2-TT", "4/2-T", "6/2-T"]
LANES: Final = {"2/2-TT": 2, "4/2-T": 2, "6/2-T": 3}

Positive = Annotated[float, Field(gt=0)]


class RoadRules(Declared):
    """Rules of a city.

    `level_of_service` holds the degree of saturation up to which A, B, C, D and E reach; the
    default is that of KM 14/2006 for secondary arterials. `population` sets the factor of city
    size; without it the factor is 1.
    """

    population: Positive | None = None
    level_of_service: tuple[float, float, float, float, float] = (0.6, 0.7, 0.8, 0.9, 1.0)

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if self.level_of_service[0] <= 0 or any(
            low >= high for low, high in pairwise(self.level_of_service)
        ):
            raise ValueError("level_of_service rises from A to E, from above 0")
        return self


class Road(Declared):
    """The road that a counter stands at."""

    road_type: RoadType
    lanes: Annotated[int, Field(ge=1, le=8)] | None = None
    carriageway_m: Positive | None = None
    capacity_pcu_h: Positive | None = None
    fc_lane_width: Positive = 1.0
    fc_split: Positive = 1.0
    fc_side_friction: Positive = 1.0

    @property
    def divided(self) -> bool:
        """Each channel is judged by itself; otherwise all of a device's channels together."""
        return self.road_type != "2/2-TT"

    @property
    def lanes_counted(self) -> int:
        return self.lanes or LANES[self.road_type]


def load_road_rules(*folders: Path) -> RoadRules:
    """The rules of the last folder that has some, else the defaults.

    Raises:
        InvalidDeclarationError: a file is wrong.
    """
    rules = RoadRules()
    for folder in folders:
        if (path := folder / FILE).is_file():
            rules = read_declaration(RoadRules, path)
    return rules


def road_of(device: Device) -> Road | None:
    """The road of a counter, None where its attributes do not say.

    Raises:
        InvalidDeviceError: they say it wrongly.
    """
    if "road_type" not in device.attributes:
        return None
    known = {
        name: device.attributes[name] for name in Road.model_fields if name in device.attributes
    }
    try:
        return Road.model_validate(known)
    except ValidationError as error:
        raise InvalidDeviceError(device.id, attribute_problems(error)) from error
