"""The simulator: a city's worth of sensors as real MQTT clients.

A pure core (`world`, `sensor`) says what every sensor reports when; `fleet` publishes it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from devices.device import Device
from devices.kind import Kind
from devices.simulator.broker import Broker
from devices.simulator.cast import cast
from devices.simulator.fleet import Credentials, Tally, run_fleet
from devices.simulator.places import load_places
from devices.simulator.roster import sensors
from devices.simulator.scenario import load_scenario
from devices.simulator.world import World

__all__ = ["Credentials", "Tally", "sensors", "simulate"]


async def simulate(
    *,
    url: str,
    city: str,
    kinds: Mapping[str, Kind],
    devices: Sequence[Device],
    start: datetime,
    scenario: str = "calm",
    seed: int = 1,
    speed: float = 1.0,
    credentials: Credentials | None = None,
    ca_file: Path | None = None,
    duration_s: float | None = None,
    tally: Tally | None = None,
) -> Tally:
    """Plays `devices` in `city` against the broker at `url` until `duration_s` or cancelled.

    `start` is now, in the city's time zone. With a `speed` above 1 sensors report that many times
    as often and the city's day passes that much faster; readings carry the real time. `tally` is
    kept up to date while it runs. Cancelling says goodbye for every sensor and disconnects.

    Raises:
        InvalidBrokerError: `url` is no broker's address.
        UnknownCityError: neither a shipped city nor a folder.
        UnknownScenarioError: neither a scenario of the city nor a file.
        InvalidDeclarationError: a file of the city is wrong.
    """
    broker = Broker.parse(url)
    world = World(load_scenario(city, scenario), load_places(city), start=start, speed=speed)
    return await run_fleet(
        cast(devices, kinds, world, seed=seed),
        world,
        broker,
        credentials=credentials,
        ca_file=ca_file,
        duration_s=duration_s,
        tally=tally,
    )
