"""Simulated sensors on a real Mosquitto: real connections, wills, logins and reconnections."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Coroutine
from datetime import datetime
from typing import Any

import pytest

from devices.errors import InvalidBrokerError, UnknownScenarioError
from devices.simulator import Credentials, Tally, simulate
from tests.devices.simulator.conftest import DEVICES, LOGINS, Mosquitto
from tests.devices.simulator.scene import CITY, KINDS, START, troupe, world

SPEED = 120.0
"""Two reports a second from each sensor."""


def now() -> datetime:
    return datetime.now(START.tzinfo)


def play(url: str, *, start: datetime, **more: Any) -> Coroutine[Any, Any, Tally]:
    return simulate(
        url=url,
        city=CITY,
        kinds=KINDS,
        devices=DEVICES,
        start=start,
        speed=SPEED,
        **more,
    )


@pytest.mark.parametrize(
    ("user", "credentials"),
    [("shared", None), ("nobody", LOGINS), ("nobody", LOGINS.__getitem__)],
    ids=["shared login", "logins by mapping", "logins by function"],
)
def test_every_due_report_is_published_byte_for_byte_and_in_order(
    mosquitto: Mosquitto, user: str, credentials: Credentials | None
) -> None:
    async def run() -> None:
        async with mosquitto.heard() as heard:
            start = now()
            tally = await play(
                mosquitto.url(user), start=start, credentials=credentials, duration_s=2.0
            )
            await heard.until("/up", tally.published)
            await heard.until_all_are(b"offline")
            of = world(speed=SPEED, start=start)
            for sensor in troupe(of, count=len(DEVICES)):
                due = [n for n in range(100) if sensor.due_s(n) < 2.0 * SPEED]
                wanted = [payload for n in due for payload in sensor.report(n)]
                assert len(wanted) >= 3
                assert heard.messages[f"sensors/{sensor.device.id}/up"] == wanted
                states = heard.messages[f"sensors/{sensor.device.id}/status"]
                assert states == [b"online", b"offline"]
            assert tally.published == heard.count("/up") == sum(tally.by_kind.values())
            assert (tally.refused, tally.connections, tally.trouble) == (0, 0, None)

    asyncio.run(run())


def test_the_status_is_retained(mosquitto: Mosquitto) -> None:
    async def run() -> None:
        async with mosquitto.heard() as heard:
            running = asyncio.ensure_future(play(mosquitto.url("shared"), start=now()))
            await heard.until_all_are(b"online")
            async with mosquitto.heard() as late:
                await late.until_all_are(b"online")
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(run())


@pytest.mark.parametrize("credentials", [None, LOGINS], ids=["shared", "own logins"])
def test_cancelling_says_goodbye_for_every_sensor(
    mosquitto: Mosquitto, credentials: Credentials | None
) -> None:
    async def run() -> None:
        async with mosquitto.heard() as heard:
            tally = Tally()
            running = asyncio.ensure_future(
                play(mosquitto.url("shared"), start=now(), credentials=credentials, tally=tally)
            )
            await heard.until("/up", 20)
            assert tally.connections == len(DEVICES)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            await heard.until_all_are(b"offline")
            assert tally.connections == 0

    asyncio.run(run())


def test_a_cancellation_is_never_lost_whenever_it_comes(mosquitto: Mosquitto) -> None:
    async def run() -> None:
        for step in range(60):
            running = asyncio.create_task(
                play(mosquitto.url("nobody"), start=now(), credentials=LOGINS)
            )
            for _ in range(step):  # one more turn of the loop each time
                await asyncio.sleep(0.0005)
            running.cancel()
            await asyncio.wait([running], timeout=30)
            assert running.cancelled(), f"after {step} turns"

    asyncio.run(run())


def test_a_killed_simulator_is_told_offline_by_the_broker(mosquitto: Mosquitto) -> None:
    code = f"""
import asyncio
from tests.devices.simulator.conftest import LOGINS
from tests.devices.simulator.test_fleet import now, play
asyncio.run(play({mosquitto.url("nobody")!r}, start=now(), credentials=LOGINS))
"""

    async def run() -> None:
        async with mosquitto.heard() as heard:
            with subprocess.Popen([sys.executable, "-c", code]) as child:  # noqa: ASYNC220
                try:
                    await heard.until_all_are(b"online")
                finally:
                    child.send_signal(signal.SIGKILL)
            await heard.until_all_are(b"offline")

    asyncio.run(run())


def test_a_lost_broker_is_found_again_and_the_readings_go_on_in_order(mosquitto: Mosquitto) -> None:
    async def run() -> None:
        tally = Tally()
        start = now()
        running = asyncio.ensure_future(
            play(mosquitto.url("nobody"), start=start, credentials=LOGINS, tally=tally)
        )
        async with mosquitto.heard() as heard:
            await heard.until("/up", 16)
            first = {topic: list(found) for topic, found in heard.messages.items()}
        await asyncio.to_thread(mosquitto.stop)
        await asyncio.to_thread(mosquitto.start)
        async with mosquitto.heard() as heard:
            await heard.until_all_are(b"online")
            await heard.until("/up", 40)
            second = heard.messages
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        assert tally.refused == 0
        for device in DEVICES:
            topic = f"sensors/{device.id}/up"
            before, after = ([number(p) for p in of[topic]] for of in (first, second))
            # What the broker takes while nobody listens is not heard here; QoS 1 may say the
            # last one again; the order holds across the outage.
            assert before == list(range(len(before)))
            assert after == sorted(after)
            assert after[-1] > before[-1]

    asyncio.run(run())


def number(payload: bytes) -> int:
    found = json.loads(payload)
    return int((found[0] if isinstance(found, list) else found)["seq"])


def test_refused_messages_are_counted_as_such(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> Tally:
        return await play(mosquitto.url("stranger"), start=now(), duration_s=1.5)

    tally = asyncio.run(run())
    assert tally.published == 0
    assert tally.refused >= len(DEVICES)
    assert len([r for r in caplog.records if r.name == "devices.simulator.fleet"]) <= 1


def test_a_broker_that_never_answers_is_trouble_and_the_duration_ends(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    mosquitto.stop()

    async def run() -> Tally:
        return await play(mosquitto.url("shared"), start=now(), duration_s=1.0)

    tally = asyncio.run(run())
    mosquitto.start()
    assert tally.published == 0
    assert tally.trouble is not None
    assert len([r for r in caplog.records if r.name == "devices.simulator.fleet"]) == 1


def test_a_wrong_password_is_trouble(mosquitto: Mosquitto) -> None:
    wrong = mosquitto.url("shared").replace("pw-shared", "guess")
    tally = asyncio.run(asyncio.wait_for(play(wrong, start=now(), duration_s=1.0), 30))
    assert tally.published == 0
    assert "Not authorized" in str(tally.trouble)


def test_what_cannot_start_says_why() -> None:
    with pytest.raises(InvalidBrokerError):
        asyncio.run(play("hub.example", start=now()))
    with pytest.raises(UnknownScenarioError):
        asyncio.run(play("mqtt://127.0.0.1", start=now(), scenario="storm"))
