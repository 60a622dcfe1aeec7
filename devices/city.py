"""Cities: the folder that says which city the hub serves."""

from pathlib import Path

from devices.area import Area, load_areas
from devices.errors import UnknownCityError

SHIPPED = Path(__file__).parent / "cities"


def shipped_cities() -> list[str]:
    return sorted(path.name for path in SHIPPED.iterdir() if (path / "areas.geojson").is_file())


def city_folder(city: str) -> Path:
    """The folder of a city: a shipped name first, then a path.

    Raises:
        UnknownCityError: neither a shipped city nor a folder.
    """
    if city in shipped_cities():
        return SHIPPED / city
    folder = Path(city)
    if not city or not folder.is_dir():
        raise UnknownCityError(city, shipped_cities())
    return folder


def city_areas(city: str) -> list[Area]:
    """The areas of a city, by code.

    Raises:
        UnknownCityError: neither a shipped city nor a folder.
        InvalidDeclarationError: the folder's `areas.geojson` is missing or wrong.
    """
    return load_areas(city_folder(city) / "areas.geojson")
