"""What dashboards say of measurements is what the hub writes, and queries name nothing else."""

import re
from typing import Final

import pytest

from dashboards import measurements as read
from dashboards.site import Language
from gateway import telemetry
from ingest.derived import measurements as derived
from ingest.derived.aggregates import COMPLETE
from ingest.line import EXTRAS
from tests.dashboards.boards import EVERY, asked, asked_beside
from tests.dashboards.city import KINDS, City

COMPUTED: Final = {one.id: one for one in derived.measurements(KINDS)}
TOLD: Final = (read.DEVICE, read.LEDGER, read.HEALTH)


def fields_of(measurement: str) -> set[str]:
    """Everything that dashboards may ask a measurement for, without tags."""
    if measurement in read.FIELDS:
        return set(read.FIELDS[measurement])
    if measurement in COMPUTED:
        return set(COMPUTED[measurement].fields)
    kind = KINDS[measurement]
    return {*kind.fields, *(f"{name}_qc" for name in kind.fields), *EXTRAS}


def tags_of(measurement: str) -> set[str]:
    if measurement in read.TAGS:
        return set(read.TAGS[measurement])
    has_channels = measurement == read.TRAFFIC_SERVICE or any(
        kind.channel is not None and measurement in (kind.id, read.hours(kind), read.days(kind))
        for kind in KINDS.values()
    )
    return {"device", "area", *(["channel"] if has_channels else [])}


@pytest.mark.parametrize(("language", "name"), EVERY)
def test_queries_name_what_is_written(language: Language, name: str) -> None:
    for one in (*asked(language, name), *asked_beside(language, name)):
        (measurement,) = re.findall(r'FROM "(\w+)"', one.query)
        named = set(re.findall(r'"(\w+)"', re.sub(r'AS "\w+"', "", one.query))) - {measurement}
        given = set(re.findall(r'AS "(\w+)"', one.query))
        unknown = named - fields_of(measurement) - tags_of(measurement) - given
        assert not unknown, f"{one}: {measurement} has no {unknown}"


@pytest.mark.parametrize("measurement", TOLD)
def test_the_hub_writes_of_itself_what_is_declared(city: City, measurement: str) -> None:
    def names(what: str, column: str) -> set[str]:
        (series,) = city.ask(f'SHOW {what} KEYS FROM "{measurement}"')
        return {row[series["columns"].index(column)] for row in series["values"]}

    assert names("FIELD", "fieldKey") == set(read.FIELDS[measurement])
    assert names("TAG", "tagKey") == set(read.TAGS[measurement])


@pytest.mark.parametrize("measurement", sorted(read.FIELDS.keys() & COMPUTED.keys()))
def test_what_is_computed_is_called_as_declared(measurement: str) -> None:
    assert set(read.FIELDS[measurement]) <= set(COMPUTED[measurement].fields)


def test_the_names_are_the_hubs() -> None:
    assert read.FIELDS.keys() - COMPUTED.keys() == {*TOLD, read.INCIDENT}
    assert (read.DEVICE, read.LEDGER, read.HEALTH) == (
        telemetry.DEVICE,
        telemetry.LEDGER,
        telemetry.HEALTH,
    )
    assert (read.OUTCOMES, read.STATES) == (telemetry.OUTCOMES, telemetry.STATES)
    assert f'"completeness" >= {COMPLETE}' == read.COMPLETE
    for kind in KINDS.values():
        assert read.hours(kind) == derived.hours_of(kind).id
        assert read.days(kind) == derived.days_of(kind).id
