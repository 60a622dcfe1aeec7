"""The pipeline that the settings describe."""

from collections.abc import Mapping

from devices.kind import Kind
from devices.model import load_models
from devices.registry import Registry
from gateway.settings import Settings
from ingest.identity import IdentityWindow
from ingest.journal import Journal
from ingest.pipeline import Pipeline
from ingest.quality import Quality
from ingest.quality.climatology import load_climatology


def open_pipeline(
    settings: Settings, kinds: Mapping[str, Kind], registry: Registry, journal: Journal
) -> Pipeline:
    """The pipeline with every device of the registry."""
    return Pipeline(
        kinds=kinds,
        models=load_models(settings.data_dir, kinds),
        devices=registry.devices(),
        dialects=settings.dialects,
        payload_max_bytes=settings.payload_max_bytes,
        future_max_s=settings.future_max_s,
        device_rate_max_per_s=settings.device_rate_max_per_s,
        device_burst_max_messages=settings.device_burst_max_messages,
        window=IdentityWindow(journal.identities()),
        zone=settings.zone,
        counters=journal.counters(),
        quality=Quality(kinds, load_climatology(settings.data_dir, kinds, settings.zone)),
    )
