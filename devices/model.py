"""Models: how one product says what its kind measures.

A model is a TOML file: for each metric the place of its number in the decoded payload, and how
that number becomes the metric's own unit. A new product is one file and no Python. Shipped models
stand in `devices/models/`; a city's own in `<data folder>/models/`.
"""

import re
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, model_validator

from devices.declaration import Declared, key_problem, parse_declaration, read_text
from devices.errors import InvalidDeclarationError
from devices.kind import Kind, Limits
from devices.place import ABSENT, ModelError, Moment, Place, Source, as_table, named
from devices.source import Growth, Sources, measure

__all__ = [
    "MOUNT_HEIGHT",
    "SHIPPED",
    "Model",
    "ModelError",
    "ModelReading",
    "check_model",
    "load_models",
    "read_model",
]

SHIPPED: Final = Path(__file__).parent / "models"

MODEL_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,63}")

MOUNT_HEIGHT: Final = "mount_height_m"
"""Attribute of a device: metres from its gauge's zero (or the street) up to the sensor."""

CHANNEL_MAX: Final = 64
"""Characters of a channel's name; a longer one is cut."""

ENVELOPE: Final = frozenset({"time", "seq", "battery", "rssi"})
"""Members of the hub's own payload; they are never unknown."""

Key = tuple[str | int, ...]
Fault = tuple[Key, str]


@dataclass(slots=True)
class ModelReading:
    """Metrics of one channel at one instant, in the units of the kind.

    `time` is what the payload says, not yet read (RFC 3339 text or Unix seconds); None: the
    payload says nothing. A value of None is a metric that the payload names without a value.
    """

    channel: str | None
    time: str | float | None
    values: dict[str, float | None]
    battery: float | None = None
    rssi: float | None = None
    unknown: tuple[str, ...] = ()
    """Top-level members that the model does not know; on the first reading of a payload alone."""


class Series(Place):
    """An array of readings in one payload (a history sent late), each with its own time."""

    time: Annotated[Moment, BeforeValidator(as_table)]
    metrics: Annotated[Sources, Field(min_length=1)]

    @model_validator(mode="after")
    def _checks(self) -> Self:
        for name, source in self.metrics.items():
            if source.cumulative:
                raise ValueError(
                    f"{name}: a list comes late and out of order, so that a cumulative counter "
                    "in it has no growth: leave it out"
                )
        return self

    def items(self, values: Mapping[str, Any]) -> list[Any]:
        """The array's elements; none where it is absent or null.

        Raises:
            ModelError: `wrong_shape`, where it is no array.
        """
        member = self.find(values)
        if member is ABSENT or member is None:
            return []
        if not isinstance(member, list):
            raise ModelError("wrong_shape", f"{self.label} is {named(member)}, not an array")
        return member


class Model(Declared):
    """One product: where its payload says what.

    `metrics` are of the device itself, `channels` of its lanes or directions, `list` of earlier
    times. `ignore` names members that are known and not wanted (`*` stands for anything, `?` for
    one letter).
    """

    id: Annotated[str, Field(pattern=rf"^{MODEL_ID.pattern}$")]
    kind: str
    vendor: Annotated[str, Field(min_length=1)]
    product: Annotated[str, Field(min_length=1)]
    source: Annotated[str, Field(pattern=r"^https://")]
    """Where the product's payload is documented."""
    dialects: tuple[str, ...] = ()
    """Networks that this product is usually heard through; a hint for people."""
    time: Annotated[Moment | None, BeforeValidator(as_table)] = None
    battery: Annotated[Source | None, BeforeValidator(as_table)] = None
    """Charge left, in percent."""
    rssi: Annotated[Source | None, BeforeValidator(as_table)] = None
    """Signal strength, in dBm."""
    channel: Annotated[Place | None, BeforeValidator(as_table)] = None
    """Where the payload names the lane or direction that its `metrics` are of."""
    metrics: Sources = Field(default_factory=dict)
    channels: dict[str, Annotated[Sources, Field(min_length=1)]] = Field(default_factory=dict)
    series: Series | None = Field(default=None, alias="list")
    ignore: tuple[str, ...] = ()
    limits: dict[str, Limits] = Field(default_factory=dict)
    """Quality limits that differ from the kind's, by metric; what is left out stays the kind's."""

    @model_validator(mode="after")
    def _reads_something_once(self) -> Self:
        groups = list(self._all_sources())
        if not groups:
            raise ValueError("no metric: give at least one under metrics, channels or list")
        for sources in groups:
            for name, source in sources.items():
                if source.mount is not None and source.mount in sources:
                    raise ValueError(
                        f"'{source.mount}' comes from its own path and from the mount of {name}"
                    )
        return self

    def _all_sources(self) -> Iterator[Sources]:
        return (sources for _, sources in self.described())

    @cached_property
    def _groups(self) -> tuple[tuple[str | None, Sources], ...]:
        own: tuple[tuple[str | None, Sources], ...] = ((None, self.metrics),)
        return (*(own if self.metrics else ()), *self.channels.items())

    @cached_property
    def _known(self) -> frozenset[str]:
        places: list[Place | None] = [self.time, self.battery, self.rssi, self.series]
        places.append(self.channel)
        for _, sources in self._groups:
            places.extend(sources.values())
            places.extend(source.unless for source in sources.values())
        routes = [route for place in places if place is not None for route in place.routes]
        return ENVELOPE | {route[0] for route in routes} | set(self.ignore)

    @cached_property
    def _ignored(self) -> tuple[str, ...]:
        return tuple(name for name in self.ignore if {"*", "?"} & set(name))

    def described(self) -> tuple[tuple[str | None, Sources], ...]:
        """Channels with their metrics' sources; those of the list at last, without a channel."""
        return (*self._groups, *(((None, self.series.metrics),) if self.series else ()))

    @cached_property
    def produces(self) -> tuple[str, ...]:
        """Names of the metrics that the model can give, in declared order."""
        names: dict[str, None] = {}
        for sources in self._all_sources():
            for name, source in sources.items():
                names[name] = None
                if source.mount is not None:
                    names[source.mount] = None
        return tuple(names)

    def faults(self, kinds: Mapping[str, Kind]) -> list[Fault]:
        """What does not fit the kinds: keys, and what is wrong with each."""
        kind = kinds.get(self.kind)
        if kind is None:
            known = ", ".join(sorted(kinds))
            return [(("kind",), f"'{self.kind}' does not exist; known are {known}")]
        faults: list[Fault] = []
        if kind.channel is None:
            faults += [
                ((name,), f"devices of kind {kind.id} have no channels")
                for name, given in (("channel", self.channel), ("channels", self.channels))
                if given
            ]
        keyed: list[tuple[Key, Sources]] = [(("metrics",), self.metrics)]
        keyed += [(("channels", name), sources) for name, sources in self.channels.items()]
        if self.series is not None:
            keyed.append((("list", "metrics"), self.series.metrics))
        for key, sources in keyed:
            for name, source in sources.items():
                if name not in kind.metrics:
                    faults.append(((*key, name), f"kind {kind.id} has no such metric"))
                if source.mount is not None and source.mount not in kind.metrics:
                    what = f"kind {kind.id} has no metric '{source.mount}'"
                    faults.append(((*key, name, "mount"), what))
        faults += [
            (("limits", name), f"kind {kind.id} has no such metric")
            for name in self.limits
            if name not in kind.metrics
        ]
        return faults

    def read(
        self,
        values: Mapping[str, Any],
        attributes: Mapping[str, str],
        previous: MutableMapping[str, float] | None = None,
    ) -> list[ModelReading]:
        """The readings of one decoded payload: at least one.

        Args:
            values: the payload as its dialect opened it.
            attributes: the device's, for the height of its mount.
            previous: the device's last counter totals by model, channel and metric; changed in
                place when all of the payload could be read. None: counters give no value, which
                is right for a payload that comes again or is only tried.

        Raises:
            ModelError: and nothing else, whatever the payload holds.
        """
        growth = Growth(self.id, previous)
        time = None if self.time is None else self.time.read(values)
        height = _height(attributes)
        own = None if self.channel is None else self._channel(self.channel, values)
        readings = [
            ModelReading(channel or own, time, found)
            for channel, sources in self._groups
            if (found := measure(sources, values, height, growth, channel or own))
        ]
        if readings:
            readings[0].battery = None if self.battery is None else self.battery.read(values)
            readings[0].rssi = None if self.rssi is None else self.rssi.read(values)
        if self.series is not None:
            readings.extend(self._earlier(self.series, values, height, growth))
        if not readings:
            raise ModelError("no_metric", self._nothing(values))
        readings[0].unknown = self._unknown(values)
        if previous is not None:
            previous.update(growth.totals)
        return readings

    def _earlier(
        self,
        series: Series,
        values: Mapping[str, Any],
        height: float | None,
        growth: Growth,
    ) -> Iterator[ModelReading]:
        for place, item in enumerate(series.items(values)):
            try:
                time = series.time.required(item)
                found = measure(series.metrics, item, height, growth, None)
            except ModelError as error:
                where = f"{series.label}.{place}: {error.detail}"
                raise ModelError(error.problem, where) from error
            if found:
                yield ModelReading(None, time, found)

    @staticmethod
    def _channel(place: Place, values: Mapping[str, Any]) -> str | None:
        member = place.find(values)
        if member is ABSENT or member is None:
            return None
        if isinstance(member, bool) or not isinstance(member, str | int):
            raise ModelError("wrong_type", f"{place.label} is {named(member)}, not a channel")
        return str(member)[:CHANNEL_MAX]

    def _unknown(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(
            name
            for name in values
            if name not in self._known
            and not any(fnmatchcase(name, pattern) for pattern in self._ignored)
        )

    def _nothing(self, values: Mapping[str, Any]) -> str:
        wanted = [source.label for sources in self._all_sources() for source in sources.values()]
        has = ", ".join(str(name)[:40] for name in list(values)[:8]) or "no members"
        return f"{self.id} reads {', '.join(wanted[:8])}; the payload has {has}"


def _height(attributes: Mapping[str, str]) -> float | None:
    try:
        height = float(attributes.get(MOUNT_HEIGHT, ""))
    except ValueError:
        return None
    return height if isfinite(height) else None


def read_model(path: Path, kinds: Mapping[str, Kind]) -> Model:
    """A model from its file, whose name is its id, held against the kinds.

    Raises:
        InvalidDeclarationError: the file cannot be read or is wrong, its name is not its id, or
            it does not fit its kind.
    """
    text = read_text(path)
    model = parse_declaration(Model, text, str(path))
    faults = model.faults(kinds)
    if model.id != path.stem:
        what = f"'{model.id}' is not the file's name: call the file {model.id}.toml"
        faults.insert(0, (("id",), what))
    if faults:
        raise InvalidDeclarationError(str(path), [key_problem(text, *fault) for fault in faults])
    return model


def check_model(path: Path, kinds: Mapping[str, Kind]) -> Model:
    """A model that is to be added to the shipped ones, from its file.

    Raises:
        InvalidDeclarationError: as `read_model`, or a shipped model has this id already.
    """
    model = read_model(path, kinds)
    shipped = SHIPPED / path.name
    if shipped.exists() and not shipped.samefile(path):
        what = f"model '{model.id}' is shipped already: choose another id"
        raise InvalidDeclarationError(str(path), [key_problem(read_text(path), ("id",), what)])
    return model


def load_models(data_dir: Path | None, kinds: Mapping[str, Kind]) -> Mapping[str, Model]:
    """The shipped models and those of the city's data folder, by id, in order of id.

    Raises:
        InvalidDeclarationError: a file is wrong, its name is not its id, or an id comes twice.
    """
    models = [read_model(path, kinds) for path in SHIPPED.glob("*.toml")]
    if data_dir is not None:
        models += [
            check_model(path, kinds) for path in sorted((data_dir / "models").glob("*.toml"))
        ]
    return {model.id: model for model in sorted(models, key=lambda model: model.id)}
