"""Sensor: everything of one device. One dashboard for each kind, so that all of it has units."""

from typing import Final

from dashboards import metrics, panels, sensors, variables
from dashboards.drawing import BATTERY, COUNT, FLAG, MOMENT, SIGNAL, STATE, Drawn, drawn
from dashboards.influxql import TIME, Target, call, last, newest, select
from dashboards.judged import add_judged, limits
from dashboards.links import sensor_name, top_link
from dashboards.measurements import DEVICE, LEDGER, OUTCOMES
from dashboards.page import NO_HUB, Json, Page
from dashboards.site import Language, Site
from devices.kind import Kind, Metric, Text

CONSOLE_PATH: Final = "/console/devices/"
"""Where the hub's console shows a device, by its id."""

_IT: Final = "\"device\" = '$device'"
_DOUBT: Final = Text(en="doubtful", id="meragukan")
_OUTCOMES: Final = {
    "received": Text(en="Received", id="Diterima"),
    "stored": Text(en="Stored", id="Tersimpan"),
    "quarantined": Text(en="Quarantined", id="Dikarantina"),
    "duplicate": Text(en="Duplicate", id="Duplikat"),
    "pending": Text(en="Pending", id="Menunggu"),
}


def build(site: Site, language: Language, kind: Kind) -> Json:
    """The dashboard of the devices of a kind, one at a time."""
    page = Page(
        sensor_name(kind),
        title=Text(en=f"Sensor: {kind.name.en}", id=f"Sensor: {kind.name.id}"),
        description=Text(
            en="Everything of one sensor: what it says, whether it can be trusted, how it is "
            "doing, and what became of its messages.",
            id="Segala hal tentang satu sensor: apa yang dikatakannya, dapatkah dipercaya, "
            "bagaimana kondisinya, dan apa yang terjadi pada pesannya.",
        ),
        site=site,
        language=language,
        incidents=[_IT],
    )
    page.choose(
        variables.hub(site),
        variables.area(site, language),
        variables.device(language, of=kind, single=True),
    )
    page.links.append(
        top_link(
            page.word(Text(en="Console", id="Konsol")),
            f"${{hub}}{CONSOLE_PATH}${{device}}",
            tooltip=page.word(
                Text(en="This sensor in the hub's console", id="Sensor ini di konsol hub")
            ),
            new_tab=True,
        )
    )
    page.row(Text(en="How it is", id="Kondisinya"))
    _add_state(page, kind)
    _add_last(page, kind, "battery", Text(en="Battery", id="Baterai"), BATTERY)
    _add_last(page, kind, "rssi", Text(en="Signal", id="Sinyal"), SIGNAL)
    _add_ledger(page)
    add_judged(page, kind, _IT)
    page.row(Text(en="What it measures", id="Yang diukurnya"))
    for name, metric in kind.metrics.items():
        _add_metric(page, kind, name, metric)
    page.row(Text(en="Can it be trusted", id="Dapatkah dipercaya"))
    _add_flags(page, kind)
    _add_messages(page)
    metrics.add_completeness(page, kind, _IT)
    _add_over_time(page, kind, "battery", Text(en="Battery", id="Baterai"), BATTERY)
    _add_over_time(page, kind, "rssi", Text(en="Signal", id="Sinyal"), SIGNAL)
    return page.build()


def _add_state(page: Page, kind: Kind) -> None:
    query = select(last("state"), DEVICE, TIME, _IT)
    page.add(
        panels.tile(
            Target(query=query, alias="$col"), STATE, language=page.language, words="state"
        ),
        width=5,
        height=4,
        title=Text(en="State", id="Keadaan"),
        description=Text(
            en="Silent: longer than its own rhythm lets expect. Suspect: quality control has "
            "found something that lasts.",
            id="Diam: lebih lama dari iramanya sendiri. Meragukan: kendali mutu menemukan sesuatu "
            "yang berlanjut.",
        ),
        empty=NO_HUB,
        last=sensors.RECENT,
    )
    since = select('"since"', select(newest("state", "since"), DEVICE, TIME, _IT))
    page.add(
        panels.tile(Target(query=since), MOMENT, language=page.language),
        width=5,
        height=4,
        title=Text(en="Since", id="Sejak"),
        description=Text(
            en=f"Since when the sensor of kind {kind.name.en} is in this state.",
            id=f"Sejak kapan sensor jenis {kind.name.id} dalam keadaan itu.",
        ),
        empty=Text(en="Since before the hub was started", id="Sejak sebelum hub dijalankan"),
        last=sensors.RECENT,
    )


def _add_last(page: Page, kind: Kind, field: str, title: Text, how: Drawn) -> None:
    query = select(call("last", field), kind.id, TIME, _IT)
    page.add(
        panels.tile(Target(query=query), how, language=page.language),
        width=3,
        height=4,
        title=title,
        description=Text(en="As the device said last.", id="Seperti kata perangkat terakhir kali."),
        empty=Text(en="Not told", id="Tidak disebut"),
    )


def _add_ledger(page: Page) -> None:
    query = select(last(*OUTCOMES), LEDGER, TIME, _IT)
    made = panels.tile(Target(query=query, alias="$col"), COUNT, language=page.language, named=True)
    panels.rename(made, {name: page.word(text) for name, text in _OUTCOMES.items()})
    page.add(
        made,
        width=8,
        height=4,
        title=Text(en="Ledger", id="Buku besar"),
        description=Text(
            en="What became of its messages: "
            "received = stored + quarantined + duplicate + pending.",
            id="Nasib pesannya: diterima = tersimpan + dikarantina + duplikat + menunggu.",
        ),
        empty=NO_HUB,
    )


def _add_metric(page: Page, kind: Kind, name: str, metric: Metric) -> None:
    by = ["channel"] if kind.channel is not None else []
    alias = "$tag_channel" if by else page.word(metric.name)
    targets = metrics.readings(kind, name, _IT, by=by, alias=alias, doubt=page.word(_DOUBT))
    targets += limits(kind, name, _IT)
    made = panels.series(targets, drawn(metric), language=page.language)
    metrics.mark_doubtful(made)
    for target in targets[2:]:
        panels.override(
            made,
            target.ref,
            {
                "custom.lineStyle": {"fill": "dash", "dash": [8, 6]},
                "custom.fillOpacity": 0,
                "custom.showPoints": "never",
                "custom.spanNulls": True,
            },
            by="byFrameRefID",
        )
    page.add(
        made,
        width=12,
        height=8,
        title=metric.name,
        description=Text(
            en=f"Raw readings in {metric.symbol}. Dots in magenta: suspect or wrong by quality "
            "control; they are never deleted, and used nowhere.",
            id=f"Bacaan mentah dalam {metric.symbol}. Titik magenta: diragukan atau dinilai salah "
            "oleh kendali mutu; tidak pernah dihapus, dan tidak dipakai.",
        ),
        least="1m",
    )


def _add_flags(page: Page, kind: Kind) -> None:
    query = select(
        [call("max", f"{name}_qc", name) for name in kind.fields],
        kind.id,
        TIME,
        _IT,
        every="$__interval",
        fill="none",
    )
    made = panels.timeline(Target(query=query, alias="$col"), FLAG, language=page.language)
    panels.rename(made, {name: page.word(metric.name) for name, metric in kind.metrics.items()})
    page.add(
        made,
        width=24,
        height=4 + len(kind.metrics),
        title=Text(en="Flags", id="Tanda mutu"),
        description=Text(
            en="The worst QARTOD flag of each metric. A hole is a gap: nothing came.",
            id="Tanda QARTOD terburuk tiap besaran. Lubang adalah jeda: tidak ada yang datang.",
        ),
        least="1m",
    )


def _add_messages(page: Page) -> None:
    each = select(
        last("received", "quarantined", "duplicate"), LEDGER, TIME, _IT, every="$__interval"
    )
    query = select(
        [
            f'non_negative_difference("{name}") AS "{name}"'
            for name in ("received", "quarantined", "duplicate")
        ],
        each,
    )
    made = panels.series(
        [Target(query=query, alias="$col")], COUNT, language=page.language, look="bars"
    )
    panels.rename(made, {name: page.word(text) for name, text in _OUTCOMES.items()})
    page.add(
        made,
        width=16,
        height=8,
        title=Text(en="Messages, and gaps between them", id="Pesan, dan jeda di antaranya"),
        description=Text(
            en="Messages in each span of time. Where nothing stands, nothing was received.",
            id="Pesan tiap rentang waktu. Bila kosong, tidak ada yang diterima.",
        ),
        empty=NO_HUB,
        least="10m",
    )


def _add_over_time(page: Page, kind: Kind, field: str, title: Text, how: Drawn) -> None:
    query = select(call("mean", field), kind.id, TIME, _IT, every="$__interval", fill="none")
    page.add(
        panels.series(
            [Target(query=query, alias=page.word(title))],
            how,
            language=page.language,
            legend=False,
        ),
        width=12,
        height=7,
        title=title,
        description=Text(en="As the device said.", id="Seperti kata perangkat."),
        empty=Text(en="The device does not tell", id="Perangkat tidak menyebutnya"),
        least="1m",
    )
