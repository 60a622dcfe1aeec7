"""The rows that every kind has: its metrics now, and hour by hour. All of it from the kind."""

from collections.abc import Sequence
from typing import Final

from grafana_foundation_sdk.models import dashboard

from dashboards import panels
from dashboards.drawing import DOUBTFUL, SHARE, Drawn, Step, drawn
from dashboards.influxql import (
    IN_AREA,
    IN_DEVICE,
    TIME,
    Target,
    call,
    doubtful,
    good,
    select,
)
from dashboards.links import DataLink, path, sensor_name
from dashboards.measurements import days, hours
from dashboards.page import Page
from devices.kind import Kind, Metric, Text

NOW: Final = "3h"
"""How far back readings of many devices are read; beyond, hours are."""
LEAST: Final = "5m"
"""Narrowest time group of many devices: a line for each has no more to show in a panel."""
WEEK: Final = "7d"
HOURS_BACK: Final = "3d"
"""How far back hours of many devices are read; beyond, days are."""
SEASON: Final = "90d"

_MINUTES: Final = Text(
    en="The last three hours, by five minutes", id="Tiga jam terakhir, per lima menit"
)
_HOURS: Final = Text(en="Three days, hour by hour", id="Tiga hari, jam demi jam")
_DAYS: Final = Text(en="Ninety days, day by day", id="Sembilan puluh hari, hari demi hari")
_DOUBT: Final = Text(en="doubtful", id="meragukan")
_NOW_WORDS: Final = Text(
    en="Each sensor's mean of five minutes. Dots in magenta are values that quality control finds "
    "suspect or wrong; they are in no line, index or alert.",
    id="Rata-rata lima menit tiap sensor. Titik magenta adalah nilai yang diragukan atau dinilai "
    "salah oleh kendali mutu; tidak dipakai dalam garis, indeks maupun peringatan.",
)
_HOUR_WORDS: Final = Text(
    en="Hourly values of believed readings only, over the sensors of each kecamatan.",
    id="Nilai per jam dari bacaan yang dipercaya saja, dari sensor tiap kecamatan.",
)
_DAY_WORDS: Final = Text(
    en="Daily values of believed readings only, over the sensors of each kecamatan.",
    id="Nilai harian dari bacaan yang dipercaya saja, dari sensor tiap kecamatan.",
)
_COMPLETE: Final = Text(en="Completeness", id="Kelengkapan")
_COMPLETE_WORDS: Final = Text(
    en="Share of quarters of an hour with a believed value. Indices need three quarters.",
    id="Bagian seperempat jam yang memiliki nilai tepercaya. Indeks memerlukan tiga perempatnya.",
)


def readings(
    kind: Kind,
    name: str,
    *conditions: str,
    by: Sequence[str],
    alias: str,
    doubt: str,
) -> list[Target]:
    """What is believed of a metric as lines, what is not as a second target."""
    believed = select(
        call("mean", name),
        kind.id,
        TIME,
        good(name),
        *conditions,
        by=by,
        every="$__interval",
        fill="none",
    )
    doubted = select(
        call("max", name),
        kind.id,
        TIME,
        doubtful(name),
        *conditions,
        by=by,
        every="$__interval",
        fill="none",
    )
    return [
        Target(query=believed, alias=alias),
        Target(query=doubted, ref="B", alias=f"{alias} ({doubt})"),
    ]


def mark_doubtful(made: dashboard.Panel) -> None:
    """Draws the second target of `readings` as dots of their own colour."""
    panels.override(
        made,
        "B",
        {
            "custom.drawStyle": "points",
            "custom.pointSize": 8,
            "color": {"mode": "fixed", "fixedColor": DOUBTFUL},
        },
        by="byFrameRefID",
    )


def hourly(name: str, metric: Metric) -> tuple[str, str]:
    """The aggregate and the field of a metric's hours that say most of it for many devices."""
    if metric.summary == "sum":
        return "sum", f"{name}_sum"
    return "mean", f"{name}_mean"


def hourly_drawn(metric: Metric) -> Drawn:
    """An hourly value; a sum is in no band that was made for a single reading."""
    found = drawn(metric)
    if metric.summary == "sum":
        return Drawn(unit=found.unit, decimals=found.decimals, steps=(Step(None, "text"),))
    return found


def hour_query(
    kind: Kind, name: str, metric: Metric, *conditions: str, by: Sequence[str] = ()
) -> str:
    """Hours of a metric; an hour without a believed value has the count 0 and is left out."""
    return _rolled_query(hours(kind), name, metric, *conditions, by=by)


def _rolled_query(
    measurement: str,
    name: str,
    metric: Metric,
    *conditions: str,
    by: Sequence[str],
    every: str = "$__interval",
    tz: str | None = None,
) -> str:
    function, field = hourly(name, metric)
    return select(
        call(function, field, name),
        measurement,
        TIME,
        f'"{name}_count" > 0',
        *conditions,
        by=by,
        every=every,
        fill="none",
        tz=tz,
    )


def to_sensor(page: Page, kind: Kind, value: str) -> DataLink:
    """The way to one device; `value` is what Grafana puts the id in place of."""
    return DataLink(
        page.word(Text(en="This sensor", id="Sensor ini")),
        path(sensor_name(kind), page.language, device=value),
    )


def add_metrics(page: Page, kind: Kind) -> None:
    """The rows of a kind: its readings, its hours, and its days."""
    page.row(_MINUTES)
    for name, metric in kind.metrics.items():
        made = panels.series(
            readings(
                kind,
                name,
                IN_AREA,
                IN_DEVICE,
                by=["device"],
                alias="$tag_device",
                doubt=page.word(_DOUBT),
            ),
            drawn(metric),
            language=page.language,
            links=[to_sensor(page, kind, "${__field.labels.device}")],
        )
        mark_doubtful(made)
        page.add(
            made,
            width=8,
            height=8,
            title=metric.name,
            description=_NOW_WORDS,
            least=LEAST,
            last=NOW,
        )
    page.row(_HOURS)
    for name, metric in kind.metrics.items():
        query = hour_query(kind, name, metric, IN_AREA, IN_DEVICE, by=["area"])
        _add_rolled(page, metric, query, _HOUR_WORDS, least="1h", last=HOURS_BACK)
    page.row(_DAYS)
    for name, metric in kind.metrics.items():
        query = _rolled_query(
            days(kind),
            name,
            metric,
            *(IN_AREA, IN_DEVICE),
            by=["area"],
            every="1d",
            tz=page.site.zone,
        )
        _add_rolled(page, metric, query, _DAY_WORDS, least="1d", last=SEASON)
    query = select(
        _completeness(kind),
        days(kind),
        TIME,
        IN_AREA,
        IN_DEVICE,
        every="1d",
        fill="none",
        tz=page.site.zone,
    )
    _add_complete(page, kind, query, least="1d", last=WEEK)


def _add_rolled(
    page: Page, metric: Metric, query: str, description: Text, *, least: str, last: str
) -> None:
    made = panels.series(
        [Target(query=query, alias="$tag_area")],
        hourly_drawn(metric),
        language=page.language,
        look="bars" if metric.summary == "sum" else "line",
    )
    panels.rename(made, page.site.area_names)
    page.add(
        made,
        width=8,
        height=8,
        title=metric.name,
        description=description,
        least=least,
        last=last,
    )


def add_completeness(page: Page, kind: Kind, *conditions: str) -> None:
    """How complete the hours of each metric are, of one device."""
    query = select(
        _completeness(kind), hours(kind), TIME, *conditions, every="$__interval", fill="none"
    )
    _add_complete(page, kind, query, least="1h")


def _completeness(kind: Kind) -> list[str]:
    return [call("mean", f"{name}_completeness", name) for name in kind.fields]


def _add_complete(
    page: Page, kind: Kind, query: str, *, least: str, last: str | None = None
) -> None:
    made = panels.series([Target(query=query, alias="$col")], SHARE, language=page.language)
    panels.rename(made, {name: page.word(metric.name) for name, metric in kind.metrics.items()})
    page.add(
        made,
        width=8,
        height=8,
        title=_COMPLETE,
        description=_COMPLETE_WORDS,
        least=least,
        last=last,
    )
