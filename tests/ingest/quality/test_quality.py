"""Quality control of several devices, through the pipeline and by the look once a minute."""

import json
import random
import sqlite3
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from devices.device import Device
from ingest.pipeline import Pipeline
from ingest.quality import Quality, QualityFile
from ingest.quality.file import Row
from ingest.quality.finding import LASTS_NS
from ingest.quality.outage import Scope
from ingest.stores.lines import parse_line
from ingest.types import Message, Reason
from tests.ingest.quality.series import KINDS, MINUTE_NS, SECOND_NS, START_NS


def stations(count: int, area: str = "12.71.01") -> list[Device]:
    return [Device(f"air-{area[-2:]}-{number}", "air", area=area) for number in range(count)]


def pipeline(devices: list[Device]) -> Pipeline:
    return Pipeline(kinds=KINDS, models={}, devices=devices)


def up(device: str, at_ns: int, **values: float) -> Message:
    payload = {"time": at_ns // 1_000_000, **values}
    return Message(f"sensors/{device}/up", json.dumps(payload).encode(), 1)


def play(ways: Pipeline, minutes: range, *, silent: set[str], odd: str = "") -> None:
    """Every device reports once a minute, and the look follows; `odd` runs six degrees high."""
    chance = random.Random(minutes.start)  # noqa: S311 - play
    for minute in minutes:
        at_ns = START_NS + minute * MINUTE_NS
        messages = [
            up(
                device,
                at_ns,
                temperature=round(28 + chance.uniform(-1, 1) + 6 * (device == odd), 1),
            )
            for device in ways.quality.watches
            if device not in silent
        ]
        ways.process(messages, at_ns + SECOND_NS)
        for _ in ways.quality.scan(at_ns + 2 * SECOND_NS):
            pass


def test_a_spike_s_correction_belongs_to_the_message_that_shows_it() -> None:
    ways = pipeline([Device("air-1", "air")])
    sizes, lines = [], []
    for number, value in enumerate([20.0, 350.0, 20.0]):
        at_ns = START_NS + number * MINUTE_NS
        batch = ways.process([up("air-1", at_ns, pm25=value)], at_ns)
        sizes.append(batch.sizes)
        lines += batch.lines
        assert batch.messages == 1
    assert sizes == [[1], [1], [2]]
    correction = parse_line(lines[-1])
    assert correction.fields == {"pm25_qc": 4.0}
    assert correction.time_ns == START_NS + MINUTE_NS
    assert parse_line(lines[1]).fields == {"pm25": 350.0, "pm25_qc": 1.0}


def test_an_array_s_readings_are_judged_in_the_order_of_time() -> None:
    ways = pipeline([Device("air-1", "air")])
    elements = [
        {"time": START_NS / 1e9 + 60 * minute, "pm25": value}
        for minute, value in ((2, 20.0), (1, 350.0), (0, 20.0))
    ]
    message = Message("sensors/air-1/up", json.dumps(elements).encode(), 1)
    batch = ways.process([message], START_NS + 2 * MINUTE_NS)
    assert batch.sizes == [4]
    assert [parse_line(line).fields for line in batch.lines] == [
        {"pm25": 20.0, "pm25_qc": 1.0},
        {"pm25": 350.0, "pm25_qc": 1.0},
        {"pm25": 20.0, "pm25_qc": 1.0},
        {"pm25_qc": 4.0},
    ]


def test_repetitions_and_replays_change_nothing() -> None:
    ways = pipeline([Device("air-1", "air")])
    first = up("air-1", START_NS, pm25=20.0, seq=1)
    array = Message("sensors/air-1/up", b'[{"pm25":21},{"pm25":22}]', 7)
    ways.process([first, array], START_NS)
    watch = ways.quality.watches["air-1"]
    before = watch.dump()
    again = ways.process([first, array._replace(redelivered=True)], START_NS + MINUTE_NS)
    assert again.duplicate == {"air-1": 2}
    ways.reopen(up("air-1", START_NS + 2 * MINUTE_NS, pm25=900.0), START_NS)
    assert watch.dump() == before


def test_raw_values_are_never_changed() -> None:
    ways = pipeline([Device("air-1", "air")])
    chance = random.Random(1)  # noqa: S311 - play
    for minute in range(300):
        at_ns = START_NS + minute * MINUTE_NS
        value = chance.choice([30.0, chance.uniform(-50, 1500), 29.9])
        batch = ways.process([up("air-1", at_ns, pm25=value)], at_ns)
        assert parse_line(batch.lines[0]).fields["pm25"] == value


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(["a1", "b2"]), st.floats(-5, 500)), max_size=40))
def test_devices_do_not_disturb_each_other(said: list[tuple[str, float]]) -> None:
    devices = [Device("a1", "air"), Device("b2", "air")]
    together, apart = pipeline(devices), {one.id: pipeline([one]) for one in devices}
    for number, (device, value) in enumerate(said):
        at_ns = START_NS + number * MINUTE_NS
        message = up(device, at_ns, pm25=value)
        lines = together.process([message], at_ns).lines
        assert lines == apart[device].process([message], at_ns).lines


def test_a_silent_device_is_found_by_its_own_rhythm_and_comes_back() -> None:
    ways = pipeline(stations(8))
    play(ways, range(10), silent=set())
    play(ways, range(10, 20), silent={"air-01-3"})
    watch = ways.quality.watches["air-01-3"]
    assert watch.silent_ns == START_NS + 9 * MINUTE_NS + SECOND_NS
    (finding,) = watch.findings
    assert (finding.check.value, finding.until_ns) == ("silence", None)
    assert ways.quality.outages == {}
    play(ways, range(20, 21), silent=set())
    assert watch.silent_ns == 0
    assert finding.until_ns == START_NS + 20 * MINUTE_NS + SECOND_NS


def test_nobody_is_silent_while_the_hub_does_not_listen() -> None:
    ways = pipeline(stations(3))
    play(ways, range(10), silent=set())
    later_ns = START_NS + 600 * MINUTE_NS
    for _ in ways.quality.scan(later_ns, later_ns - MINUTE_NS):
        pass
    assert not any(watch.silent_ns for watch in ways.quality.watches.values())


def test_an_area_s_outage_is_one_event_with_its_members() -> None:
    south, north = stations(8, "12.71.01"), stations(30, "12.71.02")
    ways = pipeline([*south, *north])
    play(ways, range(10), silent=set())
    play(ways, range(10, 16), silent={device.id for device in south})
    (outage,) = ways.quality.outages.values()
    assert outage.scope == Scope("area", "12.71.01")
    assert outage.members == {device.id for device in south}
    play(ways, range(16, 18), silent=set())
    assert ways.quality.outages == {}


def test_a_station_that_disagrees_for_an_hour_is_flagged_until_it_agrees_for_a_while() -> None:
    ways = pipeline(stations(9))
    play(ways, range(50), silent=set(), odd="air-01-4")
    watch = ways.quality.watches["air-01-4"]
    assert watch.apart == {}
    play(ways, range(50, 70), silent=set(), odd="air-01-4")
    assert set(watch.apart) == {"temperature"}
    at_ns = START_NS + 70 * MINUTE_NS
    batch = ways.process([up("air-01-4", at_ns, temperature=34.0)], at_ns)
    assert parse_line(batch.lines[0]).fields["temperature_qc"] == 3
    play(ways, range(71, 88), silent=set())
    assert watch.apart == {}
    assert not watch.findings.standing


def test_a_clock_too_far_ahead_is_found_though_its_messages_are_refused() -> None:
    ways = pipeline([Device("air-1", "air")])
    batch = ways.process([up("air-1", START_NS + 3600 * SECOND_NS, pm25=20)], START_NS)
    assert batch.quarantined[0].reason is Reason.FUTURE_TIME
    watch = ways.quality.watches["air-1"]
    (finding,) = watch.findings
    assert (finding.check.value, finding.flag, finding.value) == ("clock", 4, -300.0)
    ways.process([up("air-1", START_NS + MINUTE_NS, pm25=20)], START_NS + MINUTE_NS)
    assert finding.until_ns == START_NS + MINUTE_NS


def test_a_wrong_clock_is_flagged_on_the_time() -> None:
    ways = pipeline([Device("air-1", "air")])
    flags = []
    for minute in range(6):
        at_ns = START_NS + minute * MINUTE_NS
        batch = ways.process([up("air-1", at_ns - 86_400 * SECOND_NS, pm25=20 + minute)], at_ns)
        flags.append(parse_line(batch.lines[0]).fields.get("time_qc"))
    assert flags == [None, None, None, 3, 3, 3]


def test_what_was_learned_survives_a_restart(tmp_path: Path) -> None:
    devices = stations(9)
    through, restarted = pipeline(devices), pipeline(devices)
    for ways in (through, restarted):
        play(ways, range(10), silent=set(), odd="air-01-4")
        play(ways, range(10, 80), silent={"air-01-2"}, odd="air-01-4")
    file = QualityFile.open(tmp_path / "quality.db")
    rows = [Row.of(watch, START_NS) for watch in restarted.quality.unsaved()]
    file.save(rows, restarted.quality.outages)
    assert list(restarted.quality.unsaved()) == []
    file.close()
    again = QualityFile.open(tmp_path / "quality.db")
    restarted = pipeline(devices)
    again.load(restarted.quality)
    for ways in (through, restarted):
        play(ways, range(80, 90), silent=set(), odd="air-01-4")
    assert _told(restarted.quality) == _told(through.quality)
    saved = again.device("air-01-4")
    assert saved is not None
    assert [one.check.value for one in saved.findings] == ["neighbours"]
    now_ns = START_NS + 80 * MINUTE_NS
    assert [one.device for one in again.noted(now_ns)] == ["air-01-2", "air-01-4"]
    assert again.device("air-01-99") is None
    again.close()


def _told(quality: Quality) -> dict[str, object]:
    return {
        name: (watch.dump(), [finding.dump() for finding in watch.findings])
        for name, watch in quality.watches.items()
    }


def test_another_version_s_file_is_learned_anew(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "quality.db") as other:
        other.execute("CREATE TABLE watch (device)")
        other.execute("PRAGMA user_version = 99")
    other.close()
    file = QualityFile.open(tmp_path / "quality.db")
    assert list(file.noted(0)) == []
    file.close()


def test_what_is_long_over_is_not_noted(tmp_path: Path) -> None:
    ways = pipeline([Device("air-1", "air")])
    ways.process([up("air-1", START_NS, pm25=-5)], START_NS)
    ways.process([up("air-1", START_NS + MINUTE_NS, pm25=20)], START_NS + MINUTE_NS)
    file = QualityFile.open(tmp_path / "quality.db")
    file.save([Row.of(watch, START_NS) for watch in ways.quality.unsaved()])
    assert [one.device for one in file.noted(START_NS + LASTS_NS)] == ["air-1"]
    assert list(file.noted(START_NS + LASTS_NS + 1)) == []
    file.close()


def test_a_file_of_version_1_is_kept(tmp_path: Path) -> None:
    ways = pipeline([Device("air-1", "air"), Device("air-2", "air")])
    ways.process([up("air-1", START_NS, pm25=-5), up("air-2", START_NS, pm25=20)], START_NS)
    file = QualityFile.open(tmp_path / "quality.db")
    file.save([Row.of(watch, START_NS) for watch in ways.quality.unsaved()])
    file.close()
    with sqlite3.connect(tmp_path / "quality.db") as older:
        older.execute("UPDATE watch SET noted = min(noted, 1)")
        older.execute("PRAGMA user_version = 1")
    older.close()
    file = QualityFile.open(tmp_path / "quality.db")
    assert [one.device for one in file.noted(START_NS)] == ["air-1"]
    assert file.device("air-2") is not None
    file.close()


def test_new_limits_of_a_device_count_from_then_on() -> None:
    ways = pipeline([Device("air-1", "air")])
    ways.process([up("air-1", START_NS, pm25=20)], START_NS)
    ways.update([Device("air-1", "air", attributes={"qc_suspect_pm25": "0:25"})])
    at_ns = START_NS + MINUTE_NS
    batch = ways.process([up("air-1", at_ns, pm25=26)], at_ns)
    assert parse_line(batch.lines[0]).fields["pm25_qc"] == 3
