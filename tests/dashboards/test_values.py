"""What dashboards show is what the hub knows: values, not only rows."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import timedelta
from statistics import mean
from typing import Any, Final

import pytest

from dashboards.drawing import STATE
from gateway.telemetry import OUTCOMES
from tests.dashboards.boards import Asked, asked_beside, panel, query_of, variables
from tests.dashboards.boards import boards as boards_in
from tests.dashboards.city import KINDS, REPAIRED, City, Values, interpolated

ALL: Final[Values] = {"area": ".*", "kind": ".*", "device": ".*"}
EXACT: Final = 1e-9


def table(city: City, one: Asked, values: Values = ALL) -> list[dict[str, Any]]:
    """The rows as Grafana's tables have them: tags, time and columns by name."""
    stop = city.stop - one.shift
    series = city.ask(interpolated(one.query, values, stop - one.length, stop, one.every))
    return [
        {**part.get("tags", {}), **dict(zip(part["columns"], row, strict=True))}
        for part in series
        for row in part["values"]
    ]


def number(city: City, one: Asked, values: Values = ALL) -> Any:
    """The one number of a tile; None where it has none."""
    rows = table(city, one, values)
    if not rows:
        return None
    (row,) = rows
    (value,) = (value for name, value in row.items() if name not in ("time", *one.by))
    return value


def newest(city: City, measurement: str, last: timedelta) -> dict[str, Mapping[str, float]]:
    """The values of the newest row of each device."""
    return {row.device: row.values for row in reversed(city.rows(measurement, last))}


def test_the_map_shows_every_device_in_its_state_and_place(city: City) -> None:
    rows = table(city, query_of("city-wall", "Sensors by state"))
    assert {row["device"]: row["state"] for row in rows} == city.known.states
    assert set(city.known.states.values()) == {code.value for code in STATE.codes}
    assert city.known.states[REPAIRED] == "maintenance"
    placed = {
        row["device"]: (row["latitude"], row["longitude"], row["area"] or None) for row in rows
    }
    assert placed == {one.id: (one.latitude, one.longitude, one.area) for one in city.devices}
    assert {row["device"]: row["name"] for row in rows} == {
        one.id: one.name or one.id for one in city.devices
    }
    silent = [row["since"] for row in rows if row["state"] == "silent" and row["since"]]
    hour_ago = city.stop.timestamp() * 1000 - 3_600_000
    assert all(since == pytest.approx(hour_ago, abs=180_000) for since in silent)


@pytest.mark.parametrize("state", [code.value for code in STATE.codes])
def test_states_are_counted(city: City, state: str) -> None:
    counts = Counter(city.known.states.values())
    (title,) = (code.name.en for code in STATE.codes if code.value == state)
    assert number(city, query_of("city-wall", title)) == counts[state] > 0
    area = next(one.area for one in city.devices if one.area and city.known.states[one.id] == state)
    here = Counter(city.known.states[one.id] for one in city.devices if one.area == area)
    found = number(city, query_of("kecamatan", title), {**ALL, "area": area})
    assert found == here[state]


def test_the_ledger_is_the_journals(city: City) -> None:
    rows = table(city, query_of("hub-health", "Ledger by sensor"))
    told = {row["device"]: tuple(row[name] for name in OUTCOMES) for row in rows}
    registered = {one.id for one in city.devices}
    assert told == {
        name: tuple(getattr(row, name) for name in OUTCOMES)
        for name, row in city.known.ledger.items()
        if name in registered
    }
    for received, *others in told.values():
        assert received == sum(others)
    for title, field in (("Pending", "pending"), ("Quarantined", "quarantined")):
        assert number(city, query_of("hub-health", title)) == getattr(city.known.totals, field)
    assert number(city, query_of("hub-health", "Quarantined")) > 0
    (row,) = table(city, query_of("hub-health", "Registered and reporting"))
    assert row["devices"] == len(city.devices)
    assert row["ok"] == Counter(city.known.states.values())["ok"]


def test_one_sensor_has_its_ledger_and_state(city: City) -> None:
    for device in city.devices:
        values = {**ALL, "device": device.id}
        state = number(city, query_of(f"sensor-{device.kind}", "State"), values)
        assert state == city.known.states[device.id]
        (row,) = table(city, query_of(f"sensor-{device.kind}", "Ledger"), values)
        assert row["received"] == city.known.ledger[device.id].received


def test_quarantine_is_counted_by_reason(city: City) -> None:
    rows = table(city, query_of("hub-health", "Quarantine by reason"))
    last = {row["reason"]: row["last"] for row in rows if row.get("last") is not None} or {
        row["reason"]: row["items"] for row in rows
    }
    assert last == dict(city.known.reasons)
    assert last


def test_ispu_of_an_area_is_that_of_its_worst_station(city: City) -> None:
    worst: dict[str, float] = {}
    hours = timedelta(hours=2)
    areas = {one.id: one.area or "" for one in city.of_kind("air")}
    for device, values in newest(city, "air_index", hours).items():
        if values["ispu_category"] > 0:
            worst[areas[device]] = max(worst.get(areas[device], 0.0), values["ispu"])
    rows = table(city, query_of("air", "ISPU by kecamatan"))
    assert {row["area"]: row["ispu"] for row in rows} == worst
    assert len(worst) > 2


@pytest.mark.parametrize(
    ("board", "title", "measurement", "minutes", "fields"),
    [
        (
            "city-wall",
            "Worst gauges",
            "flood_level",
            15,
            ("level", "siaga", "rise_m_per_h", "next_level_min"),
        ),
        ("city-wall", "Worst gauge", "flood_level", 15, ("siaga", "rise_m_per_h")),
        ("air", "Worst air", "air_index", 120, ("ispu", "aqi", "pm25_nowcast")),
        ("city-wall", "Worst air (ISPU)", "air_index", 120, ("ispu", "aqi")),
    ],
)
def test_the_worst_places_are_told_by_their_newest_row(
    city: City, *, board: str, title: str, measurement: str, minutes: int, fields: tuple[str, ...]
) -> None:
    rows = table(city, query_of(board, title))
    told = {row["device"]: {name: row[name] for name in fields} for row in rows}
    known = newest(city, measurement, timedelta(minutes=minutes))
    assert told == {
        device: {name: values.get(name) for name in fields} for device, values in known.items()
    }


def test_the_first_level_to_be_reached(city: City) -> None:
    known = newest(city, "flood_level", timedelta(minutes=15))
    left = [values["next_level_min"] for values in known.values() if "next_level_min" in values]
    found = number(city, query_of("flood", "Next level reached first in"))
    assert found == min(left, default=None)
    for device, values in known.items():
        tile = query_of("sensor-flood", "Next level in")
        assert number(city, tile, {"device": device}) == values.get("next_level_min")


def test_a_junction_stands_as_its_worst_direction(city: City) -> None:
    worst: dict[str, Mapping[str, float]] = {}
    for row in city.rows("traffic_service", timedelta(minutes=35)):
        if row.values["los"] > 0:
            known = worst.setdefault(row.device, row.values)
            worst[row.device] = max(known, row.values, key=lambda values: values["saturation"])
    fields = ("los", "saturation", "flow", "speed")
    rows = table(city, query_of("traffic", "Worst junctions"))
    assert {row["device"]: [row[name] for name in fields] for row in rows} == {
        device: [values.get(name) for name in fields] for device, values in worst.items()
    }
    assert worst
    directions: dict[str, list[Mapping[str, float]]] = defaultdict(list)
    seen = set()
    for row in city.rows("traffic_service", timedelta(minutes=45)):
        key = (row.device, row.channel)
        if row.values["los"] > 0 and key not in seen:
            seen.add(key)
            directions[row.device].append(row.values)
    for device, found in directions.items():
        tile = query_of("sensor-traffic", "Level of service")
        assert number(city, tile, {"device": device}) == max(values["los"] for values in found)


def test_a_district_sees_the_mean_of_its_believed_readings(city: City) -> None:
    for kind in KINDS.values():
        name, metric = next(iter(kind.metrics.items()))
        places: dict[str, list[float]] = defaultdict(list)
        areas = {one.id: one.area for one in city.devices}
        for row in city.rows(kind.id, timedelta(minutes=15)):
            area = areas[row.device]
            if area and name in row.values and row.values[f"{name}_qc"] <= 2:
                places[area].append(row.values[name])
        tile = query_of("kecamatan", metric.name.en, kind="stat")
        for area, values in places.items():
            found = number(city, tile, {"area": area})
            assert found == pytest.approx(mean(values), rel=EXACT)


def test_what_is_not_believed_is_in_no_line_but_a_dot(city: City) -> None:
    day = timedelta(days=1)
    for device in city.of_kind("air"):
        rows = [one for one in city.rows("air", day) if one.device == device.id]
        good = {
            one.time_ns: one.values["pm25"] for one in rows if one.values.get("pm25_qc", 9) <= 2
        }
        bad = {
            one.time_ns: one.values["pm25"] for one in rows if one.values.get("pm25_qc") in (3, 4)
        }
        lines, dots = (
            {
                row["time"]: row["pm25"]
                for row in table(city, query_of("sensor-air", "PM2.5", ref), {"device": device.id})
            }
            for ref in "AB"
        )
        assert lines == _by_minute(good, mean)
        assert dots == _by_minute(bad, max)


def _by_minute(values: Mapping[int, float], how: Any) -> Mapping[int, Any]:
    minutes: dict[int, list[float]] = defaultdict(list)
    for time_ns, value in values.items():
        minutes[time_ns // 60_000_000_000 * 60_000].append(value)
    return {minute: pytest.approx(how(found), rel=EXACT) for minute, found in minutes.items()}


def test_hours_are_the_hubs_roll_ups(city: City) -> None:
    for title, last, shift in (("This week", 7, 0), ("The week before", 7, 7)):
        hours: dict[int, float] = defaultdict(float)
        for row in city.rows("traffic_1h", timedelta(days=last + shift)):
            if row.values.get("volume_count"):
                hours[row.time_ns // 1_000_000] += row.values["volume_sum"]
        border = (city.stop - timedelta(days=shift)).timestamp() * 1000
        wanted = {
            at: value for at, value in hours.items() if border - last * 86_400_000 <= at <= border
        }
        rows = table(city, query_of("traffic", title))
        assert {row["time"]: row["volume"] for row in rows} == pytest.approx(wanted)
        assert wanted


def test_only_what_is_open_is_an_open_incident(city: City) -> None:
    assert number(city, query_of("city-wall", "Open incidents", kind="stat")) == 1
    rows = table(city, query_of("city-wall", "Open incidents", kind="table"))
    keep = panel("en", "city-wall", "Open incidents", "table")["transformations"][0]
    assert keep["id"] == "filterByValue"
    (rule,) = keep["options"]["filters"]
    assert rule["config"] == {"id": "equal", "options": {"value": 1}}
    assert sorted(row[rule["fieldName"]] for row in rows) == [0] * (len(KINDS) - 1) + [1]


@pytest.mark.parametrize("kind", KINDS)
def test_the_list_of_sensors_gives_ids_to_names(city: City, kind: str) -> None:
    device = variables(boards_in("en")[kind])["device"]
    query = interpolated(device["query"], {"area": ".*"}, city.stop, city.stop)
    pattern = re.compile(device["regex"].strip("/").replace("(?<", "(?P<"))
    told = {}
    for series in city.ask(query):
        ((_, label),) = series["values"]
        found = pattern.search(label)
        assert found
        told[found["value"]] = found["text"]
    assert told == {one.id: one.name or one.id for one in city.of_kind(kind)}


def test_incidents_are_marked_where_they_belong(city: City) -> None:
    def marked(name: str, device: str = ".*") -> set[str]:
        (marks,) = (one for one in asked_beside("en", name) if one.title == "Incidents")
        rows = table(city, marks, {**ALL, "device": device})
        return {row["title_en"].removeprefix("Too much ") for row in rows}

    assert marked("city-wall") == marked("hub-health") == set(KINDS)
    for kind in KINDS:
        *others, last = city.of_kind(kind)
        assert marked(kind) == marked(f"sensor-{kind}", last.id) == {kind}
        assert marked(f"sensor-{kind}", others[0].id) == set()
