"""The registry that the settings name, with the areas of the city that they name."""

from devices.city import city_areas
from devices.registry import Registry
from gateway.settings import Settings


def open_registry(settings: Settings) -> Registry:
    """Opens the registry and gives it the city's areas, where they are not its areas already.

    Raises:
        RegistryUnavailableError: the database does not answer, or its schema is newer.
        UnknownCityError: the city is neither shipped nor a folder.
        InvalidDeclarationError: the city's areas are missing or wrong.
    """
    areas = city_areas(settings.city)
    registry = Registry.open(settings.registry_url)
    try:
        registry.set_areas(areas)
    except BaseException:
        registry.close()
        raise
    return registry
