"""The store that the settings name."""

from collections.abc import Mapping

from devices.kind import Kind
from gateway.settings import Settings
from ingest.derived.measurements import measurements
from ingest.stores import Store


def open_store(settings: Settings, kinds: Mapping[str, Kind]) -> Store:
    """The store, to be closed by the caller; InfluxDB is not asked for anything yet.

    Raises:
        StoreUnavailableError: another process has the DuckDB file, or it cannot be used.
    """
    if settings.store == "duckdb":
        from ingest.stores.duckdb import DuckDBStore  # noqa: PLC0415 - only the one that is used

        return DuckDBStore.open(settings.duckdb_path, kinds, measurements(kinds))
    from ingest.stores.influxdb import InfluxStore  # noqa: PLC0415 - only the one that is used

    return InfluxStore(
        settings.influx_url,
        token=settings.influx_token.get_secret_value(),
        org=settings.influx_org,
        bucket=settings.influx_bucket,
        batch_max_bytes=settings.influx_batch_max_bytes,
        timeout_s=settings.influx_timeout_s,
    )
