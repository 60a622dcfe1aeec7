"""Whatever arrives, a dialect answers with uplinks or with a reason, and never in another way."""

import json
import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.device import Device
from devices.kind import load_kinds
from devices.model import load_models
from ingest.dialects import DIALECTS, Surroundings, make_openers
from ingest.pipeline import Pipeline
from ingest.types import Message, Notice, Reason, Rejected, Uplink

KINDS = load_kinds()
MODELS = load_models(None, KINDS)
TOPICS = {
    "native": "sensors/deli-01/up",
    "senml": "senml/x",
    "senml-cbor": "senml-cbor/x",
    "chirpstack": "application/a/device/b/event/up",
    "thethingsstack": "v3/a@b/devices/c/up",
    "tasmota": "tele/x/SENSOR",
    "zigbee2mqtt": "zigbee2mqtt/x",
    "esphome": "x/sensor/level/state",
    "shelly": "x/events/rpc",
    "sparkplug": "spBv1.0/a/DDATA/b/c",
    "sensorcommunity": "sensorcommunity/x",
    "airgradient": "airgradient/readings/x",
    "purpleair": "purpleair/x",
    "telraam": "telraam/x",
    "opendatacam": "opendatacam/x",
    "ngsi": "ngsi-ld/x",
    "sensorthings": "v1.1/Datastreams(x)/Observations",
}
NO_JSON = {"esphome", "senml-cbor", "sparkplug"}
NOTICING = {"shelly", "opendatacam"}
MEMBERS = [
    *("time", "seq", "level", "battery", "rssi", "distance", "value", "history", "timestamp"),
    *("bn", "bt", "bu", "bv", "bver", "n", "u", "v", "vs", "vb", "s", "t"),
    *("deviceInfo", "devEui", "object", "rxInfo", "fCnt"),
    *("end_device_ids", "dev_eui", "device_id", "uplink_message", "decoded_payload"),
    *("rx_metadata", "received_at", "f_cnt", "last_battery_percentage"),
    *("Time", "StatusSNS", "TempUnit", "PressureUnit", "Temperature", "Pressure"),
    *("last_seen", "state", "method", "params", "ts", "temperature:0", "devicepower:0"),
    *("esp8266id", "sensordatavalues", "value_type", "signal", "SensorId", "DateTime"),
    *("report", "segment_id", "interval", "date", "counterSummary", "dateStart", "dateEnd"),
    *("id", "type", "data", "dateObserved", "unitCode", "refDevice", "observedAt"),
    *("result", "phenomenonTime", "Datastream", "@iot.id", "components", "dataArray"),
]
NUMBERS = st.one_of(
    st.floats(),
    st.integers(),
    st.sampled_from([10**400, -(10**400), 2**64, 1e308, 5e-324]),
)
WORDS = ["NotifyStatus", "hourly", "F", "inHg", "GP", "2026-01-05T02:00:00", "2026/01/05T02:00:00z"]
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=8), st.sampled_from(WORDS))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(MEMBERS), st.text(max_size=4)), inner),
    ),
    max_leaves=24,
)
ENVELOPES = st.one_of(
    VALUES,
    st.lists(st.dictionaries(st.sampled_from(MEMBERS), VALUES, max_size=6), max_size=4),
    st.fixed_dictionaries(
        {
            "deviceInfo": st.fixed_dictionaries({"devEui": SCALARS}),
            "end_device_ids": st.fixed_dictionaries({"dev_eui": SCALARS, "device_id": SCALARS}),
        },
        optional={
            "object": VALUES,
            "rxInfo": VALUES,
            "time": VALUES,
            "fCnt": VALUES,
            "uplink_message": st.fixed_dictionaries({"decoded_payload": VALUES, "f_cnt": VALUES}),
        },
    ),
)


def opened(name: str, payload: bytes) -> Sequence[Uplink | Notice] | Reason:
    fault: Rejected | None = None
    found: Sequence[Uplink | Notice] = []
    try:
        found = make_openers(Surroundings())[name](TOPICS[name], payload)
    except Rejected as error:
        fault = error
    if fault is not None:
        assert len(fault.detail) < 500
        return fault.reason
    for item in found:
        assert isinstance(item.address, str)
        if isinstance(item, Uplink):
            for number in (item.battery, item.rssi):
                assert number is None or math.isfinite(number)
    return found


@pytest.mark.parametrize("name", DIALECTS)
@settings(deadline=None)
@given(payload=st.binary(max_size=200))
def test_any_bytes(name: str, payload: bytes) -> None:
    opened(name, payload)


@pytest.mark.parametrize("name", DIALECTS)
@settings(deadline=None)
@given(document=ENVELOPES)
def test_any_json(name: str, document: Any) -> None:
    opened(name, json.dumps(document).encode())


@pytest.mark.parametrize("name", DIALECTS)
@settings(deadline=None, max_examples=40)
@given(document=ENVELOPES, cut=st.integers(min_value=0, max_value=400))
def test_json_that_is_cut(name: str, document: Any, cut: int) -> None:
    opened(name, json.dumps(document).encode()[:cut])


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize(
    "payload",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 199 + b"]" * 199,
        b"[" + b"9" * 5000 + b"]",
        b'["\\ud800"]',
        b"\xef\xbb\xbf[]",
        b"[NaN, Infinity, -Infinity]",
        b"[" + b"{}," * 20_000 + b"{}]",
    ],
    ids=lambda payload: payload[:12].decode("utf-8", "replace"),
)
def test_hostile_json(name: str, payload: bytes) -> None:
    opened(name, payload)


@pytest.mark.parametrize("name", sorted({*DIALECTS} - NO_JSON))
def test_reasons_of_every_dialect(name: str) -> None:
    assert opened(name, b"") is Reason.EMPTY
    assert opened(name, b"  \n") is Reason.EMPTY
    assert opened(name, b"{") is Reason.NOT_JSON
    assert opened(name, b"[" * 300 + b"]" * 300) is Reason.WRONG_SHAPE
    assert opened(name, b"17") is Reason.WRONG_SHAPE


@settings(deadline=None)
@given(
    document=ENVELOPES,
    name=st.sampled_from(sorted(DIALECTS)),
    model=st.sampled_from([None, *MODELS]),
)
def test_the_whole_way_accounts_for_any_json(document: Any, name: str, model: str | None) -> None:
    kind = "flood" if model is None else MODELS[model].kind
    device = Device("deli-01", kind, model=model, address="x", attributes={"mount_height_m": "4"})
    pipeline = Pipeline(kinds=KINDS, models=MODELS, devices=[device])
    payload = json.dumps(document).encode()
    batch = pipeline.process([Message(TOPICS[name], payload)], 1_767_582_000_000_000_000)
    if name in NOTICING and not batch.messages:  # what the network says beside readings
        assert not batch.lines
        return
    assert batch.messages == 1
    assert batch.lines or batch.quarantined
    assert all(item.reason is not Reason.INTERNAL for item in batch.quarantined)
