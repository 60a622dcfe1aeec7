"""Cursors come back as they went, or not at all."""

import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from gateway.cursor import read_cursor, write_cursor
from gateway.errors import InvalidParameterError

TEXT = TypeAdapter(str)
NUMBER = TypeAdapter(int)


@given(st.text())
def test_text_comes_back(position: str) -> None:
    assert read_cursor(write_cursor(position), TEXT) == position


@given(st.integers(min_value=-(2**63), max_value=2**63))
def test_a_number_comes_back_and_is_no_text(position: int) -> None:
    cursor = write_cursor(position)
    assert read_cursor(cursor, NUMBER) == position
    with pytest.raises(InvalidParameterError):
        read_cursor(cursor, TEXT)


@given(st.text())
def test_what_was_made_up_is_refused_or_is_a_number(cursor: str) -> None:
    padded = cursor + "=" * (-len(cursor) % 4)
    with suppress(InvalidParameterError):
        assert read_cursor(cursor, NUMBER) == int(base64.urlsafe_b64decode(padded))
