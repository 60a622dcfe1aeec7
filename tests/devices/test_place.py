from typing import Any

import pytest
from pydantic import ValidationError

from devices.place import ABSENT, ModelError, Moment, Place, Source, parse_path


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("distance", ("distance",)),
        ("a.b", ("a", "b")),
        ("reports.0.value", ("reports", "0", "value")),
        ("PMS5003.'PM2.5'", ("PMS5003", "PM2.5")),
        ('"temperature:0".tC', ("temperature:0", "tC")),
        ("'a=0 # b'", ("a=0 # b",)),
    ],
)
def test_a_path_is_a_dotted_key(text: str, steps: tuple[str, ...]) -> None:
    assert parse_path(text) == steps


@pytest.mark.parametrize(
    "text", ["", ".", "a..b", "temperature:0", "a b", "a = 1\nb", "a = 1 #", "["]
)
def test_what_is_no_path(text: str) -> None:
    with pytest.raises(ValueError, match="is no path: write"):
        parse_path(text)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a.b", 1),
        ("a.c.1.d", 2),
        ("a.'x.y'", 3),
        ("a.c.2", ABSENT),
        ("a.c.first", ABSENT),
        ("a.b.c", ABSENT),
        ("none.deeper", None),
        ("q", ABSENT),
        (("q", "a.b"), 1),
        (("none", "a.b"), None),
    ],
)
def test_what_stands_at_a_place(path: str | tuple[str, ...], found: Any) -> None:
    values = {"a": {"b": 1, "c": [0, {"d": 2}], "x.y": 3}, "none": None}
    assert Place(path=path).find(values) is found


def test_a_wrong_path_is_refused_when_it_is_declared() -> None:
    with pytest.raises(ValidationError, match="is no path"):
        Place(path=("a", "b c"))


@pytest.mark.parametrize(
    ("options", "member", "number"),
    [
        ({}, 5, 5.0),
        ({}, None, None),
        ({"scale": 0.001}, 2821, 2.821),
        ({"scale": 0.1, "offset": -40}, 655, 25.5),
        ({"sentinels": (-1,)}, -1, None),
        ({"sentinels": (-1,)}, -1.0, None),
        ({"sentinels": (-1,), "scale": 10}, -0.1, -1.0),
        ({"sentinels": ("nan",)}, "NaN", None),
        ({"text": "mm", "scale": 0.001}, "2821 mm", 2.821),
        ({"text": "mm"}, "2821mm", 2821.0),
        ({"text": "mm"}, " -3.5e2 mm ", -350.0),
        ({"text": "mm"}, "17", 17.0),
        ({"text": "mm"}, 17, 17.0),
        ({"text": ""}, "17.25", 17.25),
        ({"text": "mm", "sentinels": (0,)}, "0 mm", None),
    ],
)
def test_how_a_number_is_read(options: dict[str, Any], member: Any, number: float | None) -> None:
    assert Source(path="x", **options).read({"x": member}) == number


@pytest.mark.parametrize(
    ("options", "member", "problem", "words"),
    [
        ({}, "5", "wrong_type", "x is the text '5', not a number"),
        ({}, True, "wrong_type", "x is the boolean true, not a number"),
        ({}, [5], "wrong_type", "x is an array, not a number"),
        ({}, {"v": 5}, "wrong_type", "x is an object, not a number"),
        ({}, float("nan"), "not_finite", "x is not a finite number"),
        ({}, 10**400, "not_finite", "x is not a finite number"),
        ({"scale": 1e300}, 1e300, "not_finite", "x is not a finite number"),
        ({"text": "mm"}, "28 cm", "wrong_type", "x is the text '28 cm', not a number of mm"),
        ({"text": "mm"}, "1_000 mm", "wrong_type", "not a number of mm"),
        ({"text": "mm"}, "٣ mm", "wrong_type", "not a number of mm"),
        ({"text": "mm"}, "mm", "wrong_type", "not a number of mm"),
        ({"text": ""}, "inf", "not_finite", "x is not a finite number"),
    ],
)
def test_what_is_no_number(options: dict[str, Any], member: Any, problem: str, words: str) -> None:
    with pytest.raises(ModelError) as caught:
        Source(path="x", **options).read({"x": member})
    assert caught.value.problem == problem
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("unit", "member", "time"),
    [
        ("s", 1_767_582_000, 1_767_582_000),
        ("ms", 1_767_582_000_125, 1_767_582_000.125),
        ("ms", "2026-01-05T03:00:00Z", "2026-01-05T03:00:00Z"),
        ("s", None, None),
    ],
)
def test_how_a_time_is_read(unit: Any, member: Any, time: Any) -> None:
    assert Moment(path="t", unit=unit).read({"t": member}) == time


@pytest.mark.parametrize("member", [True, [1], {}, 10**400])
def test_what_is_no_time(member: Any) -> None:
    with pytest.raises(ModelError, match="t is ") as caught:
        Moment(path="t", unit="ms").read({"t": member})
    assert caught.value.problem == "bad_time"
