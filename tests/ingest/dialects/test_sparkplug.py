import struct
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.dialects import Opener, Surroundings
from ingest.dialects.sparkplug import NODES_MAX, REBIRTH_EVERY_S, make
from ingest.dialects.sparkplug_payload import REBIRTH, read_payload, write_rebirth
from ingest.protobuf import write_field
from ingest.types import Notice, Reason, Rejected, Uplink

BIRTH = "spBv1.0/medan/DBIRTH/hub-7/deli-02"
DATA = "spBv1.0/medan/DDATA/hub-7/deli-02"


class Clock:
    now = 1_767_582_000.0

    def __call__(self) -> float:
        return self.now


def metric(**members: Any) -> bytes:
    """A metric: `name`, `alias`, `datatype`, `long` (a whole number)."""
    numbers = {"name": 1, "alias": 2, "datatype": 4, "long": 11}
    return b"".join(
        write_field(number, members[name].encode() if name == "name" else members[name])
        for name, number in numbers.items()
        if name in members
    )


def payload(*metrics: bytes) -> bytes:
    return write_field(1, 1_767_582_000_000) + b"".join(write_field(2, one) for one in metrics)


def surroundings(clock: Clock) -> Surroundings:
    return Surroundings(clock=clock)


def values(found: Sequence[Uplink | Notice]) -> Mapping[str, Any]:
    (uplink,) = (item for item in found if isinstance(item, Uplink))
    return uplink.values


def refused(opener: Opener, topic: str, data: bytes) -> Reason:
    with pytest.raises(Rejected) as caught:
        opener(topic, data)
    return caught.value.reason


def test_a_missing_birth_is_asked_for_once_a_minute() -> None:
    clock = Clock()
    around = surroundings(clock)
    opener, data = make(around), payload(metric(alias=1, long=5))
    for _ in range(3):
        assert refused(opener, DATA, data) is Reason.WRONG_SHAPE
    (asked,) = around.outbox.take()
    assert asked.topic == "spBv1.0/medan/NCMD/hub-7"
    (command,) = read_payload(asked.payload).metrics
    assert (command.name, command.value) == (REBIRTH, True)
    clock.now += REBIRTH_EVERY_S
    refused(opener, DATA, data)
    assert len(around.outbox.take()) == 1


def test_a_birth_answers_the_question() -> None:
    around = surroundings(Clock())
    opener = make(around)
    refused(opener, DATA, payload(metric(alias=1, long=5)))
    opener(BIRTH, payload(metric(name="level", alias=1, datatype=8, long=4)))
    assert values(opener(DATA, payload(metric(alias=1, long=5)))) == {"level": 5}


def test_a_new_birth_of_the_node_forgets_the_old_aliases() -> None:
    opener = make(surroundings(Clock()))
    opener(BIRTH, payload(metric(name="level", alias=1, datatype=8, long=4)))
    opener("spBv1.0/medan/NBIRTH/hub-7", payload(metric(name="bdSeq", datatype=8, long=1)))
    assert refused(opener, DATA, payload(metric(alias=1, long=5))) is Reason.WRONG_SHAPE


def test_nodes_do_not_share_aliases() -> None:
    opener = make(surroundings(Clock()))
    opener(BIRTH, payload(metric(name="level", alias=1, datatype=8, long=4)))
    other = DATA.replace("hub-7", "hub-8")
    assert refused(opener, other, payload(metric(alias=1, long=5))) is Reason.WRONG_SHAPE


def test_a_message_of_the_past_reads_the_memory_and_leaves_it_alone() -> None:
    around = surroundings(Clock())
    live, past = make(around), make(replace(around, live=False))
    live(BIRTH, payload(metric(name="level", alias=1, datatype=8, long=4)))
    assert values(past(BIRTH, payload(metric(name="flow", alias=1, datatype=8, long=9)))) == {
        "flow": 9
    }
    past("spBv1.0/medan/NDEATH/hub-7", payload())
    assert values(past(DATA, payload(metric(alias=1, long=5)))) == {"level": 5}
    assert values(live(DATA, payload(metric(alias=1, long=5)))) == {"level": 5}
    refused(past, DATA, payload(metric(alias=7, long=5)))
    assert around.outbox.take() == []


def test_the_memory_of_nodes_has_a_bound() -> None:
    around = surroundings(Clock())
    opener = make(around)
    birth = payload(metric(name="level", alias=1, datatype=8, long=4))
    for number in range(NODES_MAX + 5):
        opener(f"spBv1.0/medan/DBIRTH/hub-{number}/deli-02", birth)
    assert len(around.memory["sparkplug"]) == NODES_MAX


@pytest.mark.parametrize(
    "topic",
    [
        "spBv1.0/medan/NDATA",
        "spBv1.0/medan/NDATA/hub-7/deli-02",
        "spBv1.0/medan/DDATA/hub-7",
        "spBv1.0//NDATA/hub-7",
    ],
)
def test_topics_that_are_none(topic: str) -> None:
    assert refused(make(surroundings(Clock())), topic, payload()) is Reason.WRONG_TOPIC


@pytest.mark.parametrize("topic", ["spBv1.0/STATE/host", "spBv1.0/medan/NCMD/hub-7", "x"])
def test_what_is_nobodys_reading(topic: str) -> None:
    assert make(surroundings(Clock()))(topic, b"\xff") == [Notice()]


@given(number=st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_32_bit_fraction_becomes_the_shortest_that_it_can_be(number: float) -> None:
    raw = struct.pack("<f", number)
    one = write_field(1, b"x") + bytes([12 << 3 | 5]) + raw
    (read,) = read_payload(payload(one)).metrics
    assert struct.pack("<f", read.value) == raw
    assert read.value == float(f"{read.value:.9g}")


@given(number=st.integers(min_value=-(2**15), max_value=2**15 - 1), wide=st.booleans())
def test_signs_stand_in_fields_without_one(number: int, *, wide: bool) -> None:
    written = number & (0xFFFFFFFF if wide else 0xFFFF)
    found = make(surroundings(Clock()))(
        DATA, payload(metric(name="temperature", datatype=2, long=written))
    )
    assert values(found) == {"temperature": number}


def test_a_rebirth_command_is_what_the_specification_asks() -> None:
    read = read_payload(write_rebirth(1_767_582_000_000))
    assert read.at_ms == 1_767_582_000_000
    (command,) = read.metrics
    assert (command.name, command.datatype, command.value) == (REBIRTH, 11, True)
