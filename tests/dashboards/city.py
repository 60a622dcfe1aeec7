"""A city for dashboards: a day of a simulated Medan in a real InfluxDB, through the hub itself.

The pure core of the simulator says what sensors report; pipeline, journal, delivery, quality
control, deriver and telemetry do with it what they do in a hub, only faster than the clock. An
hour of the week before comes first. What the hub then knows stands beside it, to compare with.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx
import pytest
from pydantic import SecretStr

from devices.area import Area
from devices.device import Device
from devices.kind import Kind, load_kinds
from devices.simulator.cast import cast
from devices.simulator.places import load_places as simulated_places
from devices.simulator.roster import sensors
from devices.simulator.scenario import Scenario
from devices.simulator.sensor import Sensor
from devices.simulator.world import World
from gateway.derived import load_places, open_deriver
from gateway.hub import Hub
from gateway.quality import maintenance
from gateway.registry import open_registry
from gateway.settings import Settings
from gateway.store import open_store
from gateway.telemetry import TURNS, Telemetry, line, tell
from ingest.delivery import Delivery
from ingest.derived.measurements import measurements
from ingest.derived.touched import Touched
from ingest.journal import Journal, LedgerRow
from ingest.pipeline import Pipeline
from ingest.quality import Check, QualityFile
from ingest.quality.keeper import QualityKeeper
from ingest.stores.measurement import Measurement, Row
from ingest.types import Message
from tests.devices.simulator.scene import CAR_PARKS
from tests.servers import Influx

ZONE: Final = ZoneInfo("Asia/Jakarta")
HOURS: Final = 27
"""A whole day for ISPU, and what of the first hour is cut off."""
LIVELY_H: Final = 2
"""The last hours, in which every reading comes and the hub tells of itself."""
BEFORE_H: Final = 8 * 24
"""The hour of the week before begins so long before the end."""
TICK_MIN: Final = 10
SENSORS: Final = 25
_SPARSE: Final = 7
"""Before, every so many-th reading of a sensor comes: enough for every quarter."""

KINDS: Final[Mapping[str, Kind]] = {**load_kinds(), CAR_PARKS.id: CAR_PARKS}
"""The shipped kinds, and one that a city added."""

ODD_AREA: Final = Area(
    "9.9 (a+b)/c|d",
    "Laut, [utara] : 1.0",
    ((((99.0, 4.0), (99.1, 4.0), (99.1, 4.1), (99.0, 4.1), (99.0, 4.0)),),),
)
"""An area whose code and name have what regexes, line protocol and variables escape."""
ODD: Final = (
    Device(
        "odd_AREA-1", "air", name='Pos "A.B" (1+2)/3 \\ [x] · y', latitude=4.05, longitude=99.05
    ),
    Device("nowhere", "weather", name="", attributes={"interval_s": "60"}),
)
"""A device with such a name in that area, and one without a place or a name."""
REPAIRED: Final = "sim-traffic-002"
"""The device that is in maintenance."""

_LATE_MIN: Final = (BEFORE_H - LIVELY_H) * 60
SCENARIO: Final = Scenario.model_validate(
    {
        "name": {"en": "A day", "id": "Sehari"},
        "rain": [
            {
                "start_min": _LATE_MIN - 60,
                "minutes": 240,
                "mm_per_h": 90,
                "latitude": 3.4,
                "longitude": 98.6,
                "radius_km": 40,
            }
        ],
        "fault": [
            {
                "fault": "spike",
                "kind": "air",
                "metric": "pm25",
                "amount": 700,
                "chance": 0.1,
                "start_min": _LATE_MIN,
            },
            {"fault": "garbage", "kind": "traffic", "chance": 0.3, "start_min": _LATE_MIN},
            {"fault": "duplicate", "kind": "flood", "chance": 0.3, "start_min": _LATE_MIN},
            {"fault": "silence", "kind": "weather", "start_min": BEFORE_H * 60 - 60},
        ],
    }
)


@dataclass
class Known:
    """What the hub knows at the end."""

    states: dict[str, str] = field(default_factory=dict)
    ledger: dict[str, LedgerRow] = field(default_factory=dict)
    totals: LedgerRow = field(default_factory=lambda: LedgerRow("", 0, 0, 0, 0, 0, 0))
    reasons: Counter[str] = field(default_factory=Counter)
    rows: dict[str, list[Row]] = field(default_factory=dict)
    """Of kinds and of what is computed, by measurement, newest first."""


@dataclass(frozen=True)
class City:
    """Where the readings are, who made them, what is known, and the time that they end at."""

    client: httpx.Client
    bucket: str
    devices: tuple[Device, ...]
    known: Known
    stop: datetime
    answers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def ask(self, query: str) -> list[dict[str, Any]]:
        """The series of an InfluxQL query, which must be right; nothing changes between two."""
        if query not in self.answers:
            answer = self.client.post(
                "/query", params={"db": self.bucket, "epoch": "ms"}, data={"q": query}
            )
            assert answer.status_code == 200, f"{query}: {answer.text}"
            (result,) = answer.json()["results"]
            assert "error" not in result, f"{query}: {result['error']}"
            self.answers[query] = result.get("series", [])
        return self.answers[query]

    def of_kind(self, kind: str) -> list[Device]:
        return [device for device in self.devices if device.kind == kind]

    def rows(self, measurement: str, last: timedelta) -> list[Row]:
        """Points of the time before the end, newest first."""
        stop_ns = int(self.stop.timestamp()) * 10**9
        begin_ns = stop_ns - last // timedelta(seconds=1) * 10**9
        return [row for row in self.known.rows[measurement] if begin_ns <= row.time_ns <= stop_ns]


Values = Mapping[str, str | Sequence[str]]


def interpolated(
    query: str, values: Values, start: datetime, stop: datetime, every: str = "1m"
) -> str:
    """A query as Grafana sends it: variables, time range and interval in place."""
    span = f"time >= {int(start.timestamp() * 1000)}ms and time <= {int(stop.timestamp() * 1000)}ms"
    text = query.replace("$timeFilter", span).replace("$__interval", every)
    for name, value in values.items():
        text = text.replace(f"${{{name}:regex}}", _regex(value)).replace(f"${name}", str(value))
    assert "$" not in re.sub(r"\$/", "", text), text
    return text


def _regex(value: str | Sequence[str]) -> str:
    """As Grafana's format `regex`; the value of All is used as it is."""
    if not isinstance(value, str):
        return f"({'|'.join(map(_escaped, value))})"
    return value if value == ".*" else _escaped(value)


def _escaped(value: str) -> str:
    return re.sub(r"[\\^$*+?.()|\[\]{}/]", r"\\\g<0>", value)


@pytest.fixture(scope="session")
def city(influxd: Influx, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """The city with its day in a bucket of its own; nobody changes it."""
    bucket = influxd.bucket()
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("city"),
        store="influxdb",
        influx_url=influxd.url,
        influx_token=SecretStr(influxd.token),
        influx_org=influxd.org,
        influx_bucket=bucket,
    )
    stop = datetime.now(UTC).replace(microsecond=0)
    world = World(
        SCENARIO,
        simulated_places("medan"),
        start=(stop - timedelta(hours=BEFORE_H)).astimezone(ZONE),
    )
    devices = [
        replace(device, status="maintenance") if device.id == REPAIRED else device
        for device in (*sensors("medan", KINDS, SENSORS, 1), *ODD)
    ]
    with ExitStack() as stack:
        play = _Play(settings, devices, world, stack)
        asyncio.run(play.run(stop))
        registered = tuple(play.hub.registry.devices())
    with httpx.Client(
        base_url=influxd.url,
        headers={"Authorization": f"Token {influxd.token}"},
        timeout=60,
        trust_env=False,
    ) as client:
        yield City(client, bucket, registered, play.known, stop)


class _Play:
    """The hub's parts with a clock of their own."""

    def __init__(
        self, settings: Settings, devices: Sequence[Device], world: World, stack: ExitStack
    ) -> None:
        registry = stack.enter_context(closing(open_registry(settings)))
        registry.set_areas([*registry.areas(), ODD_AREA])
        registry.add_many(devices, by="tests")
        self.known = Known()
        self.hub = Hub(
            settings=settings,
            kinds=KINDS,
            registry=registry,
            journal=stack.enter_context(closing(Journal.open(settings.journal_path))),
            store=open_store(settings, KINDS),
            quality=stack.enter_context(closing(QualityFile.open(settings.quality_path))),
            places=load_places(settings),
            broker_connected=lambda: True,
            last_error=lambda: None,
        )
        self._touched = stack.enter_context(closing(Touched.open(settings.derived_path)))
        self._sensors = cast(devices, KINDS, world, seed=1)
        self._world = world

    async def run(self, stop: datetime) -> None:
        hub = self.hub
        pipeline = Pipeline(kinds=KINDS, models={}, devices=hub.registry.devices())
        keeper = QualityKeeper(pipeline.quality, hub.quality)
        delivery = Delivery(hub.journal, hub.store, batch_max_bytes=2**20, note=self._touched.note)
        telemetry = Telemetry(hub)
        lively = stop - timedelta(hours=LIVELY_H)
        now_ns = int(stop.timestamp()) * 10**9
        # Nobody was heard yet: since when they report is known.
        await tell(hub, telemetry, int(self._world.start.timestamp()) * 10**9)
        for messages, at in self._messages(stop):
            at_ns = int(at.timestamp()) * 10**9
            if messages:
                hub.journal.commit(pipeline.process(messages, at_ns))
            if at >= lively:
                while await delivery.drain_once():
                    pass
                for _ in pipeline.quality.scan(at_ns):
                    pass
                keeper.save_all()
                await tell(hub, telemetry, at_ns)
        await self._derive(now_ns)
        for _ in range(TURNS):  # the clock runs fast: everything has its turn now
            await tell(hub, telemetry, now_ns)
        refused = await hub.store.write(list(_incidents(hub.registry.devices(), now_ns)))
        assert not refused
        await self._learn(now_ns)
        await hub.store.close()

    async def _derive(self, now_ns: int) -> None:
        hub = self.hub
        deriver = open_deriver(
            KINDS,
            lambda: {device.id: device for device in hub.registry.devices()},
            hub.places,
            store=hub.store,
            touched=self._touched,
        )
        while await deriver.round(now_ns):
            pass
        await deriver.watch(now_ns)

    async def _learn(self, now_ns: int) -> None:
        hub, known = self.hub, self.known
        known.ledger = {row.device: row for row in hub.journal.ledger()}
        known.totals = hub.journal.totals()
        for (_, reason), count in hub.journal.quarantine_counts().items():
            known.reasons[reason] += count
        devices = hub.registry.devices()
        known.states = {device.id: "ok" for device in devices}
        known.states |= dict.fromkeys(known.states.keys() - known.ledger.keys(), "silent")
        for item in maintenance(hub.quality, hub.registry, KINDS, "en", now_ns):
            for device in item.members or [item.device or ""]:
                known.states[device] = "silent" if Check.SILENCE in item.tests else "suspect"
        known.states |= {one.id: one.status for one in devices if one.status == "maintenance"}
        names = [device.id for device in devices]
        for one in (*map(_readings, KINDS.values()), *measurements(KINDS)):
            known.rows[one.id] = await hub.store.rows(
                one, names, start_ns=now_ns - 10 * 86400 * 10**9, stop_ns=now_ns + 1
            )

    def _messages(self, stop: datetime) -> Iterator[tuple[list[Message], datetime]]:
        """All messages of each tick, and the time of its end."""
        dues = sorted(
            (sensor.due_s(number), place, number)
            for place, sensor in enumerate(self._sensors)
            for number in _numbers(sensor)
        )
        taken = 0
        at = self._world.start.astimezone(UTC)
        while at < stop:
            at = min(stop, at + timedelta(minutes=TICK_MIN))
            messages: list[Message] = []
            while taken < len(dues) and self._world.wall(dues[taken][0]) <= at:
                _, place, number = dues[taken]
                sensor = self._sensors[place]
                topic = f"sensors/{sensor.device.id}/up"
                messages += [Message(topic, payload) for payload in sensor.report(number)]
                taken += 1
            yield messages, at


def _numbers(sensor: Sensor) -> Iterator[int]:
    """Which of its reports a sensor makes."""
    for number in range(int(BEFORE_H * 3600 / sensor.kind.interval_s)):
        hour = sensor.due_s(number) / 3600
        whole = hour >= BEFORE_H - LIVELY_H
        if whole or (number % _SPARSE == 0 and (hour < 1 or hour >= BEFORE_H - HOURS)):
            yield number


def _readings(kind: Kind) -> Measurement:
    flags = tuple(f"{name}_qc" for name in kind.fields)
    return Measurement(kind.id, (*kind.fields, *flags))


def _incidents(devices: Sequence[Device], now_ns: int) -> Iterator[bytes]:
    """One of the last device of each kind; only that of the gauge is not over."""
    last = {device.kind: device for device in devices}
    hour_ns = 3600 * 10**9
    for kind, device in last.items():
        for ago, opened in ((3, 1.0), *([] if kind == "flood" else [(1, 0.0)])):
            tags = {
                "area": device.area,
                "device": device.id,
                "kind": kind,
                "rule": f"{kind}-rule",
                "severity": "critical",
            }
            fields: dict[str, float | str] = {
                "title_en": f"Too much {kind}",
                "title_id": f"{kind} berlebih",
                "open": opened,
            }
            yield line("incident", tags, fields, now_ns - ago * hour_ns)
