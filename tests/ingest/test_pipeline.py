import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.device import Device
from devices.kind import load_kinds
from ingest.batch import Batch
from ingest.identity import IdentityWindow
from ingest.pipeline import Pipeline
from ingest.route import topic_matches
from ingest.types import Message, Reason

NOW = 1_764_000_000_000_000_000
KINDS = load_kinds()


def pipeline(*devices: Device, window: IdentityWindow | None = None) -> Pipeline:
    known = devices or (Device("air-1", "air", area="12.71.01"), Device("road-1", "traffic"))
    return Pipeline(kinds=KINDS, models={}, devices=known, window=window)


def up(payload: bytes, device: str = "air-1", token: int = 1, *, again: bool = False) -> Message:
    return Message(f"sensors/{device}/up", payload, token, again)


def one(batch: Batch) -> Reason:
    (item,) = batch.quarantined
    assert not batch.lines
    return item.reason


def test_a_reading_becomes_a_line() -> None:
    batch = pipeline().process([up(b'{"time":1764000000,"pm25":12}')], NOW)
    assert batch.lines == [
        b"air,area=12.71.01,device=air-1 pm25=12.0,pm25_qc=1 1764000000000000000"
    ]
    assert batch.accepted == {"air-1": 1}
    assert batch.messages == 1


def test_without_a_time_the_arrival_is_used_flagged_and_never_shared() -> None:
    batch = pipeline().process([up(b'{"pm25":12}', token=n) for n in (1, 2, 3)], NOW)
    stamps = [line.rpartition(b" ")[2] for line in batch.lines]
    assert [int(stamp) - NOW for stamp in stamps] == [0, 1, 2]
    assert all(b",time_qc=2 " in line for line in batch.lines)


def test_the_same_bytes_with_a_time_are_the_same_message() -> None:
    ways = pipeline()
    payload = b'{"time":1764000000,"pm25":12}'
    first = ways.process([up(payload, token=1), up(payload, token=2)], NOW)
    later = ways.process([up(payload, token=3)], NOW)
    assert (len(first.lines), first.duplicate, later.duplicate) == (1, {"air-1": 1}, {"air-1": 1})


def test_the_same_bytes_without_a_time_are_another_reading_unless_redelivered() -> None:
    ways = pipeline()
    ways.process([up(b'{"pm25":12}', token=7)], NOW)
    assert ways.process([up(b'{"pm25":12}', token=8)], NOW).accepted == {"air-1": 1}
    assert ways.process([up(b'{"pm25":12}', token=7)], NOW).accepted == {"air-1": 1}
    again = ways.process([up(b'{"pm25":12}', token=7, again=True)], NOW)
    assert again.duplicate == {"air-1": 1}


def test_a_restored_window_knows_what_came_before() -> None:
    first = pipeline().process([up(b'{"pm25":12}'), up(b"rubbish", token=2)], NOW)
    restored = pipeline(window=IdentityWindow(first.identities))
    batch = restored.process(
        [up(b'{"pm25":12}', again=True), up(b"rubbish", token=2, again=True)], NOW
    )
    assert batch.duplicate == {"air-1": 2}
    assert not batch.quarantined


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Reason.EMPTY),
        (b"rubbish", Reason.NOT_JSON),
        (b'{"pm25":', Reason.NOT_JSON),
        (b'\xff\xfe{"pm25":1}', Reason.NOT_JSON),
        (b"[" * 100_000, Reason.WRONG_SHAPE),
        (b'{"a":' * 20_000, Reason.WRONG_SHAPE),
        (b"12.5", Reason.WRONG_SHAPE),
        (b'"text"', Reason.WRONG_SHAPE),
        (b"null", Reason.WRONG_SHAPE),
        (b"[]", Reason.NO_METRIC),
        (b"{}", Reason.NO_METRIC),
        (b'{"volume":3}', Reason.NO_METRIC),
        (b'{"pm25":"12"}', Reason.WRONG_TYPE),
        (b'{"pm25":true}', Reason.WRONG_TYPE),
        (b'{"pm25":[1]}', Reason.WRONG_TYPE),
        (b'{"pm25":1,"seq":1.5}', Reason.WRONG_TYPE),
        (b'{"pm25":1,"battery":"full"}', Reason.WRONG_TYPE),
        (b'{"pm25":NaN}', Reason.NOT_FINITE),
        (b'{"pm25":-Infinity}', Reason.NOT_FINITE),
        (b'{"pm25":1e999}', Reason.NOT_FINITE),
        (b'{"pm25":1,"time":"soon"}', Reason.BAD_TIME),
        (b'{"pm25":1,"time":true}', Reason.BAD_TIME),
        (b'{"pm25":1,"time":4000000000}', Reason.FUTURE_TIME),
        (b'{"pm25":1,"x":"' + b"y" * 300_000 + b'"}', Reason.TOO_LARGE),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_bad_payloads_are_kept_byte_for_byte_with_a_reason(payload: bytes, reason: Reason) -> None:
    batch = pipeline().process([up(payload)], NOW)
    assert one(batch) is reason
    assert batch.quarantined[0].payload == payload
    assert batch.quarantined[0].device == "air-1"
    assert batch.messages == 1


@pytest.mark.parametrize(
    ("topic", "reason", "device"),
    [
        ("sensors/air-1/upp", Reason.WRONG_TOPIC, "air-1"),
        ("sensors/air-1", Reason.WRONG_TOPIC, "air-1"),
        ("sensors/air-1/up/more", Reason.WRONG_TOPIC, "air-1"),
        ("elsewhere", Reason.WRONG_TOPIC, "?"),
        ("$malformed", Reason.WRONG_TOPIC, "?"),
        ("sensors//up", Reason.BAD_DEVICE_ID, "?"),
        ("sensors/a b/up", Reason.BAD_DEVICE_ID, "?"),
        ("sensors/é1/up", Reason.BAD_DEVICE_ID, "?"),
        ("sensors/" + "a" * 65 + "/up", Reason.BAD_DEVICE_ID, "?"),
        ("sensors/nobody/up", Reason.UNREGISTERED, "nobody"),
        ("sensors/air-1/status", Reason.WRONG_SHAPE, "air-1"),
    ],
)
def test_topics_that_lead_nowhere(topic: str, reason: Reason, device: str) -> None:
    batch = pipeline().process([Message(topic, b'{"pm25":1}', 1)], NOW)
    assert one(batch) is reason
    assert batch.quarantined[0].device == device


def test_a_batch_keeps_its_good_elements_and_quarantines_just_the_bad() -> None:
    payload = b'[{"time":1764000000,"pm25":1}, {"pm25": "x" } ,{"time":1764000001,"pm25":2}]'
    batch = pipeline().process([up(payload)], NOW)
    assert len(batch.lines) == 2
    assert batch.sizes == [-2]
    (item,) = batch.quarantined
    assert (item.payload, item.reason) == (b'[{"pm25": "x" }]', Reason.WRONG_TYPE)
    assert (batch.messages, batch.accepted) == (1, {})


def test_a_whole_batch_counts_as_one_message() -> None:
    payload = b'[{"time":1764000000,"pm25":1},{"time":1764000001,"pm25":2}]'
    batch = pipeline().process([up(payload)], NOW)
    assert (len(batch.lines), batch.sizes, batch.accepted) == (2, [2], {"air-1": 1})


def test_elements_without_a_time_do_not_share_an_instant() -> None:
    batch = pipeline().process([up(b'[{"pm25":1},{"pm25":2}]'), up(b'{"pm25":3}', token=2)], NOW)
    assert len({line.rpartition(b" ")[2] for line in batch.lines}) == 3


def test_channels_are_tags_where_the_kind_has_them() -> None:
    batch = pipeline().process(
        [
            up(b'{"time":1764000000,"volume":4,"channel":"north"}', "road-1"),
            up(b'{"time":1764000000,"volume":4,"channel":2}', "road-1"),
            up(b'{"time":1764000000,"pm25":4,"channel":"north"}'),
        ],
        NOW,
    )
    assert batch.lines[0].startswith(b"traffic,channel=north,device=road-1 ")
    assert batch.lines[1].startswith(b"traffic,channel=2,device=road-1 ")
    assert batch.lines[2].startswith(b"air,area=12.71.01,device=air-1 ")
    assert batch.unknown == {("air-1", "channel"): 1}


def test_a_channel_of_odd_length_is_refused() -> None:
    payload = b'{"volume":4,"channel":"' + b"n" * 65 + b'"}'
    assert one(pipeline().process([up(payload, "road-1")], NOW)) is Reason.WRONG_TYPE


def test_unknown_members_are_counted_and_harm_nothing() -> None:
    payload = b'{"time":1764000000,"pm25":1,"mood":"fine","x":{"deep":[1]}}'
    batch = pipeline().process([up(payload)], NOW)
    assert batch.accepted == {"air-1": 1}
    assert batch.unknown == {("air-1", "mood"): 1, ("air-1", "x"): 1}


def test_status_is_presence_and_no_reading() -> None:
    batch = pipeline().process([Message("sensors/air-1/status", b"offline", 1)], NOW)
    assert batch.presence == {"air-1": (False, NOW)}
    assert batch.messages == 0


def test_what_the_hub_itself_says_to_devices_is_left_alone() -> None:
    assert pipeline().process([Message("sensors/air-1/down", b"reboot", 1)], NOW).empty


def test_a_device_that_is_registered_later_is_known_at_once() -> None:
    ways = pipeline()
    payload = b'{"time":1764000000,"pm25":1}'
    assert one(ways.process([up(payload, "new-1")], NOW)) is Reason.UNREGISTERED
    ways.update([Device("new-1", "air")])
    assert ways.knows("new-1")
    assert ways.reopen(up(payload, "new-1"), NOW).lines == [
        b"air,device=new-1 pm25=1.0,pm25_qc=1 1764000000000000000"
    ]


def test_a_retired_device_is_refused() -> None:
    ways = pipeline(Device("air-1", "air", status="retired"))
    assert one(ways.process([up(b'{"pm25":1}')], NOW)) is Reason.RETIRED


@given(st.binary(max_size=300), st.booleans())
def test_no_bytes_do_harm(payload: bytes, wrap: bool) -> None:  # noqa: FBT001 - drawn
    body = b'{"pm25":' + payload + b"}" if wrap else payload
    batch = pipeline().process([up(body), up(b'{"pm25":1}', token=2)], NOW)
    assert batch.messages == 2
    assert not any(item.reason is Reason.INTERNAL for item in batch.quarantined)
    assert all(b"\n" not in line for line in batch.lines)


json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["time", "seq", "pm25", "pm10", "battery", "channel", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(st.lists(json, min_size=1, max_size=4))
def test_no_json_does_harm_and_every_message_counts_once(values: list[object]) -> None:
    from json import dumps  # noqa: PLC0415 - writes NaN as devices do

    messages = [
        up(dumps(value).encode(), device, token=n)
        for n, value in enumerate(values)
        for device in ("air-1", "road-1", "ghost")
    ]
    batch = pipeline().process(messages, NOW)
    assert batch.messages == len(messages)
    assert sum(abs(size) for size in batch.sizes) == len(batch.lines)
    assert not any(item.reason is Reason.INTERNAL for item in batch.quarantined)


@pytest.mark.parametrize(
    ("topic_filter", "topic", "fits"),
    [
        ("a/+/c", "a/b/c", True),
        ("a/+/c", "a/b/d", False),
        ("a/#", "a/b/c", True),
        ("a/#", "a", True),
        ("a/+", "a", False),
        ("a/+", "a/b/c", False),
        ("#", "a/b", True),
        ("a", "a", True),
        ("a", "a/b", False),
    ],
)
def test_filters(topic_filter: str, topic: str, fits: bool) -> None:  # noqa: FBT001 - a table
    assert topic_matches(topic_filter, topic) is fits


def test_a_flooding_device_is_limited_and_harms_no_other() -> None:
    known = [Device("air-1", "air"), Device("road-1", "traffic")]
    ways = Pipeline(
        kinds=KINDS,
        models={},
        devices=known,
        device_rate_max_per_s=10,
        device_burst_max_messages=5,
    )
    flood = [up(b'{"pm25":%d}' % n, token=n) for n in range(1, 21)]
    batch = ways.process([*flood, up(b'{"volume":1}', "road-1", token=99)], NOW)
    assert batch.accepted == {"air-1": 5, "road-1": 1}
    assert {item.reason for item in batch.quarantined} == {Reason.RATE_LIMITED}
    assert len(batch.quarantined) == 15
    second = ways.process(
        [up(b'{"pm25":%d}' % n, token=100 + n) for n in range(9)], NOW + 500_000_000
    )
    assert second.accepted == {"air-1": 5}  # half a second at ten a second
    (item, *_) = batch.quarantined
    assert ways.reopen(Message(item.topic, item.payload), item.received_ns).fault is None


def test_a_clock_that_is_set_back_is_followed_and_a_small_step_is_not() -> None:
    ways = pipeline()

    def stamp(now_ns: int, token: int) -> int:
        (written,) = ways.process([up(b'{"pm25":1}', token=token)], now_ns).lines
        return int(written.rpartition(b" ")[2])

    assert stamp(NOW, 1) == NOW
    assert stamp(NOW - 1_000_000, 2) == NOW + 1
    assert stamp(NOW - 3_600_000_000_000, 3) == NOW - 3_600_000_000_000
    assert stamp(NOW + 5, 4) == NOW + 5
