from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from devices.device import Device
from devices.errors import InvalidDeclarationError
from devices.kind import load_kinds
from ingest.line import LineWriter
from ingest.quality import Quality
from ingest.quality.climatology import FILE, load_climatology

KINDS = load_kinds()
MEDAN = ZoneInfo("Asia/Jakarta")

NIGHTS = """
[[usual]]
kind = "air"
metric = "temperature"
months = [6, 7]
hours = [22, 4]
good = [22, 28]
possible = [18, 33]

[[usual]]
kind = "air"
metric = "temperature"
good = [20, 40]
"""


def flags(folder: Path, said: dict[str, float]) -> list[int]:
    """Flags of temperatures at hours of the city, in the order of time."""
    quality = Quality(KINDS, load_climatology(folder, KINDS, MEDAN))
    track = quality.watch(
        Device("air-1", "air", attributes={"qc_rate_per_min_temperature": "off"}), None
    ).main
    writer = LineWriter(KINDS["air"])
    result = []
    for text, value in said.items():
        at_ns = int(datetime.fromisoformat(text).replace(tzinfo=MEDAN).timestamp()) * 10**9
        values = {"temperature": value}
        shape = writer.shape(values)
        found = track.judge(shape, shape.pick(values), at_ns)
        result.append(1 if found is None else found[0])
    return result


def test_what_is_usual_depends_on_month_and_hour(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(NIGHTS, encoding="utf-8")
    assert flags(
        tmp_path,
        {
            "2026-05-31T23:30": 29.0,
            "2026-06-01T03:58": 29.1,
            "2026-06-01T03:59": 34.0,
            "2026-06-01T04:00": 30.0,
            "2026-06-01T21:59": 30.1,
            "2026-06-01T22:00": 30.2,
            "2026-06-01T23:00": 27.0,
        },
    ) == [1, 3, 4, 1, 1, 3, 1]


def test_a_city_without_the_file_has_none(tmp_path: Path) -> None:
    assert load_climatology(tmp_path, KINDS, MEDAN) is None
    assert load_climatology(None, KINDS, MEDAN) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[[usual]]\nkind="sky"\nmetric="x"\ngood=[1,2]', "line 2, key usual.0.kind: 'sky' does"),
        ('[[usual]]\nkind="air"\nmetric="x"\ngood=[1,2]', "key usual.0.metric: kind air has no"),
        ('[[usual]]\nkind="air"\nmetric="pm25"\ngood=[2,1]', "a range rises"),
        ('[[usual]]\nkind="air"\nmetric="pm25"\ngood=[1,2]\nmonths=[13]', "months"),
        ('[[usual]]\nkind="air"\nmetric="pm25"\ngood=[1,2]\nhours=[3,3]', "are none"),
        ('[[usual]]\nkind="air"\nmetric="pm25"\ngood=[1,9]\npossible=[2,9]', "lies within"),
    ],
)
def test_a_wrong_file_says_where(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(InvalidDeclarationError, match=problem):
        load_climatology(tmp_path, KINDS, MEDAN)
