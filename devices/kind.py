"""Kinds: the one declaration of what is measured.

A kind is a TOML file. Validation, line protocol, quality control, dashboards, API, documentation
and simulator all read it, so that a city adds a quantity with one file and no Python.
Shipped kinds stand in `devices/kinds/`; a city's own in `<data folder>/kinds/`.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from devices.declaration import Declared, key_problem, parse_declaration, read_text
from devices.errors import InvalidDeclarationError

__all__ = [
    "NAME",
    "RESERVED",
    "SHIPPED",
    "Band",
    "Declared",
    "Drawing",
    "Kind",
    "Limits",
    "Metric",
    "Play",
    "Text",
    "Vocabulary",
    "check_kind",
    "load_kinds",
    "parse_kind",
    "read_kind",
]

SHIPPED = Path(__file__).parent / "kinds"

NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
"""Kind ids and metric names: they become measurement, table, field and column names."""

RESERVED = frozenset(
    {"time", "seq", "channel", "battery", "rssi", "device", "area", "kind", "id", "received_at"}
)
"""Members that every payload or row already has; no metric may take such a name."""


def _name(name: str) -> str:
    if not NAME.fullmatch(name) or name.endswith("_qc") or name in RESERVED:
        raise ValueError(
            f"'{name}' cannot be a name: lower-case letters, digits and _, at most 32, "
            f"not ending in _qc, none of {', '.join(sorted(RESERVED))}"
        )
    return name


def _rising(span: tuple[float, float]) -> tuple[float, float]:
    if span[0] >= span[1]:
        raise ValueError(f"a range rises: [{span[0]:g}, {span[1]:g}] does not")
    return span


Name = Annotated[str, AfterValidator(_name)]
Span = Annotated[tuple[float, float], AfterValidator(_rising)]


class Text(Declared):
    """The same words in the hub's two languages."""

    en: Annotated[str, Field(min_length=1)]
    id: Annotated[str, Field(min_length=1)]


class Limits(Declared):
    """QARTOD limits of a metric; a limit that is left out is not tested.

    Gross range fail is the metric's `valid`; everything here is in the metric's own unit.
    A spike is the smaller of the two steps to and from a value that stands out to one side;
    `rate_per_min` is the largest change a minute; a flat line stays within `flat_tolerance` for so
    many seconds, zeros apart where exempt. `neighbour_min` is the smallest difference from the
    stations around that can count as disagreement.
    """

    suspect: Span | None = None
    spike_suspect: Annotated[float, Field(gt=0)] | None = None
    spike_fail: Annotated[float, Field(gt=0)] | None = None
    rate_per_min: Annotated[float, Field(gt=0)] | None = None
    flat_tolerance: Annotated[float, Field(ge=0)] = 0.0
    flat_suspect_s: Annotated[float, Field(gt=0)] | None = None
    flat_fail_s: Annotated[float, Field(gt=0)] | None = None
    flat_zero_exempt: bool = False
    neighbour_min: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _suspect_before_fail(self) -> Self:
        for name, suspect, fail in (
            ("spike", self.spike_suspect, self.spike_fail),
            ("flat", self.flat_suspect_s, self.flat_fail_s),
        ):
            if suspect is not None and fail is not None and suspect >= fail:
                raise ValueError(f"{name}: suspect ({suspect:g}) comes before fail ({fail:g})")
        return self


class Band(Declared):
    """From `above` upwards the value is drawn in `color`; the first band has no `above`."""

    above: float | None = None
    color: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
    name: Text | None = None


def _stacked(bands: tuple[Band, ...]) -> tuple[Band, ...]:
    above = [band.above for band in bands[1:]]
    if bands and (bands[0].above is not None or None in above):
        raise ValueError("the first band has no 'above', every other band has one")
    edges = [edge for edge in above if edge is not None]
    if any(low >= high for low, high in pairwise(edges)):
        raise ValueError(f"'above' rises from band to band: {edges} does not")
    return bands


class Drawing(Declared):
    """How a value is drawn: decimals, colour bands, and the soft range of an axis."""

    decimals: Annotated[int, Field(ge=0, le=6)] = 1
    bands: Annotated[tuple[Band, ...], AfterValidator(_stacked)] = ()
    soft: Span | None = None


class Play(Declared):
    """How the simulator plays a metric.

    value(t) = mean + swing * cos(2 pi (hour - peak_hour) / 24) + gain * driver(t)
    + sum of factor * other metric (`of`) + noise * N(0,1), rounded to `step`, clipped to `valid`.

    A driver is a quantity of the simulated city, 0 when calm: `rain` (mm/h), `river` (m above
    normal at the place), `rush` (0..1), `pond` (m of street water). What the river drives is
    played by sensors at rivers only, what the pond drives by sensors in streets only.
    `jitter` spreads the mean between sensors (a fraction of it). `of` names metrics of the kind
    that are not played `of` others themselves. Without `step` a value has one digit more than
    is drawn.
    """

    mean: float
    swing: float = 0.0
    peak_hour: Annotated[float, Field(ge=0, lt=24)] = 14.0
    noise: Annotated[float, Field(ge=0)] = 0.0
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.0
    driver: Literal["rain", "river", "rush", "pond"] | None = None
    gain: float = 0.0
    of: Annotated[dict[str, float], Field(default_factory=dict)]
    step: Annotated[float, Field(gt=0)] | None = None


class Vocabulary(Declared):
    """Names of the metric in standard vocabularies.

    `observed_property` is the URI of the SensorThings ObservedProperty; `ngsi_ld` the attribute
    of the NGSI-LD entity.
    """

    observed_property: Annotated[str, Field(pattern=r"^https?://\S+$")]
    ngsi_ld: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]


class Metric(Declared):
    """One quantity of a kind.

    `unit` is UCUM (https://ucum.org); `symbol` is what people read; outside `valid` no such value
    can be true: it is stored and flagged 4.
    """

    name: Text
    unit: Annotated[str, Field(pattern=r"^[!-~]+$")]
    symbol: str
    valid: Span
    summary: Literal["mean", "sum", "direction"] = "mean"
    """What an hour or a day of it is: `sum` accumulates, as counts and rain do; a `direction` in
    degrees goes round at 360."""
    limits: Limits = Limits()
    drawing: Drawing = Drawing()
    play: Play
    vocabulary: Vocabulary

    @model_validator(mode="after")
    def _within_valid(self) -> Self:
        low, high = self.valid
        suspect = self.limits.suspect
        if suspect is not None and not (low <= suspect[0] and suspect[1] <= high):
            raise ValueError(
                f"limits.suspect [{suspect[0]:g}, {suspect[1]:g}] lies within "
                f"valid [{low:g}, {high:g}]"
            )
        if not self.play.of and not low <= self.play.mean <= high:
            raise ValueError(f"play.mean {self.play.mean:g} lies within valid [{low:g}, {high:g}]")
        return self


class Kind(Declared):
    """A measurement of the store and all that is known of its metrics."""

    id: Name
    name: Text
    icon: Annotated[str, Field(min_length=1)]
    """A Material Symbols name (https://fonts.google.com/icons)."""
    channel: Text | None = None
    """What a channel is (lane, direction) where one device tells of several."""
    channels: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Channels that the simulator plays and the dashboards offer first."""
    interval_s: Annotated[float, Field(gt=0)] = 60.0
    """How often such a sensor usually reports."""
    metrics: Annotated[dict[Name, Metric], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.channels and self.channel is None:
            raise ValueError("channels: say what a channel is with channel = {en = …, id = …}")
        for name, metric in self.metrics.items():
            for other in metric.play.of:
                if other not in self.metrics or self.metrics[other].play.of:
                    raise ValueError(
                        f"metrics.{name}.play.of: '{other}' is no metric of this kind that is "
                        "played by itself"
                    )
        attributes = [metric.vocabulary.ngsi_ld for metric in self.metrics.values()]
        if twice := {name for name in attributes if attributes.count(name) > 1}:
            raise ValueError(f"vocabulary.ngsi_ld comes twice: {', '.join(sorted(twice))}")
        return self

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """Metric names in declared order: the columns of the measurement."""
        return tuple(self.metrics)


def parse_kind(text: str, source: str) -> Kind:
    """A kind from TOML text.

    Raises:
        InvalidDeclarationError: with one problem a line, each naming line and key.
    """
    return parse_declaration(Kind, text, source)


def read_kind(path: Path) -> Kind:
    """A kind from its file, whose name is its id.

    Raises:
        InvalidDeclarationError: the file cannot be read, is wrong, or its name is not its id.
    """
    text = read_text(path)
    kind = parse_kind(text, str(path))
    if kind.id != path.stem:
        problem = key_problem(
            text, ("id",), f"'{kind.id}' is not the file's name: call the file {kind.id}.toml"
        )
        raise InvalidDeclarationError(str(path), [problem])
    return kind


def check_kind(path: Path) -> Kind:
    """A kind that is to be added to the shipped ones, from its file.

    Raises:
        InvalidDeclarationError: as `read_kind`, or a shipped kind has this id already.
    """
    kind = read_kind(path)
    shipped = SHIPPED / path.name
    if shipped.exists() and not shipped.samefile(path):
        problem = key_problem(
            read_text(path), ("id",), f"kind '{kind.id}' is shipped already: choose another id"
        )
        raise InvalidDeclarationError(str(path), [problem])
    return kind


def load_kinds(data_dir: Path | None = None) -> Mapping[str, Kind]:
    """The shipped kinds and those of the city's data folder, by id, in order of id.

    Raises:
        InvalidDeclarationError: a file is wrong, its name is not its id, or an id comes twice.
    """
    kinds = [read_kind(path) for path in SHIPPED.glob("*.toml")]
    if data_dir is not None:
        kinds += [check_kind(path) for path in sorted((data_dir / "kinds").glob("*.toml"))]
    return {kind.id: kind for kind in sorted(kinds, key=lambda kind: kind.id)}
