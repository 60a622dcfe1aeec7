"""What simulated sensors say, as the pipeline takes it."""

from collections import Counter

import pytest

from ingest.batch import Batch
from ingest.pipeline import Pipeline
from ingest.types import Message, Reason
from tests.devices.simulator.scene import CAR_PARKS, KINDS, scenario, troupe, world

REPORTS = 30


def taken(name: str, *, fault: dict[str, object] | None = None) -> Batch:
    """The first reports of every sensor, each taken when it comes."""
    of = world(scenario(fault=[fault]) if fault is not None else name)
    sensors = troupe(of, count=60)
    pipeline = Pipeline(kinds=KINDS, models={}, devices=[sensor.device for sensor in sensors])
    whole = Batch(0)
    for number in range(REPORTS):
        for sensor in sensors:
            messages = [
                Message(f"sensors/{sensor.device.id}/up", payload)
                for payload in sensor.report(number)
            ]
            at_ns = int(of.wall(sensor.due_s(number)).timestamp() * 1e9)
            batch = pipeline.process(messages, at_ns)
            whole.add(batch)
            whole.duplicate.update(Counter(whole.duplicate) + Counter(batch.duplicate))
            whole.unknown.update(batch.unknown)
    return whole


@pytest.mark.parametrize("name", ["calm", "flood_night"])
def test_every_reading_of_healthy_sensors_is_good(name: str) -> None:
    batch = taken(name)
    assert batch.quarantined == []
    assert not batch.unknown
    assert sum(batch.accepted.values()) == 60 * REPORTS
    assert len(batch.lines) == (45 + 2 * 15) * REPORTS
    flags = Counter(
        field.rpartition(b"=")[2]
        for line in batch.lines
        for field in line.split(b" ")[1].split(b",")
        if b"_qc=" in field
    )
    assert set(flags) == {b"1"}


@pytest.mark.parametrize(
    ("fault", "reasons"),
    [
        ({"fault": "clock", "kind": "air", "seconds": 3600}, {Reason.FUTURE_TIME}),
        ({"fault": "clock", "kind": "air", "seconds": -3600}, set()),
        ({"fault": "sentinel", "kind": "traffic", "metric": "speed"}, set()),
        ({"fault": "frozen", "kind": "air"}, set()),
        ({"fault": "duplicate", "kind": "air"}, set()),
    ],
)
def test_only_what_cannot_be_read_is_quarantined(
    fault: dict[str, object], reasons: set[Reason]
) -> None:
    batch = taken("", fault=fault)
    assert {item.reason for item in batch.quarantined} == reasons
    assert len(batch.quarantined) == (REPORTS if reasons else 0)


def test_all_garbage_is_quarantined_for_several_reasons() -> None:
    batch = taken("", fault={"fault": "garbage", "kind": "air"})
    assert sum(item.counted for item in batch.quarantined) == REPORTS
    assert {item.reason for item in batch.quarantined} >= {
        Reason.NOT_JSON,
        Reason.EMPTY,
        Reason.WRONG_TYPE,
        Reason.NOT_FINITE,
    }


def test_a_repeated_message_is_counted_as_duplicate() -> None:
    batch = taken("", fault={"fault": "duplicate", "kind": "air"})
    assert sum(batch.duplicate.values()) == REPORTS


def test_a_sentinel_is_stored_and_flagged_as_failed() -> None:
    batch = taken("", fault={"fault": "sentinel", "kind": "traffic", "metric": "speed"})
    marked = [line for line in batch.lines if b"speed=-1" in line]
    assert len(marked) == 2 * REPORTS
    assert all(b"speed_qc=4" in line for line in marked)


def test_a_kind_of_the_city_is_taken_as_any_other() -> None:
    kinds = {"parking": CAR_PARKS}
    of = world()
    (sensor,) = troupe(of, count=1, kinds=kinds)
    pipeline = Pipeline(kinds=kinds, models={}, devices=[sensor.device])
    at_ns = int(of.wall(sensor.due_s(3)).timestamp() * 1e9)
    batch = pipeline.process([Message("sensors/sim-parking-001/up", sensor.report(3)[0])], at_ns)
    (line,) = batch.lines
    assert line.startswith(b"parking,area=12.71.01,device=sim-parking-001 free=")
    assert b",free_qc=1," in line
