"""Who may import whom: rooms only downwards, and some libraries only in one place."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

HOUSE: Final = Path(__file__).parent.parent

MAY_IMPORT: Final[dict[str, tuple[str, ...]]] = {
    "devices": (),
    "alerts": ("devices",),
    "ingest": ("devices", "alerts.rules"),
    "dashboards": ("devices", "alerts"),
    "gateway": ("devices", "alerts", "ingest", "dashboards"),
}
"""Room to what it may import of ours, beside itself; a name covers what is under it."""

ONLY_UNDER: Final[dict[str, tuple[str, ...]]] = {
    "typer": ("gateway/",),
    "fastapi": ("gateway/",),
    "starlette": ("gateway/",),
    "uvicorn": ("gateway/",),
    "mqtt5": ("ingest/sources/mqtt",),
}
"""Library to the beginnings of the paths that may import it."""


class Import(NamedTuple):
    path: str
    line: int
    module: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} imports {self.module}"


def covers(name: str, module: str) -> bool:
    return module == name or module.startswith(f"{name}.")


def imports_of(source: str, path: str) -> Iterator[Import]:
    """Every module that a file imports, wherever in the file it does so.

    `from a import b` counts as `a.b`: b may be a module.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(path, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            # A relative import stays in the room as long as it does not climb out of its folder.
            depth = len(Path(path).parts) - 1
            if node.level > depth:
                yield Import(path, node.lineno, "." * node.level)
            elif node.level == 0:
                for alias in node.names:
                    yield Import(path, node.lineno, f"{node.module}.{alias.name}")


def is_upward(found: Import) -> bool:
    room = Path(found.path).parts[0]
    ours = (*MAY_IMPORT, "bench", "tests")
    if found.module.startswith("."):
        return True
    if not any(covers(name, found.module) for name in ours) or covers(room, found.module):
        return False
    return not any(covers(name, found.module) for name in MAY_IMPORT[room])


def is_misplaced(found: Import) -> bool:
    return any(
        covers(library, found.module) and not found.path.startswith(places)
        for library, places in ONLY_UNDER.items()
    )


@pytest.fixture(scope="module")
def imports() -> list[Import]:
    return [
        found
        for room in MAY_IMPORT
        for file in sorted((HOUSE / room).rglob("*.py"))
        for found in imports_of(file.read_text(encoding="utf-8"), str(file.relative_to(HOUSE)))
    ]


def test_rooms_import_only_downwards(imports: list[Import]) -> None:
    assert len(imports) > 100
    assert [str(found) for found in imports if is_upward(found)] == []


def test_libraries_stay_in_their_place(imports: list[Import]) -> None:
    assert [str(found) for found in imports if is_misplaced(found)] == []


@pytest.mark.parametrize(
    ("path", "source", "upward"),
    [
        ("devices/a.py", "import ingest.journal", True),
        ("devices/a.py", "def f():\n    from gateway import settings", True),
        ("devices/a.py", "import devices.kind, json, devices_of_others", False),
        ("devices/a.py", "from .kind import Kind", False),
        ("devices/a.py", "from .. import ingest", True),
        ("devices/a.py", "from tests import samples", True),
        ("alerts/a.py", "from ingest.types import Reading", True),
        ("ingest/a.py", "from alerts.rules import Rule", False),
        ("ingest/a.py", "from alerts import rules", False),
        ("ingest/a.py", "from alerts import delivery", True),
        ("ingest/stores/a.py", "from gateway.settings import Settings", True),
        ("dashboards/a.py", "from alerts.incidents import Incident", False),
        ("gateway/cli/a.py", "import alerts, ingest, dashboards, devices", False),
    ],
)
def test_the_check_itself_tells_up_from_down(path: str, source: str, *, upward: bool) -> None:
    assert any(map(is_upward, imports_of(source, path))) is upward


@pytest.mark.parametrize(
    ("path", "source", "misplaced"),
    [
        ("ingest/sources/mqtt.py", "import mqtt5", False),
        ("ingest/sources/mqtt_session.py", "from mqtt5 import read", False),
        ("ingest/pipeline.py", "from mqtt5 import read", True),
        ("ingest/api.py", "from fastapi.routing import APIRouter", True),
        ("gateway/api/app.py", "from fastapi import FastAPI", False),
        ("devices/cli.py", "import typer", True),
    ],
)
def test_the_check_itself_tells_places(path: str, source: str, *, misplaced: bool) -> None:
    assert any(map(is_misplaced, imports_of(source, path))) is misplaced
