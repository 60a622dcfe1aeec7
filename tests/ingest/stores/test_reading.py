from hypothesis import given
from hypothesis import strategies as st

from devices.kind import load_kinds
from ingest.stores.reading import EARLIEST_NS, LATEST_NS, columns, epoch_ns, reading, rfc3339


@given(st.integers(EARLIEST_NS, LATEST_NS))
def test_no_nanosecond_is_lost_in_text(time_ns: int) -> None:
    assert epoch_ns(rfc3339(time_ns)) == time_ns


def test_times_are_written_without_needless_digits() -> None:
    assert [rfc3339(time_ns) for time_ns in (0, 1, 1_500_000_000, -1, EARLIEST_NS)] == [
        "1970-01-01T00:00:00Z",
        "1970-01-01T00:00:00.000000001Z",
        "1970-01-01T00:00:01.5Z",
        "1969-12-31T23:59:59.999999999Z",
        "1677-09-21T00:12:43.145224194Z",
    ]


def test_each_metric_is_followed_by_its_flag() -> None:
    kind = load_kinds()["flood"]
    shown = columns(kind)
    assert [name for name in shown if f"{name}_qc" in shown] == list(kind.fields)
    assert shown[-3:] == ("battery", "rssi", "time_qc")


def test_a_reading_leaves_out_what_is_absent_or_no_number() -> None:
    values = [("level", 1), ("level_qc", 1.0), ("flow", None), ("depth", "x"), ("rssi", True)]
    row = reading(0, None, values)
    assert row == {"time": "1970-01-01T00:00:00Z", "level": 1.0, "level_qc": 1}
    assert isinstance(row["level"], float)
    assert isinstance(row["level_qc"], int)
    assert reading(0, "lane-1", [])["channel"] == "lane-1"
