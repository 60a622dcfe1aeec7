"""Every direct dependency is locked, used, and explained; nothing else is imported."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HOUSE: Final = Path(__file__).parent.parent
PROJECT: Final = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))
ROOMS: Final = ("devices", "alerts", "ingest", "dashboards", "gateway")

BY_NAME_ONLY: Final = {
    "psycopg": "SQLAlchemy imports it for a postgresql+psycopg URL",
}
"""Dependencies that no file of ours imports, and who does."""


def requirements(*lists: list[str]) -> list[Requirement]:
    return [Requirement(text) for texts in lists for text in texts]


RUNTIME: Final = requirements(
    PROJECT["project"]["dependencies"],
    *PROJECT["project"].get("optional-dependencies", {}).values(),
)
DEVELOPMENT: Final = requirements(*PROJECT["dependency-groups"].values())


def pins(lock: str) -> dict[str, str]:
    """Version by package name of a lock file."""
    text = (HOUSE / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9.-]+)==([^ ;]+)", text, re.MULTILINE))


def imported(folder: Path) -> Iterator[str]:
    """Top-level names that a folder's files import."""
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.partition(".")[0]


def distributions(names: set[str]) -> set[str]:
    """The installed distributions that provide these third-party modules."""
    known = packages_distributions()
    ours = {*ROOMS, "mosquitto", "tests", "bench", *sys.stdlib_module_names}
    return {canonicalize_name(known[name][0]) for name in names - ours}


def explained() -> dict[str, str]:
    """Dependency to why, from README's table with these two columns."""
    rows: dict[str, str] = {}
    inside = False
    for line in (HOUSE / "README.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.lstrip().startswith("|"):
            inside = False
        elif [cell.lower() for cell in cells] == ["dependency", "why"]:
            inside = True
        elif inside and len(cells) == 2 and set(cells[0]) - set("-: "):
            for name in re.split(r"[,\s]+", cells[0].replace("`", "")):
                if name:
                    rows[canonicalize_name(name.partition("[")[0])] = cells[1]
    return rows


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_locks_satisfy_what_is_declared(lock: str) -> None:
    wanted = requirements(
        PROJECT["project"]["dependencies"], PROJECT["dependency-groups"]["build"]
    ) + (DEVELOPMENT if lock == "requirements-dev.txt" else [])
    locked = pins(lock)
    assert [
        str(one)
        for one in wanted
        if not one.specifier.contains(locked.get(canonicalize_name(one.name), "0"))
    ] == []


def test_both_locks_agree() -> None:
    development = pins("requirements-dev.txt")
    assert pins("requirements.txt").items() <= development.items()


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_every_pin_has_a_hash(lock: str) -> None:
    text = (HOUSE / lock).read_text(encoding="utf-8")
    bare = [
        block.partition(" ")[0]
        for block in re.split(r"\n(?=[a-z])", text)
        if re.match(r"[a-z0-9.-]+==", block) and "--hash=sha256:" not in block
    ]
    assert bare == []


def test_every_dependency_is_imported() -> None:
    used = distributions({name for room in ROOMS for name in imported(HOUSE / room)})
    declared = {canonicalize_name(one.name) for one in RUNTIME}
    assert declared - used - set(BY_NAME_ONLY) == set()
    assert set(BY_NAME_ONLY) <= declared - used, "imported now, or no longer declared"


def test_everything_imported_is_declared() -> None:
    used = distributions({name for room in ROOMS for name in imported(HOUSE / room)})
    assert used - {canonicalize_name(one.name) for one in RUNTIME} == set()


def test_everything_imported_by_tests_and_benches_is_declared() -> None:
    used = distributions({name for room in ("tests", "bench") for name in imported(HOUSE / room)})
    assert used - {canonicalize_name(one.name) for one in RUNTIME + DEVELOPMENT} == set()


def test_every_dependency_is_explained_in_the_readme() -> None:
    rows = explained()
    names = {canonicalize_name(one.name) for one in RUNTIME}
    assert names - {name for name, why in rows.items() if why} == set()
    assert set(rows) - names == set(), "explained, but no dependency (any more)"


def test_every_tool_of_development_is_named_in_the_readme() -> None:
    text = (HOUSE / "README.md").read_text(encoding="utf-8")
    assert {one.name for one in DEVELOPMENT if f"`{one.name}`" not in text} == set()
