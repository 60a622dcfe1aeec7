"""Air: is it healthy, where, since when, and how well do we know it."""

from typing import Final

from dashboards import panels, worst
from dashboards.drawing import AQI, ISPU, drawn
from dashboards.influxql import IN_AREA, IN_DEVICE, TIME, Target, call, select
from dashboards.measurements import AIR_INDEX, days, hours
from dashboards.metrics import WEEK, add_metrics
from dashboards.page import NOT_COMPUTED, Page
from devices.kind import Kind, Text

KIND: Final = "air"
_PARTICLES: Final = "pm25"
_DAYS: Final = "30d"
_HOURS: Final = "48h"

_COMPUTED: Final = '"ispu_category" > 0'


def add(page: Page, kind: Kind) -> None:
    """The rows of the air dashboard that no other kind has; then those that every kind has."""
    page.row(Text(en="ISPU now", id="ISPU sekarang"))
    _add_now(page)
    worst.add_air(page, IN_AREA, IN_DEVICE, width=12, height=14)
    page.row(Text(en="Indices over time", id="Indeks dari waktu ke waktu"))
    _add_index(page, "ispu")
    _add_index(page, "aqi")
    page.row(Text(en="Day and hour", id="Hari dan jam"))
    _add_hours(page, kind)
    _add_days(page, kind)
    add_metrics(page, kind)


def _add_now(page: Page) -> None:
    each = select(
        call("last", "ispu"),
        AIR_INDEX,
        TIME,
        _COMPUTED,
        IN_AREA,
        IN_DEVICE,
        by=["device", "area"],
    )
    # The regulation's blue cannot be read on a dark wall, white on it can.
    made = panels.tile(
        Target(query=select(call("max", "ispu"), each, by=["area"]), alias="$tag_area"),
        ISPU,
        language=page.language,
        named=True,
    )
    panels.rename(made, page.site.area_names)
    page.add(
        made,
        width=12,
        height=14,
        title=Text(en="ISPU by kecamatan", id="ISPU per kecamatan"),
        description=Text(
            en="The highest ISPU among the stations of each kecamatan: 24 h averages, the worst "
            "pollutant counts (Permen LHK P.14/2020).",
            id="ISPU tertinggi di antara stasiun tiap kecamatan: rata-rata 24 jam, pencemar "
            "terburuk yang dihitung (Permen LHK P.14/2020).",
        ),
        empty=NOT_COMPUTED,
        last="2h",
    )


def _add_index(page: Page, name: str) -> None:
    query = select(
        call("max", name),
        AIR_INDEX,
        TIME,
        f'"{name}_category" > 0',
        IN_AREA,
        IN_DEVICE,
        by=["area"],
        every="$__interval",
        fill="none",
    )
    made = panels.series(
        [Target(query=query, alias="$tag_area")],
        ISPU if name == "ispu" else AQI,
        language=page.language,
    )
    panels.rename(made, page.site.area_names)
    titles = {
        "ispu": Text(en="ISPU", id="ISPU"),
        "aqi": Text(en="US AQI with NowCast", id="US AQI dengan NowCast"),
    }
    words = {
        "ispu": Text(
            en="The index of the day that ends with each hour; slow, and what the law speaks of.",
            id="Indeks hari yang berakhir pada tiap jam; lambat, dan itulah yang disebut aturan.",
        ),
        "aqi": Text(
            en="Particles only, weighed to the last hours: it follows smoke within an hour or two.",
            id="Partikel saja, dengan bobot jam-jam terakhir: mengikuti asap dalam satu-dua jam.",
        ),
    }
    page.add(
        made,
        width=12,
        height=9,
        title=titles[name],
        description=words[name],
        empty=NOT_COMPUTED,
        least="1h",
        last=WEEK,
    )


def _add_hours(page: Page, kind: Kind) -> None:
    query = select(
        call("mean", f"{_PARTICLES}_mean", _PARTICLES),
        hours(kind),
        TIME,
        f'"{_PARTICLES}_count" > 0',
        IN_AREA,
        IN_DEVICE,
        by=["area"],
        every="1h",
        fill="null",
    )
    _add_heat(
        page,
        kind,
        query,
        title=Text(en="PM2.5, hour by hour", id="PM2,5, jam demi jam"),
        last=_HOURS,
    )


def _add_days(page: Page, kind: Kind) -> None:
    query = select(
        call("mean", f"{_PARTICLES}_mean", _PARTICLES),
        days(kind),
        TIME,
        f'"{_PARTICLES}_count" > 0',
        IN_AREA,
        IN_DEVICE,
        by=["area"],
        every="1d",
        fill="null",
        tz=page.site.zone,
    )
    _add_heat(
        page,
        kind,
        query,
        title=Text(en="PM2.5, day by day", id="PM2,5, hari demi hari"),
        last=_DAYS,
    )


def _add_heat(page: Page, kind: Kind, query: str, *, title: Text, last: str) -> None:
    made = panels.history(
        Target(query=query, alias="$tag_area"),
        drawn(kind.metrics[_PARTICLES]),
        language=page.language,
    )
    panels.rename(made, page.site.area_names)
    page.add(
        made,
        width=12,
        height=14,
        title=title,
        description=Text(
            en="A row for each kecamatan, a cell for each hour or day, in the colours of the "
            "bands. Empty: no believed reading.",
            id="Satu baris tiap kecamatan, satu sel tiap jam atau hari, dengan warna kategori. "
            "Kosong: tidak ada bacaan tepercaya.",
        ),
        last=last,
    )
