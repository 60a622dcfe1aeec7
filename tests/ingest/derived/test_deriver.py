"""Rounds of the deriver on both stores."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from devices.device import Device
from devices.kind import load_kinds
from devices.road import RoadRules
from ingest.derived.calendar import HOUR_NS, QUARTER_NS
from ingest.derived.deriver import Deriver
from ingest.derived.measurements import AIR_INDEX, NOT_ENOUGH, hours_of, measurements
from ingest.derived.touched import Touched
from ingest.stores import Store
from ingest.stores.duckdb import DuckDBStore
from ingest.stores.influxdb import InfluxStore
from ingest.stores.measurement import Measurement
from tests.servers import Influx

KINDS: Final = load_kinds()
BEGIN: Final = 1_795_478_400_000_000_000
"""2026-11-24T00:00:00Z"""
END: Final = BEGIN + 24 * HOUR_NS
DEVICE: Final = "air-1"


class Hub:
    """A store with one device, and what was touched, to be opened again and again."""

    def __init__(self, folder: Path, influx: Influx | None) -> None:
        self._folder = folder
        self._influx = influx
        self._bucket = "" if influx is None else influx.bucket()

    def _store(self) -> Store:
        if self._influx is None:
            path = self._folder / "readings.duckdb"
            return DuckDBStore.open(path, KINDS, measurements(KINDS))
        server = self._influx
        return InfluxStore(server.url, token=server.token, org=server.org, bucket=self._bucket)

    def take(
        self,
        lines: Sequence[bytes],
        quarters: Iterable[int],
        *,
        derive: bool = True,
        at_ns: int = END,
    ) -> None:
        """Store the lines, note what they touched and, unless the hub stops before, derive."""

        async def taken(touched: Touched) -> None:
            store = self._store()
            try:
                assert await store.write(lines) == {}
                touched.add((DEVICE, quarter) for quarter in quarters)
                deriver = Deriver(
                    store=store,
                    devices=lambda: {DEVICE: Device(DEVICE, "air")},
                    kinds=KINDS,
                    touched=touched,
                    zone=ZoneInfo("Asia/Jakarta"),
                    gauges={},
                    rules=RoadRules(),
                )
                if derive:
                    assert await deriver.round(at_ns) is False
                    assert touched.take(1, before_ns=at_ns).by_device == {}
            finally:
                await store.close()

        with closing(Touched.open(self._folder / "derived.db")) as touched:
            asyncio.run(taken(touched))

    def values(self, measurement: Measurement, time_ns: int) -> dict[str, float]:
        """The fields of the device's point of an instant; none without a point."""

        async def read() -> dict[str, float]:
            store = self._store()
            try:
                rows = await store.rows(
                    measurement, [DEVICE], start_ns=time_ns, stop_ns=time_ns + 1
                )
            finally:
                await store.close()
            return rows[0].values if rows else {}

        return asyncio.run(read())


@pytest.fixture(params=["duckdb", "influxdb"])
def hub(request: pytest.FixtureRequest, tmp_path: Path) -> Hub:
    influx = request.getfixturevalue("influxd") if request.param == "influxdb" else None
    return Hub(tmp_path, influx)


def _hours(first: int, last: int, pm25: float = 42.14) -> tuple[list[bytes], list[int]]:
    """Lines of whole hours, one a quarter, and their quarters."""
    quarters = [BEGIN + at * QUARTER_NS for at in range(first * 4, last * 4)]
    return [f"air,device={DEVICE} pm25={pm25},pm25_qc=1 {at}".encode() for at in quarters], quarters


def test_below_its_completeness_an_index_is_not_computed(hub: Hub) -> None:
    hub.take(*_hours(0, 17))
    index = hub.values(AIR_INDEX, END)
    assert index["pm25_hours"] == 17
    assert index["ispu_category"] == NOT_ENOUGH
    assert "ispu" not in index


def test_late_data_recomputes_what_it_touches(hub: Hub) -> None:
    hub.take(*_hours(0, 17))
    hub.take(*_hours(17, 18))
    index = hub.values(AIR_INDEX, END)
    assert (index["pm25_hours"], index["ispu"], index["ispu_category"]) == (18, 84, 2)
    late = f"air,device={DEVICE} pm25=100,pm25_qc=1 {BEGIN + 1}".encode()
    hub.take([late], [BEGIN])
    hour = hub.values(hours_of(KINDS["air"]), BEGIN)
    assert (hour["pm25_count"], hour["pm25_max"]) == (5, 100)
    raised = hub.values(AIR_INDEX, END)["pm25_24h"]
    assert raised == pytest.approx(42.14 + (100 - 42.14) / 5 / 18)


def test_a_restart_computes_what_was_touched(hub: Hub) -> None:
    hub.take(*_hours(0, 18), derive=False)
    assert hub.values(AIR_INDEX, END) == {}
    hub.take([], [])
    assert hub.values(AIR_INDEX, END)["ispu"] == 84


def test_a_quarter_that_goes_on_waits_for_its_end(hub: Hub) -> None:
    ended, now = END - QUARTER_NS, END
    lines = [f"air,device={DEVICE} pm25=42.14,pm25_qc=1 {at}".encode() for at in (ended, now)]
    hub.take(lines, [ended, now])
    air = KINDS["air"]
    assert hub.values(hours_of(air), END - HOUR_NS)["pm25_count"] == 1
    assert hub.values(hours_of(air), END) == {}
    hub.take([], [], at_ns=END + QUARTER_NS)
    assert hub.values(hours_of(air), END)["pm25_count"] == 1
