"""Sensors as the hub's registry knows them: where they stand, and in which state they are."""

from typing import Final

from dashboards import maps, panels
from dashboards.drawing import MOMENT, RED, STATE, Code, Drawn, counted
from dashboards.influxql import TIME, Target, call, newest, select
from dashboards.links import DataLink, path
from dashboards.measurements import DEVICE, HEALTH
from dashboards.page import NO_HUB, Page
from devices.kind import Kind, Text

RECENT: Final = "30m"
"""The hub writes every device at least that often."""

NAME: Final = Text(en="Name", id="Nama")
SENSOR: Final = Text(en="Sensor", id="Sensor")
AREA: Final = Text(en="Kecamatan", id="Kecamatan")
_STATE: Final = Text(en="State", id="Keadaan")
_SINCE: Final = Text(en="Since", id="Sejak")
_KIND: Final = Text(en="Kind", id="Jenis")
_MAP: Final = Text(en="Sensors by state", id="Sensor menurut keadaan")
_MAP_WORDS: Final = Text(
    en="Every sensor where it stands: green reports, yellow is suspect, red is silent, blue is in "
    "maintenance. Click one to open it.",
    id="Setiap sensor di tempatnya: hijau melapor, kuning meragukan, merah diam, biru dalam "
    "pemeliharaan. Klik untuk membukanya.",
)
_TABLE_WORDS: Final = Text(
    en="Every sensor with its state. Click one to open it.",
    id="Setiap sensor dengan keadaannya. Klik untuk membukanya.",
)
_COUNTS: Final = {
    "ok": Text(en="Reporting", id="Melapor"),
    "suspect": Text(en="Suspect", id="Meragukan"),
    "silent": Text(en="Silent", id="Diam"),
    "maintenance": Text(en="In maintenance", id="Pemeliharaan"),
}


def of_kind(kind: Kind) -> str:
    """The condition that a device is of a kind."""
    return f"\"kind\" = '{kind.id}'"


def names(*conditions: str, also: tuple[str, ...] = ()) -> Target:
    """A table of devices with their names and `also` other fields, to join with others."""
    query = select(newest("name", *also), DEVICE, TIME, *conditions, by=["device"])
    return Target(query=query, ref="N", format="table")


def areas(page: Page) -> Drawn:
    """Area codes as the names that people know."""
    names_of = page.site.area_names
    return Drawn(codes=[Code(code, Text(en=name, id=name)) for code, name in names_of.items()])


def state_count(state: str, *conditions: str) -> Target:
    """How many devices are in a state."""
    if not conditions:  # the hub has counted all of them itself
        by_kind = select(call("last", state), HEALTH, TIME, by=["kind"])
        return Target(query=select(call("sum", state), by_kind))
    each = select(call("last", "state"), DEVICE, TIME, *conditions, by=["device"])
    return Target(query=select(call("count", "state"), each, f"\"state\" = '{state}'"))


def add_states(page: Page, *conditions: str, width: int) -> None:
    """A number for each state."""
    for code in STATE.codes:
        made = panels.tile(
            state_count(code.value, *conditions),
            # Nobody silent is good; nobody reporting is not.
            counted(code, none=RED) if code.value == "ok" else counted(code),
            language=page.language,
        )
        page.add(
            made,
            width=width,
            height=4,
            title=_COUNTS[code.value],
            description=_TABLE_WORDS,
            empty=Text(en="0", id="0"),
            last=RECENT,
        )


def add_map(page: Page, *conditions: str, width: int, height: int) -> None:
    """All devices on the map, by state."""
    made = maps.markers(
        [_standing(page, *conditions)],
        {
            "device": (page.word(SENSOR), None),
            "name": (page.word(NAME), None),
            f"kind_{page.language}": (page.word(_KIND), None),
            "area": (page.word(AREA), areas(page)),
            "state": (page.word(_STATE), STATE),
            "since": (page.word(_SINCE), MOMENT),
        },
        color="state",
        site=page.site,
        language=page.language,
        hidden=("kind",),
        links=[any_sensor(page)],
    )
    page.add(
        made,
        width=width,
        height=height,
        title=_MAP,
        description=_MAP_WORDS,
        empty=NO_HUB,
        last=RECENT,
    )


def add_table(page: Page, *conditions: str, width: int, height: int) -> None:
    """All devices in a table, by name."""
    made = panels.rows(
        [_standing(page, *conditions)],
        {
            "name": (page.word(NAME), None),
            f"kind_{page.language}": (page.word(_KIND), None),
            "area": (page.word(AREA), areas(page)),
            "state": (page.word(_STATE), STATE),
            "since": (page.word(_SINCE), MOMENT),
            "device": (page.word(SENSOR), None),
        },
        language=page.language,
        sort=[("name", False)],
        hidden=("kind",),
        links=[any_sensor(page)],
    )
    page.add(
        made,
        width=width,
        height=height,
        title=Text(en="Sensors", id="Sensor"),
        description=_TABLE_WORDS,
        empty=NO_HUB,
        last=RECENT,
    )


def any_sensor(page: Page) -> DataLink:
    """The way from a row with a device of any kind to its dashboard; the row has `kind`."""
    title = page.word(Text(en="Open this sensor", id="Buka sensor ini"))
    device = f"${{__data.fields[{page.word(SENSOR)}]}}"
    return DataLink(title, path("sensor-${__data.fields[kind]}", page.language, device=device))


def one_kind(page: Page, kind_path: str) -> DataLink:
    """The way from a row with a device of one kind to its dashboard."""
    title = page.word(Text(en="Open this sensor", id="Buka sensor ini"))
    device = f"${{__data.fields[{page.word(SENSOR)}]}}"
    return DataLink(title, path(kind_path, page.language, device=device))


def _standing(page: Page, *conditions: str) -> Target:
    fields = newest("state", "since", "latitude", "longitude", "name", f"kind_{page.language}")
    query = select(fields, DEVICE, TIME, *conditions, by=["device", "kind", "area"])
    return Target(query=query, ref="P", format="table")
