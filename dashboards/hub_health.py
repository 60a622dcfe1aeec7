"""Hub health: is every message accounted for, is the store behind, who is silent."""

from typing import Final

from dashboards import panels, sensors, variables
from dashboards.alert_list import alert_list
from dashboards.drawing import (
    BAD_COUNT,
    BYTES,
    COUNT,
    GOOD_COUNT,
    LAG,
    ODD_COUNT,
    YES_NO,
    Drawn,
)
from dashboards.influxql import (
    IN_AREA,
    IN_DEVICE,
    IN_KIND,
    TIME,
    Target,
    call,
    last,
    newest,
    select,
)
from dashboards.links import HUB_HEALTH, top_link
from dashboards.measurements import HEALTH, LEDGER, OUTCOMES
from dashboards.page import NO_HUB, Json, Page
from dashboards.site import Language, Site
from devices.kind import Text

TITLE: Final = Text(en="Hub health", id="Kesehatan hub")
_WORDS: Final = Text(
    en="Is every message accounted for? What waits, what was refused and why, who is silent, and "
    "do broker and store answer?",
    id="Apakah setiap pesan tercatat? Apa yang menunggu, apa yang ditolak dan mengapa, siapa yang "
    "diam, dan apakah broker serta penyimpanan menjawab?",
)
_OUTCOME_NAMES: Final = {
    "received": Text(en="Received", id="Diterima"),
    "stored": Text(en="Stored", id="Tersimpan"),
    "quarantined": Text(en="Quarantined", id="Dikarantina"),
    "duplicate": Text(en="Duplicate", id="Duplikat"),
    "pending": Text(en="Pending", id="Menunggu"),
}
_NOW: Final = "5m"
_ROWS: Final = 100


def build(site: Site, language: Language) -> Json:
    """The dashboard."""
    page = Page(
        HUB_HEALTH,
        title=TITLE,
        description=_WORDS,
        site=site,
        language=language,
        incidents=[IN_KIND],
    )
    page.choose(
        variables.hub(site),
        variables.area(site, language),
        variables.kind(site, language),
        variables.device(language, of=None),
    )
    page.links.append(
        top_link(
            page.word(Text(en="Console", id="Konsol")),
            "${hub}/console",
            tooltip=page.word(
                Text(en="Quarantine and maintenance", id="Karantina dan pemeliharaan")
            ),
            new_tab=True,
        )
    )
    _add_now(page)
    _add_ledger(page)
    page.row(Text(en="Sensors", id="Sensor"))
    _add_silence(page)
    _add_devices(page)
    page.row(Text(en="Alert rules of this Grafana", id="Aturan peringatan Grafana ini"))
    page.add(
        alert_list(),
        width=24,
        height=8,
        title=Text(en="Alert rules", id="Aturan peringatan"),
        description=Text(
            en="Rules that somebody made in Grafana itself; the hub's incidents do not need them.",
            id="Aturan yang dibuat seseorang di Grafana; insiden hub tidak memerlukannya.",
        ),
        empty=Text(en="No rule is firing", id="Tidak ada aturan yang menyala"),
    )
    return page.build()


def _add_now(page: Page) -> None:
    up = Text(en="Broker", id="Broker"), Text(en="Store", id="Penyimpanan")
    lag = Text(en="Oldest waiting message", id="Pesan tertua yang menunggu")
    visit = Text(en="To visit", id="Perlu dikunjungi")
    journal = Text(en="Journal in use", id="Jurnal terpakai")
    for field, title, how, width in (
        ("broker_connected", up[0], YES_NO, 4),
        ("store_up", up[1], YES_NO, 4),
        ("lag_s", lag, LAG, 4),
        ("pending", _OUTCOME_NAMES["pending"], COUNT, 4),
        ("quarantined", _OUTCOME_NAMES["quarantined"], ODD_COUNT, 4),
        ("to_visit", visit, ODD_COUNT, 4),
    ):
        query = select(last(field), HEALTH, TIME)
        page.add(
            panels.tile(Target(query=query), how, language=page.language),
            width=width,
            height=4,
            title=title,
            description=Text(
                en="As the hub wrote last, within five minutes.",
                id="Seperti ditulis hub terakhir kali, dalam lima menit.",
            ),
            empty=NO_HUB,
            last=_NOW,
        )
    query = select(last("journal_bytes", "journal_max_bytes"), HEALTH, TIME, every="$__interval")
    made = panels.series([Target(query=query, alias="$col")], BYTES, language=page.language)
    panels.rename(
        made,
        {
            "journal_bytes": page.word(journal),
            "journal_max_bytes": page.word(Text(en="Disk budget", id="Jatah diska")),
        },
    )
    page.add(
        made,
        width=12,
        height=8,
        title=journal,
        description=Text(
            en="At its budget the hub stops acknowledging; the broker then keeps the messages.",
            id="Pada batas jatahnya hub berhenti mengonfirmasi; pesan lalu disimpan broker.",
        ),
        empty=NO_HUB,
        least="1m",
    )
    query = select(last("lag_s"), HEALTH, TIME, every="$__interval", fill="none")
    page.add(
        panels.series([Target(query=query, alias=page.word(lag))], LAG, language=page.language),
        width=12,
        height=8,
        title=lag,
        description=Text(
            en="Age of the oldest message that is not in the store yet.",
            id="Umur pesan tertua yang belum ada di penyimpanan.",
        ),
        empty=NO_HUB,
        least="1m",
    )

    up_words = {"broker_connected": page.word(up[0]), "store_up": page.word(up[1])}
    query = select(
        [call("min", field) for field in up_words], HEALTH, TIME, every="$__interval", fill="none"
    )
    made = panels.timeline(Target(query=query, alias="$col"), YES_NO, language=page.language)
    panels.rename(made, up_words)
    page.add(
        made,
        width=24,
        height=5,
        title=Text(
            en="Broker and store over time", id="Broker dan penyimpanan dari waktu ke waktu"
        ),
        description=Text(
            en="Red: away. What the hub was like while the store was away is told when it is back; "
            "a hole says that the hub itself did not run.",
            id="Merah: putus. Keadaan hub selama penyimpanan putus diceritakan saat tersambung "
            "lagi; lubang berarti hub sendiri tidak berjalan.",
        ),
        empty=NO_HUB,
        least="1m",
    )


def _add_ledger(page: Page) -> None:
    page.row(Text(en="Every message", id="Setiap pesan"))
    each = select(last(*OUTCOMES[:4]), HEALTH, TIME, every="$__interval")
    query = select(
        [f'non_negative_difference("{name}") AS "{name}"' for name in OUTCOMES[:4]], each
    )
    made = panels.series(
        [Target(query=query, alias="$col")], COUNT, language=page.language, look="bars"
    )
    panels.rename(made, {name: page.word(text) for name, text in _OUTCOME_NAMES.items()})
    page.add(
        made,
        width=12,
        height=9,
        title=Text(en="Messages by outcome", id="Pesan menurut nasibnya"),
        description=Text(
            en="In each span of time. Received is the sum of the others and what is pending.",
            id="Tiap rentang waktu. Diterima adalah jumlah yang lain dan yang menunggu.",
        ),
        empty=NO_HUB,
        least="1m",
    )
    reasons = select(
        last("items"), HEALTH, TIME, by=["reason"], every="$__interval", fill="previous"
    )
    page.add(
        panels.series(
            [Target(query=reasons, alias="$tag_reason")],
            COUNT,
            language=page.language,
            look="stacked",
        ),
        width=12,
        height=9,
        title=Text(en="Quarantine by reason", id="Karantina menurut alasan"),
        description=Text(
            en="Messages that wait in quarantine; docs/quarantine.md explains each reason.",
            id="Pesan yang menunggu di karantina; docs/quarantine.md menjelaskan tiap alasan.",
        ),
        empty=Text(en="Quarantine is empty", id="Karantina kosong"),
        least="1m",
    )


def _add_silence(page: Page) -> None:
    query = select(
        last("silent"), HEALTH, TIME, IN_KIND, by=["kind"], every="$__interval", fill="none"
    )
    made = panels.series(
        [Target(query=query, alias="$tag_kind")], COUNT, language=page.language, look="stacked"
    )
    panels.rename(made, {kind.id: page.word(kind.name) for kind in page.site.kinds.values()})
    page.add(
        made,
        width=12,
        height=9,
        title=Text(en="Silent sensors", id="Sensor diam"),
        description=Text(
            en="Sensors that are silent for longer than their own rhythm lets expect.",
            id="Sensor yang diam lebih lama dari iramanya sendiri.",
        ),
        empty=NO_HUB,
        least="1m",
    )
    states = select(
        [call("sum", state) for state in ("devices", "ok")],
        select(last("devices", "ok"), HEALTH, TIME, IN_KIND, by=["kind"]),
    )
    made = panels.tile(
        Target(query=states, alias="$col"), GOOD_COUNT, language=page.language, named=True
    )
    panels.rename(
        made,
        {
            "devices": page.word(Text(en="Registered", id="Terdaftar")),
            "ok": page.word(Text(en="Reporting", id="Melapor")),
        },
    )
    page.add(
        made,
        width=12,
        height=9,
        title=Text(en="Registered and reporting", id="Terdaftar dan melapor"),
        description=Text(
            en="Retired sensors count in neither.", id="Sensor yang pensiun tidak dihitung."
        ),
        empty=NO_HUB,
        last=_NOW,
    )


def _add_devices(page: Page) -> None:
    query = select(
        newest(*OUTCOMES), LEDGER, TIME, IN_AREA, IN_KIND, IN_DEVICE, by=["device", "kind"]
    )
    plain = Drawn(decimals=0)
    made = panels.rows(
        [sensors.names(IN_AREA, IN_KIND, IN_DEVICE), Target(query=query)],
        {
            "name": (page.word(sensors.NAME), None),
            "device": (page.word(sensors.SENSOR), None),
            **{
                name: (
                    page.word(_OUTCOME_NAMES[name]),
                    BAD_COUNT if name == "quarantined" else plain,
                )
                for name in OUTCOMES
            },
        },
        language=page.language,
        sort=[("quarantined", True)],
        limit=_ROWS,
        hidden=("kind",),
        links=[sensors.any_sensor(page)],
    )
    page.add(
        made,
        width=24,
        height=14,
        title=Text(en="Ledger by sensor", id="Buku besar per sensor"),
        description=Text(
            en="Those with most messages in quarantine first. "
            "Received = stored + quarantined + duplicate + pending.",
            id="Yang paling banyak dikarantina lebih dahulu. "
            "Diterima = tersimpan + dikarantina + duplikat + menunggu.",
        ),
        empty=NO_HUB,
        last=sensors.RECENT,
    )
