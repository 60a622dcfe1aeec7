"""The ledger over HTTP."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gateway.door import Door, opened_door

PATH = "/api/v1/ledger"


def test_every_message_has_its_place(door: Door) -> None:
    for payload in ({"pm25": 1}, {"pm25": "x"}, {"time": 1, "pm25": 2}, {"time": 1, "pm25": 2}):
        door.publish("air-01", payload)
    before = door.json(PATH)["items"]
    door.deliver()
    after = door.json(PATH)["items"]
    assert [list(item)[:6] for item in after] == [
        ["device", "received", "stored", "quarantined", "duplicate", "pending"]
    ]
    assert [list(item.values())[:6] for item in before] == [["air-01", 4, 0, 1, 1, 2]]
    assert [list(item.values())[:6] for item in after] == [["air-01", 4, 2, 1, 1, 0]]
    assert after[0]["last_received_at"].endswith("Z")


def test_one_device(door: Door) -> None:
    door.publish("air-01", {"pm25": 1})
    door.publish("flood-01", {"level": 1})
    items = door.json(PATH, {"device": "flood-01"})["items"]
    assert [item["device"] for item in items] == ["flood-01"]
    assert door.json(PATH, {"device": "nobody"}) == {"items": [], "next": None}


@pytest.mark.parametrize("limit", [1, 3, 7, 8])
def test_pages_hold_every_device_once(door: Door, limit: int) -> None:
    senders = ["?", "air-01", *(f"stray-{number}" for number in range(5))]
    for sender in senders[1:]:
        door.publish(sender, {"pm25": 1})
    door.publish("a/b", {"pm25": 1})
    pages = list(door.pages(PATH, {"limit": limit}))
    assert [item["device"] for page in pages for item in page] == senders
    assert all(len(page) <= limit for page in pages)


def test_no_parameter_makes_the_hub_fail() -> None:
    with TemporaryDirectory() as folder, opened_door(Path(folder)) as door:
        door.publish("air-01", {"pm25": 1})

        @settings(max_examples=100, deadline=None)
        @given(
            st.dictionaries(
                st.sampled_from(("device", "limit", "cursor", "reason", "kind", "area", "status")),
                st.one_of(st.text(max_size=300), st.sampled_from(["MQ", "IiI", "-1", "MWUzMDA"])),
            ),
            st.sampled_from((PATH, "/api/v1/quarantine", "/api/v1/devices")),
        )
        def ask(parameters: dict[str, str], path: str) -> None:
            answer = door.get(path, parameters)
            assert answer.status_code in (200, 422), answer.text

        ask()
