"""Declarations: TOML files that a pydantic schema validates, with problems named by line and key.

Kinds, models, scenarios and a city's places are declared this way.
"""

import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from devices.errors import InvalidDeclarationError
from devices.keylines import KeyLines

_SYNTAX_AT = re.compile(r"^(?P<what>.*) \(at (?P<where>line \d+, column \d+|end of document)\)$")


class Declared(BaseModel):
    """Base of everything declared: no unknown keys, frozen, finite numbers only."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


D = TypeVar("D", bound=Declared)


def parse_declaration(schema: type[D], text: str, source: str) -> D:
    """A declaration from TOML text.

    Raises:
        InvalidDeclarationError: with one problem a line: `line N, key a.b: what is wrong`.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidDeclarationError(source, [_syntax_problem(str(error))]) from error
    try:
        return schema.model_validate(document)
    except ValidationError as error:
        lines = KeyLines(text)
        faults = error.errors(include_url=False)
        found = [(lines.line(_place(fault)), fault) for fault in faults]
        found.sort(key=lambda pair: pair[0])
        raise InvalidDeclarationError(
            source, [f"line {line}, key {_key(fault)}: {_what(fault)}" for line, fault in found]
        ) from error


def read_declaration(schema: type[D], path: Path) -> D:
    """A declaration from a file.

    Raises:
        InvalidDeclarationError: it cannot be read, is not UTF-8 or is wrong.
    """
    return parse_declaration(schema, read_text(path), str(path))


def attribute_problems(error: ValidationError) -> list[str]:
    """What is wrong with the attributes of a device, which have no file and so no lines."""
    problems = []
    for fault in error.errors(include_url=False):
        names = [part for part in fault["loc"] if isinstance(part, str)]
        problems.append(f"attribute {names[-1]}: {_what(fault)}" if names else _what(fault))
    return problems


def read_text(path: Path) -> str:
    """The text of a declaration.

    Raises:
        InvalidDeclarationError: it cannot be read or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        problem = f"line {line}: the file is not UTF-8; save it as UTF-8"
        raise InvalidDeclarationError(str(path), [problem]) from error
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
        raise InvalidDeclarationError(str(path), [problem]) from error


def key_problem(text: str, key: tuple[str | int, ...], what: str) -> str:
    """A problem of one key that the schema alone cannot see, in the same words."""
    return f"line {KeyLines(text).line(key)}, key {_dotted(key)}: {what}"


def _syntax_problem(said: str) -> str:
    match = _SYNTAX_AT.match(said)
    if match is None:
        return f"not TOML: {said}"
    return f"{match['where']}: not TOML: {match['what']}"


def _place(fault: ErrorDetails) -> tuple[str | int, ...]:
    """Where it is in the file; pydantic marks a wrong key of a table with a last '[key]'."""
    loc = fault["loc"]
    return loc[:-1] if loc and loc[-1] == "[key]" else loc


def _dotted(key: tuple[str | int, ...]) -> str:
    return ".".join(str(part) for part in key) or "(file)"


def _key(fault: ErrorDetails) -> str:
    return _dotted(_place(fault))


def _what(fault: ErrorDetails) -> str:
    given: Any = fault["input"]
    match fault["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return "is not a known key here"
        case "value_error":
            return str(fault["ctx"]["error"])
        case _ if isinstance(given, str | int | float):
            return f"{fault['msg']}, not {given!r}"
        case _:
            return fault["msg"]
