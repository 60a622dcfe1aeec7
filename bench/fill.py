"""Puts a month into InfluxDB's own files; over HTTP it would take hours.

InfluxDB is told one point of every series in every shard, so that it makes its shards and indices.
While it is stopped, files with all points take the place of what it wrote of these.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from bench import tsm
from bench.month import DAY, Column, Month, Series, Stream
from bench.servers import Influx

WEEK: Final = 7 * DAY
MONDAY: Final = 4 * DAY
"""Shards of a week begin with Mondays, UTC; the epoch was a Thursday."""
RUN: Final = 720
"""Values in a block: half a day of minutes."""
LINES: Final = 5_000

_NAME: Final = "000000001-000000004.tsm"
"""Generation and level; files of level 4 are not compacted again."""
_SECOND: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Shard:
    """A folder of InfluxDB's, and the times that it holds."""

    name: str
    start_s: int
    stop_s: int


def fill(folder: Path, city: Month) -> None:
    """Leaves a store in the folder that holds the month, and nothing running."""
    with closing(Influx(folder)) as influx:
        shards = list(_shards(influx, folder, city))
    data, wal = _autogen(folder, "data"), _autogen(folder, "wal")
    values = Values()
    for shard in shards:
        for written in (*data.glob(f"{shard.name}/*.tsm"), *wal.glob(f"{shard.name}/*.wal")):
            written.unlink()
        _lay(city, shard, values, data / shard.name / _NAME)
    with closing(Influx(folder)) as influx:
        influx.write(b"\n".join(city.incidents), precision="s")


def _shards(influx: Influx, folder: Path, city: Month) -> Iterator[Shard]:
    """Has InfluxDB make a shard for each week."""
    known: set[str] = set()
    first_s = city.start_s - (city.start_s - MONDAY) % WEEK
    for week_s in range(first_s, city.stop_s, WEEK):
        start_s, stop_s = max(week_s, city.start_s), min(week_s + WEEK, city.stop_s)
        lines = city.first_lines(start_s, stop_s)
        for at in range(0, len(lines), LINES):
            influx.write(b"\n".join(lines[at : at + LINES]), precision="s")
        (name,) = {path.name for path in _autogen(folder, "data").iterdir()} - known
        known.add(name)
        yield Shard(name, start_s, stop_s)


def _autogen(folder: Path, what: str) -> Path:
    """The one bucket's shards; `_system`'s buckets are empty and have none."""
    (found,) = (folder / "influxdb" / "engine" / what).glob("*/autogen")
    return found


class Values:
    """Encoded runs of columns: sensors of one sort share most of them."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int, int], bytes] = {}
        self._kept: list[Column] = []

    def run(self, column: Column, first: int, count: int) -> bytes:
        """So many values from the `first` on, going round."""
        first %= len(column)
        key = (id(column), first, count)
        if (known := self._known.get(key)) is not None:
            return known
        run = [column[(first + number) % len(column)] for number in range(count)]
        if isinstance(run[0], str):
            made = tsm.strings([str(value) for value in run])
        else:
            made = tsm.floats([float(value) for value in run])
        self._known[key] = made
        self._kept.append(column)  # an id is only as good as its owner lives
        return made


class _Field(NamedTuple):
    """A field of a series: a key of a file."""

    key: bytes
    stream: Stream
    series: Series
    column: Column

    @property
    def type_(self) -> int:
        return tsm.STRING if isinstance(self.column[0], str) else tsm.FLOAT


def _lay(city: Month, shard: Shard, values: Values, path: Path) -> None:
    """Writes the file of a shard."""
    fields = [
        _Field(one.key + tsm.FIELD + name.encode(), stream, one, column)
        for stream in city.streams
        if stream.ticks(shard.start_s, shard.stop_s)
        for one in stream.series
        for name, column in one.columns.items()
    ]
    with closing(tsm.TsmFile(path)) as file:
        for one in sorted(fields, key=lambda field: field.key):
            file.add(one.key, one.type_, list(_blocks(city, shard, one, values)))


def _blocks(city: Month, shard: Shard, one: _Field, values: Values) -> Iterator[tsm.Block]:
    every_s = one.stream.every_s
    ticks = one.stream.ticks(shard.start_s, shard.stop_s)
    for at in range(0, len(ticks), RUN):
        run = ticks[at : at + RUN]
        number = (run[0] - city.start_s) // every_s + one.series.first
        yield tsm.block(
            one.type_,
            values.run(one.column, number, len(run)),
            first_ns=(run[0] + one.series.late_s) * _SECOND,
            step_s=every_s,
            count=len(run),
        )
