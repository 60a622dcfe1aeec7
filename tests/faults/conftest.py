"""The servers of a city, with forty sensors registered, on which one thing after another fails."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from devices.device import Device
from tests.brokers import MosquittoServer
from tests.conservation import check_conserved, hub_on
from tests.e2e.stream import Published, devices
from tests.hubs import HubProcess
from tests.publishers import Publisher
from tests.servers import Influx


@dataclass
class Site:
    broker: MosquittoServer
    influxd: Influx
    publisher: Publisher
    folder: Path
    known: list[Device] = field(default_factory=lambda: devices(40))

    def hub(self, **settings: str) -> HubProcess:
        """A hub of the site, not started; settings without KOTAHUB_."""
        made = hub_on(self.broker, self.influxd, self.folder / "hub", **settings)
        made.register(self.known)
        return made

    def check_conserved(
        self, hub: HubProcess, messages: Sequence[Published], *, within_s: float = 120
    ) -> Mapping[str, int]:
        """Waits until all is settled, compares, and ends the hub in good order; the totals."""
        hub.wait_settled(len(messages), within_s=within_s)
        totals = check_conserved(hub, self.influxd, messages)
        assert hub.stop() == 0
        return totals


@pytest.fixture
def site(broker: MosquittoServer, influxd: Influx, tmp_path: Path) -> Iterator[Site]:
    publisher = Publisher(broker)
    yield Site(broker, influxd, publisher, tmp_path)
    publisher.close()
    if not influxd.answers():  # the test failed before it came to that
        influxd.start()
