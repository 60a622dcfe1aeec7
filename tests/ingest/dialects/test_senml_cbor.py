import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.dialects import senml
from ingest.dialects.senml_cbor import LABELS, open_envelope
from ingest.types import Reason, Rejected

CASES = Path(__file__).parents[2] / "cases" / "senml"
NUMBERS = {label: number for number, label in LABELS.items()}
JSON_PACKS = [path for path in sorted(CASES.glob("*/input.json")) if path.read_bytes()[:1] == b"["]


def in_cbor(pack: Any) -> bytes:
    return cbor2.dumps(
        [
            {NUMBERS.get(label, label): member for label, member in record.items()}
            if isinstance(record, dict)
            else record
            for record in pack
        ]
    )


def outcome(module: Any, payload: bytes) -> object:
    try:
        return module("senml/x", payload)
    except Rejected as fault:
        return fault.reason


@pytest.mark.parametrize("path", JSON_PACKS, ids=lambda path: path.parent.name)
def test_a_pack_means_the_same_in_both(path: Path) -> None:
    try:
        pack = json.loads(path.read_bytes())
    except ValueError:
        pytest.skip("no JSON on purpose")
    assert outcome(open_envelope, in_cbor(pack)) == outcome(senml.open_envelope, path.read_bytes())


def test_the_labels_are_those_of_the_rfc() -> None:
    assert LABELS[-2] == "bn"
    assert LABELS[2] == "v"
    assert sorted(LABELS) == list(range(-6, 9))


@pytest.mark.parametrize(
    ("number", "value"),
    [(Decimal("1.42"), 1.42), (2**70, float(2**70)), (-7, -7.0), (1.5, 1.5)],
)
def test_numbers_of_cbor(number: Any, value: float) -> None:
    (uplink,) = open_envelope("senml-cbor/x", cbor2.dumps([{0: "deli-02/level", 2: number}]))
    assert uplink.values == {"level": value}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Reason.EMPTY),
        (b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff", Reason.NOT_DECODABLE),
        (b"\x81" * 5000, Reason.NOT_DECODABLE),
        (b"\x80\x80", Reason.NOT_DECODABLE),
        (b"\x83\x01", Reason.NOT_DECODABLE),
        (b"\xd8\x23\x63(((", Reason.NOT_DECODABLE),
        (b"\xd8\x1c\x81\xd8\x1d\x00", Reason.WRONG_SHAPE),
        (b"\xa0", Reason.WRONG_SHAPE),
        (cbor2.dumps([{0: "deli-02/level", 2: Decimal("1e999")}]), Reason.NOT_FINITE),
        (cbor2.dumps([{0: "deli-02/level", 2: float("nan")}]), Reason.NOT_FINITE),
        (cbor2.dumps([{0: "deli-02/level", 2: "high"}]), Reason.WRONG_TYPE),
        (cbor2.dumps([{0: "deli-02/level", 2: 1, "x_": 1}]), Reason.WRONG_SHAPE),
    ],
)
def test_what_is_refused(payload: bytes, reason: Reason) -> None:
    assert outcome(open_envelope, payload) is reason


@given(data=st.binary(max_size=60))
def test_any_bytes_after_an_array(data: bytes) -> None:
    outcome(open_envelope, b"\x81\xa2\x00" + data)
