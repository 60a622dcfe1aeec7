import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.dialects.native import ELEMENTS_MAX, open_envelope
from ingest.types import Reason, Rejected

SPACE = st.text(alphabet=" \t\r\n", max_size=3)
ELEMENTS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(parts=st.lists(st.tuples(ELEMENTS, SPACE, SPACE, st.booleans()), min_size=1, max_size=5))
def test_each_element_of_a_batch_keeps_its_own_bytes(
    parts: list[tuple[Any, str, str, bool]],
) -> None:
    written = [
        json.dumps(element, ensure_ascii=ascii_only, indent=1)
        for element, _, _, ascii_only in parts
    ]
    spaced = [
        before + text + after for text, (_, before, after, _) in zip(written, parts, strict=True)
    ]
    payload = ("[" + ",".join(spaced) + "]").encode()
    uplinks = open_envelope("sensors/deli-01/up", payload)
    assert [uplink.raw.decode() for uplink in uplinks] == written


def test_an_object_is_the_whole_message() -> None:
    (uplink,) = open_envelope(
        "sensors/deli-01/up", b'{"time": 5, "seq": 3, "level": 1, "rssi": -70}'
    )
    assert uplink.address == "deli-01"
    assert uplink.raw == b""
    assert uplink.time == 5
    assert uplink.seq == 3
    assert uplink.rssi == -70
    assert uplink.values["level"] == 1


def test_settings_may_lead_other_topics_here() -> None:
    (uplink,) = open_envelope("kota/medan/sensors/deli-01/up", b'{"level": 1}')
    assert uplink.address == "deli-01"


@pytest.mark.parametrize("topic", ["", "up", "/up", "sensors/deli-01", "sensors/deli-01/up/"])
def test_a_topic_without_a_device(topic: str) -> None:
    with pytest.raises(Rejected) as caught:
        open_envelope(topic, b'{"level": 1}')
    assert caught.value.reason is Reason.WRONG_TOPIC


@pytest.mark.parametrize("device", ["x", "-x", "a b", "a+b", "süd", "x" * 65])
def test_an_odd_device_id(device: str) -> None:
    with pytest.raises(Rejected) as caught:
        open_envelope(f"sensors/{device}/up", b'{"level": 1}')
    assert caught.value.reason is Reason.BAD_DEVICE_ID


def test_a_batch_has_a_bound() -> None:
    most = b"[" + b",".join([b'{"level":1}'] * ELEMENTS_MAX) + b"]"
    assert len(open_envelope("sensors/deli-01/up", most)) == ELEMENTS_MAX
    with pytest.raises(Rejected) as caught:
        open_envelope("sensors/deli-01/up", b"[{}," + most[1:])
    assert caught.value.reason is Reason.TOO_LARGE
