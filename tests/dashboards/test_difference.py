"""Differences: a patch turns the one into the other, and knows when it does not fit."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.reconciler.difference import MismatchError, differences, lines, patched

SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-1, 1) | st.text(max_size=3)
KEYS = st.sampled_from(["a", "b", "title", "a/b", "~", "0", ""])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=4)


@given(DOCUMENTS, DOCUMENTS)
def test_a_patch_turns_the_one_into_the_other(old: dict[str, Any], new: dict[str, Any]) -> None:
    steps = list(differences(old, new))
    assert list(differences(patched(old, steps), new)) == []
    assert len(lines(old, new)) == sum(step["op"] != "test" for step in steps)


@given(DOCUMENTS)
def test_the_same_has_no_difference(document: dict[str, Any]) -> None:
    assert list(differences(document, document)) == []


@given(DOCUMENTS, DOCUMENTS, DOCUMENTS)
def test_a_patch_on_another_document_says_so_or_leaves_the_rest_alone(
    old: dict[str, Any], new: dict[str, Any], other: dict[str, Any]
) -> None:
    before = repr(other)
    with suppress(MismatchError):
        patched(other, list(differences(old, new)))
    assert repr(other) == before


def test_true_is_not_one() -> None:
    assert list(differences({"a": 1}, {"a": True}))
    assert list(differences({"a": 1}, {"a": 1.0})) == []


def test_lines_name_panels_by_their_title() -> None:
    old = {"panels": [{"title": "Rain", "unit": "mm"}, {"title": "Old"}]}
    new = {"panels": [{"title": "Rain", "unit": "lengthmm"}], "refresh": "1m", "text": "x" * 500}
    assert lines(old, new)[:3] == [
        '+ refresh: "1m"',
        f'+ text: "{"x" * 98}…',
        '~ panels[Rain].unit: "mm" → "lengthmm"',
    ]
    assert lines(old, new)[3].startswith('- panels[Old]: {"title": "Old"}')


def test_a_panel_that_came_or_went_leaves_the_others_alone() -> None:
    rain, level, wind = (
        {"title": name, "y": y} for y, name in enumerate(("Rain", "Level", "Wind"))
    )
    new = {"title": "Air", "y": 1}
    assert lines(
        {"panels": [rain, level, wind]}, {"panels": [rain, new, level, {**wind, "y": 3}]}
    ) == [
        '+ panels[Air]: {"title": "Air", "y": 1}',
        "~ panels[Wind].y: 2 → 3",
    ]
    assert lines({"panels": [rain, level, wind]}, {"panels": [level, {**wind, "y": 1}]}) == [
        '- panels[Rain]: {"title": "Rain", "y": 0}',
        "~ panels[Wind].y: 2 → 1",
    ]
    assert lines({"tags": ["a", "b", "c"]}, {"tags": ["a", "c"]}) == ['- tags[1]: "b"']


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        ({"op": "move", "path": "/a"}, "operation 'move'"),
        ({"op": "replace", "path": "", "value": 1}, "everything"),
        ({"op": "remove", "path": "/x"}, "nothing at /x"),
        ({"op": "add", "path": "/x/y", "value": 1}, "nothing at /x/y"),
        ({"op": "add", "path": "/list/9", "value": 1}, "nothing at /list/9"),
        ({"op": "test", "path": "/a", "value": 2}, "/a is not 2 any more"),
    ],
)
def test_a_patch_that_does_not_fit(step: dict[str, Any], problem: str) -> None:
    with pytest.raises(MismatchError, match=problem):
        patched({"a": 1, "list": [1]}, [step])
