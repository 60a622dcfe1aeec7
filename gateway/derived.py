"""What the settings say of indices: the places that they are computed for, and the deriver."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from devices.city import city_folder
from devices.device import Device
from devices.gauge import Gauge, load_gauges
from devices.kind import Kind
from devices.road import RoadRules, load_road_rules
from gateway.settings import Settings
from ingest.derived.deriver import Deriver
from ingest.derived.touched import Touched
from ingest.stores import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Gauges by device, the rules of roads, and the time zone of the city."""

    zone: ZoneInfo
    gauges: Mapping[str, Gauge] = field(default_factory=dict)
    rules: RoadRules = field(default_factory=RoadRules)


def load_places(settings: Settings) -> Places:
    """Gauges and rules of the city's folder; those of the data folder stand in their place.

    Raises:
        UnknownCityError: the city is neither shipped nor a folder.
        InvalidDeclarationError: `gauges.toml` or `roads.toml` is wrong.
    """
    folders = (city_folder(settings.city), settings.data_dir)
    return Places(zone=settings.zone, gauges=load_gauges(*folders), rules=load_road_rules(*folders))


def open_deriver(
    kinds: Mapping[str, Kind],
    devices: Callable[[], Mapping[str, Device]],
    places: Places,
    *,
    store: Store,
    touched: Touched,
) -> Deriver:
    """The deriver; what it was given is closed by the caller."""
    return Deriver(
        store=store,
        devices=devices,
        kinds=kinds,
        touched=touched,
        zone=places.zone,
        gauges=places.gauges,
        rules=places.rules,
    )
