"""The hub's own payload: an object of metrics, or an array of such objects.

    {"time": <RFC 3339 or Unix s/ms, optional>, "seq": <int, optional>, "<metric>": number, …}

The device's id is the level of the topic before `/up`. What the members hold is checked by the
device's kind or model, so that each element of an array stands for itself.
"""

from collections.abc import Iterator
from json import JSONDecoder
from typing import Any, Final

from devices.device import DEVICE_ID
from ingest.envelope import count_of, json_name, number_of, read_json
from ingest.types import Reason, Rejected, Uplink

NAME: Final = "native"
SUMMARY: Final = "The hub's own payload on sensors/<device id>/up"
FILTERS: Final[tuple[str, ...]] = ()
"""None to add: `sensors/<device id>/up` leads here by itself."""

ELEMENTS_MAX: Final = 10_000
"""Readings in one message."""

# Numbers stay text: only the place of each element is wanted, and no number is then too long.
_SPANS: Final = JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
_BETWEEN: Final = " \t\r\n,"


def open_envelope(topic: str, payload: bytes) -> list[Uplink]:
    """One uplink for an object, one for each element of an array with that element's own bytes.

    Raises:
        Rejected: WRONG_TOPIC, BAD_DEVICE_ID, EMPTY, NOT_JSON, WRONG_SHAPE, NOT_FINITE, TOO_LARGE.
    """
    device = _device(topic)
    document = read_json(payload)
    if isinstance(document, dict):
        return [_uplink(device, document, b"")]
    if not isinstance(document, list):
        what = f"the payload is {json_name(document)}, not an object or an array of objects"
        raise Rejected(Reason.WRONG_SHAPE, what)
    if len(document) > ELEMENTS_MAX:
        what = f"{len(document)} readings in one message, the most is {ELEMENTS_MAX}"
        raise Rejected(Reason.TOO_LARGE, what)
    try:
        pairs = list(zip(document, _parts(payload.decode()), strict=True))
    except (ValueError, RecursionError) as error:  # two parsers that disagree: trust neither
        raise Rejected(Reason.NOT_JSON, str(error)[:200]) from error
    return [_uplink(device, element, raw) for element, raw in pairs]


def _device(topic: str) -> str:
    *_, device, last = ("", *topic.split("/"))
    if last != "up" or not device:
        raise Rejected(Reason.WRONG_TOPIC, f"{topic[:128]}: readings go to sensors/<device id>/up")
    if not DEVICE_ID.fullmatch(device):
        raise Rejected(Reason.BAD_DEVICE_ID, device[:128])
    return device


def _uplink(device: str, element: Any, raw: bytes) -> Uplink:
    if not isinstance(element, dict):
        what = f"an element is {json_name(element)}, not an object"
        return Uplink(device, {}, raw=raw, fault=Rejected(Reason.WRONG_SHAPE, what))
    return Uplink(
        device,
        element,
        time=element.get("time"),
        raw=raw,
        battery=number_of(element.get("battery")),
        rssi=number_of(element.get("rssi")),
        seq=count_of(element, "seq"),
    )


def _parts(text: str) -> Iterator[bytes]:
    """The exact bytes of each element of an array that is valid JSON."""
    place = text.index("[") + 1
    while True:
        while text[place] in _BETWEEN:
            place += 1
        if text[place] == "]":
            return
        _, end = _SPANS.raw_decode(text, place)
        yield text[place:end].encode()
        place = end
