import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.protobuf import read_fields, write_field

FIELDS = st.lists(
    st.tuples(
        st.integers(min_value=1, max_value=2**29 - 1),
        st.one_of(st.integers(min_value=0, max_value=2**64 - 1), st.binary(max_size=20)),
    ),
    max_size=6,
)


@given(fields=FIELDS)
def test_what_is_written_is_read(fields: list[tuple[int, int | bytes]]) -> None:
    assert list(read_fields(b"".join(write_field(*field) for field in fields))) == fields


@given(data=st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        fields = list(read_fields(data))
    except ValueError:
        return
    assert all(number >= 1 for number, _ in fields)


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        # Examples of the encoding's own documentation: 150, and the text "testing".
        ("08 96 01", [(1, 150)]),
        ("12 07 74 65 73 74 69 6e 67", [(2, b"testing")]),
        ("15 00 00 80 3f", [(2, b"\x00\x00\x80\x3f")]),
        ("19 00 00 00 00 00 00 f0 3f", [(3, b"\x00\x00\x00\x00\x00\x00\xf0\x3f")]),
        ("08 ff ff ff ff ff ff ff ff ff 01", [(1, 2**64 - 1)]),
    ],
)
def test_wire_types(data: str, fields: list[tuple[int, int | bytes]]) -> None:
    assert list(read_fields(bytes.fromhex(data))) == fields


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("08", "ends within a number"),
        ("08 96", "ends within a number"),
        ("12 07 74", "field 2 ends beyond"),
        ("15 00 00", "field 2 ends beyond"),
        ("0b", "wire type 3"),
        ("00 01", "field 0"),
        ("08 80 80 80 80 80 80 80 80 80 80 01", "more than 64 bits"),
    ],
)
def test_what_is_no_message(data: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        list(read_fields(bytes.fromhex(data)))
