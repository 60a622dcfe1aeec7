"""Every query of every dashboard, asked of a real InfluxDB that the hub filled."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import pytest

from dashboards.site import Language
from devices.device import Device
from tests.dashboards.boards import (
    EVERY,
    NAMES,
    SITE,
    Asked,
    asked,
    asked_beside,
    boards,
    panels,
    query_of,
    variables,
)
from tests.dashboards.city import KINDS, ODD_AREA, City, Values, interpolated

ALL: Final = ".*"
NOBODY: Final[Mapping[str, str]] = {
    "area": "99.99.99",
    "kind": "no_kind",
    "device": "no-such-device",
}

Row = tuple[frozenset[tuple[str, str]], int]
"""Tags and time."""


def answer(city: City, one: Asked, values: Values) -> dict[Row, list[Any]]:
    """The rows with a value."""
    stop = city.stop - one.shift
    query = interpolated(one.query, values, stop - one.length, stop, one.every)
    return {
        (frozenset(series.get("tags", {}).items()), row[0]): row[1:]
        for series in city.ask(query)
        for row in series["values"]
        if any(value is not None for value in row[1:])
    }


def devices_of(city: City, name: str) -> list[Device]:
    """Devices of the dashboard's kind; of all kinds where it has none of its own."""
    kind = name.removeprefix("sensor-")
    return city.of_kind(kind) if kind in KINDS else list(city.devices)


def choices(city: City, name: str) -> Iterator[dict[str, str]]:
    """The widest choices that a dashboard allows: all, or each device or area where one is."""
    known = variables(boards("en")[name])
    values = dict.fromkeys(known.keys() & NOBODY.keys(), ALL)
    single = [one for one in values if not known[one]["multi"]]
    if not single:
        yield values
        return
    (one,) = single
    told = {"device": "id", "area": "area"}[one]
    for value in sorted({getattr(device, told) or "" for device in devices_of(city, name)}):
        yield values | {one: value}


def believed(city: City, kind: str, metric: str, last: timedelta, *, good: bool) -> bool:
    """Whether the hub has values of a metric that quality control believes, or does not."""
    flags = (1, 2) if good else (3, 4)
    return any(
        metric in row.values and row.values.get(f"{metric}_qc") in flags
        for row in city.rows(kind, last)
    )


def stands(siaga: float) -> Callable[[City], bool]:
    """Whether a gauge stands in a level."""

    def found(city: City) -> bool:
        newest = {row.device: row for row in reversed(city.rows("flood_level", MINUTES))}
        return any(row.values.get("siaga") == siaga for row in newest.values())

    return found


MINUTES: Final = timedelta(minutes=15)
COUNTED: Final[Mapping[str, Callable[[City], bool]]] = {
    "Danger (siaga I)": stands(1),
    "Alert (siaga II)": stands(2),
    "Watch (siaga III)": stands(3),
}
"""What may be none, and then InfluxDB has no row; whether there is any, as the hub knows it."""


def expects_rows(city: City, one: Asked, english: str) -> bool:
    if english in COUNTED:
        return COUNTED[english](city)
    for kind in KINDS.values():
        for metric in kind.fields:
            if f'"{kind.id}"' in one.query and f'"{metric}_qc" >= 3' in one.query:
                return believed(city, kind.id, metric, one.length, good=False)
    return True


@pytest.mark.parametrize(("language", "name"), EVERY)
def test_every_query_finds_what_the_hub_wrote(city: City, language: Language, name: str) -> None:
    english = {panel["id"]: panel["title"] for panel in panels(boards("en")[name])}
    wrong = []
    for one in (*asked(language, name), *asked_beside(language, name)):
        title = english[one.panel["id"]] if one.panel else one.title
        found = any(answer(city, one, values) for values in choices(city, name))
        if found != expects_rows(city, one, title):
            wrong.append(f"{one}: {'rows' if found else 'no rows'}: {one.query}")
    assert wrong == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("variable", NOBODY)
def test_what_does_not_exist_finds_nothing(city: City, name: str, variable: str) -> None:
    for one in (*asked("en", name), *asked_beside("en", name)):
        if one.uses(variable):
            for values in choices(city, name):
                assert answer(city, one, {**values, variable: NOBODY[variable]}) == {}, str(one)


def parts(city: City, name: str, variable: str) -> tuple[str, Sequence[str], Sequence[str]]:
    """One value of a variable, several with it, and all the others."""
    devices = devices_of(city, name)
    told: dict[str, set[str]] = {
        "area": {device.area for device in devices if device.area},
        "device": {device.id for device in devices},
        "kind": set(KINDS),
    }
    values = sorted(told[variable])
    if ODD_AREA.code in values:  # the one that is not what a regex takes it for
        values = [ODD_AREA.code, *(value for value in values if value != ODD_AREA.code)]
    return values[0], values[:2], values[2:]


PARTED: Final = [
    (name, variable)
    for name in NAMES
    for variable, known in variables(boards("en")[name]).items()
    if variable in NOBODY and known["multi"]
]
"""Dashboards and their variables that take several values."""


@pytest.mark.parametrize(("name", "variable"), PARTED)
def test_one_and_several_find_their_part(city: City, name: str, variable: str) -> None:
    one, several, others = parts(city, name, variable)
    nowhere = {device.id for device in devices_of(city, name) if device.area is None}
    for query in (*asked("en", name), *asked_beside("en", name)):
        if not query.uses(variable):
            continue
        for values in choices(city, name):
            every = answer(city, query, values)
            first = answer(city, query, {**values, variable: one})
            some = answer(city, query, {**values, variable: several})
            rest = answer(city, query, {**values, variable: others})
            if not query.by:  # one number of all: it is there where one of its parts is
                assert bool(some or rest) == bool(every) or (every and nowhere), str(query)
                continue
            assert first.keys() <= some.keys() <= every.keys(), str(query)
            left = every.keys() - some.keys() - rest.keys()
            if "device" in query.by:
                assert {dict(tags)["device"] for tags, _ in left} <= nowhere, str(query)
            if variable in query.by:
                assert {dict(tags)[variable] for tags, _ in first} <= {one}, str(query)
                assert {dict(tags)[variable] for tags, _ in rest}.isdisjoint(several), str(query)


def test_a_device_without_a_place_is_among_all_and_in_no_area(city: City) -> None:
    ledger = query_of("hub-health", "Ledger by sensor")
    values = {"area": ALL, "kind": ALL, "device": "nowhere"}
    assert len(answer(city, ledger, values)) == 1
    somewhere = [area.code for area in SITE.areas]
    assert answer(city, ledger, {**values, "area": somewhere}) == {}
