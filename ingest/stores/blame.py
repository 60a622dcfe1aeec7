"""Finds the lines that InfluxDB's words speak of.

What InfluxDB 2.9.1 says to a write that holds bad points:

- 400, nothing is written, each line that it cannot parse is named:
  `unable to parse '<line>': <why>`, one a row.
- 422, field type conflict: `failure writing points to database: partial write: field type
  conflict: input field "<field>" on measurement "<kind>" is type <type>, already exists as type
  <type> dropped=<n>`. Only the first conflict is named; `dropped` counts the conflicts of one
  shard, and the answer comes as soon as one shard fails.
- 422, retention: `… partial write: dropped <n> points outside retention policy of duration <d> -
  oldest point <series> at <time> dropped because it violates a Retention Policy Lower Bound at
  <time>, newest point <series> at <time> dropped because … dropped=<n> for database: …`. It goes
  unsaid when a field type conflict is told.

So an unparsable line is known by name. For the others these are suspects only, and the store
asks the server again about just them.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ingest.stores.reading import epoch_ns

_UNPARSABLE: Final = "unable to parse '"
_DROPPED: Final = re.compile(r" dropped=(\d+)")
_CONFLICT: Final = re.compile(
    r'input field "(?P<field>[^"]*)" on measurement "(?P<kind>[^"]*)" is type (?P<type>[a-z]+)'
)
_RETENTION: Final = re.compile(
    r"newest point .* at (?P<newest>\S+Z) dropped because it violates a Retention Policy Lower"
)
_SPACE: Final = re.compile(rb"(?<!\\) ")
_WORDS_MAX: Final = 1000


def shorten(words: str) -> str:
    """Words as they are kept with a refused point: long ones without their middle."""
    return words if len(words) <= _WORDS_MAX else f"{words[:600]} … {words[-300:]}"


def dropped(words: str) -> int | None:
    """How many points the server says that it dropped."""
    found = _DROPPED.search(words)
    return int(found[1]) if found else None


def unparsable(words: str, lines: Sequence[bytes]) -> dict[int, str]:
    """Index of each line that is named as unparsable, with the words on it alone."""
    if not words.startswith(_UNPARSABLE):
        return {}
    indexes: dict[str, list[int]] = {}
    for index, line in enumerate(lines):
        indexes.setdefault(line.decode("utf-8", "replace"), []).append(index)
    found: dict[int, str] = {}
    for row in words.removeprefix(_UNPARSABLE).split(f"\n{_UNPARSABLE}"):
        # The line itself may hold "': ", so that it is looked for at each of them.
        for end in (match.start() for match in re.finditer("': ", row)):
            for index in indexes.get(row[:end], ()):
                found[index] = shorten(_UNPARSABLE + row)
    return found


def suspects(words: str, lines: Sequence[bytes]) -> list[int]:
    """Indexes of the lines that the words of a partial write fit."""
    if conflict := _CONFLICT.search(words):
        kind, field, kind_of_value = conflict["kind"], conflict["field"], conflict["type"]
        return [
            index
            for index, line in enumerate(lines)
            if any(
                name == field and _type(value) == kind_of_value
                for name, value in _fields(line, kind)
            )
        ]
    if retention := _RETENTION.search(words):
        newest = epoch_ns(retention["newest"])
        return [index for index, line in enumerate(lines) if time_of(line) <= newest]
    return []


def time_of(line: bytes) -> int:
    """The time of a line, 0 where none can be read."""
    stamp = line.rpartition(b" ")[2]
    return int(stamp) if re.fullmatch(rb"-?[0-9]{1,19}", stamp) else 0


def _fields(line: bytes, kind: str) -> Iterator[tuple[str, str]]:
    """Name and value of each field if the line is of this kind."""
    head, *rest = _SPACE.split(line, maxsplit=1)
    if rest and head.partition(b",")[0] == kind.encode():
        for pair in rest[0].rpartition(b" ")[0].decode("utf-8", "replace").split(","):
            name, _, value = pair.partition("=")
            yield name, value


def _type(value: str) -> str:
    """What InfluxDB calls the type of a field value."""
    if value.startswith('"'):
        return "string"
    if value[:1].lower() in ("t", "f"):
        return "boolean"
    return {"i": "integer", "u": "unsigned"}.get(value[-1:], "float")


def cut(part: list[int], lines: Sequence[bytes], words: str) -> list[list[int]]:
    """Where to ask again: what the words fit and what not, else the older and the newer half.

    By time, because whether a point conflicts depends on its shard. Nothing if all of the part
    is refused in these words.
    """
    fit = set(suspects(words, lines))
    if 0 < len(fit) < len(part):
        return [
            [index for at, index in enumerate(part) if at not in fit],
            [index for at, index in enumerate(part) if at in fit],
        ]
    if len(part) == 1 or dropped(words) == len(part):
        return []
    order = sorted(range(len(part)), key=lambda at: time_of(lines[at]))
    return halves([part[at] for at in order])


def halves(part: list[int]) -> list[list[int]]:
    """The second half, then the first, which is so written first: of like points the last wins."""
    middle = len(part) // 2
    return [part[middle:], part[:middle]]
