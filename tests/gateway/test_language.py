"""Which language a reader gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.language import Language, negotiate


@pytest.mark.parametrize(
    ("header", "default", "language"),
    [
        (None, "id", "id"),
        (None, "en", "en"),
        ("", "id", "id"),
        ("en", "id", "en"),
        ("en-GB,en;q=0.9", "id", "en"),
        ("id-ID", "en", "id"),
        ("in-ID", "en", "id"),
        ("fr, en;q=0.4, id;q=0.6", "en", "id"),
        ("fr;q=1, en;q=0.6, id;q=0.4", "id", "en"),
        ("de", "id", "id"),
        ("*", "en", "en"),
        ("en;q=0", "id", "id"),
        ("en;q=often", "id", "id"),
        ("EN ; Q=1", "id", "en"),
    ],
)
def test_the_header_decides(header: str | None, default: Language, language: Language) -> None:
    assert negotiate(header, default) == language


@given(st.text(), st.sampled_from(["id", "en"]))
def test_any_header_gives_one_of_ours(header: str, default: Language) -> None:
    assert negotiate(header, default) in ("id", "en")
