"""The MQTT source against a real Mosquitto: what it promises to whoever stands behind it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ingest.sources.mqtt import BrokerUrlError, MqttSource
from ingest.types import Acknowledge, Message
from tests.brokers import MosquittoServer

WITHIN_S = 30.0


class Inbox:
    """Takes runs as the service does; acknowledges when told to."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.ways: list[tuple[Message, Acknowledge]] = []

    def deliver(self, messages: list[Message], acknowledge: Acknowledge) -> None:
        self.messages += messages
        self.ways += [(message, acknowledge) for message in messages]

    def acknowledge_all(self) -> None:
        for message, acknowledge in self.ways:
            if message.token is not None:
                acknowledge([message.token])
        self.ways.clear()

    async def wait(self, count: int) -> None:
        await until(lambda: len(self.messages) >= count)


async def until(ready: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not ready():
            await asyncio.sleep(0.01)


def source(broker: MosquittoServer, *filters: str, url: str | None = None) -> MqttSource:
    return MqttSource(
        url or broker.hub_url,
        filters or ("sensors/#",),
        client_id="the-hub",
        coalesce_s=0.001,
        ca_file=broker.ca_file,
    )


def play(
    broker: MosquittoServer,
    act: Callable[[MqttSource, Inbox], Awaitable[None]],
    *filters: str,
    url: str | None = None,
) -> Inbox:
    """Runs a source while `act` goes on, and stops it."""
    inbox = Inbox()

    async def run() -> None:
        made = source(broker, *filters, url=url)
        task = asyncio.create_task(made.run(inbox.deliver))
        try:
            await act(made, inbox)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert not made.connected

    asyncio.run(run())
    return inbox


async def publish(broker: MosquittoServer, topic: str, *payloads: str) -> None:
    for payload in payloads:
        done = await asyncio.to_thread(broker.publish, broker.login("simulator"), topic, payload)
        assert done.returncode == 0, done.stderr


def test_messages_arrive_with_topic_payload_and_token(broker: MosquittoServer) -> None:
    async def act(made: MqttSource, inbox: Inbox) -> None:
        await until(lambda: made.connected)
        await publish(broker, "sensors/a-1/up", "one", "two")
        await inbox.wait(2)

    inbox = play(broker, act)
    assert [(m.topic, m.payload, m.redelivered) for m in inbox.messages] == [
        ("sensors/a-1/up", b"one", False),
        ("sensors/a-1/up", b"two", False),
    ]
    assert len({message.token for message in inbox.messages}) == 2


def test_what_was_not_acknowledged_comes_again_under_its_token(broker: MosquittoServer) -> None:
    async def first(made: MqttSource, inbox: Inbox) -> None:
        await until(lambda: made.connected)
        await publish(broker, "sensors/a-1/up", "kept", "done")
        await inbox.wait(2)
        message, acknowledge = inbox.ways[1]
        assert message.token is not None
        acknowledge([message.token])
        await asyncio.sleep(0.05)  # on its way to the broker

    async def second(_made: MqttSource, inbox: Inbox) -> None:
        await inbox.wait(1)
        inbox.acknowledge_all()
        await asyncio.sleep(0.05)

    async def third(made: MqttSource, _inbox: Inbox) -> None:
        await until(lambda: made.connected)
        await publish(broker, "sensors/a-1/up", "new")
        await until(lambda: bool(_inbox.messages))

    before = play(broker, first).messages
    (again,) = play(broker, second).messages
    assert (again.payload, again.redelivered, again.token) == (b"kept", True, before[0].token)
    assert [message.payload for message in play(broker, third).messages] == [b"new"]


def test_it_comes_back_after_the_broker_and_an_old_acknowledgement_does_nothing(
    broker: MosquittoServer,
) -> None:
    async def act(made: MqttSource, inbox: Inbox) -> None:
        await until(lambda: made.connected)
        await publish(broker, "sensors/a-1/up", "before")
        await inbox.wait(1)
        await asyncio.to_thread(broker.stop)
        await until(lambda: not made.connected)
        assert made.problem
        await asyncio.to_thread(broker.start)
        await until(lambda: made.connected)
        inbox.acknowledge_all()  # of the connection that is gone
        await inbox.wait(2)

    inbox = play(broker, act)
    assert [(m.payload, m.redelivered) for m in inbox.messages] == [
        (b"before", False),
        (b"before", True),
    ]


def test_held_it_reads_nothing_and_released_everything(broker: MosquittoServer) -> None:
    async def act(made: MqttSource, inbox: Inbox) -> None:
        await until(lambda: made.connected)
        made.hold()
        await publish(broker, "sensors/a-1/up", "one", "two", "three")
        assert inbox.messages == []
        made.release()
        await inbox.wait(3)

    play(broker, act)


def test_a_wrong_password_is_said(broker: MosquittoServer) -> None:
    wrong = f"mqtt://kotahub.hub:wrong@{broker.host}:{broker.port}"

    async def act(made: MqttSource, _inbox: Inbox) -> None:
        await until(lambda: "KOTAHUB_MQTT_URL" in (made.problem or ""))
        assert not made.connected

    play(broker, act, url=wrong)


def test_a_subscription_that_is_refused_is_said(broker: MosquittoServer) -> None:
    password = broker.credentials("a-1")["a-1"]
    device = f"mqtt://a-1:{password}@{broker.host}:{broker.port}"

    async def act(made: MqttSource, _inbox: Inbox) -> None:
        await until(lambda: "must be allowed to subscribe" in (made.problem or ""))

    play(broker, act, url=device)


def test_it_speaks_tls_and_checks_the_certificate(tls_broker: MosquittoServer) -> None:
    async def act(made: MqttSource, inbox: Inbox) -> None:
        await until(lambda: made.connected)
        await publish(tls_broker, "sensors/a-1/up", "sealed")
        await inbox.wait(1)

    assert play(tls_broker, act).messages[0].payload == b"sealed"

    async def refused() -> None:
        stranger = MqttSource(tls_broker.hub_url, ("sensors/#",), client_id="the-hub")
        task = asyncio.create_task(stranger.run(lambda _m, _a: None))
        await until(lambda: "certificate" in (stranger.problem or "").lower())
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(refused())


def test_it_says_something_to_a_network(broker: MosquittoServer) -> None:
    async def act(made: MqttSource, inbox: Inbox) -> None:
        await until(lambda: made.connected)
        made.publish("spBv1.0/city/NCMD/node", b"again")
        await inbox.wait(1)

    (message,) = play(broker, act, "spBv1.0/#").messages
    assert (message.topic, message.payload) == ("spBv1.0/city/NCMD/node", b"again")


@pytest.mark.parametrize("url", ["http://h", "mqtt://", "mqtt://h:port", "h:1883"])
def test_a_url_that_is_none_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(BrokerUrlError, match="mqtt://user:password@host:1883"):
        MqttSource(url, ("sensors/#",))
