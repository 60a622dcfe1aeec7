from pathlib import Path

import pytest

from ingest.stores.duckdb import DuckDBStore
from ingest.stores.influxdb import InfluxStore
from tests.ingest.stores.places import Place
from tests.servers import Influx


@pytest.fixture(params=["duckdb", "influxdb"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty database of each store in turn."""
    if request.param == "duckdb":
        return Place(lambda kinds: DuckDBStore.open(tmp_path / "readings.duckdb", kinds))
    influxd = request.getfixturevalue("influxd")
    assert isinstance(influxd, Influx)
    bucket = influxd.bucket()
    return Place(
        lambda _kinds: InfluxStore(influxd.url, token=influxd.token, org=influxd.org, bucket=bucket)
    )
