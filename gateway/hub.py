"""What the door needs of the hub behind it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from devices.kind import Kind
from devices.registry import Registry
from gateway.derived import Places
from gateway.settings import Settings
from ingest.batch import Batch
from ingest.journal import Journal
from ingest.quality import QualityFile
from ingest.stores import Store
from ingest.types import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """The opened parts of one hub; whoever opened them closes them.

    `broker_connected` and `last_error` tell of the source: whether messages can arrive now, and
    its last fault in words for an operator (None: none since it started).
    `local_key` has scope `read` while this process lives; it stands in `hub.json` for commands
    on the same machine.
    """

    settings: Settings
    kinds: Mapping[str, Kind]
    registry: Registry
    journal: Journal
    store: Store
    quality: QualityFile
    places: Places
    broker_connected: Callable[[], bool]
    last_error: Callable[[], str | None]
    local_key: str | None = None
    submit: Callable[[Sequence[Message]], Awaitable[Batch]] | None = None
    """Makes messages durable; None where this process has no ingest."""
