"""The repository holds nothing of the machine that it was written on."""

import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

HOUSE: Final = Path(__file__).parent.parent

# Written in parts, so that this file does not hold what it forbids.
HOSTS: Final = (
    ("pypi", "org"),
    ("files", "pythonhosted", "org"),
    ("registry", "npmjs", "org"),
    ("index", "crates", "io"),
    ("static", "crates", "io"),
    ("proxy", "golang", "org"),
    ("sum", "golang", "org"),
    ("deb", "debian", "org"),
    ("security", "debian", "org"),
    ("repo1", "maven", "org"),
)
FOLDERS: Final = (("", "work", ""), ("", "root", ""), ("", "tmp", "w", ""), ("", "home", "[a-z]"))
FORBIDDEN: Final = re.compile(
    "|".join(
        [
            *(rf"{re.escape('.'.join(host))}\b" for host in HOSTS),
            *(rf"(?<![\w.~}}/*-]){'/'.join(folder)}" for folder in FOLDERS),
            r"--(?:extra-)?index-url[ =]|--find-links[ =]",
        ]
    ).encode()
)


def tracked() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=HOUSE, capture_output=True, check=True
    ).stdout
    return [HOUSE / name for name in listing.decode().split("\0") if name]


def test_no_file_names_a_registry_or_a_folder_of_somebodys_machine() -> None:
    files = [path for path in tracked() if path.is_file() and path != Path(__file__)]
    assert len(files) > 20
    found = [
        f"{path.relative_to(HOUSE)}:{number}: {match[0].decode()}"
        for path in files
        for number, line in enumerate(path.read_bytes().splitlines(), start=1)
        for match in FORBIDDEN.finditer(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "forbidden"),
    [
        ("see https://" + "pypi" + ".org/project/x", True),
        ("cd " + "/" + "work/main", True),
        ("cd " + "/" + "home/ani/kotahub", True),
        ("cd src/network/x", False),
        ("https://example.org/work/x", False),
        ("$HOME/.cache, /var/lib/kotahub, ~/work/x", False),
    ],
)
def test_the_check_itself_tells_them_apart(text: str, *, forbidden: bool) -> None:
    assert bool(FORBIDDEN.search(text.encode())) is forbidden
