"""Pages of readings, from both stores, with several channels at an instant."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from devices.kind import load_kinds
from gateway.history import read_history
from gateway.settings import Settings
from gateway.store import open_store
from gateway.window import Window
from ingest.stores import Store

if TYPE_CHECKING:
    from tests.servers import Influx

TRAFFIC = load_kinds()["traffic"]
T0 = 1_769_821_200_000_000_001
"""A nanosecond past a whole second: no digit of a cursor may be lost."""
INSTANTS = 4
LANES = ("", "a", "b c", "d,e=f")
TAGS = (b"", b",channel=a", rb",channel=b\ c", rb",channel=d\,e\=f")
LINES = [
    b"traffic%s,device=t-1 volume=%d,volume_qc=1 %d" % (tag, instant, T0 + instant)
    for instant in range(INSTANTS)
    for tag in TAGS
]


@pytest.fixture(params=["duckdb", "influxdb"])
def stored(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[asyncio.Runner, Store]]:
    """A store that the settings name, with four instants of four lanes each."""
    settings = Settings(data_dir=tmp_path)
    if request.param == "influxdb":
        influx: Influx = request.getfixturevalue("influxd")
        settings = settings.model_copy(
            update={
                "store": "influxdb",
                "influx_url": influx.url,
                "influx_token": SecretStr(influx.token),
                "influx_org": influx.org,
                "influx_bucket": influx.bucket(),
            }
        )
    with asyncio.Runner() as runner:
        store = open_store(settings, {"traffic": TRAFFIC})
        try:
            assert not runner.run(store.write(LINES))
            yield runner, store
        finally:
            runner.run(store.close())


def test_pages_of_any_size_hold_every_reading_once(
    stored: tuple[asyncio.Runner, Store],
) -> None:
    runner, store = stored

    async def read(limit: int, channel: str | None) -> list[dict[str, Any]]:
        cursor: str | None = None
        items: list[dict[str, Any]] = []
        while True:
            page, cursor = await read_history(
                store,
                TRAFFIC,
                "t-1",
                Window(T0, T0 + 100),
                channel=channel,
                limit=limit,
                cursor=cursor,
            )
            assert len(page) == limit or (len(page) < limit and cursor is None)
            items.extend(page)
            if cursor is None:
                return items

    everything = runner.run(read(1000, None))
    assert len(everything) == INSTANTS * len(LANES)
    for limit in (*range(1, len(everything)), len(everything), len(everything) + 1):
        items = runner.run(read(limit, None))
        assert [item["time"] for item in items] == [item["time"] for item in everything]
        told = {(item["time"], item.get("channel", "")) for item in items}
        assert len(told) == len(items) == len(everything)
    for lane in LANES[1:]:
        assert [item["channel"] for item in runner.run(read(2, lane))] == [lane] * INSTANTS
