"""The site: what the dashboards of one city need to know beside its kinds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from devices.area import Area
from devices.city import city_areas
from devices.kind import Kind, Text, load_kinds

Language = Literal["id", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("id", "en")


def word(text: Text, language: Language) -> str:
    """The words in a language."""
    return text.id if language == "id" else text.en


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One city.

    `hub_url` is the hub's address as people's browsers reach it; `zone` the city's time zone.
    """

    kinds: Mapping[str, Kind] = field(default_factory=load_kinds)
    areas: Sequence[Area] = field(default_factory=lambda: city_areas("medan"))
    hub_url: str = "http://127.0.0.1:8080"
    zone: str = "Asia/Jakarta"

    @property
    def area_names(self) -> dict[str, str]:
        return {area.code: area.name for area in self.areas}

    @property
    def centre(self) -> tuple[float, float]:
        """Latitude and longitude of the middle of the city, (0, 0) where there are no areas."""
        bounds = [area.bounds for area in self.areas]
        if not bounds:
            return 0.0, 0.0
        west, south = min(one[0] for one in bounds), min(one[1] for one in bounds)
        east, north = max(one[2] for one in bounds), max(one[3] for one in bounds)
        return round((south + north) / 2, 4), round((west + east) / 2, 4)
