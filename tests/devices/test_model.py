import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.declaration import parse_declaration
from devices.errors import InvalidDeclarationError
from devices.kind import load_kinds
from devices.model import (
    SHIPPED,
    Model,
    ModelError,
    ModelReading,
    check_model,
    load_models,
    read_model,
)

KINDS = load_kinds()
MODELS = load_models(None, KINDS)
HEAD = """
id = "own-gauge"
kind = "{kind}"
vendor = "Own"
product = "Gauge"
source = "https://example.org/gauge"
"""


def model(text: str, kind: str = "flood") -> Model:
    return parse_declaration(Model, HEAD.format(kind=kind) + text, "own-gauge.toml")


def problems(text: str, folder: Path, kind: str = "flood") -> list[str]:
    path = folder / "own-gauge.toml"
    path.write_text(HEAD.format(kind=kind) + text)
    with pytest.raises(InvalidDeclarationError) as caught:
        check_model(path, KINDS)
    return caught.value.problems


def test_every_shipped_model_names_its_documentation() -> None:
    assert len(MODELS) >= 25
    assert {one.kind for one in MODELS.values()} == set(KINDS)
    assert list(MODELS) == sorted(path.stem for path in SHIPPED.glob("*.toml"))
    assert all(one.source.startswith("https://") for one in MODELS.values())


def test_a_city_adds_a_product_with_one_file(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    text = HEAD.format(kind="flood") + '[metrics]\nlevel = "wl.now"\n'
    (folder / "own-gauge.toml").write_text(text)
    models = load_models(tmp_path, KINDS)
    assert set(models) == {*MODELS, "own-gauge"}
    (reading,) = models["own-gauge"].read({"wl": {"now": 1.5}}, {})
    assert reading == ModelReading(None, None, {"level": 1.5})


def test_a_shipped_id_cannot_be_taken(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    copy = tmp_path / "models" / "dragino-ldds75.toml"
    copy.write_bytes((SHIPPED / copy.name).read_bytes())
    with pytest.raises(InvalidDeclarationError, match=r"line 4, key id: .* shipped already"):
        load_models(tmp_path, KINDS)


def test_a_file_is_called_as_its_model(tmp_path: Path) -> None:
    path = tmp_path / "other.toml"
    path.write_text(HEAD.format(kind="flood") + '[metrics]\nlevel = "wl"\n')
    with pytest.raises(InvalidDeclarationError, match=r"line 2, key id: .* own-gauge\.toml"):
        read_model(path, KINDS)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "key (file): no metric: give at least one under metrics, channels or list"),
        ('[metrics]\npm25 = "x"', "line 8, key metrics.pm25: kind flood has no such metric"),
        ('[metrics]\nlevel = "x:1"', "line 8, key metrics.level: 'x:1' is no path"),
        ('[metrics]\nlevel = "x"\n[channels]', None),
        ('[channels.a]\nlevel = "x"', "key channels: devices of kind flood have no channels"),
        (
            'channel = "lane"\n[metrics]\nlevel = "x"',
            "line 7, key channel: devices of kind flood have no channels",
        ),
        (
            '[metrics]\nlevel = { path = ["x", "y"], combine = "max" }',
            "line 8, key metrics.level.combine",
        ),
        (
            '[metrics.level]\npath = "x"\nunless = { path = "state" }',
            "line 9, key metrics.level.unless.values: is missing",
        ),
        (
            '[metrics]\ndistance = { path = "x", mount = "height" }',
            "line 8, key metrics.distance.mount: kind flood has no metric 'height'",
        ),
        (
            '[metrics]\nlevel = "y"\ndistance = { path = "x", mount = "level" }',
            "'level' comes from its own path and from the mount of distance",
        ),
        (
            '[metrics]\nlevel = { path = "x", cumulative = true, offset = 1 }',
            "line 8, key metrics.level: a cumulative counter has neither offset nor mount",
        ),
        (
            """
[list]
path = "h"
time = "t"
[list.metrics]
flow = { path = "x", cumulative = true }
""",
            "flow: a list comes late and out of order",
        ),
        ('[list]\npath = "h"\n[list.metrics]\nflow = "x"', "key list.time: is missing"),
        ('typo = 1\n[metrics]\nlevel = "x"', "line 7, key typo: is not a known key here"),
        ('[metrics]\nlevel = { path = "x", scale = nan }', "key metrics.level.scale"),
    ],
)
def test_what_is_wrong_is_named_by_line_and_key(
    text: str, problem: str | None, tmp_path: Path
) -> None:
    if problem is None:
        assert model(text).read({"x": 1}, {})
        return
    assert problem in "; ".join(problems(text, tmp_path))


def test_an_unknown_kind_is_named(tmp_path: Path) -> None:
    (problem,) = problems('[metrics]\nlevel = "x"', tmp_path, kind="tide")
    assert problem.startswith("line 3, key kind: 'tide' does not exist; known are air, flood")


@pytest.mark.parametrize("height", ["", "tall", "nan", "inf"])
def test_a_height_that_is_no_number_gives_no_level(height: str) -> None:
    gauge = model('[metrics]\ndistance = { path = "d", mount = "level" }')
    (reading,) = gauge.read({"d": 3}, {"mount_height_m": height})
    assert reading.values == {"distance": 3.0, "level": None}


TOTAL = '[metrics]\nvolume = { path = "n", cumulative = true, scale = 2 }\nspeed = "v"'


def test_a_counter_gives_its_growth() -> None:
    counter = model(TOTAL, "traffic")
    previous: dict[str, float] = {}
    grown = [
        counter.read({"n": total}, {}, previous)[0].values["volume"]
        for total in (100, 103, 103, 5, 9, None, 10)
    ]
    assert grown == [None, 6.0, 0.0, None, 8.0, None, 2.0]


def test_a_payload_that_is_refused_leaves_the_counter_alone() -> None:
    counter = model(TOTAL, "traffic")
    previous: dict[str, float] = {}
    counter.read({"n": 100}, {}, previous)
    with pytest.raises(ModelError):
        counter.read({"n": 104, "v": "fast"}, {}, previous)
    assert counter.read({"n": 105}, {}, previous)[0].values["volume"] == 10.0


def test_counters_without_memory_give_no_value() -> None:
    assert model(TOTAL, "traffic").read({"n": 100}, {})[0].values == {"volume": None}


@given(totals=st.lists(st.integers(min_value=0, max_value=10**6), min_size=1, max_size=30))
@settings(deadline=None)
def test_growth_is_never_negative_and_adds_up(totals: list[int]) -> None:
    counter = model('[metrics]\nvolume = { path = "n", cumulative = true }', "traffic")
    previous: dict[str, float] = {}
    grown = [counter.read({"n": n}, {}, previous)[0].values["volume"] for n in totals]
    assert grown[0] is None
    pairs = pairwise(totals)
    assert grown[1:] == [None if after < before else after - before for before, after in pairs]


def test_channels_count_apart() -> None:
    counter = model(
        '[channels.in]\nvolume = { path = "i", cumulative = true }\n'
        '[channels.out]\nvolume = { path = "o", cumulative = true }',
        "traffic",
    )
    previous: dict[str, float] = {}
    counter.read({"i": 10, "o": 50}, {}, previous)
    readings = counter.read({"i": 11, "o": 54}, {}, previous)
    assert [(one.channel, one.values) for one in readings] == [
        ("in", {"volume": 1.0}),
        ("out", {"volume": 4.0}),
    ]


def test_the_payload_names_its_channel() -> None:
    counter = model('channel = "lane"\n[metrics]\nvolume = "n"', "traffic")
    told = [counter.read({"n": 1, "lane": lane}, {})[0].channel for lane in ("left", 2, None)]
    assert told == ["left", "2", None]
    assert counter.read({"n": 1, "lane": "x" * 99}, {})[0].channel == "x" * 64
    with pytest.raises(ModelError, match="lane is the boolean true, not a channel"):
        counter.read({"n": 1, "lane": True}, {})


def test_named_channels_count_apart() -> None:
    counter = model(
        'channel = "lane"\n[metrics]\nvolume = { path = "n", cumulative = true }', "traffic"
    )
    previous: dict[str, float] = {}
    counter.read({"n": 5, "lane": 1}, {}, previous)
    counter.read({"n": 100, "lane": 2}, {}, previous)
    assert counter.read({"n": 7, "lane": 1}, {}, previous)[0].values == {"volume": 2.0}


def test_battery_and_unknown_members_are_told_once() -> None:
    counter = model(
        'battery = { path = "bat", text = "%" }\nrssi = "radio.rssi"\nignore = ["fw", "cfg_*"]\n'
        '[channels.in]\nvolume = "i"\n[channels.out]\nvolume = "o"',
        "traffic",
    )
    values = {"i": 1, "o": 2, "bat": "97 %", "radio": {"rssi": -80}, "fw": 1, "cfg_a": 1, "x": 1}
    first, second = counter.read({**values, "time": 1, "seq": 2}, {})
    assert (first.battery, first.rssi, first.unknown) == (97.0, -80.0, ("x",))
    assert (second.battery, second.rssi, second.unknown) == (None, None, ())


def test_a_list_stands_beside_the_reading_of_now() -> None:
    gauge = model(
        'time = { path = "ts", unit = "ms" }\nbattery = "bat"\n[metrics]\nlevel = "l"\n'
        '[list]\npath = "old"\ntime = { path = "at", unit = "ms" }\n[list.metrics]\nlevel = "l"'
    )
    values = {"ts": 9500, "bat": 50, "l": 3, "old": [{"at": 1500, "l": 1}, {"at": 2500}]}
    assert gauge.read(values, {}) == [
        ModelReading(None, 9.5, {"level": 3.0}, battery=50.0),
        ModelReading(None, 1.5, {"level": 1.0}),
    ]


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@st.composite
def payloads(draw: st.DrawFn) -> tuple[Model, dict[str, Any]]:
    """A shipped model, with anything at all under the names that it reads."""
    one = draw(st.sampled_from(list(MODELS.values())))
    sources = [source for _, group in one.described() for source in group.values()]
    names = sorted({route[0] for source in sources for route in source.routes})
    inner = st.one_of(JSON, st.fixed_dictionaries({"value": JSON, "timestamp": JSON}))
    items = st.dictionaries(st.sampled_from([*names, "timestamp"]), inner, max_size=4)
    members = st.one_of(inner, st.lists(items, max_size=3))
    every = st.sampled_from([*names, "history", "battery", "odd"])
    return one, draw(st.dictionaries(every, members, max_size=8))


@given(case=payloads())
@settings(deadline=None, max_examples=300)
def test_whatever_it_holds_a_payload_is_read_or_refused(case: tuple[Model, dict[str, Any]]) -> None:
    one, values = case
    try:
        readings = one.read(values, {"mount_height_m": "4"}, {})
    except ModelError:
        return
    assert readings
    for reading in readings:
        assert reading.values
        assert set(reading.values) <= set(KINDS[one.kind].metrics)
        json.dumps(reading.values, allow_nan=False)
