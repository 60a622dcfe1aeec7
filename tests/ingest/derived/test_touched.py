from array import array
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from ingest.derived.calendar import quarter_start
from ingest.derived.touched import Touched
from ingest.journal import Taken
from ingest.line import line_prefix
from ingest.stores.quarter import QUARTER_NS

Q0 = 1_795_478_400_000_000_000


def _batch(*points: tuple[str, int]) -> Taken:
    lines = [f"air,device={device} pm25=1 {at}".encode() for device, at in points]
    return Taken(1, Q0, len(lines), lines, None, {device: 1 for device, _ in points})


def test_what_was_noted_is_taken_until_it_is_finished(tmp_path: Path) -> None:
    with closing(Touched.open(tmp_path / "derived.db")) as touched:
        touched.note([_batch(("a", Q0 + 1), ("b", Q0 + QUARTER_NS - 1))])
        first = touched.take(10)
        assert first.by_device == {"a": {Q0}, "b": {Q0}}
        assert touched.take(10).by_device == first.by_device
        touched.finish(first)
        assert touched.take(10).by_device == {}


def test_what_is_touched_meanwhile_is_computed_again(tmp_path: Path) -> None:
    with closing(Touched.open(tmp_path / "derived.db")) as touched:
        touched.note([_batch(("a", Q0))])
        taken = touched.take(10)
        touched.note([_batch(("a", Q0 + 1))])
        touched.finish(taken)
        assert touched.take(10).by_device == {"a": {Q0}}


def test_it_outlives_a_crash(tmp_path: Path) -> None:
    with closing(Touched.open(tmp_path / "derived.db")) as touched:
        touched.note([_batch(("a", Q0))])
        touched.take(10)
    with closing(Touched.open(tmp_path / "derived.db")) as touched:
        assert touched.take(10).by_device == {"a": {Q0}}


def test_history_is_looked_up_line_by_line(tmp_path: Path) -> None:
    points = [(device, Q0 + at * QUARTER_NS) for at, device in enumerate("abcd")]
    with closing(Touched.open(tmp_path / "derived.db")) as touched:
        touched.note([_batch(*points)])
        assert touched.take(10).by_device == {device: {at} for device, at in points}


def test_what_is_no_point_is_passed_over(tmp_path: Path) -> None:
    """The store has refused it; its neighbours are noted."""
    good = _batch(("a", Q0))
    bad = [b"x,", b"", b"flood,device=b", b"flood,device=c level=high soon", *good.lines]
    with closing(Touched.open(tmp_path / "derived.db")) as touched:
        touched.note([Taken(1, 1, 5, bad, None, {"?": 4, "a": 1})])
        assert touched.take(10).by_device == {"a": {Q0}}


LINES = st.lists(
    st.tuples(
        st.sampled_from(["a-1", "b_2", "c"]),
        st.sampled_from(["", "jalur kiri", "x,device=y", "back\\slash", "="]),
        st.integers(-(10**18), 9 * 10**18) | st.integers(Q0 - QUARTER_NS, Q0 + QUARTER_NS),
    ),
    min_size=1,
)


@given(points=LINES, quarantined=st.booleans())
def test_no_point_goes_unnoticed(points: list[tuple[str, str, int]], *, quarantined: bool) -> None:
    lines = [
        b"%bpm25=1.5,pm25_qc=1 %d" % (line_prefix("air", device, "12.71 01", channel), at)
        for device, channel, at in points
    ]
    # The good elements of a message that counts as quarantined have no device in the counts.
    counts = {} if quarantined else dict.fromkeys((device for device, _, _ in points), 1)
    sizes = array("i", [-len(lines) if quarantined else len(lines)])
    with TemporaryDirectory() as folder, closing(Touched.open(Path(folder) / "t.db")) as touched:
        touched.note([Taken(1, Q0, 1, lines, sizes, counts)])
        noted = touched.take(10_000).by_device
    for device, _, at in points:
        assert at < 0 or quarter_start(at) in noted[device]


def test_the_newest_come_first(tmp_path: Path) -> None:
    with closing(Touched.open(tmp_path / "derived.db")) as touched:
        touched.add(("a", Q0 + at * QUARTER_NS) for at in range(3))
        taken = touched.take(2)
        assert taken.by_device == {"a": {Q0 + QUARTER_NS, Q0 + 2 * QUARTER_NS}}
        assert taken.more


def test_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "derived.db").write_bytes(b"no database at all" * 100)
    with closing(Touched.open(tmp_path / "derived.db")) as touched:
        assert touched.take(10).by_device == {}
    assert (tmp_path / "derived.damaged").is_file()
