from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devices.device import Device
from tests.brokers import MosquittoServer
from tests.conservation import hub_on
from tests.e2e.stream import devices
from tests.hubs import HubProcess
from tests.publishers import Publisher
from tests.servers import Influx

MakeHub = Callable[..., HubProcess]


@pytest.fixture
def known() -> list[Device]:
    """Registered by `make_hub`."""
    return devices(40)


@pytest.fixture
def make_hub(
    broker: MosquittoServer, influxd: Influx, known: list[Device], tmp_path: Path
) -> Iterator[MakeHub]:
    """Makes a hub on the broker and InfluxDB, not started; settings without KOTAHUB_."""
    made: list[HubProcess] = []

    def make(folder: Path = tmp_path / "hub", **settings: str) -> HubProcess:
        made.append(hub_on(broker, influxd, folder, **settings))
        made[-1].register(known)
        return made[-1]

    yield make
    for hub in made:
        if hub.server is not None and hub.server.process.poll() is None:
            hub.kill()


@pytest.fixture
def publisher(broker: MosquittoServer) -> Iterator[Publisher]:
    made = Publisher(broker)
    yield made
    made.close()
