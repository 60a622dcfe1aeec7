"""Dialects: one module opens the envelope of one network.

A new dialect is one module with the members of `Plain` or, where it needs something of the hub's
surroundings, of `Made`; and its line in the list here.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any, Final, Protocol

from ingest.dialects import (
    airgradient,
    chirpstack,
    esphome,
    native,
    ngsi,
    opendatacam,
    purpleair,
    senml,
    senml_cbor,
    sensorcommunity,
    sensorthings,
    shelly,
    sparkplug,
    tasmota,
    telraam,
    thethingsstack,
    zigbee2mqtt,
)
from ingest.outbox import Outbox
from ingest.types import Notice, Uplink

Opener = Callable[[str, bytes], Sequence[Uplink | Notice]]
"""Opens a payload that came on a topic; raises Rejected and nothing else, whatever the bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a dialect may need to know beside the message."""

    zone: tzinfo = UTC
    """Of the city: devices that write local time without an offset are read in it."""
    outbox: Outbox = field(default_factory=Outbox)
    clock: Callable[[], float] = time.time
    """Unix seconds, for what the hub itself has to say."""
    memory: dict[str, Any] = field(default_factory=dict)
    """What a dialect has to remember of earlier messages, by its name."""
    live: bool = True
    """False for messages of the past, tried again: they change no memory."""


class Dialect(Protocol):
    """What every dialect's module has."""

    @property
    def NAME(self) -> str:  # noqa: N802 - a constant of the module
        """As settings and models call it."""

    @property
    def SUMMARY(self) -> str:  # noqa: N802 - as NAME
        """A line for people."""

    @property
    def FILTERS(self) -> tuple[str, ...]:  # noqa: N802 - as NAME
        """MQTT topic filters that it owns; settings may lead more topics to it."""


class Plain(Dialect, Protocol):
    """A dialect whose messages say everything themselves."""

    def open_envelope(self, topic: str, payload: bytes) -> Sequence[Uplink | Notice]:
        """The uplinks of a message; raises Rejected and nothing else, whatever the bytes."""


class Made(Dialect, Protocol):
    """A dialect that needs to know its surroundings."""

    def make(self, surroundings: Surroundings) -> Opener:
        """Its opener in these surroundings."""


_PLAIN: Final[tuple[Plain, ...]] = (
    native,
    senml,
    senml_cbor,
    chirpstack,
    thethingsstack,
    zigbee2mqtt,
    esphome,
    shelly,
    sensorcommunity,
    airgradient,
    purpleair,
    telraam,
    opendatacam,
    sensorthings,
)
_MADE: Final[tuple[Made, ...]] = (tasmota, sparkplug, ngsi)

DIALECTS: Final[Mapping[str, Dialect]] = {module.NAME: module for module in (*_PLAIN, *_MADE)}
"""Every dialect by name."""


def make_openers(surroundings: Surroundings) -> Mapping[str, Opener]:
    """The opener of every dialect by its name."""
    return {
        **{module.NAME: module.open_envelope for module in _PLAIN},
        **{module.NAME: module.make(surroundings) for module in _MADE},
    }


SELF_NAMED: Final = frozenset(
    module.NAME
    for module in (
        senml,
        senml_cbor,
        chirpstack,
        thethingsstack,
        sensorcommunity,
        purpleair,
        telraam,
        ngsi,
        sensorthings,
    )
)
"""Dialects whose payloads name their device; of the others the topic does."""

_TOPIC_NAMED: Final = frozenset(
    module.NAME for module in (native, tasmota, zigbee2mqtt, shelly, airgradient, opendatacam)
)
PUSHED: Final = SELF_NAMED | _TOPIC_NAMED
"""Dialects that make sense without MQTT: device and payload say everything."""


def push_topic(dialect: str, device: str) -> str:
    """The topic that a payload of one of `PUSHED` would have come on, had it come over MQTT.

    A dialect's first filter, with the device (or any word, where the payload names it) in place
    of its wildcards: whatever happens to the message later, this topic leads to its dialect.
    """
    if dialect == native.NAME:
        return f"sensors/{device}/up"
    levels = DIALECTS[dialect].FILTERS[0].split("/")
    return "/".join(device if level in ("+", "#") else level for level in levels)
