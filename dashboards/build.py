"""All dashboards of a site, in both languages."""

from collections.abc import Iterator
from typing import Final

from dashboards import city_wall, hub_health, kecamatan, kind, sensor
from dashboards.links import CITY_WALL, HUB_HEALTH, KECAMATAN, sensor_name, top_link, uid
from dashboards.page import Json
from dashboards.site import Language, Site, word
from devices.kind import Text

_LINK: Final = Text(en="Go to {name}", id="Ke {name}")


def build_dashboards(site: Site, language: Language) -> dict[str, Json]:
    """The dashboards by name, in the order in which people look at them.

    Raises:
        KindNameError: a kind's id makes no uid that Grafana takes.
    """
    found = {CITY_WALL: city_wall.build(site, language)}
    for one in site.kinds.values():
        found[one.id] = kind.build(site, language, one)
    found[KECAMATAN] = kecamatan.build(site, language)
    for one in site.kinds.values():
        found[sensor_name(one)] = sensor.build(site, language, one)
    found[HUB_HEALTH] = hub_health.build(site, language)
    for name, board in found.items():
        board["links"] = [*_navigation(site, language, name, board), *board["links"]]
    return found


def _navigation(site: Site, language: Language, here: str, board: Json) -> Iterator[Json]:
    """Links to the dashboards that are not of one sensor; the chosen areas go along."""
    chosen = {variable["name"] for variable in board["templating"]["list"]}
    takes_area = {*site.kinds, HUB_HEALTH, *(sensor_name(one) for one in site.kinds.values())}
    names = {
        CITY_WALL: word(city_wall.TITLE, language),
        **{one.id: word(one.name, language) for one in site.kinds.values()},
        KECAMATAN: word(kecamatan.TITLE, language),
        HUB_HEALTH: word(hub_health.TITLE, language),
    }
    for name, title in names.items():
        if name == here:
            continue
        area = "&${area:queryparam}" if "area" in chosen and name in takes_area else ""
        url = f"/d/{uid(name, language)}?${{datasource:queryparam}}{area}"
        tooltip = word(_LINK, language).format(name=title)
        yield top_link(title, url, tooltip=tooltip).to_json()
