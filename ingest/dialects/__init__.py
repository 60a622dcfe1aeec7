"""Dialects: one module opens the envelope of one network.

A new dialect is one module with the members of `Dialect`, and its line in `_MODULES`.
"""

from collections.abc import Mapping
from typing import Final, Protocol

from ingest.dialects import chirpstack, native, senml, thethingsstack
from ingest.types import Uplink


class Dialect(Protocol):
    """What a dialect's module has."""

    @property
    def NAME(self) -> str:  # noqa: N802 - a constant of the module
        """As settings and models call it."""

    @property
    def SUMMARY(self) -> str:  # noqa: N802 - as NAME
        """A line for people."""

    @property
    def FILTERS(self) -> tuple[str, ...]:  # noqa: N802 - as NAME
        """MQTT topic filters that it owns; settings may lead more topics to it."""

    def open_envelope(self, topic: str, payload: bytes) -> list[Uplink]:
        """The uplinks of a message; raises Rejected and nothing else, whatever the bytes."""


_MODULES: Final[tuple[Dialect, ...]] = (native, senml, chirpstack, thethingsstack)

DIALECTS: Final[Mapping[str, Dialect]] = {module.NAME: module for module in _MODULES}
"""Every dialect by name."""
