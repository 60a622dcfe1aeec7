"""Small dashboards for the reconciler's tests, and a Grafana to bring them to."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from dashboards.reconciler.declared import DATA_SOURCE_UID, Influx, declared
from dashboards.reconciler.grafana import Grafana
from dashboards.reconciler.plan import Step
from dashboards.reconciler.reconciler import Reconciler
from dashboards.reconciler.resource import Resource
from dashboards.reconciler.transport import Transport
from tests.dashboards.grafana import TOKEN, StandIn

T = TypeVar("T")

INFLUX_TOKEN: Final = "influx-token-that-nobody-may-see"
INFLUX: Final = Influx(url="http://influxdb:8086", database="kotahub", token=INFLUX_TOKEN)
WALL: Final = "kotahub-wall-en"
FLOOD: Final = "kotahub-flood-en"


def model(uid: str, title: str, *, kiosk: bool = False) -> dict[str, Any]:
    return {
        "uid": uid,
        "title": title,
        "tags": ["kotahub", *(["kotahub-kiosk"] if kiosk else [])],
        "schemaVersion": 39,
        "panels": [
            {
                "id": number,
                "title": name,
                "type": "timeseries",
                "datasource": {"type": "influxdb", "uid": DATA_SOURCE_UID},
            }
            for number, name in enumerate(("Level", "Rain"), 1)
        ],
    }


def write(folder: Path, language: str, one: dict[str, Any]) -> Path:
    (folder / language).mkdir(parents=True, exist_ok=True)
    path = folder / language / f"{one['uid']}.json"
    path.write_text(json.dumps(one), encoding="utf-8")
    return path


def generate(folder: Path) -> Path:
    """A wall and a flood dashboard in each language."""
    for language in ("id", "en"):
        wall = model(f"kotahub-wall-{language}", f"Wall {language}", kiosk=True)
        write(folder, language, wall)
        write(folder, language, model(f"kotahub-flood-{language}", f"Flood {language}"))
    return folder


class Session:
    """Plans and applies as the command does, each time anew."""

    def __init__(self, stand_in: StandIn, generated: Path, patches: Path) -> None:
        self.stand_in = stand_in
        self.generated = generated
        self.patches = patches
        self.influx = INFLUX
        self.contact: str | None = None
        self.token = TOKEN
        self.pauses: list[float] = []
        self.on_pause: Callable[[], None] = lambda: None
        self.done: list[Step] = []

    def state(self, *, with_kept: bool = True) -> list[Resource]:
        return declared(
            self.influx,
            contact=self.contact,
            generated=self.generated,
            patches=self.patches if with_kept else None,
        )

    def run(self, work: Callable[[Reconciler], Awaitable[T]]) -> T:
        async def pause(seconds: float) -> None:
            self.pauses.append(seconds)
            self.on_pause()

        async def inside() -> T:
            async with Transport(self.stand_in.url, token=self.token, pause=pause) as transport:
                return await work(Reconciler(Grafana(transport), self.state()))

        return asyncio.run(inside())

    def plan(self) -> list[Step]:
        return self.run(lambda reconciler: reconciler.plan())

    def apply(self) -> list[Step]:
        """What is left for somebody; what was done is in `done`."""
        self.done = []

        async def work(reconciler: Reconciler) -> list[Step]:
            return await reconciler.apply(await reconciler.plan(), self.done.append)

        return self.run(work)


def names(steps: list[Step]) -> list[tuple[str, str, str]]:
    return [(step.action, step.kind, step.uid) for step in steps]
