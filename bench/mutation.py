"""Makes broken messages out of good ones: bytes turned, cut and crossed, JSON bent out of shape."""

import json
import random
from collections.abc import Callable, Sequence
from typing import Any, Final

VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -0.0, 1, -1, 0.1, 1e308, -1e308, 5e-324, 10**18, 2**63, 2**64, 10**400),
    *(
        "",
        " ",
        "0",
        "nan",
        "1e999",
        "NaN",
        "-",
        "\x00",
        "ĳ",
        "\ud800",
        "a,b=c d",
        "line\nbreak",
        "\\",
    ),
    *("2026-01-05T03:00:00Z", "2026-01-05", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"),
    *(1_767_582_000, 1_767_582_000_000, 9_999_999_999_999, -62_135_596_800, 1e-300),
    *([], {}, [[]], [{}], {"": {}}, [None], {"a": [1, {"b": None}]}),
)
"""What a member may hold instead of what it should."""

TOKENS: Final = (
    *(b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 400, b"-0", b"\\ud800", b"\\u0000"),
    *(b"\xff\xfe", b"\xef\xbb\xbf", b"\xc0\x80", b"\xed\xa0\x80", b"\x00", b"\n", b",", b"=", b'"'),
    *(
        b"[" * 300,
        b"{" * 300,
        b"]" * 20,
        b'{"a":' * 250,
        b"\x80",
        b"\x7f\xff\xff\xff",
        b"\xff" * 10,
    ),
    *(b'"time":', b'"level":', b'"time":"', b"null", b"true"),
)
BYTES: Final = (0, 1, 0x20, 0x22, 0x2C, 0x30, 0x5B, 0x5C, 0x7B, 0x7F, 0x80, 0xC0, 0xFE, 0xFF)

Bend = Callable[["Mutator", bytearray], None]


class Mutator:
    """Everything comes from `rng`; `samples` are what is crossed with what."""

    def __init__(self, rng: random.Random, samples: Sequence[bytes]) -> None:
        self.rng = rng
        self._samples = samples

    def payload(self, sample: bytes) -> bytes:
        """A message like a sample, one to five steps away from it; more often JSON than not."""
        broken = sample
        for _ in range(self.rng.choice((0, 1, 1, 1, 2, 2, 4))):
            broken = self._bent_json(broken)
        if broken == sample or self.rng.random() < 0.3:
            broken = self.turned(broken)
        return broken

    def turned(self, sample: bytes) -> bytes:
        """Its bytes changed, without regard to what they mean."""
        broken = bytearray(sample)
        self.rng.choice(_TURNS)(self, broken)
        return bytes(broken)

    def place(self, broken: bytearray) -> int:
        return self.rng.randrange(len(broken) + 1)

    def part(self, broken: bytearray, most: int = 32) -> slice:
        start = self.place(broken)
        return slice(start, start + self.rng.randrange(1, most))

    def other(self) -> bytes:
        return self.rng.choice(self._samples)

    def _bent_json(self, sample: bytes) -> bytes:
        try:
            document = json.loads(sample)
        except (ValueError, RecursionError):
            return self.turned(sample)
        try:
            return json.dumps(self._bend(document)).encode()
        except (ValueError, RecursionError, OverflowError):
            return self.turned(sample)

    def _bend(self, document: Any) -> Any:
        """The document with one place changed, each place as likely as another at its depth."""
        rng = self.rng
        inside = isinstance(document, dict | list) and document
        if inside and rng.random() < 0.8:
            if isinstance(document, list):
                index = rng.randrange(len(document))
                return [*document[:index], self._bend(document[index]), *document[index + 1 :]]
            name = rng.choice(list(document))
            return document | {name: self._bend(document[name])}
        return rng.choice(_BENDS)(self, document)


def _deepened(mutator: "Mutator", document: Any) -> Any:
    for _ in range(mutator.rng.choice((1, 2, 10, 190, 260))):
        document = [document]
    return document


def _without_a_member(mutator: "Mutator", document: Any) -> Any:
    if not isinstance(document, dict) or not document:
        return None
    gone = mutator.rng.choice(list(document))
    return {name: value for name, value in document.items() if name != gone}


def _with_another_name(mutator: "Mutator", document: Any) -> Any:
    if not isinstance(document, dict) or not document:
        return str(document)
    old = mutator.rng.choice(list(document))
    new = mutator.rng.choice((*document, "", "time", "channel", "level", old * 40))
    return {new if name == old else name: value for name, value in document.items()}


def _many(mutator: "Mutator", document: Any) -> Any:
    return (document if isinstance(document, list) else [document]) * mutator.rng.randrange(2, 9)


def _moved(mutator: "Mutator", document: Any) -> Any:
    """A number a little or a lot off, anything else replaced."""
    if isinstance(document, bool) or not isinstance(document, int | float):
        return mutator.rng.choice(VALUES)
    return document * mutator.rng.choice((-1, 0.5, 10, 1000, 1e-9, 1e30)) + mutator.rng.random()


def _of_another_kind(mutator: "Mutator", _document: Any) -> Any:
    return mutator.rng.choice(VALUES)


_BENDS: Final = (
    *(_moved, _moved, _of_another_kind, _of_another_kind, _with_another_name),
    *(_without_a_member, _many, _deepened),
)


def _flip(mutator: Mutator, broken: bytearray) -> None:
    if broken:
        broken[mutator.rng.randrange(len(broken))] ^= 1 << mutator.rng.randrange(8)


def _overwrite(mutator: Mutator, broken: bytearray) -> None:
    if broken:
        broken[mutator.rng.randrange(len(broken))] = mutator.rng.choice(BYTES)


def _noise(mutator: Mutator, broken: bytearray) -> None:
    part = mutator.part(broken)
    broken[part] = mutator.rng.randbytes(part.stop - part.start)


def _insert(mutator: Mutator, broken: bytearray) -> None:
    at = mutator.place(broken)
    broken[at:at] = mutator.rng.choice(TOKENS)


def _replace(mutator: Mutator, broken: bytearray) -> None:
    broken[mutator.part(broken)] = mutator.rng.choice(TOKENS)


def _delete(mutator: Mutator, broken: bytearray) -> None:
    del broken[mutator.part(broken)]


def _cut(mutator: Mutator, broken: bytearray) -> None:
    del broken[mutator.place(broken) :]


def _repeat(mutator: Mutator, broken: bytearray) -> None:
    part = mutator.part(broken, 200)
    broken[part.start : part.start] = broken[part] * mutator.rng.randrange(1, 20)


def _cross(mutator: Mutator, broken: bytearray) -> None:
    other = bytearray(mutator.other())
    broken[mutator.place(broken) :] = other[mutator.place(other) :]


_TURNS: Final[tuple[Bend, ...]] = (
    *(_flip, _overwrite, _noise, _insert, _replace, _delete, _cut, _repeat, _cross),
)
