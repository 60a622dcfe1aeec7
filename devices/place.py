"""Places: where a member stands in a payload, and how the number there is read."""

import tomllib
from collections.abc import Mapping
from functools import cached_property
from math import isfinite
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, Strict, model_validator

from devices.declaration import Declared
from devices.errors import HubError

Problem = Literal["wrong_type", "not_finite", "wrong_shape", "no_metric", "bad_time"]
Route = tuple[str, ...]

ABSENT: Final = object()
"""What is found where nothing is."""


class ModelError(HubError):
    """A payload that its model cannot read.

    Attributes:
        problem: what kind of problem, as the quarantine's reasons are called.
        detail: the member by its path, and what is wrong with it.
    """

    def __init__(self, problem: Problem, detail: str) -> None:
        self.problem = problem
        self.detail = detail
        super().__init__(detail)


def parse_path(text: str) -> Route:
    """The steps of a path, written as TOML writes a dotted key; a number steps into an array.

    Raises:
        ValueError: it is not such a path.
    """
    advice = f"{text!r} is no path: write a.b, and names with other signs in quotes: a.'PM2.5'"
    try:
        node: Any = tomllib.loads(f"{text} = 0")
    except tomllib.TOMLDecodeError as error:
        raise ValueError(advice) from error
    steps: list[str] = []
    while isinstance(node, dict) and len(node) == 1:
        ((step, node),) = node.items()
        steps.append(step)
    if not steps or node != 0:
        raise ValueError(advice)
    return tuple(steps)


def as_table(value: object) -> object:
    """`name = "a.b"` is short for `name = {path = "a.b"}`."""
    return {"path": value} if isinstance(value, str) else value


class Place(Declared):
    """Where a member stands: a path, or several of which the first that is there counts."""

    path: Annotated[str | tuple[str, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _paths_are_paths(self) -> Self:
        _ = self.routes
        return self

    @cached_property
    def routes(self) -> tuple[Route, ...]:
        paths = (self.path,) if isinstance(self.path, str) else self.path
        return tuple(parse_path(path) for path in paths)

    @cached_property
    def label(self) -> str:
        """The paths as an error names them."""
        return self.path if isinstance(self.path, str) else " or ".join(self.path)

    def find(self, values: object) -> Any:
        """The member; None where it or something on its way is null; `ABSENT` where it is not."""
        for route in self.routes:
            member = walk(values, route)
            if member is not ABSENT:
                return member
        return ABSENT


def walk(node: Any, route: Route) -> Any:
    for step in route:
        if isinstance(node, Mapping):
            node = node.get(step, ABSENT)
        elif isinstance(node, list) and step.isdecimal() and int(step) < len(node):
            node = node[int(step)]
        elif node is None:
            return None
        else:
            return ABSENT
    return node


class Moment(Place):
    """Where a time stands: RFC 3339 text, or a Unix number in `unit`."""

    unit: Literal["s", "ms"] = "s"

    def read(self, values: object) -> str | float | None:
        """The time as text or Unix seconds; None where there is none.

        Raises:
            ModelError: `bad_time`, where it is neither text nor number.
        """
        member = self.find(values)
        if member is ABSENT or member is None:
            return None
        if isinstance(member, bool) or not isinstance(member, str | int | float):
            raise ModelError("bad_time", f"{self.label} is {named(member)}, not a time")
        if isinstance(member, str) or self.unit == "s":
            return member
        try:
            return member / 1000
        except OverflowError as error:
            raise ModelError("bad_time", f"{self.label} is too large for a time") from error

    def required(self, values: object) -> str | float:
        """As `read`, where there must be one.

        Raises:
            ModelError: `bad_time`, also where it is missing.
        """
        time = self.read(values)
        if time is None:
            raise ModelError("bad_time", f"{self.label} is missing")
        return time


class Source(Place):
    """Where a number stands and how it becomes the wanted one: number * scale + offset.

    `sentinels` are numbers (as sent, before scale) or texts (any case) that mean "no value".
    `text` allows a number inside a string and names the unit that may follow it ("mm" for
    "2821 mm", "" for "2821").
    """

    scale: float = 1.0
    offset: float = 0.0
    sentinels: tuple[Annotated[float, Strict()] | str, ...] = ()
    text: str | None = None

    @cached_property
    def _none_numbers(self) -> frozenset[float]:
        return frozenset(item for item in self.sentinels if not isinstance(item, str))

    @cached_property
    def _none_texts(self) -> frozenset[str]:
        return frozenset(item.casefold() for item in self.sentinels if isinstance(item, str))

    def number(self, member: Any) -> float | None:
        """The number as sent; None for null and sentinels.

        Raises:
            ModelError: `wrong_type` or `not_finite`, naming the path.
        """
        if member is None:
            return None
        if isinstance(member, str):
            if member.strip().casefold() in self._none_texts:
                return None
            member = self._number_in(member)
        if isinstance(member, bool) or not isinstance(member, int | float):
            raise ModelError("wrong_type", f"{self.label} is {named(member)}, not a number")
        return None if member in self._none_numbers else self._finite(member)

    def _number_in(self, text: str) -> float:
        bare = text.strip().removesuffix(self.text or "").strip()
        if self.text is not None and bare.isascii() and "_" not in bare:
            try:
                return float(bare)
            except ValueError:
                pass
        unit = "" if not self.text else f" of {self.text}"
        raise ModelError(
            "wrong_type", f"{self.label} is the text {text[:40]!r}, not a number{unit}"
        )

    def _finite(self, number: float) -> float:
        try:
            number = float(number)
        except OverflowError:
            number = float("inf")
        if not isfinite(number):
            raise ModelError("not_finite", f"{self.label} is not a finite number")
        return number

    def scaled(self, number: float) -> float:
        """The number in the wanted unit."""
        if self.scale == 1.0 and self.offset == 0.0:
            return number
        return self._finite(tidy(number * self.scale + self.offset))

    def read(self, values: object) -> float | None:
        """The wanted number; None where the payload has none."""
        member = self.find(values)
        number = None if member is ABSENT else self.number(member)
        return None if number is None else self.scaled(number)


def tidy(number: float) -> float:
    """Twelve significant digits: finer than any sensor, and 4.2 - 2.821 stays 1.379."""
    return float(f"{number:.12g}")


def named(member: object) -> str:
    match member:
        case bool():
            return f"the boolean {str(member).lower()}"
        case str():
            return f"the text {member[:40]!r}"
        case Mapping():
            return "an object"
        case list():
            return "an array"
        case None:
            return "null"
        case _:
            return f"a {type(member).__name__}"
