"""Every query of every dashboard, asked of a real InfluxDB that holds a city's month.

`python -m bench.dashboards`: 1,000 sensors, 30 days, a reading a minute, and what the hub computes
and tells beside them. `--sensors` and `--days` make it smaller; `--folder` keeps the store, and the
next run with it asks again without filling. Queries are those of the shipped dashboards with the
widest variables: all areas and all sensors, or where only one can be chosen, the area with the most
of them. Time ranges are the dashboard's own and the whole month; groups of time are as wide as
Grafana makes them on a screen of 1,920 pixels.
"""

import argparse
import itertools
import json
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from bench.fill import fill
from bench.machine import commit, machine, results_file
from bench.month import DAY, month
from bench.servers import Influx
from dashboards.build import build_dashboards
from dashboards.page import Json
from dashboards.site import LANGUAGES, Site
from devices.device import Device

TARGET_MS: Final = 300.0
REPEATS: Final = 5
SLOW_S: Final = 2.0
"""A query that takes longer is not asked so often."""
SCREEN_PX: Final = 1_900
COLUMNS: Final = 24
FILLED: Final = "filled.json"

_ROUND_MS: Final = (
    *(step * 1_000 for step in (1, 2, 5, 10, 15, 20, 30)),
    *(step * 60_000 for step in (1, 2, 5, 10, 15, 20, 30)),
    *(step * 3_600_000 for step in (1, 2, 3, 6, 12, 24)),
)
"""Widths of time groups that Grafana rounds to."""
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": DAY}


@dataclass(frozen=True, slots=True)
class Asked:
    """A query as Grafana sends it, and where it stands first."""

    board: str
    panel: str
    range_s: int
    query: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What it cost."""

    board: str
    panel: str
    range: str
    query: str
    rows: int
    kilobytes: int
    p50_ms: float
    max_ms: float
    cpu_ms: float
    """Of influxd: what it costs on a machine that does other work too."""

    @property
    def slow(self) -> bool:
        return self.p50_ms > TARGET_MS


def queries(devices: Sequence[Device], stop_s: int, widest_s: int) -> list[Asked]:
    """Every distinct query of the shipped dashboards, in their order."""
    found: dict[str, Asked] = {}
    for language in sorted(LANGUAGES):
        for name, board in build_dashboards(Site(), language).items():
            values = widest(name, board, devices)
            own_s = _seconds(board["time"]["from"].removeprefix("now-"))
            for range_s in sorted({own_s, widest_s}):
                for title, query, every_ms, span_s, shift_s in _targets(board, range_s):
                    end_s = stop_s - shift_s
                    text = interpolated(
                        query, values, start_s=end_s - span_s, stop_s=end_s, every_ms=every_ms
                    )
                    found.setdefault(text, Asked(f"{name} ({language})", title, span_s, text))
    return list(found.values())


def _targets(board: Json, range_s: int) -> Iterator[tuple[str, str, int, int, int]]:
    """Title, query, width of time groups (ms), range and shift (s) of all that is asked."""
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield f"variable {variable['name']}", variable["query"], 60_000, range_s, 0
    for annotation in board["annotations"]["list"]:
        every_ms = interval_ms(range_s, SCREEN_PX, least=None)
        yield annotation["name"], annotation["target"]["query"], every_ms, range_s, 0
    folded = (inner for panel in board["panels"] for inner in panel.get("panels", ()))
    for panel in itertools.chain(board["panels"], folded):
        span_s = _seconds(panel["timeFrom"]) if panel.get("timeFrom") else range_s
        shift_s = _seconds(panel["timeShift"]) if panel.get("timeShift") else 0
        pixels = SCREEN_PX * panel["gridPos"]["w"] // COLUMNS
        every_ms = interval_ms(span_s, pixels, least=panel.get("interval"))
        for target in panel.get("targets", ()):
            yield panel["title"], target["query"], every_ms, span_s, shift_s


def widest(name: str, board: Json, devices: Sequence[Device]) -> Mapping[str, str]:
    """The value of each variable that finds most."""
    kind = name.removeprefix("sensor-")
    places = Counter(device.area for device in devices if device.area)
    one = {
        "area": places.most_common(1)[0][0],
        "device": next((device.id for device in devices if device.kind == kind), devices[0].id),
    }
    return {
        variable["name"]: ".*" if variable["includeAll"] else one.get(variable["name"], "")
        for variable in board["templating"]["list"]
    }


def interpolated(
    query: str, values: Mapping[str, str], *, start_s: int, stop_s: int, every_ms: int
) -> str:
    """A query as Grafana sends it: variables, time range and width of groups in place."""
    span = f"time >= {start_s}000ms and time <= {stop_s}000ms"
    text = query.replace("$timeFilter", span).replace("$__interval", f"{every_ms}ms")
    for name, value in values.items():
        pattern = value if value == ".*" else re.sub(r"[.\-/]", r"\\\g<0>", value)
        text = text.replace(f"${{{name}:regex}}", pattern).replace(f"${name}", value)
    return text


def interval_ms(range_s: int, pixels: int, *, least: str | None) -> int:
    """The width of time groups: the range over the pixels, rounded as Grafana does, or `least`."""
    exact = range_s * 1_000 / pixels
    edges = [(low + high) / 2 for low, high in itertools.pairwise(_ROUND_MS)]
    rounded = _ROUND_MS[sum(exact >= edge for edge in edges)]
    return max(rounded, _seconds(least) * 1_000 if least else 0)


def _seconds(text: str) -> int:
    return int(text[:-1]) * _SECONDS[text[-1]]


def ask(influx: Influx, one: Asked) -> Answer:
    """Asks until the times can be told."""
    took: list[float] = []
    before_s = influx.process.cpu_s()
    for _ in range(REPEATS):
        answer, seconds = influx.timed(one.query)
        took.append(seconds * 1_000)
        if seconds > SLOW_S and len(took) > 1:
            break
    cpu_s = influx.process.cpu_s() - before_s
    (result,) = json.loads(answer)["results"]
    if "error" in result:
        raise SystemExit(f"{one.board}, {one.panel}: {result['error']}: {one.query}")
    return Answer(
        board=one.board,
        panel=one.panel,
        range=_words(one.range_s),
        query=one.query,
        rows=sum(len(series["values"]) for series in result.get("series", ())),
        kilobytes=len(answer) // 1_000,
        p50_ms=round(statistics.median(took), 1),
        max_ms=round(max(took), 1),
        cpu_ms=round(cpu_s * 1_000 / len(took), 1),
    )


def _words(seconds: int) -> str:
    unit = next(unit for unit in "dhms" if seconds % _SECONDS[unit] == 0)
    return f"{seconds // _SECONDS[unit]} {unit}"


def table(answers: Sequence[Answer]) -> str:
    """All answers, the slowest first."""
    lines = [
        "| dashboard | panel | range | rows | kB | CPU ms | p50 ms | max ms | |",
        "|" + "---|" * 9,
    ]
    for one in sorted(answers, key=lambda one: -one.p50_ms):
        verdict = "**over**" if one.slow else ""
        lines.append(
            f"| {one.board} | {one.panel} | {one.range} | {one.rows:,} | {one.kilobytes:,} "
            f"| {one.cpu_ms:.0f} | {one.p50_ms:.0f} | {one.max_ms:.0f} | {verdict} |"
        )
    return "\n".join(lines)


def summary(answers: Sequence[Answer]) -> str:
    """A line a dashboard."""
    lines = [
        "| dashboard | queries | over 300 ms | slowest p50 ms | of |",
        "|" + "---|" * 5,
    ]
    for board, some in itertools.groupby(answers, key=lambda one: one.board):
        found = list(some)
        slowest = max(found, key=lambda one: one.p50_ms)
        over = sum(one.slow for one in found)
        lines.append(
            f"| {board} | {len(found)} | {over} | {slowest.p50_ms:.0f} "
            f"| {slowest.panel}, {slowest.range} |"
        )
    return "\n".join(lines)


def bench(folder: Path, *, sensors: int, days: int) -> dict[str, Any]:
    """Fills unless it is filled, asks, and reports."""
    note = folder / FILLED
    known = json.loads(note.read_text(encoding="utf-8")) if note.is_file() else None
    if known is not None and (known["sensors"], known["days"]) != (sensors, days):
        raise SystemExit(
            f"{folder} holds {known['sensors']} sensors and {known['days']} days: ask for these "
            "or give another --folder"
        )
    stop_s = int(time.time()) if known is None else int(known["stop_s"])
    city = month(sensors, days, stop_s=stop_s)
    if known is None:
        begun = time.monotonic()
        fill(folder, city)
        known = {
            "sensors": sensors,
            "days": days,
            "stop_s": city.stop_s,
            "readings": city.readings,
            "points": city.points,
            "fill_s": round(time.monotonic() - begun),
        }
        note.write_text(json.dumps(known), encoding="utf-8")
    with closing(Influx(folder)) as influx:
        print(f"{known['points']:,} points, {known['readings']:,} of them readings", flush=True)
        asked = queries(city.devices, city.stop_s, days * DAY)
        answers = [ask(influx, one) for one in asked]
        facts = {
            "store_mb": sum(file.stat().st_size for file in folder.rglob("*.tsm")) // 2**20,
            "influxd_rss_mb": influx.process.rss_mb(),
        }
    print(table(answers))
    print(summary(answers))
    over = sum(one.slow for one in answers)
    print(f"{len(answers)} queries, {over} over {TARGET_MS:.0f} ms")
    return {**known, **facts, "queries": [asdict(one) for one in answers]}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.dashboards", description=__doc__)
    parser.add_argument("--sensors", type=int, default=1_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--folder", type=Path, help="keeps the store here, and asks it again")
    options = parser.parse_args()
    tested = commit()
    with tempfile.TemporaryDirectory(prefix="kotahub-bench-") as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        result = bench(folder, sensors=options.sensors, days=options.days)
    print(f"{tested} on {machine()}")
    report = {"commit": tested, "machine": dict(machine()), "result": result}
    text = json.dumps(report, indent=1, ensure_ascii=False)
    results_file("dashboards", tested).write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
