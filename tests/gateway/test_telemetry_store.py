"""What the hub tells of itself, in a real InfluxDB that is there, is away or takes nothing."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

import httpx
import pytest
from pydantic import SecretStr

from devices.area import Area
from devices.device import Device
from gateway import telemetry
from gateway.store import open_store
from gateway.telemetry import DEVICE, HEALTH, Telemetry, run_telemetry, tell
from ingest.journal import JournalState
from ingest.stores import StoreUnavailableError
from tests.gateway.door import DEVICES, Door
from tests.gateway.play import SECOND, Play
from tests.servers import Influx, free_port

if TYPE_CHECKING:
    from ingest.stores import Store


@pytest.fixture
def play(door: Door) -> Play:
    return Play(door)


@pytest.fixture
def stored(influxd: Influx, play: Play) -> Iterator[Play]:
    """The same hub with a real InfluxDB."""
    settings = play.hub.settings.model_copy(
        update={
            "store": "influxdb",
            "influx_url": influxd.url,
            "influx_token": SecretStr(influxd.token),
            "influx_org": influxd.org,
            "influx_bucket": influxd.bucket(),
        }
    )
    play.hub = replace(play.hub, settings=settings, store=open_store(settings, play.hub.kinds))
    play.telemetry = Telemetry(play.hub)
    yield play
    play.door.run(play.hub.store.close())


def ask(influxd: Influx, play: Play, query: str) -> list[dict[str, Any]]:
    answer = httpx.post(
        f"{influxd.url}/query",
        params={"db": play.hub.settings.influx_bucket, "epoch": "ns"},
        data={"q": query},
        headers={"Authorization": f"Token {influxd.token}"},
        timeout=60,
        trust_env=False,
    )
    (result,) = answer.json()["results"]
    return [
        {**series.get("tags", {}), **dict(zip(series["columns"], row, strict=True))}
        for series in result.get("series", ())
        for row in series["values"]
    ]


NAMES: Final = (
    'Pos "A", B=1 \\',
    "\\\\",
    '\\"',
    "Jalan Tuanku\nTambusai",
    "Sungai Dèli 水 🌊",
    "',\"; DROP",
    "a b,c=d e",
)


def test_any_name_and_area_can_be_told(influxd: Influx, stored: Play) -> None:
    square = ((99.0, 4.0), (99.1, 4.0), (99.1, 4.1), (99.0, 4.1), (99.0, 4.0))
    area = 'a b,c="d" (e)'
    stored.hub.registry.set_areas([Area(area, "Laut", ((square,),))])
    names = {f"odd-{number}": name for number, name in enumerate(NAMES)}
    for device, name in names.items():
        stored.add(Device(device, "air", name=name, latitude=4.05, longitude=99.05))
        stored.hear(device, pm25=1)
    for _ in range(2):
        stored.door.run(tell(stored.hub, stored.telemetry, stored.now_ns))
    query = 'SELECT last("name") AS "name", "label" FROM "device" GROUP BY "device", "area"'
    told = {row["device"]: row for row in ask(influxd, stored, query) if row["device"] in names}
    assert {device: row["name"] for device, row in told.items()} == {
        device: name.replace("\n", " ") for device, name in names.items()
    }
    assert {row["area"] for row in told.values()} == {area}
    assert told["odd-0"]["label"] == f"{NAMES[0]} · odd-0"
    ledger = ask(influxd, stored, 'SELECT last("received") FROM "hub_ledger" GROUP BY "device"')
    assert {row["device"]: row["last"] for row in ledger} == dict.fromkeys(names, 1)


def test_a_store_that_comes_back_is_told_of_the_time_between(influxd: Influx, stored: Play) -> None:
    away = stored.hub.settings.model_copy(update={"influx_url": f"http://127.0.0.1:{free_port()}"})
    gone = replace(stored.hub, store=open_store(away, stored.hub.kinds))
    for hub in (stored.hub, gone, gone, stored.hub):
        stored.now_ns += 30 * SECOND
        stored.door.run(tell(hub, stored.telemetry, stored.now_ns))
    stored.door.run(gone.store.close())
    rows = ask(influxd, stored, 'SELECT "store_up" FROM "hub_health"')
    assert [row["store_up"] for row in rows if row["store_up"] is not None] == [1, 0, 0, 1]
    count = ask(influxd, stored, 'SELECT count("state") FROM "device" GROUP BY "device"')
    assert {row["device"]: row["count"] for row in count} == dict.fromkeys(
        (device.id for device in DEVICES), 2
    )


class Refusing:
    """A store that answers, and then takes nothing."""

    async def ready(self) -> bool:
        return True

    async def write(self, _: Sequence[bytes]) -> Mapping[int, str]:
        raise StoreUnavailableError("the store is away")


def test_a_store_that_fails_in_the_middle_is_told_again(play: Play) -> None:
    play.round()
    hub = replace(play.hub, store=cast("Store", Refusing()))
    play.door.run(tell(hub, play.telemetry, play.now_ns))
    play.now_ns += SECOND
    points = play.round()
    assert [
        one.fields["store_up"] for one in points if one.measurement == HEALTH and not one.tags
    ] == [0, 1]
    assert len([one for one in points if one.measurement == DEVICE]) == len(DEVICES)


def test_it_goes_on_after_a_fault_and_says_so_once(
    stored: Play, influxd: Influx, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(telemetry, "EVERY_S", 0.0)
    faults = iter([True, True, True, False])

    def state() -> JournalState:
        if next(faults, False):
            raise OSError("the disk is away")
        return journal_state()

    journal_state = stored.hub.journal.state
    monkeypatch.setattr(stored.hub.journal, "state", state)

    async def until_told() -> None:
        running = asyncio.create_task(run_telemetry(stored.hub))
        deadline = time.monotonic() + 30
        query = 'SELECT count("lag_s") FROM "hub_health"'
        while not await asyncio.to_thread(ask, influxd, stored, query):
            assert time.monotonic() < deadline
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    stored.door.run(until_told())
    assert [one.getMessage() for one in caplog.records if "disk" in one.getMessage()] == [
        "the hub cannot tell of itself, trying again: the disk is away"
    ]


def test_nothing_is_told_where_grafana_cannot_read(play: Play) -> None:
    async def soon() -> None:
        running = asyncio.create_task(run_telemetry(play.hub))
        _, pending = await asyncio.wait([running], timeout=0.1)
        assert pending == {running}
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    def asked() -> bool:
        raise AssertionError("somebody asks")

    play.hub = replace(play.hub, broker_connected=asked)
    play.door.run(soon())
