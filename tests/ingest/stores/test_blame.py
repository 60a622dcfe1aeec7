"""Words as InfluxDB 2.9.1 says them; that it does is tested on the real one beside."""

from ingest.stores.blame import dropped, shorten, suspects, time_of, unparsable

GOOD = b"air,device=a pm25=1 1795507266000000000"
CONFLICT = (
    "failure writing points to database: partial write: field type conflict: input field "
    '"pm25" on measurement "air" is type %s, already exists as type float dropped=2'
)
RETENTION = (
    "failure writing points to database: partial write: dropped 2 points outside retention policy "
    "of duration 1h0m0s - oldest point air,device=a at 1970-01-01T00:00:01Z dropped because it "
    "violates a Retention Policy Lower Bound at 2026-11-24T07:01:06.494364508Z, newest point "
    "air,device=b at 1970-01-01T00:00:02.5Z dropped because it violates a Retention Policy Lower "
    "Bound at 2026-11-24T07:01:06.494364508Z dropped=2 for database: 75cf7ee3625afe14 for "
    "retention policy: autogen"
)


def test_each_unparsable_line_gets_its_own_words() -> None:
    lines = [GOOD, b"garbage", b"air,device=c pm25= 1", GOOD, b"garbage"]
    words = (
        "unable to parse 'garbage': missing fields\n"
        "unable to parse 'air,device=c pm25= 1': missing field value\n"
        "unable to parse 'garbage': missing fields"
    )
    assert unparsable(words, lines) == {
        1: "unable to parse 'garbage': missing fields",
        2: "unable to parse 'air,device=c pm25= 1': missing field value",
        4: "unable to parse 'garbage': missing fields",
    }


def test_a_line_that_looks_like_the_words_about_it_is_found() -> None:
    line = b"air,device=a': x pm25=1 1"
    words = f"unable to parse '{line.decode()}': bad timestamp"
    assert unparsable(words, [GOOD, line]) == {1: words}


def test_words_on_a_line_that_was_not_sent_blame_nobody() -> None:
    assert unparsable("unable to parse 'else': missing fields", [GOOD]) == {}
    assert unparsable("no such thing", [GOOD]) == {}


def test_a_conflict_is_suspected_by_kind_field_and_type() -> None:
    lines = [
        GOOD,
        b'air,device=a pm10=1,pm25="x" 1',
        b"air,device=a pm25=true 1",
        b"air,device=a pm25=1i 1",
        b"air,device=a pm25=1u 1",
        b'weather,device=a pm25="x" 1',
        b'air,channel=a\\ b,device=a pm25="y" 1',
        b"",
    ]
    assert suspects(CONFLICT % "string", lines) == [1, 6]
    assert suspects(CONFLICT % "boolean", lines) == [2]
    assert suspects(CONFLICT % "integer", lines) == [3]
    assert suspects(CONFLICT % "unsigned", lines) == [4]
    assert suspects(CONFLICT % "float", lines) == [0]


def test_what_is_not_newer_than_the_newest_dropped_point_is_suspected() -> None:
    lines = [b"a b=1 2500000001", b"a b=1 2500000000", b"a b=1 1000000000", GOOD]
    assert suspects(RETENTION, lines) == [1, 2]


def test_unknown_words_suspect_nobody() -> None:
    assert suspects("max-series-per-database limit exceeded", [GOOD]) == []


def test_the_number_of_dropped_points_is_read() -> None:
    assert dropped(CONFLICT % "string") == 2
    assert dropped(RETENTION) == 2
    assert dropped("timeout") is None


def test_a_time_that_cannot_be_read_is_zero() -> None:
    assert [time_of(line) for line in (GOOD, b"a b=1 -7", b"a b=1", b"")] == [
        1795507266000000000,
        -7,
        0,
        0,
    ]


def test_long_words_lose_their_middle() -> None:
    words = f"start{'x' * 5000}end"
    assert len(shorten(words)) < 1000
    assert shorten(words).startswith("start")
    assert shorten(words).endswith("end")
    assert shorten("short") == "short"
