"""Every key of a TOML text is found at its line."""

import string
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import devices
from devices.keylines import KeyLines

SHIPPED = sorted(Path(devices.__file__).parent.rglob("*.toml"))

TRICKY = '''\
# [not.a.table]
title = "a # no comment ] } = \\" still"
literal = 'C:\\'
[ table . "quoted.key" ]
text = """
fake = 1
[fake]
""\\""""
raw = \'\'\'
x = ]\'\'\'
dotted . inner = { a = 1, b.c = [ 1,
  2 ] }
list = [ # comment ]
  { color = "#fff" },

  { color = "}", of = [
    "]" ] },
]
[[many]]
name = 1
[[many]]
name = 2
[many.sub]
deep = 2021-01-01 07:00:00
[[many.rows]]
z = 0
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("literal",), 3),
        (("table", "quoted.key"), 4),
        (("table", "quoted.key", "text"), 5),
        (("table", "quoted.key", "raw"), 9),
        (("table", "quoted.key", "dotted"), 11),
        (("table", "quoted.key", "dotted", "inner", "a"), 11),
        (("table", "quoted.key", "dotted", "inner", "b", "c", 1), 12),
        (("table", "quoted.key", "list"), 13),
        (("table", "quoted.key", "list", 0, "color"), 14),
        (("table", "quoted.key", "list", 1, "color"), 16),
        (("many",), 19),
        (("many", 0, "name"), 20),
        (("many", 1, "name"), 22),
        (("many", 1, "sub", "deep"), 24),
        (("many", 1, "rows", 0, "z"), 26),
        (("many", 1, "missing"), 21),
        (("many", 0, "some-tag", "name"), 20),
        (("missing",), 1),
        ((), 1),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_keys_stand_where_a_reader_sees_them(
    path: tuple[str | int, ...], line: int, ending: str
) -> None:
    text = TRICKY.replace("\n", ending)
    tomllib.loads(text)
    assert KeyLines(text).line(path) == line


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_every_key_of_the_shipped_files_is_on_its_line(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    lines, found = text.splitlines(), KeyLines(text)
    for path in leaves(tomllib.loads(text)):
        key = next(part for part in reversed(path) if isinstance(part, str))
        assert key in lines[found.line(path) - 1], path


def leaves(node: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, (*path, key))
    elif isinstance(node, list) and node and isinstance(node[0], dict):
        for index, value in enumerate(node):
            yield from leaves(value, (*path, index))
    else:
        yield path


KEYS = st.text(string.ascii_lowercase, min_size=1, max_size=3)
TEXTS = st.text("ab #[]{}=,'\"\\\n.", max_size=8)
VALUES = st.recursive(
    st.integers() | st.booleans() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, VALUES, max_size=5), st.integers(0, 2))
def test_any_text_that_tomllib_reads_is_scanned_as_it_reads_it(
    document: dict[str, Any], gap: int
) -> None:
    wanted: dict[tuple[str | int, ...], int] = {}
    text, line = "", 1
    for key, value in document.items():
        blank = "# note = [\n" * gap
        line += gap
        wanted[key,] = line
        written = f"{key} = {write(value, (key,), line, wanted)}\n"
        text += blank + written
        line += written.count("\n")
    assert tomllib.loads(text) == document
    found = KeyLines(text)
    assert {path: found.line(path) for path in wanted} == wanted


def write(
    value: Any, path: tuple[str | int, ...], line: int, wanted: dict[tuple[str | int, ...], int]
) -> str:
    """TOML of the value, an array element a line; notes where each key and element stands."""
    if isinstance(value, dict):
        parts: list[str] = []
        for key, inner in value.items():
            at = line + "".join(parts).count("\n")
            wanted[*path, key] = at
            parts.append(f"{key} = {write(inner, (*path, key), at, wanted)}")
        return "{ " + ", ".join(parts) + " }"
    if isinstance(value, list):
        text = "[\n"
        for index, inner in enumerate(value):
            at = line + text.count("\n")
            wanted[*path, index] = at
            text += f"  {write(inner, (*path, index), at, wanted)}, # ] }}\n"
        return text + "]"
    if isinstance(value, str):
        if "'" not in value and "\n" not in value:
            return f"'{value}'"
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"""\n{escaped}"""' if "\n" in value else f'"{escaped}"'
    return str(value).lower()
