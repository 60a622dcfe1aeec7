"""The door of a hub for the tests of this room."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.door import Door, opened_door


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    """A hub of real parts, and the folder of its data in the environment."""
    monkeypatch.setenv("KOTAHUB_DATA_DIR", str(tmp_path))
    with opened_door(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="package")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """One hub for all tests that change nothing behind its door."""
    with opened_door(tmp_path_factory.mktemp("calm")) as opened:
        yield opened
