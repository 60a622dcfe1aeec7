"""The deriver that the settings ask for: with the gauges and roads of the city."""

from collections.abc import Mapping
from pathlib import Path

from devices.city import city_folder
from devices.gauge import Gauge, load_gauges
from devices.kind import Kind
from devices.registry import Registry
from devices.road import RoadRules, load_road_rules
from gateway.settings import Settings
from ingest.derived.deriver import Deriver
from ingest.derived.touched import Touched
from ingest.stores import Store


def open_deriver(
    settings: Settings,
    kinds: Mapping[str, Kind],
    registry: Registry,
    *,
    store: Store,
    touched: Touched,
) -> Deriver:
    """The deriver; what it was given is closed by the caller.

    Raises:
        InvalidDeclarationError: `gauges.toml` or `roads.toml` is wrong.
    """
    return Deriver(
        store=store,
        registry=registry,
        kinds=kinds,
        touched=touched,
        zone=settings.zone,
        gauges=city_gauges(settings),
        rules=city_road_rules(settings),
    )


def city_gauges(settings: Settings) -> Mapping[str, Gauge]:
    """Gauges of the city, those of the data folder in their place.

    Raises:
        InvalidDeclarationError: `gauges.toml` is wrong.
    """
    return load_gauges(*_folders(settings))


def city_road_rules(settings: Settings) -> RoadRules:
    """Rules of the data folder, else of the city, else the defaults.

    Raises:
        InvalidDeclarationError: `roads.toml` is wrong.
    """
    return load_road_rules(*_folders(settings))


def _folders(settings: Settings) -> tuple[Path, Path]:
    return city_folder(settings.city), settings.data_dir
