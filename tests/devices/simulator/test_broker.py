"""The broker's address, as the settings write it."""

import pytest

from devices.errors import InvalidBrokerError
from devices.simulator.broker import Broker


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("mqtt://127.0.0.1", Broker("127.0.0.1", 1883)),
        ("mqtt://hub.example:2883", Broker("hub.example", 2883)),
        ("mqtts://[::1]", Broker("::1", 8883, tls=True)),
        ("mqtt://a%40b:p%2Fw@h", Broker("h", 1883, username="a@b", password="p/w")),
    ],
)
def test_addresses(url: str, wanted: Broker) -> None:
    assert Broker.parse(url) == wanted


@pytest.mark.parametrize("url", ["", "localhost", "http://h", "mqtt://", "mqtt://u:secret@h:x"])
def test_what_is_no_address_is_told_without_its_password(url: str) -> None:
    with pytest.raises(InvalidBrokerError, match="Write it as mqtt://user:password@host") as caught:
        Broker.parse(url)
    assert "secret" not in str(caught.value)
    assert "secret" not in repr(Broker.parse("mqtt://u:secret@h"))
