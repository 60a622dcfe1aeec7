"""What commands open for themselves, and close again."""

# ruff: noqa: PLC0415 - commands import when they run, so that `kotahub --help` is quick

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from devices.errors import HubError

if TYPE_CHECKING:
    from devices.registry import Registry
    from gateway.settings import Settings
    from ingest.journal import Journal
    from ingest.quality import QualityFile


class NoJournalError(HubError):
    """The data folder has no journal: a reader must not make one in the wrong place."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"There is no journal at {path}. Is KOTAHUB_DATA_DIR the hub's data folder, "
            "and has the hub run once? Start it with: kotahub run"
        )


@contextmanager
def opened_journal(settings: "Settings") -> Iterator["Journal"]:
    """The journal, whether the hub runs or not.

    Raises:
        NoJournalError: there is none.
    """
    from ingest.journal import Journal

    if not settings.journal_path.is_file():
        raise NoJournalError(str(settings.journal_path))
    with closing(
        Journal.open(settings.journal_path, max_bytes=settings.journal_max_bytes)
    ) as journal:
        yield journal


class NoQualityError(HubError):
    """The data folder has no quality.db."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"There is no {path}: quality control has not run there yet. Is KOTAHUB_DATA_DIR the "
            "hub's data folder? Start the hub with: kotahub run"
        )


@contextmanager
def opened_quality(settings: "Settings") -> Iterator["QualityFile"]:
    """What quality control knows, whether the hub runs or not.

    Raises:
        NoQualityError: nothing.
    """
    from ingest.quality import QualityFile

    if not settings.quality_path.is_file():
        raise NoQualityError(str(settings.quality_path))
    with closing(QualityFile.open(settings.quality_path)) as quality:
        yield quality


@contextmanager
def opened_registry(settings: "Settings") -> Iterator["Registry"]:
    """The registry of the settings."""
    from devices.registry import Registry

    with closing(Registry.open(settings.registry_url)) as registry:
        yield registry
