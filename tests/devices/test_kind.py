"""Kinds: the shipped ones are what the plan names, wrong ones are named by line and key."""

import re
from pathlib import Path

import pytest

from devices.errors import InvalidDeclarationError
from devices.kind import SHIPPED, check_kind, load_kinds, parse_kind, read_kind

CONTRACT = {
    "air": "pm25 pm10 no2 so2 o3 co temperature humidity pressure noise",
    "flood": "level depth distance flow",
    "traffic": "volume volume_mc volume_lv volume_hv period speed occupancy headway queue",
    "weather": "rain_rate rain wind_speed wind_direction temperature humidity pressure",
}

SMALL = """\
id = "parking"
name = { en = "Parking", id = "Parkir" }
icon = "local_parking"
[metrics.free]
name = { en = "Free", id = "Kosong" }
unit = "{place}"
symbol = "places"
valid = [0, 500]
play = { mean = 20 }
vocabulary = { observed_property = "https://example.org/free", ngsi_ld = "free" }
"""


def problems(text: str) -> list[str]:
    with pytest.raises(InvalidDeclarationError) as caught:
        parse_kind(text, "parking.toml")
    assert caught.value.source == "parking.toml"
    return caught.value.problems


def test_the_shipped_kinds_have_the_fields_that_people_outside_rely_on() -> None:
    assert {kind.id: " ".join(kind.fields) for kind in load_kinds().values()} == CONTRACT


def test_the_same_quantity_has_the_same_unit_and_range_in_every_kind() -> None:
    kinds = load_kinds()
    for name in ("temperature", "humidity", "pressure"):
        air, weather = kinds["air"].metrics[name], kinds["weather"].metrics[name]
        assert (air.unit, air.valid, air.limits) == (weather.unit, weather.valid, weather.limits)


def test_a_small_kind_has_its_defaults() -> None:
    kind = parse_kind(SMALL, "parking.toml")
    assert kind.interval_s == 60
    assert kind.channel is None
    assert kind.fields == ("free",)


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ('unit = "{place}"', 'unit = "µg/m³"', "line 6, key metrics.free.unit: String should"),
        ("valid = [0, 500]", "valid = [5, 5]", "line 8, key metrics.free.valid: a range rises"),
        ("valid = [0, 500]", "valid = [0]", "line 8, key metrics.free.valid.1: is missing"),
        ("valid = [0, 500]", "valid = [0, inf]", "line 8, key metrics.free.valid.1: Input should"),
        ('symbol = "places"', "", "line 4, key metrics.free.symbol: is missing"),
        ('symbol = "places"', "symbol = 3", "line 7, key metrics.free.symbol: Input should be a"),
        ("mean = 20", "mean = 20, mean_ = 1", "line 9, key metrics.free.play.mean_: is not a kno"),
        ("mean = 20", "mean = 600", "line 4, key metrics.free: play.mean 600 lies within valid"),
        ("mean = 20", 'mean = 2, driver = "sun"', "line 9, key metrics.free.play.driver: Input"),
        ("[metrics.free]", "[metrics.Free]", "line 4, key metrics.Free: 'Free' cannot be a name"),
        ("[metrics.free]", "[metrics.time]", "line 4, key metrics.time: 'time' cannot be a name"),
        ("[metrics.free]", "[metrics.a_qc]", "line 4, key metrics.a_qc: 'a_qc' cannot be a name"),
        ('id = "parking"', 'id = "Park"', "line 1, key id: 'Park' cannot be a name"),
        ("icon", 'channels = ["a"]\nicon', "line 1, key (file): channels: say what a channel is"),
        ("mean = 20", "mean = 2, of = { full = 1 }", "line 1, key (file): metrics.free.play.of"),
        ("mean = 20", "mean = 2, of = { free = 1 }", "line 1, key (file): metrics.free.play.of"),
        ('"https://example.org/free"', '"free"', "line 10, key metrics.free.vocabulary.observed_"),
        (
            "play =",
            "limits = { spike_suspect = 3, spike_fail = 2 }\nplay =",
            "line 9, key metrics.free.limits: spike: suspect (3) comes before fail (2)",
        ),
        (
            "play =",
            "limits = { suspect = [-1, 2] }\nplay =",
            "line 4, key metrics.free: limits.suspect [-1, 2] lies within valid [0, 500]",
        ),
        (
            "play =",
            'drawing = { bands = [\n{ color = "#00cc00" },\n{ color = "red", above = 1 }]}\nplay =',
            "line 11, key metrics.free.drawing.bands.1.color: String should match",
        ),
        (
            "play =",
            'drawing = { bands = [{ color = "#00cc00", above = 1 }] }\nplay =',
            "line 9, key metrics.free.drawing.bands: the first band has no 'above'",
        ),
    ],
)
def test_a_problem_is_named_by_line_and_key(old: str, new: str, wanted: str) -> None:
    assert old in SMALL
    assert [problem[: len(wanted)] for problem in problems(SMALL.replace(old, new, 1))] == [wanted]


def test_all_problems_are_named_at_once_in_the_order_of_the_file() -> None:
    text = SMALL.replace('icon = "local_parking"', "").replace("symbol", "sign")
    assert problems(text) == [
        "line 1, key icon: is missing",
        "line 4, key metrics.free.symbol: is missing",
        "line 7, key metrics.free.sign: is not a known key here",
    ]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("id = ", "line 1, column 6"),
        (SMALL + "\n[metrics.free]\n", "line 12, column 1"),
        (SMALL.replace("[0, 500]", "[0, 500"), "line 9, column 1"),
        ('id = "open', "line 1"),
    ],
)
def test_broken_toml_is_named_by_line(text: str, where: str) -> None:
    (problem,) = problems(text)
    assert re.match(rf"({re.escape(where)}|end of document).*: not TOML: ", problem)


def test_the_file_is_called_as_its_kind(tmp_path: Path) -> None:
    file = tmp_path / "car_park.toml"
    file.write_text("\n" + SMALL)
    with pytest.raises(InvalidDeclarationError) as caught:
        read_kind(file)
    assert caught.value.problems == [
        "line 2, key id: 'parking' is not the file's name: call the file parking.toml"
    ]


def test_a_shipped_kind_cannot_be_declared_again(tmp_path: Path) -> None:
    (tmp_path / "kinds").mkdir()
    file = tmp_path / "kinds" / "air.toml"
    file.write_text((SHIPPED / "air.toml").read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(InvalidDeclarationError, match="key id: kind 'air' is shipped already"):
        check_kind(file)
    with pytest.raises(InvalidDeclarationError, match="key id: kind 'air' is shipped already"):
        load_kinds(tmp_path)
    assert check_kind(SHIPPED / "air.toml").id == "air"


def test_the_data_folder_adds_kinds(tmp_path: Path) -> None:
    assert set(load_kinds(tmp_path)) == set(CONTRACT)
    (tmp_path / "kinds").mkdir()
    (tmp_path / "kinds" / "parking.toml").write_text(SMALL)
    assert list(load_kinds(tmp_path)) == ["air", "flood", "parking", "traffic", "weather"]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidDeclarationError, match=r"cannot be read: No such file"):
        read_kind(tmp_path / "none.toml")
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'id = "latin"\nname = "Gr\xfc\xdfe"\n')
    with pytest.raises(InvalidDeclarationError, match=r"line 2: the file is not UTF-8"):
        read_kind(latin)
