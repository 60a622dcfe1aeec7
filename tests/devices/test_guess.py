from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.declaration import parse_declaration
from devices.guess import NothingGuessedError, guess_model
from devices.kind import load_kinds, parse_kind
from devices.model import Model, ModelError
from devices.synonym import CONVERSIONS, METRICS, UNITS, bare

KINDS = load_kinds()
HEIGHT = {"mount_height_m": "4.2"}

SAMPLES: list[tuple[str, dict[str, Any], str, dict[str, float | None]]] = [
    (
        "millimetres that cannot be metres",
        {"battery": 100, "distance": 2116, "position": "tilt"},
        "flood",
        {"distance": 2.116, "level": 2.084},
    ),
    ("a text with its unit", {"Distance": "2821 mm", "Bat": "3.6 V"}, "flood", {"distance": 2.821}),
    ("a text that is no value", {"distance": "No Sensor"}, "flood", {"distance": None}),
    (
        "an object with its unit",
        {"ts": 1767581990123, "data": {"waterLevel": {"value": 142, "unit": "cm"}, "batt": "97 %"}},
        "flood",
        {"level": 1.42},
    ),
    (
        "a unit in the name",
        {"level_m": 1.2, "flow_lps": 1200},
        "flood",
        {"level": 1.2, "flow": 1.2},
    ),
    (
        "objects of chips, a local time",
        {"Time": "2026-01-05T09:59:30", "SCD40": {"CarbonDioxide": 598, "Temperature": 27.9}},
        "air",
        {"temperature": 27.9},
    ),
    (
        "Fahrenheit",
        {"current_temp_f": 95, "current_humidity": 58, "pm2_5_atm": 21.4, "pm10_0_atm": 25},
        "air",
        {"temperature": 35.0, "humidity": 58.0, "pm25": 21.4, "pm10": 25.0},
    ),
    (
        "a dot in the name, and -1",
        {"PM2.5": 12, "PM10": -1, "wifi": -60, "co_mgm3": 0.9},
        "air",
        {"pm25": 12.0, "pm10": None, "co": 900.0},
    ),
    (
        "a colon in the name",
        {"temperature:0": {"tC": 28.7, "tF": 83.7}, "humidity:0": {"rh": 70}},
        "air",
        {"temperature": 28.7, "humidity": 70.0},
    ),
    (
        "km/h, Pa and a counter",
        {"rainfall_total": 12.4, "windSpeedKmh": 18, "wind_dir": 180, "Pressure": 100935},
        "weather",
        {"rain": None, "wind_speed": 5.0, "wind_direction": 180.0, "pressure": 1009.35},
    ),
    (
        "classes of vehicles",
        {"car": 3, "motorbike": 12, "truck": 1, "avg_speed": 31, "lane": "2"},
        "traffic",
        {"volume_lv": 3.0, "volume_mc": 12.0, "volume_hv": 1.0, "speed": 31.0},
    ),
    (
        "Indonesian names, numbers as texts",
        {"Suhu udara": "29.4", "kelembaban": "80"},
        "air",
        {"temperature": 29.4, "humidity": 80.0},
    ),
    (
        "NGSI-LD attributes",
        {"averageVehicleSpeed": 42, "intensity": 10, "id": "urn:x"},
        "traffic",
        {"speed": 42.0, "volume": 10.0},
    ),
    (
        "kelvins, and a percentage as a text",
        {"temp_k": 301.15, "rh": "71 %", "kPa": 1, "baro_kpa": 100.9},
        "air",
        {"temperature": 28.0, "humidity": 71.0, "pressure": 1009.0},
    ),
]


def proposed(values: dict[str, Any], kind: str | None = None) -> Model:
    guess = guess_model(values, KINDS, kind=kind)
    model = parse_declaration(Model, guess.toml, "guess")
    assert model.faults(KINDS) == []
    assert model.kind == guess.kind
    assert set(guess.metrics) <= set(model.produces)
    return model


@pytest.mark.parametrize(
    ("values", "kind", "metrics"),
    [sample[1:] for sample in SAMPLES],
    ids=[sample[0] for sample in SAMPLES],
)
def test_a_sample_is_read_by_what_it_proposes(
    values: dict[str, Any], kind: str, metrics: dict[str, float | None]
) -> None:
    model = proposed(values)
    assert model.kind == kind
    (reading,) = model.read(values, HEIGHT)
    assert metrics.items() <= reading.values.items()
    assert reading.unknown == ()


def test_time_charge_and_signal_stand_aside() -> None:
    sample = {"ts": 1767581990123, "meta": {"battery": 97, "rssi": -71}, "level": 1.2}
    (reading,) = proposed(sample).read(sample, {})
    assert (reading.time, reading.battery, reading.rssi) == (1767581990.123, 97.0, -71.0)
    assert proposed({"time": "2026-01-05T09:59:30+07:00", "level": 1}).time is not None
    assert proposed({"battery": 3.6, "level": 1}).battery is None  # volts
    assert proposed({"battery": 100, "level": 1}).battery is not None


def test_a_kind_that_is_known_narrows_the_guess() -> None:
    assert proposed({"temperature": 20, "humidity": 50}, kind="weather").kind == "weather"
    with pytest.raises(NothingGuessedError, match="metric of kind flood: it has temperature"):
        guess_model({"temperature": 20}, KINDS, kind="flood")


def test_nothing_is_guessed_of_names_that_nobody_knows() -> None:
    with pytest.raises(NothingGuessedError, match=r"it has x1, x2\. Write the model by hand"):
        guess_model({"x1": 1, "x2": True}, KINDS)
    with pytest.raises(NothingGuessedError, match="it has no members"):
        guess_model({}, KINDS)


def test_a_citys_own_kind_is_guessed_by_its_own_names() -> None:
    kind = parse_kind(
        """
id = "parking"
name = { en = "Parking", id = "Parkir" }
icon = "parking"
interval_s = 60
[metrics.free]
name = { en = "Free places", id = "Petak kosong" }
unit = "1"
symbol = ""
valid = [0, 5000]
play = { mean = 10 }
vocabulary = { observed_property = "https://example.org/free", ngsi_ld = "availableSpots" }
""",
        "parking.toml",
    )
    for name in ("free", "Free places", "petak_kosong", "availableSpots"):
        assert guess_model({name: 5}, {**KINDS, "parking": kind}).kind == "parking"


def test_what_was_guessed_is_said() -> None:
    toml = guess_model({"distance": 2116}, KINDS).toml
    assert "# 2116 cannot be m: taken as mm" in toml
    assert "# taken as m: check the unit" in guess_model({"level": 2}, KINDS).toml


def test_the_table_is_written_as_it_is_read() -> None:
    for name, synonyms in METRICS.items():
        assert any(name in kind.metrics for kind in KINDS.values()), name
        assert [bare(word) for word in synonyms] == list(synonyms)
    assert {unit for unit, _ in CONVERSIONS} <= set(UNITS)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(
            st.one_of(
                st.sampled_from(["pm25", "level", "unit", "value", "time", "temp_f", "battery"]),
                st.text(max_size=6),
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=10,
)


@settings(deadline=None, max_examples=300)
@given(values=st.dictionaries(st.one_of(st.sampled_from(["level", "d", "rh"]), st.text()), JSON))
def test_whatever_the_sample_the_proposal_is_right_toml(values: dict[str, Any]) -> None:
    try:
        model = proposed(values)
    except NothingGuessedError:
        return
    with suppress(ModelError):
        assert model.read(values, HEIGHT)
