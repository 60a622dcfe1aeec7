"""The shapes that pass between the stages, from a source's message to a point in the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple, Protocol

from devices.errors import HubError


class Message(NamedTuple):
    """What a source hands over.

    `token` is what the source wants back to acknowledge it (None: nothing to acknowledge);
    `redelivered` says that the source may have handed it over before under the same token.
    """

    topic: str
    payload: bytes
    token: int | None = None
    redelivered: bool = False


class Acknowledge(Protocol):
    def __call__(self, tokens: Sequence[int], /) -> None: ...


class Reason(StrEnum):
    """Why a message stands in quarantine. The words for people are in `REASONS`."""

    NOT_JSON = "not_json"
    NOT_DECODABLE = "not_decodable"
    EMPTY = "empty"
    TOO_LARGE = "too_large"
    WRONG_SHAPE = "wrong_shape"
    WRONG_TYPE = "wrong_type"
    NOT_FINITE = "not_finite"
    NO_METRIC = "no_metric"
    BAD_TIME = "bad_time"
    FUTURE_TIME = "future_time"
    WRONG_TOPIC = "wrong_topic"
    BAD_DEVICE_ID = "bad_device_id"
    UNREGISTERED = "unregistered"
    RETIRED = "retired"
    RATE_LIMITED = "rate_limited"
    STORE_REJECTED = "store_rejected"
    MALFORMED_PACKET = "malformed_packet"
    INTERNAL = "internal"


REASONS: Final[Mapping[Reason, tuple[str, str]]] = {
    Reason.NOT_JSON: ("The payload is not valid JSON.", "Isi pesan bukan JSON yang sah."),
    Reason.NOT_DECODABLE: (
        "The payload's bytes are not what its dialect writes.",
        "Isi pesan tidak dapat diurai menurut dialeknya.",
    ),
    Reason.EMPTY: ("The payload is empty.", "Isi pesan kosong."),
    Reason.TOO_LARGE: (
        "The payload is larger than the hub accepts.",
        "Isi pesan melebihi ukuran yang diterima.",
    ),
    Reason.WRONG_SHAPE: (
        "The payload does not have the shape of its dialect.",
        "Bentuk isi pesan tidak sesuai dialeknya.",
    ),
    Reason.WRONG_TYPE: (
        "A member that must be a number is something else.",
        "Ada anggota yang seharusnya angka tetapi bukan.",
    ),
    Reason.NOT_FINITE: (
        "A number is NaN or infinite.",
        "Ada angka yang NaN atau tak hingga.",
    ),
    Reason.NO_METRIC: (
        "No metric of the device's kind is in the payload.",
        "Tidak ada besaran yang dikenal untuk jenis perangkat ini.",
    ),
    Reason.BAD_TIME: ("The time cannot be read.", "Waktu tidak dapat dibaca."),
    Reason.FUTURE_TIME: (
        "The time is more than five minutes in the future.",
        "Waktu lebih dari lima menit di masa depan.",
    ),
    Reason.WRONG_TOPIC: (
        "Nothing is expected on this topic.",
        "Tidak ada pesan yang diharapkan pada topik ini.",
    ),
    Reason.BAD_DEVICE_ID: (
        "The device id has characters that are not allowed.",
        "ID perangkat memuat karakter yang tidak diizinkan.",
    ),
    Reason.UNREGISTERED: (
        "The device is not registered; the message returns by itself when it is.",
        "Perangkat belum terdaftar; pesan diproses sendiri setelah terdaftar.",
    ),
    Reason.RETIRED: ("The device is retired.", "Perangkat sudah dinonaktifkan."),
    Reason.RATE_LIMITED: (
        "The device sends more messages than it may.",
        "Perangkat mengirim pesan melebihi batas.",
    ),
    Reason.STORE_REJECTED: (
        "The store refused the point; its own words are in the detail.",
        "Basis data menolak data; alasannya ada pada rincian.",
    ),
    Reason.MALFORMED_PACKET: (
        "The MQTT packet cannot be decoded.",
        "Paket MQTT tidak dapat dibaca.",
    ),
    Reason.INTERNAL: (
        "The hub failed on this message; please report it.",
        "Hub gagal memproses pesan ini; mohon laporkan.",
    ),
}


class Rejected(HubError):  # noqa: N818 - an outcome, not a fault of the hub
    """The message (or one element of its batch) goes to quarantine."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}" if detail else str(reason))


@dataclass(slots=True)
class Uplink:
    """One reading as a dialect takes it out of its envelope, before the device's model.

    `address` names the device as its network does: a device id, or a registered address.
    `values` is the decoded object: member names of the product (its model translates them) or,
    without a model, metrics of the kind. `time` is what the envelope says, not yet read:
    RFC 3339 text, Unix seconds or milliseconds, or None.
    """

    address: str
    values: Mapping[str, Any]
    time: str | float | None = None
    raw: bytes = b""
    """The bytes of this element alone, where the message is a batch; empty: the whole message."""
    age_s: float = 0.0
    """Where `time` is None: how long before its arrival the reading was made."""
    battery: float | None = None
    rssi: float | None = None
    seq: int | None = None
    fault: Rejected | None = None
    """Why this element of a batch is none, where the dialect can tell already."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a network says beside readings: that a device came or went, or nothing to be stored.

    A message of notices alone is neither a reading nor a fault: the ledger does not count it.
    """

    address: str = ""
    online: bool | None = None
