"""The hub put together: opens the parts in order, runs them, and closes them in reverse."""

import asyncio
import gc
import logging
import os
import secrets
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from devices.kind import Kind, load_kinds
from devices.registry import Registry
from devices.simulator import sensors, simulate
from gateway.api.app import create_app
from gateway.broker import Broker
from gateway.derived import Places, load_places, open_deriver
from gateway.heartbeat import OtherIngest, run_heartbeat
from gateway.hub import Hub
from gateway.pipeline import open_pipeline
from gateway.registry import open_registry
from gateway.running import Running, remove_running, write_running
from gateway.server import serve
from gateway.settings import Settings
from gateway.simulation import register_sensors, sensor_logins
from gateway.store import open_store
from gateway.telemetry import run_telemetry
from ingest.delivery import Delivery
from ingest.derived.touched import Touched
from ingest.journal import Journal
from ingest.quality import QualityFile
from ingest.quality.keeper import QualityKeeper
from ingest.service import Ingest
from ingest.sources.mqtt import MqttSource
from ingest.stores import Store

logger = logging.getLogger(__name__)

_DRAIN_S: Final = 20.0
"""How long a stop waits for the store; what is left then is delivered at the next start."""
_OWN_FILTER: Final = "sensors/#"


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What `--simulate` plays beside the hub."""

    scenario: str = "calm"
    count: int = 200
    seed: int = 1
    speed: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A hub that runs, for whoever shows it."""

    hub: Hub
    url: str | None
    broker: str
    first_key: str | None
    ingest: Ingest | None


async def run(
    settings: Settings,
    *,
    ingest: bool = True,
    gateway: bool = True,
    simulation: Simulation | None = None,
    started: Callable[[Started], None] = lambda _started: None,
) -> None:
    """Runs the hub, or one of its services alone, until SIGINT or SIGTERM.

    A stop reads nothing more, delivers what the journal holds and closes everything; a second
    signal ends the wait for the store.

    Raises:
        HubError: a part cannot be opened.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        kinds = load_kinds(settings.data_dir)
        registry = await asyncio.to_thread(open_registry, settings)
        stack.callback(registry.close)
        journal = Journal.open(settings.journal_path, max_bytes=settings.journal_max_bytes)
        stack.callback(journal.close)
        store = open_store(settings, kinds)
        stack.push_async_callback(store.close)
        if settings.mqtt_url is None:
            broker = await stack.enter_async_context(Broker(settings))
            settings = _with_broker(settings, broker)
        if simulation is not None:
            played = sensors(settings.city, kinds, simulation.count, simulation.seed)
            await asyncio.to_thread(register_sensors, registry, played)
        quality = QualityFile.open(settings.quality_path)
        stack.callback(quality.close)
        places = load_places(settings)
        service = None
        if ingest:
            touched = Touched.open(settings.derived_path)
            stack.callback(touched.close)
            service = await _open_ingest(
                settings,
                kinds,
                registry,
                journal=journal,
                quality=quality,
                places=places,
                touched=touched,
                store=store,
            )
            stack.callback(service.keeper.save_all)
        other = OtherIngest(settings.data_dir)
        hub = Hub(
            settings=settings,
            kinds=kinds,
            registry=registry,
            journal=journal,
            store=store,
            quality=quality,
            places=places,
            broker_connected=lambda: (
                other.connected() if service is None else service.source.connected
            ),
            last_error=lambda: other.problem() if service is None else _problem(service),
            submit=None if service is None else service.submit,
            local_key=secrets.token_urlsafe(32) if gateway else None,
        )
        url = await stack.enter_async_context(_served(hub)) if gateway else None
        first_key = await asyncio.to_thread(_first_key, registry) if gateway else None
        tasks: list[asyncio.Task[object]] = []
        if service is not None:
            tasks.append(asyncio.create_task(service.run(), name="hub.ingest"))
            tasks.append(asyncio.create_task(run_telemetry(hub), name="hub.telemetry"))
            if not gateway:
                beat = run_heartbeat(settings.data_dir, hub.broker_connected, hub.last_error)
                tasks.append(asyncio.create_task(beat, name="hub.heartbeat"))
        if simulation is not None:
            play = _simulate(settings, kinds, simulation)
            tasks.append(asyncio.create_task(play, name="hub.simulate"))
        _spare_the_collector()
        stack.callback(gc.unfreeze)
        started(
            Started(
                hub=hub,
                url=url,
                broker=_without_secret(settings),
                first_key=first_key,
                ingest=service,
            )
        )
        await _until(stop, tasks)
        stop.clear()
        if service is not None:
            await _drain(service, stop)


def _spare_the_collector() -> None:
    """Keeps the cycle collector off the hot path: messages make no cycles, and die young.

    With its defaults it took a sixth of the CPU at 15,000 messages a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def _with_broker(settings: Settings, broker: Broker) -> Settings:
    return settings.model_copy(
        update={
            "mqtt_url": broker.hub_url,
            "mqtt_admin_url": broker.admin_url,
            # Whoever connects under this name takes the hub's session: it is a secret too.
            "mqtt_client_id": broker.hub_client_id,
        }
    )


async def _open_ingest(
    settings: Settings,
    kinds: Mapping[str, Kind],
    registry: Registry,
    *,
    journal: Journal,
    store: Store,
    quality: QualityFile,
    places: Places,
    touched: Touched,
) -> Ingest:
    # Before the devices are read: a change in between is seen again, not missed.
    revision = await asyncio.to_thread(registry.revision)
    pipeline = await asyncio.to_thread(open_pipeline, settings, kinds, registry, journal)
    await asyncio.to_thread(quality.load, pipeline.quality)
    assert settings.mqtt_url is not None  # noqa: S101 - run() has seen to it
    return Ingest(
        source=MqttSource(
            settings.mqtt_url.get_secret_value(),
            (_OWN_FILTER, *pipeline.filters),
            client_id=settings.mqtt_client_id,
            session_expiry_s=settings.mqtt_session_expiry_s,
            coalesce_s=settings.mqtt_coalesce_ms / 1000,
            ca_file=settings.mqtt_ca_file,
        ),
        pipeline=pipeline,
        journal=journal,
        delivery=Delivery(
            journal,
            store,
            batch_max_bytes=settings.influx_batch_max_bytes,
            note=touched.note,
        ),
        registry=registry,
        revision=revision,
        keeper=QualityKeeper(pipeline.quality, quality),
        deriver=open_deriver(kinds, pipeline.devices, places, store=store, touched=touched),
    )


def _without_secret(settings: Settings) -> str:
    assert settings.mqtt_url is not None  # noqa: S101 - run() has seen to it
    parts = urlsplit(settings.mqtt_url.get_secret_value())
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _problem(service: Ingest) -> str | None:
    return service.problem or service.source.problem or service.delivery.problem


@asynccontextmanager
async def _served(hub: Hub) -> AsyncIterator[str]:
    async with serve(create_app(hub), hub.settings.http_bind) as url:
        if hub.local_key is not None:
            running = Running(pid=os.getpid(), url=url, key=hub.local_key)
            write_running(hub.settings.data_dir, running)
        try:
            yield url
        finally:
            remove_running(hub.settings.data_dir, os.getpid())


def _first_key(registry: Registry) -> str | None:
    """A key for the first start, which has none; shown once."""
    return None if registry.keys() else registry.create_key("first run", ["admin"], by="first run")


async def _simulate(settings: Settings, kinds: Mapping[str, Kind], simulation: Simulation) -> None:
    """Plays the sensors as what they are: clients with a user and password each."""
    devices = sensors(settings.city, kinds, simulation.count, simulation.seed)
    managed = settings.mqtt_admin_url is not None
    logins = await sensor_logins(settings, devices) if managed else None
    assert settings.mqtt_url is not None  # noqa: S101 - run() has seen to it
    await simulate(
        url=settings.mqtt_url.get_secret_value(),
        city=settings.city,
        kinds=kinds,
        devices=devices,
        start=datetime.now(settings.zone),
        scenario=simulation.scenario,
        seed=simulation.seed,
        speed=simulation.speed,
        credentials=logins,
        ca_file=settings.mqtt_ca_file,
    )


async def _until(stop: asyncio.Event, tasks: list[asyncio.Task[object]]) -> None:
    """Waits for the signal, or for a task to fail; then ends the tasks, the last one first."""
    stopped = asyncio.create_task(stop.wait(), name="hub.stop")
    try:
        await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (*reversed(tasks), stopped):
            task.cancel()
            results = await asyncio.gather(task, return_exceptions=True)
            failure = results[0]
            if isinstance(failure, Exception):
                raise failure


async def _drain(service: Ingest, stop: asyncio.Event) -> None:
    drain = asyncio.create_task(service.drain(within_s=_DRAIN_S), name="hub.drain")
    hurry = asyncio.create_task(stop.wait(), name="hub.hurry")
    await asyncio.wait([drain, hurry], return_when=asyncio.FIRST_COMPLETED)
    for task in (drain, hurry):
        task.cancel()
    (drained, _) = await asyncio.gather(drain, hurry, return_exceptions=True)
    if drained is not True:
        logger.warning("the store has not taken everything; the journal keeps it")
