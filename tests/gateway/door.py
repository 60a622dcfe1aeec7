"""A hub of real parts in one folder, and a client at its door."""

import asyncio
import json
import time
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import httpx

from devices.device import Device
from devices.kind import Kind, load_kinds
from devices.model import Model, load_models
from devices.registry import Registry
from gateway.api.app import create_app
from gateway.derived import load_places
from gateway.hub import Hub
from gateway.settings import Settings
from gateway.store import open_store
from ingest.delivery import Delivery
from ingest.journal import Journal
from ingest.pipeline import Pipeline
from ingest.quality import QualityFile
from ingest.types import Message

T = TypeVar("T")

DEVICES = (
    Device("air-01", "air", name="Lapangan Merdeka", latitude=3.5906, longitude=98.6786),
    Device("flood-01", "flood", name="Deli", attributes={"mount_height_m": "6.2"}),
    Device("traffic-01", "traffic", status="maintenance"),
)


class Door:
    """Asks the API as another program would, and plays the devices behind it."""

    def __init__(
        self, hub: Hub, key: str | None, pipeline: Pipeline, runner: asyncio.Runner
    ) -> None:
        self.hub = hub
        self.key = key
        self.pipeline = pipeline
        self._runner = runner
        self._app = create_app(hub)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def change(self, **parts: Any) -> "Door":
        """The same door of a hub with other parts."""
        return Door(replace(self.hub, **parts), self.key, self.pipeline, self._runner)

    def knock(self, key: str | None) -> "Door":
        """The same door, asked with another key or none."""
        return Door(self.hub, key, self.pipeline, self._runner)

    def get(
        self,
        path: str,
        parameters: Mapping[str, Any] | None = None,
        headers: Mapping[str, str | bytes] | None = None,
        method: str = "GET",
    ) -> httpx.Response:
        """Any answer, with the reader's key unless `headers` says otherwise."""
        given = {} if self.key is None else {"Authorization": f"Bearer {self.key}"}
        sent = {
            name.encode(): _bytes(value) for name, value in (given | dict(headers or {})).items()
        }

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
                return await client.request(method, path, params=parameters, headers=sent)

        return self.run(ask())

    def json(
        self,
        path: str,
        parameters: Mapping[str, Any] | None = None,
        headers: Mapping[str, str | bytes] | None = None,
    ) -> Any:
        """The body of an answer that must be 200."""
        answer = self.get(path, parameters, headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pages(self, path: str, parameters: Mapping[str, Any]) -> Iterator[list[Any]]:
        """Every page of a list, by following its cursors."""
        cursor: dict[str, str] = {}
        for _ in range(1000):
            page = self.json(path, {**parameters, **cursor})
            yield page["items"]
            if page["next"] is None:
                return
            cursor = {"cursor": page["next"]}
        raise AssertionError(f"{path} has no end")

    def problem(
        self,
        status: int,
        slug: str,
        path: str,
        parameters: Mapping[str, Any] | None = None,
        headers: Mapping[str, str | bytes] | None = None,
    ) -> Any:
        """The problem document of an answer, which must be this one."""
        answer = self.get(path, parameters, headers)
        assert answer.headers["Content-Type"] == "application/problem+json", answer.text
        document = answer.json()
        assert (answer.status_code, document["status"], document["type"]) == (
            status,
            status,
            f"urn:kotahub:problem:{slug}",
        )
        assert document["title"]
        assert document["detail"]
        assert document["instance"] == path
        return document

    def publish(self, device: str, payload: object, topic: str = "up") -> None:
        """A message of a device, made durable; not yet in the store."""
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        message = Message(f"sensors/{device}/{topic}", raw)
        self.hub.journal.commit(self.pipeline.process([message], time.time_ns()))

    def deliver(self) -> None:
        """Brings everything that is durable to the store."""

        async def drain() -> None:
            delivery = Delivery(self.hub.journal, self.hub.store, batch_max_bytes=1 << 20)
            while await delivery.drain_once():
                pass

        self.run(drain())


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


@cache
def _declarations() -> tuple[Mapping[str, Kind], Mapping[str, Model]]:
    kinds = load_kinds(None)
    return kinds, load_models(None, kinds)


@contextmanager
def opened_door(folder: Path) -> Iterator[Door]:
    """A hub in this folder with `DEVICES` registered."""
    settings = Settings(data_dir=folder)
    kinds, models = _declarations()
    with (
        asyncio.Runner() as runner,
        closing(Registry.open(settings.registry_url)) as registry,
        closing(Journal.open(settings.journal_path)) as journal,
        closing(QualityFile.open(settings.quality_path)) as quality,
    ):
        registry.add_many(DEVICES, by="tests")
        store = open_store(settings, kinds)
        try:
            hub = Hub(
                settings=settings,
                kinds=kinds,
                registry=registry,
                journal=journal,
                store=store,
                quality=quality,
                places=load_places(settings),
                broker_connected=lambda: True,
                last_error=lambda: None,
                local_key="local-key",
            )
            pipeline = Pipeline(kinds=kinds, models=models, devices=registry.devices())
            yield Door(hub, registry.create_key("tests", ["read"]), pipeline, runner)
        finally:
            runner.run(store.close())
