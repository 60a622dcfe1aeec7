"""Traffic: where it jams, how much of what drives, and whether that is usual."""

from typing import Final

from dashboards import maps, panels, sensors, worst
from dashboards.drawing import LEVEL_OF_SERVICE, SATURATION, Drawn, drawn
from dashboards.influxql import IN_AREA, IN_DEVICE, TIME, Target, call, newest, select
from dashboards.links import sensor_name
from dashboards.measurements import COMPLETE, DEVICE, TRAFFIC_SERVICE, hours
from dashboards.metrics import HOURS_BACK, add_metrics, hour_query
from dashboards.page import NOT_COMPUTED, Page
from devices.kind import Kind, Text

KIND: Final = "traffic"
CLASSES: Final = ("volume_mc", "volume_lv", "volume_hv")
_DAY: Final = "24h"
_WEEK: Final = "7d"


def add(page: Page, kind: Kind) -> None:
    """The rows of the traffic dashboard that no other kind has; then those that every kind has."""
    page.row(Text(en="Junctions now", id="Simpang sekarang"))
    worst.add_junctions(page, IN_AREA, IN_DEVICE, width=12, height=14)
    _add_map(page, kind)
    page.row(Text(en="The last day", id="Satu hari terakhir"))
    _add_service(page)
    _add_flow(page)
    _add_speed(page, kind)
    page.row(Text(en="What drives, and is it usual", id="Kendaraan apa, dan apakah biasa"))
    _add_classes(page, kind)
    _add_week(page, kind, Text(en="This week", id="Minggu ini"))
    _add_week(page, kind, Text(en="The week before", id="Minggu sebelumnya"), shift=_WEEK)
    add_metrics(page, kind)


def _add_map(page: Page, kind: Kind) -> None:
    where = select(
        newest("state", "latitude", "longitude", "name"),
        DEVICE,
        TIME,
        sensors.of_kind(kind),
        IN_AREA,
        IN_DEVICE,
        by=["device"],
    )
    made = maps.markers(
        [
            Target(query=where, ref="P"),
            Target(query=worst.junctions(IN_AREA, IN_DEVICE)),
        ],
        {
            "device": (page.word(sensors.SENSOR), None),
            "name": (page.word(sensors.NAME), None),
            "los": (page.word(worst.SERVICE), LEVEL_OF_SERVICE),
            "saturation": (page.word(worst.SATURATION_WORD), SATURATION),
            "flow": (page.word(worst.FLOW), worst.FLOW_DRAWN),
            "speed": (page.word(worst.SPEED), worst.SPEED_DRAWN),
        },
        color="los",
        site=page.site,
        language=page.language,
        links=[sensors.one_kind(page, sensor_name(kind))],
    )
    page.add(
        made,
        width=12,
        height=14,
        title=Text(en="Junctions by level of service", id="Simpang menurut tingkat pelayanan"),
        description=Text(
            en="Counters whose road is described are judged: capacity by PKJI 2023.",
            id="Penghitung yang jalannya dijelaskan dinilai: kapasitas menurut PKJI 2023.",
        ),
        empty=NOT_COMPUTED,
        last=worst.TRAFFIC_MINUTES,
    )


def _add_service(page: Page) -> None:
    query = select(
        call("max", "los"),
        TRAFFIC_SERVICE,
        TIME,
        '"los" > 0',
        IN_AREA,
        IN_DEVICE,
        by=["device"],
        every="1h",
        fill="null",
    )
    made = panels.history(
        Target(query=query, alias="$tag_device"), LEVEL_OF_SERVICE, language=page.language
    )
    page.add(
        made,
        width=24,
        height=14,
        title=Text(
            en="Level of service by junction and hour", id="Tingkat pelayanan per simpang dan jam"
        ),
        description=Text(
            en="The worst quarter of each hour and direction, A (green) to F (dark red).",
            id="Seperempat jam terburuk tiap jam dan arah, A (hijau) sampai F (merah tua).",
        ),
        empty=NOT_COMPUTED,
        last=_DAY,
    )


def _add_flow(page: Page) -> None:
    query = select(
        call("mean", "flow"),
        TRAFFIC_SERVICE,
        TIME,
        COMPLETE,
        IN_AREA,
        IN_DEVICE,
        by=["device"],
        every="$__interval",
        fill="none",
    )
    made = panels.series(
        [Target(query=query, alias="$tag_device")], worst.FLOW_DRAWN, language=page.language
    )
    page.add(
        made,
        width=12,
        height=9,
        title=Text(en="Flow", id="Arus"),
        description=Text(
            en="Vehicles an hour in a direction, from quarters of an hour that are complete.",
            id="Kendaraan per jam tiap arah, dari seperempat jam yang lengkap.",
        ),
        empty=NOT_COMPUTED,
        least="30m",
        last=_DAY,
    )


def _add_speed(page: Page, kind: Kind) -> None:
    query = select(
        call("mean", "speed"),
        TRAFFIC_SERVICE,
        TIME,
        IN_AREA,
        IN_DEVICE,
        by=["device"],
        every="$__interval",
        fill="none",
    )
    made = panels.series(
        [Target(query=query, alias="$tag_device")],
        drawn(kind.metrics["speed"]),
        language=page.language,
    )
    page.add(
        made,
        width=12,
        height=9,
        title=Text(en="Speed", id="Kecepatan"),
        description=Text(
            en="Mean speed of quarters of an hour.", id="Kecepatan rata-rata tiap seperempat jam."
        ),
        least="30m",
        last=_DAY,
    )


def _add_classes(page: Page, kind: Kind) -> None:
    targets = [
        Target(
            query=hour_query(kind, name, kind.metrics[name], IN_AREA, IN_DEVICE),
            ref=ref,
            alias=page.word(kind.metrics[name].name),
        )
        for ref, name in zip("ABC", CLASSES, strict=True)
        if name in kind.metrics
    ]
    made = panels.series(targets, Drawn(decimals=0), language=page.language, look="stacked")
    page.add(
        made,
        width=24,
        height=9,
        title=Text(en="Vehicles by class", id="Kendaraan menurut golongan"),
        description=Text(
            en="Vehicles counted in each hour at all chosen counters.",
            id="Kendaraan yang dihitung tiap jam di semua penghitung yang dipilih.",
        ),
        least="1h",
        last=HOURS_BACK,
    )


def _add_week(page: Page, kind: Kind, title: Text, *, shift: str | None = None) -> None:
    query = select(
        call("sum", "volume_sum", "volume"),
        hours(kind),
        TIME,
        '"volume_count" > 0',
        IN_AREA,
        IN_DEVICE,
        every="1h",
        fill="none",
    )
    made = panels.series(
        [Target(query=query, alias=page.word(title))],
        Drawn(decimals=0, soft=(0, 1)),
        language=page.language,
        look="bars",
        legend=False,
    )
    page.add(
        made,
        width=24,
        height=6,
        title=title,
        description=Text(
            en="Vehicles in each hour of seven days; the two weeks lie one above the other, "
            "weekday under weekday.",
            id="Kendaraan tiap jam selama tujuh hari; kedua minggu tersusun atas-bawah, hari di "
            "bawah hari yang sama.",
        ),
        last=_WEEK,
        shift=shift,
    )
