"""Guesses: a model proposed from one sample of a payload, for an engineer to correct.

Members are known by their names (`devices/synonym.py` and the kinds' own names), units by their
names or by what alone makes a number possible. What was guessed is said in a comment beside it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from devices.errors import HubError
from devices.kind import Kind, Metric
from devices.synonym import (
    BATTERIES,
    CONVERSIONS,
    COUNTERS,
    METRICS,
    NOTHING,
    SIGNALS,
    TIMES,
    Conversion,
    bare,
    unit_of,
    words,
)

DEPTH_MAX: Final = 8
LEAVES_MAX: Final = 2000

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_NUMERAL: Final = re.compile(r"\s*(?P<number>[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*(?P<unit>\D*)")
_VALUE_NAMES: Final = ("value", "val", "v")
_MILLISECONDS_FROM: Final = 1e11
_CHARGE_MAX: Final = 100
_LARGEST: Final = 1e300
_PLAIN: Final = Conversion(1.0)


class NothingGuessedError(HubError):
    """No member of the sample is known by its name."""

    def __init__(self, names: list[str], kind: str | None) -> None:
        of = f"kind {kind}" if kind else "any kind"
        has = ", ".join(name[:40] for name in names[:12]) or "no members"
        super().__init__(
            f"No member of the sample looks like a metric of {of}: it has {has}. "
            "Write the model by hand: docs/models.md shows how"
        )


class Leaf(NamedTuple):
    """A member that is no object: its steps, its name, its number or text, its unit in the text.

    `unit` is what a sibling member calls `unit`, or what follows the number in its text.
    """

    route: tuple[str, ...]
    name: str
    value: Any
    text: bool
    unit: str | None


@dataclass(slots=True)
class Guess:
    """A proposed model: its TOML, which the schema accepts, and what it found."""

    kind: str
    toml: str
    metrics: dict[str, str] = field(default_factory=dict)
    """Path by metric."""


def guess_model(
    values: Mapping[str, Any],
    kinds: Mapping[str, Kind],
    *,
    kind: str | None = None,
    model_id: str = "my-sensor",
) -> Guess:
    """A model of the kind that knows most of the sample's members, or of the given one.

    Args:
        values: the decoded payload, as its dialect opened it.
        kinds: all that may be guessed.
        kind: one of them, where it is known.
        model_id: the proposed model's id, which its file is then called.

    Raises:
        NothingGuessedError: no member looks like a metric.
    """
    leaves = list(_leaves(values))
    wanted = [kinds[kind]] if kind is not None else list(kinds.values())
    found = {one.id: _matches(leaves, one) for one in wanted}
    best = max(found, key=lambda name: len(found[name]), default="")
    if not best or not found[best]:
        raise NothingGuessedError(list(values), kind)
    return _write(kinds[best], found[best], leaves, values, model_id)


def _leaves(
    node: Any, route: tuple[str, ...] = (), name: str = "", unit: str | None = None
) -> Iterator[Leaf]:
    if isinstance(node, Mapping) and len(route) < DEPTH_MAX:
        told = node.get("unit")
        for step, member in list(node.items())[:LEAVES_MAX]:
            own = name if step in _VALUE_NAMES and name else step
            yield from _leaves(member, (*route, step), own, told if isinstance(told, str) else None)
    elif isinstance(node, str):
        match = _NUMERAL.fullmatch(node)
        if match is None:
            yield Leaf(route, name, node, text=True, unit=None)
        else:
            after = match["unit"].strip() or None
            yield Leaf(route, name, float(match["number"]), text=True, unit=after or unit)
    elif isinstance(node, int | float) and not isinstance(node, bool) and abs(node) <= _LARGEST:
        yield Leaf(route, name, node, text=False, unit=unit)


def _matches(leaves: list[Leaf], kind: Kind) -> dict[str, Leaf]:
    """The leaf of each metric that has one; the least deep, and of these the first."""
    found: dict[str, Leaf] = {}
    for leaf in sorted(leaves, key=lambda leaf: len(leaf.route)):
        if not _writable(*leaf.route, str(leaf.value), leaf.unit or ""):
            continue
        if isinstance(leaf.value, str) and leaf.value.strip().casefold() not in NOTHING:
            continue
        name = _metric(leaf.name, kind)
        if name is not None and name not in found:
            found[name] = leaf
    return {name: found[name] for name in kind.metrics if name in found}


def _metric(name: str, kind: Kind) -> str | None:
    """The metric that a member's name means: all of it, or all but a unit or counter's word."""
    parts = words(name)
    kept = [part for part in parts if unit_of(part) is None and part not in COUNTERS]
    for spelled in (bare(name), "".join(kept), kept[-1] if kept else ""):
        if not spelled or spelled in TIMES | BATTERIES | SIGNALS:
            continue
        for metric_name, metric in kind.metrics.items():
            if spelled in _names(metric_name, metric):
                return metric_name
    return None


def _names(name: str, metric: Metric) -> set[str]:
    own = (name, metric.name.en, metric.name.id, metric.vocabulary.ngsi_ld)
    return {*map(bare, own), *METRICS.get(name, ())}


def _write(
    kind: Kind,
    found: Mapping[str, Leaf],
    leaves: list[Leaf],
    values: Mapping[str, Any],
    model_id: str,
) -> Guess:
    used = {leaf.route for leaf in found.values()}
    rest = [leaf for leaf in leaves if leaf.route not in used]
    head = [
        "# Proposed from one sample: correct it, then try it with",
        f"# kotahub models check {model_id}.toml",
        f"id = {_text(model_id)}",
        f"kind = {_text(kind.id)}",
        'vendor = "?"',
        'product = "?"',
        'source = "https://example.org" # where the payload is documented',
    ]
    known = {leaf.route[0] for leaf in found.values()}
    for key, leaf in _aside(rest):
        head.append(f"{key} = {_place(leaf, key)}")
        known.add(leaf.route[0])
    ignored = [name for name in values if name not in known and _writable(name)]
    if ignored:
        head.append(f"ignore = [{', '.join(map(_text, ignored))}] # known, and not wanted")
    body = ["", "[metrics]"]
    for name, leaf in found.items():
        body += _source(name, kind.metrics[name], leaf, kind, found)
    paths = {name: _path(leaf.route) for name, leaf in found.items()}
    return Guess(kind.id, "\n".join((*head, *body)) + "\n", paths)


def _aside(leaves: list[Leaf]) -> Iterator[tuple[str, Leaf]]:
    """The members that tell time, charge and signal, at most one of each."""
    told: set[str] = set()
    for leaf in sorted(leaves, key=lambda leaf: len(leaf.route)):
        name, number = bare(leaf.name), leaf.value
        is_number = not isinstance(number, str)
        if name in TIMES and (is_number is not leaf.text) and (is_number or _is_zoned(number)):
            key = "time"
        elif name in BATTERIES and is_number and 0 <= number <= _CHARGE_MAX and _is_charge(leaf):
            key = "battery"
        elif name in SIGNALS and is_number and number < 0:
            key = "rssi"
        else:
            continue
        if key not in told and _writable(*leaf.route):
            told.add(key)
            yield key, leaf


def _is_zoned(text: str) -> bool:
    """Whether it is a time that the hub can read: RFC 3339, with its offset."""
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _is_charge(leaf: Leaf) -> bool:
    """Not a battery's volts: they come with a unit, or with a fraction below 5."""
    volts = isinstance(leaf.value, float) and leaf.value < 5 and not leaf.value.is_integer()  # noqa: PLR2004 - volts of cells
    return leaf.unit in (None, "%") and not volts


def _place(leaf: Leaf, key: str) -> str:
    path = _text(_path(leaf.route))
    if key == "time":
        late = not isinstance(leaf.value, str) and leaf.value >= _MILLISECONDS_FROM
        return f'{{ path = {path}, unit = "ms" }}' if late else path
    return f"{{ path = {path}, text = {_text(leaf.unit or '')} }}" if leaf.text else path


def _source(
    name: str, metric: Metric, leaf: Leaf, kind: Kind, found: Mapping[str, Leaf]
) -> Iterator[str]:
    members, notes = [f"path = {_text(_path(leaf.route))}"], []
    if leaf.text:
        members.append(f"text = {_text(leaf.unit or '')}")
    if isinstance(leaf.value, str):
        members.append(f"sentinels = [{_text(leaf.value.strip())}]")
    elif leaf.value == -1 and metric.valid[0] >= 0:
        members.append("sentinels = [-1]")
        notes.append("-1 cannot be true: taken as no value; check the unit")
    else:
        conversion, note = _conversion(metric, leaf)
        notes += [note] if note else []
        if conversion.scale != 1:
            members.append(f"scale = {conversion.scale!r}")
        if conversion.offset:
            members.append(f"offset = {conversion.offset!r}")
        if COUNTERS & set(words(leaf.name)) and not conversion.offset:
            members.append("cumulative = true")
            notes.append("its name says that it only grows")
    if name == "distance" and "level" in kind.metrics and "level" not in found:
        members.append('mount = "level"')
        notes.append("the level needs the device's attribute mount_height_m")
    if notes:
        yield f"# {'; '.join(notes)}"
    yield f"{name} = {{ {', '.join(members)} }}"


def _conversion(metric: Metric, leaf: Leaf) -> tuple[Conversion, str]:
    """How the number becomes the metric's own unit, and why."""
    unit = unit_of(leaf.unit) if leaf.unit else None
    told = unit or next((one for word in words(leaf.name)[1:] if (one := unit_of(word))), None)
    if told is not None:
        conversion = CONVERSIONS.get((told, metric.unit))
        if conversion is not None:
            return conversion, f"from {told}"
        if told == metric.unit:
            return _PLAIN, ""
    low, high = metric.valid
    if low <= leaf.value <= high:
        others = any(own == metric.unit for _, own in CONVERSIONS)
        return _PLAIN, f"taken as {metric.symbol}: check the unit" if others else ""
    for (unit, own), conversion in CONVERSIONS.items():
        if own == metric.unit and low <= leaf.value * conversion.scale + conversion.offset <= high:
            return conversion, f"{leaf.value:g} cannot be {metric.symbol}: taken as {unit}"
    return _PLAIN, f"{leaf.value:g} cannot be {metric.symbol}: check the unit"


def _path(route: tuple[str, ...]) -> str:
    return ".".join(step if _BARE_KEY.fullmatch(step) else _quoted(step) for step in route)


def _quoted(step: str) -> str:
    plain = step.isprintable() and "'" not in step
    return f"'{step}'" if plain else _text(step)


def _text(text: str) -> str:
    """A TOML string."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _writable(*names: str) -> bool:
    """Whether TOML can hold the names: lone surrogates are in no file."""
    return not any("\ud800" <= character <= "\udfff" for name in names for character in name)
