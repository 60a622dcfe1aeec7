"""Simulated sensors as real MQTT clients."""

import asyncio
import heapq
import logging
import secrets
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Final

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode

from devices.simulator.broker import Broker
from devices.simulator.sensor import Sensor
from devices.simulator.world import World

Login = tuple[str, str]
"""User name and password."""
Credentials = Mapping[str, Login] | Callable[[str], Login]
"""The login of each device, by its id."""

SHARED_CONNECTIONS: Final = 8
"""Connections that devices without own credentials share."""
_BACKOFF_S: Final = (0.5, 30.0)
_GOODBYE_S: Final = 5.0
_REFUSED: Final = 0x80
"""MQTT 5 reason codes from here on are failures."""

_log = logging.getLogger(__name__)


@dataclass
class Tally:
    """What the simulation has done so far."""

    connections: int = 0
    """Open at the moment."""
    published: int = 0
    """Messages that the broker has taken."""
    refused: int = 0
    """Messages that it has answered with a failure: the login may not publish there."""
    trouble: str | None = None
    """Why the last connection failed; None once one is open again."""
    by_kind: dict[str, int] = field(default_factory=dict)
    """Published messages by kind."""


class _Client(aiomqtt.Client):
    """aiomqtt forgets the reason code of a PUBACK; a refused message is not a published one."""

    refused = False

    def _on_publish(
        self, client: Any, userdata: Any, mid: int, reason_code: ReasonCode, properties: Any
    ) -> None:
        self.refused = reason_code.value >= _REFUSED
        super()._on_publish(client, userdata, mid, reason_code, properties)


async def run_fleet(
    sensors: Sequence[Sensor],
    world: World,
    broker: Broker,
    *,
    credentials: Credentials | None = None,
    ca_file: Path | None = None,
    duration_s: float | None = None,
    tally: Tally | None = None,
) -> Tally:
    """Publishes the sensors' reports as they are due, for `duration_s` or until cancelled.

    With `credentials` each device has its own connection, with a last will; without, they share a
    few under the broker's own login, where no will can speak for all. Either way each announces
    itself `online`, retained, and `offline` when it ends in order. A lost connection is made again
    with backoff, and the reports that fell due meanwhile follow with their own times.
    """
    tally = Tally() if tally is None else tally
    context = ssl.create_default_context(cafile=ca_file) if broker.tls else None
    until_s = None if duration_s is None else duration_s * world.speed
    async with asyncio.TaskGroup() as group:
        for members, login in _connections(sensors, broker, credentials):
            link = _Link(
                members,
                login=login,
                world=world,
                broker=broker,
                context=context,
                until_s=until_s,
                tally=tally,
            )
            group.create_task(link.run(), name=f"simulator.{members[0].device.id}")
    return tally


def _connections(
    sensors: Sequence[Sensor], broker: Broker, credentials: Credentials | None
) -> Iterator[tuple[Sequence[Sensor], Login | None]]:
    if credentials is None:
        login = None if broker.username is None else (broker.username, broker.password or "")
        for number in range(min(SHARED_CONNECTIONS, len(sensors))):
            yield sensors[number::SHARED_CONNECTIONS], login
        return
    of = credentials.__getitem__ if isinstance(credentials, Mapping) else credentials
    for sensor in sensors:
        yield (sensor,), of(sensor.device.id)


class _Link:
    """One connection and the sensors that speak over it."""

    def __init__(
        self,
        sensors: Sequence[Sensor],
        *,
        login: Login | None,
        world: World,
        broker: Broker,
        context: ssl.SSLContext | None,
        until_s: float | None,
        tally: Tally,
    ) -> None:
        self._sensors = sensors
        self._login = login
        self._world = world
        self._broker = broker
        self._context = context
        self._until_s = until_s
        self._tally = tally
        self._due = [(sensor.due_s(0), order, 0) for order, sensor in enumerate(sensors)]
        heapq.heapify(self._due)
        self._wait_s = _BACKOFF_S[0]
        alone = sensors[0].device.id if len(sensors) == 1 else None
        self._identifier = f"{alone or 'kotahub-simulator'}-{secrets.token_hex(4)}"
        self._will = (
            None if alone is None else aiomqtt.Will(_topic(alone, "status"), "offline", 1, True)  # noqa: FBT003 - aiomqtt's order
        )

    async def run(self) -> None:
        jitter = Random(self._identifier)  # noqa: S311 - spreads reconnections
        while not self._done():
            try:
                _notice_cancellation()
                async with self._connected() as client:
                    await self._speak(client)
            except aiomqtt.MqttError as error:
                if self._tally.trouble is None:
                    _log.warning("The simulator lost the broker and tries again: %s", error)
                self._tally.trouble = str(error)
                if self._over():
                    return
                await asyncio.sleep(self._wait_s * jitter.uniform(0.5, 1.0))
                self._wait_s = min(_BACKOFF_S[1], self._wait_s * 2)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[_Client]:
        username, password = self._login or (None, None)
        async with _Client(
            self._broker.host,
            self._broker.port,
            username=username,
            password=password,
            identifier=self._identifier,
            protocol=aiomqtt.ProtocolVersion.V5,
            will=self._will,
            tls_context=self._context,
        ) as client:
            self._tally.connections += 1
            try:
                yield client
            finally:
                self._tally.connections -= 1

    async def _speak(self, client: _Client) -> None:
        try:
            await self._announce(client, "online")
            _notice_cancellation()
            if not client.refused:  # a broker may close on whom it refuses: that is no recovery
                self._tally.trouble = None
                self._wait_s = _BACKOFF_S[0]
            while not self._done():
                due_s, order, number = self._due[0]
                sensor = self._sensors[order]
                await asyncio.sleep(self._remaining(due_s))
                for payload in sensor.report(number):
                    await client.publish(_topic(sensor.device.id, "up"), payload, qos=1)
                    self._count(sensor, refused=client.refused)
                    _notice_cancellation()
                heapq.heapreplace(self._due, (sensor.due_s(number + 1), order, number + 1))
        finally:
            # Also when cancelled: a sensor that is switched off in order says so.
            with suppress(aiomqtt.MqttError, TimeoutError):
                async with asyncio.timeout(_GOODBYE_S):
                    await self._announce(client, "offline")

    async def _announce(self, client: _Client, status: str) -> None:
        for sensor in self._sensors:
            await client.publish(_topic(sensor.device.id, "status"), status, qos=1, retain=True)
            self._tally.refused += client.refused

    def _count(self, sensor: Sensor, *, refused: bool) -> None:
        if refused:
            self._tally.refused += 1
            return
        kind = sensor.kind.id
        self._tally.published += 1
        self._tally.by_kind[kind] = self._tally.by_kind.get(kind, 0) + 1

    def _done(self) -> bool:
        """All that is due within the duration is published."""
        return self._until_s is not None and self._due[0][0] >= self._until_s

    def _over(self) -> bool:
        """The duration is over on the wall."""
        return self._until_s is not None and self._remaining(self._until_s) <= 0

    def _remaining(self, at_s: float) -> float:
        return max(0.0, (self._world.wall(at_s) - datetime.now(UTC)).total_seconds())


def _notice_cancellation() -> None:
    """Raises a cancellation that was swallowed.

    Before Python 3.12 `asyncio.wait_for`, which aiomqtt waits with, forgets a cancellation that
    comes just as it ends: the task would go on for ever.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _topic(device_id: str, leaf: str) -> str:
    return f"sensors/{device_id}/{leaf}"
