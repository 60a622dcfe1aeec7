"""What a bench can run between the broker and the store, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.process import Process
from bench.servers import Influx, Mosquitto
from bench.view import View


@dataclass(frozen=True, slots=True)
class World:
    """What a subject finds: `devices` publish native readings of kind air."""

    folder: Path
    mosquitto: Mosquitto
    influx: Influx
    devices: Sequence[str]


class Subject(Protocol):
    """From broker to store, nothing lost on the way.

    Subscribes to `sensors/+/up` with QoS 1 in a session that outlives the connection, writes
    measurement `air` with tag `device`, and acknowledges what the store has, or is durable.
    """

    name: str

    def start(self, world: World) -> Process: ...

    def view(self, world: World) -> View:
        """How to read what it stored."""
        ...

    def account(self, world: World) -> Mapping[str, int]:
        """What the subject itself says of the messages, once it has ended."""
        ...
