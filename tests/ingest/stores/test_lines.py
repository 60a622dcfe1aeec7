"""The reader is the inverse of the writer, and refuses in words what InfluxDB refuses too."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.stores.lines import LineError, Point, parse_line
from ingest.stores.reading import EARLIEST_NS, LATEST_NS

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,31}", fullmatch=True)
# Control characters never reach a tag, and no tag value can end in a backslash.
VALUES = st.text(
    st.characters(exclude_categories=("Cc", "Cs")) | st.sampled_from(',= \\"'), min_size=1
).filter(lambda text: not text.endswith("\\"))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TIMES = st.integers(EARLIEST_NS, LATEST_NS)
POINTS = st.builds(
    Point,
    NAMES,
    st.dictionaries(NAMES, VALUES, max_size=4),
    st.dictionaries(NAMES, FLOATS, min_size=1, max_size=6),
    TIMES,
)


def written(point: Point) -> bytes:
    """Line protocol as InfluxDB specifies it."""

    def escaped(text: str) -> str:
        return "".join(f"\\{one}" if one in ",= " else one for one in text)

    tags = "".join(f",{name}={escaped(value)}" for name, value in sorted(point.tags.items()))
    fields = ",".join(f"{name}={value!r}" for name, value in point.fields.items())
    return f"{point.kind}{tags} {fields} {point.time_ns}".encode()


@given(POINTS)
def test_reading_is_the_inverse_of_writing(point: Point) -> None:
    assert parse_line(written(point)) == point


@given(POINTS, st.data())
def test_damaged_lines_are_points_or_refused_in_words(point: Point, data: st.DataObject) -> None:
    line = bytearray(written(point))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(line)))
        line[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    refused = ""
    try:
        found = parse_line(bytes(line))
    except LineError as error:
        refused = str(error)
    assert refused or (
        all(map(math.isfinite, found.fields.values()))
        and all(found.tags.values())
        and EARLIEST_NS <= found.time_ns <= LATEST_NS
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a line is"),
        ("garbage", "a line is"),
        ("air pm25=1", "a line is"),
        ("air  pm25=1 1", "a line is"),
        ("air,device=a pm25=1 1 2", "a line is"),
        (",device=a pm25=1 1", "missing measurement"),
        ("air,device pm25=1 1", "tag 'device' is not name=value"),
        ("air,device= pm25=1 1", "tag 'device=' is not name=value"),
        ("air,=a pm25=1 1", "tag '=a' is not name=value"),
        ("air,device=a=b pm25=1 1", "tag 'device=a=b' is not name=value"),
        ("air,device=a,device=b pm25=1 1", "tag 'device' comes twice"),
        ("air,device=a, pm25=1 1", "tag '' is not name=value"),
        ("air,device=a\\,x\\\\,y=1 pm25=1 1", "tag 'device=a\\,x\\\\,y=1' is not name=value"),
        ("air,device=a pm25 1", "field 'pm25' is not a float: "),
        ("air,device=a =1 1", "field '=1' is not name=number"),
        ("air,device=a pm25= 1", "field 'pm25' is not a float: "),
        ('air,device=a pm25="x" 1', "field 'pm25' is not a float: \"x\""),
        ("air,device=a pm25=1i 1", "field 'pm25' is not a float: 1i"),
        ("air,device=a pm25=t 1", "field 'pm25' is not a float: t"),
        ("air,device=a pm25=nan 1", "field 'pm25' is not a float: nan"),
        ("air,device=a pm25=-inf 1", "field 'pm25' is not a float: -inf"),
        ("air,device=a pm25=1_0 1", "field 'pm25' is not a float: 1_0"),
        ("air,device=a pm25=1-2 1", "field 'pm25' is not a float: 1-2"),
        ("air,device=a pm25=1=2,pm10 1", "field 'pm25' is not a float: 1=2"),
        ("air,device=a pm25=1=2,3 1", "field 'pm25' is not a float: 1=2"),
        ("air,device=a pm25=1e400 1", "field 'pm25' is beyond the range of a float: 1e400"),
        ("air,device=a pm25=1,pm25=2 1", "field 'pm25' comes twice"),
        ("air,device=a pm25=1, 1", "field '' is not name=number"),
        ("air,device=a pm25=\u0661 1", "not UTF-8 text, or a field name outside ASCII"),
        ("air,device=a pm25=1 now", "bad timestamp: now"),
        ("air,device=a pm25=1 1.5", "bad timestamp: 1.5"),
        ("air,device=a pm25=1 -", "bad timestamp: -"),
        ("air,device=a pm25=1 +1", "bad timestamp: +1"),
        ("air,device=a pm25=1 99999999999999999999", "bad timestamp: 99999999999999999999"),
        ("air,device=a pm25=1 9223372036854775807", "time outside range"),
        ("air,device=a pm25=1 -9223372036854775807", "time outside range"),
    ],
)
def test_what_is_wrong_is_said(text: str, words: str) -> None:
    with pytest.raises(LineError) as caught:
        parse_line(text.encode())
    assert words in str(caught.value)


def test_text_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(LineError, match="not UTF-8"):
        parse_line(b"air,device=\xff pm25=1 1")


@pytest.mark.parametrize("number", ["1", "-1", "1.", ".5", "+1", "1e3", "1E-3", "0", "-0.0", "007"])
def test_floats_are_read_in_every_form_that_line_protocol_allows(number: str) -> None:
    point = parse_line(f"air,device=a pm25={number},pm10=2 1".encode())
    assert point.fields == {"pm25": float(number), "pm10": 2.0}


def test_large_numbers_whose_sum_is_beyond_a_float_are_numbers() -> None:
    assert parse_line(b"air,device=a a=1.7e308,b=1.7e308 1").fields == {"a": 1.7e308, "b": 1.7e308}


def test_a_backslash_is_itself_where_it_escapes_nothing() -> None:
    line = rb"air,channel=a\b\\c\,d\ e\=f\\\,g,device=x pm25=1 1"
    assert parse_line(line).tags == {"channel": r"a\b\\c,d e=f\\,g", "device": "x"}
