"""Sources of metrics: one or several members of a payload, and the number that they come to."""

from collections.abc import Mapping
from math import fsum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, Strict, StrictBool, model_validator

from devices.place import ABSENT, Place, Source, as_table, tidy, walk

_TWO: Final = 2


class Unless(Place):
    """A member that makes another one worthless while it is one of `values` (texts in any case)."""

    values: Annotated[
        tuple[StrictBool | Annotated[float, Strict()] | str, ...], Field(min_length=1)
    ]

    def holds(self, payload: object) -> bool:
        member = self.find(payload)
        return any(_same(member, value) for value in self.values)


class MetricSource(Source):
    """A metric's source.

    Of several paths the first that is there counts, or with `combine` the mean or sum of all: the
    mean leaves out members without a value, a sum with such a one has none itself. Two members of
    a mean that lie further `apart` than both the number and the fraction of their mean have no
    mean: one of the two sensors lies, and nobody knows which.

    A `cumulative` number is a counter: the metric is its growth since the device's last payload.
    `wraps_at` is the number at which it goes on from 0.

    `mount` names a second metric, the height of the device's mount less this one: the level under
    a sensor that looks down.
    """

    combine: Literal["first", "mean", "sum"] = "first"
    apart: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0, lt=2)]] | None = None
    unless: Annotated[Unless | None, BeforeValidator(as_table)] = None
    cumulative: bool = False
    wraps_at: Annotated[float, Field(gt=0)] | None = None
    mount: str | None = None

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.cumulative and (self.offset or self.mount):
            raise ValueError("a cumulative counter has neither offset nor mount")
        if self.wraps_at is not None and not self.cumulative:
            raise ValueError("wraps_at is of a cumulative counter: add cumulative = true")
        if self.combine != "first" and len(self.routes) < _TWO:
            raise ValueError(f"a {self.combine} needs several paths: path = ['a', 'b']")
        if self.apart is not None and (self.combine != "mean" or len(self.routes) != _TWO):
            raise ValueError("apart is of a mean of two paths")
        return self

    def amount(self, payload: object) -> Any:
        """The number as sent; None where it has no value, `ABSENT` where nothing is there.

        Raises:
            ModelError: as `number`.
        """
        if self.combine == "first":
            member = self.find(payload)
            amount = ABSENT if member is ABSENT else self.number(member)
        else:
            amount = self._combined(payload)
        worthless = amount is not ABSENT and self.unless is not None and self.unless.holds(payload)
        return None if worthless else amount

    def _combined(self, payload: object) -> Any:
        found = [walk(payload, route) for route in self.routes]
        numbers = [self.number(member) for member in found if member is not ABSENT]
        if not numbers:
            return ABSENT
        known = [number for number in numbers if number is not None]
        if self.combine == "sum":
            return tidy(fsum(known)) if len(known) == len(numbers) else None
        if not known:
            return None
        mean = tidy(fsum(known) / len(known))
        return None if self._disagree(known, mean) else mean

    def _disagree(self, numbers: list[float], mean: float) -> bool:
        if self.apart is None:
            return False
        least, fraction = self.apart
        return max(numbers) - min(numbers) > max(least, fraction * abs(mean))


Sources = dict[str, Annotated[MetricSource, BeforeValidator(as_table)]]


class Growth:
    """Growth of counters: `previous` is only read, new totals are gathered in `totals`.

    Totals are kept by model, for another model of a device may count otherwise.
    """

    def __init__(self, model: str, previous: Mapping[str, float] | None) -> None:
        self._model = model
        self._previous = previous or {}
        self.totals: dict[str, float] = {}

    def of(self, total: float, channel: str | None, metric: str, wraps_at: float | None) -> Any:
        """Growth since the last payload; None for the first, and after a reset.

        A counter that wraps has grown over its end where that is less than half of its range.
        """
        key = f"{self._model}/{channel or ''}/{metric}"
        before = self._previous.get(key)
        self.totals[key] = total
        if before is None:
            return None
        if total >= before:
            return total - before
        if wraps_at is None:
            return None
        grown = total - before + wraps_at
        return grown if 0 <= grown < wraps_at / 2 else None


def measure(
    sources: Sources, values: object, height: float | None, growth: Growth, channel: str | None
) -> dict[str, float | None]:
    """The metrics that a payload names, in their own units.

    Raises:
        ModelError: a member cannot be read.
    """
    found: dict[str, float | None] = {}
    for name, source in sources.items():
        amount = source.amount(values)
        if amount is ABSENT:
            continue
        if amount is not None and source.cumulative:
            amount = growth.of(amount, channel, name, source.wraps_at)
        value = None if amount is None else source.scaled(amount)
        found[name] = value
        if source.mount is not None:
            # Without a height there is no level: shown as missing, so that somebody sets it.
            absent = value is None or height is None
            found[source.mount] = None if absent else tidy(height - value)  # type: ignore[operator]
    return found


def _same(member: object, value: bool | float | str) -> bool:  # noqa: FBT001 - one of many types
    if isinstance(member, str) and isinstance(value, str):
        return member.strip().casefold() == value.casefold()
    if isinstance(member, bool) or isinstance(value, bool):
        return member is value
    return not isinstance(member, str) and member == value
