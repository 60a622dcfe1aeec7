from pathlib import Path

import pytest

from ingest.derived.measurements import measurements
from ingest.stores.duckdb import DuckDBStore
from ingest.stores.influxdb import InfluxStore
from tests.ingest.stores.places import Place
from tests.servers import Influx


@pytest.fixture(params=["duckdb", "influxdb"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty database of each store in turn, with tables for what is derived."""
    if request.param == "duckdb":
        path = tmp_path / "readings.duckdb"
        return Place(lambda kinds: DuckDBStore.open(path, kinds, measurements(kinds)))
    influxd = request.getfixturevalue("influxd")
    assert isinstance(influxd, Influx)
    bucket = influxd.bucket()
    return Place(
        lambda _kinds: InfluxStore(influxd.url, token=influxd.token, org=influxd.org, bucket=bucket)
    )
