"""What a device's login opens, tried with Mosquitto's own clients on a real broker."""

import asyncio

import pytest

from devices.credentials import BrokerCredentials
from devices.errors import CredentialsNotAuthorisedError, CredentialsUnavailableError
from tests.brokers import MosquittoServer
from tests.servers import free_port

DENIED = "Subscribed (mid: 1): 135"


@pytest.fixture
def mine(broker: MosquittoServer) -> tuple[str, str]:
    """A device's login; `other` is another device."""
    passwords = broker.credentials("mine", "other")
    return "mine", passwords["mine"]


def heard_first(broker: MosquittoServer, login: tuple[str, str], topic: str) -> str:
    """The first message that the listener of `listen` finds waiting."""
    result = broker.subscribe(login, topic, "-i", "listener", "-c", "-x", "60", "-C", "1")
    return next(line for line in result.stdout.splitlines() if line.startswith("said "))


def listen(broker: MosquittoServer, login: tuple[str, str], topic: str) -> str:
    """Subscribes a persistent session and leaves; returns the client's words."""
    return broker.subscribe(login, topic, "-i", "listener", "-c", "-x", "60", "-E").stdout


@pytest.mark.parametrize("topic", ["up", "status", "event/door"])
def test_a_device_publishes_below_its_own_topic(
    broker: MosquittoServer, mine: tuple[str, str], topic: str
) -> None:
    listen(broker, broker.login("hub"), "sensors/#")
    said = broker.publish(mine, f"sensors/mine/{topic}", "said 1")
    assert said.returncode == 0
    assert "RC:0" in said.stdout
    assert heard_first(broker, broker.login("hub"), "sensors/#") == "said 1"


@pytest.mark.parametrize(
    "topic",
    [
        "sensors/other/up",
        "sensors/other/status",
        "sensors/other/down",
        "sensors/mine/down",
        "sensors/mine/down/reboot",
        "sensors/mine2/up",
        "sensors",
        "mine/up",
        "hub/incidents/1",
        "application/1/device/mine/event/up",
        "$CONTROL/dynamic-security/v1",
        "$SYS/broker/uptime",
    ],
)
@pytest.mark.parametrize("version", ["mqttv5", "mqttv311"])
def test_a_device_publishes_nowhere_else(
    broker: MosquittoServer, mine: tuple[str, str], topic: str, version: str
) -> None:
    listen(broker, broker.login("hub"), "#")
    said = broker.publish(mine, topic, "said 1", "-V", version)
    assert version == "mqttv311" or "RC:135" in said.stdout
    broker.publish(mine, "sensors/mine/up", "said 2")
    assert heard_first(broker, broker.login("hub"), "#") == "said 2"


@pytest.mark.parametrize(
    "topic",
    [
        "#",
        "sensors/#",
        "sensors/+/down",
        "sensors/other/#",
        "sensors/other/down",
        "sensors/other/up",
        "sensors/mine/#",
        "sensors/mine/+",
        "+/mine/down",
        "hub/#",
        "$SYS/#",
        "$SYS/broker/uptime",
        "$CONTROL/#",
        "$CONTROL/dynamic-security/v1/response",
        "$share/all/sensors/#",
    ],
)
def test_a_device_subscribes_to_nothing_else(
    broker: MosquittoServer, mine: tuple[str, str], topic: str
) -> None:
    assert DENIED in listen(broker, mine, topic)


def test_a_device_hears_what_is_sent_down_to_it_alone(
    broker: MosquittoServer, mine: tuple[str, str]
) -> None:
    assert DENIED not in listen(broker, mine, "sensors/mine/down")
    broker.publish(broker.login("hub"), "sensors/other/down", "said other")
    broker.publish(broker.login("hub"), "sensors/mine/down", "said mine")
    assert heard_first(broker, mine, "sensors/mine/down") == "said mine"


@pytest.mark.parametrize(("owner", "first"), [("mine", "said will"), ("other", "said up")])
def test_a_last_will_is_bound_to_the_device_too(
    broker: MosquittoServer, mine: tuple[str, str], owner: str, first: str
) -> None:
    listen(broker, broker.login("hub"), "sensors/#")
    will = ["--will-topic", f"sensors/{owner}/status", "--will-payload", "said will"]
    broker.vanish(mine, "-t", "sensors/mine/down", *will)
    broker.publish(mine, "sensors/mine/up", "said up")
    assert heard_first(broker, broker.login("hub"), "sensors/#") == first


@pytest.mark.parametrize(
    "login", [None, ("mine", "wrong"), ("nobody", "wrong"), ("kotahub.hub", "wrong")]
)
def test_who_is_not_known_is_refused(
    broker: MosquittoServer, mine: tuple[str, str], login: tuple[str, str] | None
) -> None:
    refused = broker.publish(login, f"sensors/{mine[0]}/up", "said 1")
    assert refused.returncode != 0
    assert "received CONNACK (135)" in refused.stdout


def test_a_new_password_replaces_the_old(broker: MosquittoServer, mine: tuple[str, str]) -> None:
    new = broker.credentials("mine")["mine"]
    assert new != mine[1]
    assert broker.publish(mine, "sensors/mine/up", "1").returncode != 0
    assert broker.publish(("mine", new), "sensors/mine/up", "1").returncode == 0


def test_logins_are_told_apart_and_deleted(broker: MosquittoServer, mine: tuple[str, str]) -> None:
    admin = BrokerCredentials(broker.admin_url)
    assert asyncio.run(admin.exists(["mine", "stranger"])) == {"mine"}
    asyncio.run(admin.delete(["mine", "stranger"]))
    assert asyncio.run(admin.exists(["mine", "other"])) == {"other"}
    assert broker.publish(mine, "sensors/mine/up", "1").returncode != 0


def test_more_logins_than_fit_into_one_message(broker: MosquittoServer) -> None:
    ids = [f"many-{number}" for number in range(75)]
    passwords = broker.credentials(*ids)
    assert list(passwords) == ids
    assert len(set(passwords.values())) == len(ids)
    last = ids[-1]
    assert broker.publish((last, passwords[last]), f"sensors/{last}/up", "1").returncode == 0


def test_no_logins_are_no_trouble(broker: MosquittoServer) -> None:
    assert broker.credentials() == {}


def test_logins_outlive_the_broker(broker: MosquittoServer, mine: tuple[str, str]) -> None:
    broker.kill()
    broker.start()
    assert broker.publish(mine, "sensors/mine/up", "1").returncode == 0
    assert DENIED in listen(broker, mine, "sensors/#")


def test_two_admins_at_once_get_their_own_answers(broker: MosquittoServer) -> None:
    async def both() -> tuple[dict[str, str], dict[str, str]]:
        one, two = BrokerCredentials(broker.admin_url), BrokerCredentials(broker.admin_url)
        return await asyncio.gather(
            one.create([f"one-{number}" for number in range(40)]),
            two.create([f"two-{number}" for number in range(40)]),
        )

    for passwords in asyncio.run(both()):
        name, secret = list(passwords.items())[-1]
        assert broker.publish((name, secret), f"sensors/{name}/up", "1").returncode == 0


def test_who_is_no_admin_is_told_so(broker: MosquittoServer) -> None:
    with pytest.raises(CredentialsNotAuthorisedError, match=r"kotahub\.hub.*MQTT_ADMIN_URL"):
        asyncio.run(BrokerCredentials(broker.hub_url).create(["mine"]))
    wrong = f"mqtt://kotahub.admin:wrong@127.0.0.1:{broker.port}"
    with pytest.raises(CredentialsNotAuthorisedError, match=r"kotahub\.admin"):
        asyncio.run(BrokerCredentials(wrong).create(["mine"]))


def test_a_broker_that_is_away_is_told_so() -> None:
    away = f"mqtt://admin:secret@127.0.0.1:{free_port()}"
    with pytest.raises(CredentialsUnavailableError, match="See that it runs"):
        asyncio.run(BrokerCredentials(away).create(["mine"]))


def test_logins_over_tls(tls_broker: MosquittoServer) -> None:
    password = tls_broker.credentials("mine")["mine"]
    assert tls_broker.publish(("mine", password), "sensors/mine/up", "1").returncode == 0
