"""SenML packs in CBOR (RFC 8428, section 6): as the JSON, with whole numbers for labels.

Numbers may be decimal fractions, which are read as what they mean.
"""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from io import BytesIO
from typing import Any, Final

import cbor2

from ingest.dialects.senml import open_pack
from ingest.types import Reason, Rejected, Uplink

NAME: Final = "senml-cbor"
SUMMARY: Final = "SenML in CBOR (RFC 8428); a device's address is the name before its metric"
FILTERS: Final[tuple[str, ...]] = ("senml-cbor/#",)

LABELS: Final[Mapping[int, str]] = {
    -1: "bver",
    -2: "bn",
    -3: "bt",
    -4: "bu",
    -5: "bv",
    -6: "bs",
    0: "n",
    1: "u",
    2: "v",
    3: "vs",
    4: "vb",
    5: "s",
    6: "t",
    7: "ut",
    8: "vd",
}
"""RFC 8428, table 4."""

DEPTH_MAX: Final = 16


def open_envelope(topic: str, payload: bytes) -> list[Uplink]:
    """The readings of a pack, in the order of their first records.

    Raises:
        Rejected: EMPTY, NOT_DECODABLE, WRONG_SHAPE, WRONG_TYPE, NOT_FINITE, TOO_LARGE.
    """
    del topic  # names are in the pack
    if not payload:
        raise Rejected(Reason.EMPTY)
    pack = _decoded(payload)
    return open_pack([_labelled(record) for record in pack] if isinstance(pack, list) else pack)


def _decoded(payload: bytes) -> Any:
    stream = BytesIO(payload)
    try:
        pack = cbor2.CBORDecoder(stream, max_depth=DEPTH_MAX).decode()
    except Exception as error:
        raise Rejected(Reason.NOT_DECODABLE, f"no CBOR: {error}"[:200]) from error
    if stream.tell() != len(payload):
        raise Rejected(
            Reason.NOT_DECODABLE, f"bytes follow the pack, which ends at {stream.tell()}"
        )
    return pack


def _labelled(record: Any) -> Any:
    """A record with the labels of JSON; a label that is none of the RFC's keeps its name."""
    if not isinstance(record, Mapping):
        return record
    return {
        LABELS.get(label, str(label)) if isinstance(label, int) else str(label): _plain(member)
        for label, member in record.items()
    }


def _plain(member: Any) -> Any:
    if not isinstance(member, Decimal | Fraction):
        return member
    try:
        return float(member)
    except (OverflowError, ValueError):
        return float("inf")
