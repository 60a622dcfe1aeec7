"""Variables: the data source, and the chain area → kind → device."""

from collections.abc import Mapping
from typing import Final

from grafana_foundation_sdk.models import dashboard

from dashboards.influxql import DATASOURCE, IN_AREA, IN_KIND, call, select
from dashboards.measurements import DEVICE
from dashboards.site import Language, Site, word
from devices.kind import Kind, Text

ALL: Final = "$__all"
SOURCE_NAME: Final = "kotahub"
"""How the names of the hub's data sources begin; a Grafana may have others of the same type."""
_ALL_WORDS: Final = Text(en="All", id="Semua")
_AREA: Final = Text(en="Kecamatan", id="Kecamatan")
_KIND: Final = Text(en="Kind", id="Jenis")
_DEVICE: Final = Text(en="Sensor", id="Sensor")
_DATASOURCE: Final = Text(en="Data source", id="Sumber data")
_LABEL: Final = r"/^(?<text>.+) · (?<value>[^ ]+)$/"
"""A device's label is its name and its id; without a name the id alone stands twice."""


def datasource(language: Language) -> dashboard.VariableModel:
    """Which InfluxDB is read."""
    return dashboard.VariableModel(
        type_val=dashboard.VariableType.DATASOURCE,
        name="datasource",
        label=word(_DATASOURCE, language),
        query="influxdb",
        regex=f"/^{SOURCE_NAME}/",
        refresh=dashboard.VariableRefresh.ON_DASHBOARD_LOAD,
    )


def hub(site: Site) -> dashboard.VariableModel:
    """The address of the hub, for links into its console."""
    return dashboard.VariableModel(
        type_val=dashboard.VariableType.CONSTANT,
        name="hub",
        hide=dashboard.VariableHide.HIDE_VARIABLE,
        query=site.hub_url,
        current=dashboard.VariableOption(text=site.hub_url, value=site.hub_url, selected=True),
        options=[dashboard.VariableOption(text=site.hub_url, value=site.hub_url, selected=True)],
    )


def area(site: Site, language: Language, *, single: bool = False) -> dashboard.VariableModel:
    """A kecamatan by its name, or all; `single` asks for just one."""
    return _chosen("area", word(_AREA, language), site.area_names, language, single=single)


def kind(site: Site, language: Language) -> dashboard.VariableModel:
    names = {one.id: word(one.name, language) for one in site.kinds.values()}
    return _chosen("kind", word(_KIND, language), names, language)


def device(language: Language, *, of: Kind | None, single: bool = False) -> dashboard.VariableModel:
    """Devices of the chosen areas that are of a kind or, without, of the chosen kinds."""
    of_kind = IN_KIND if of is None else f"\"kind\" = '{of.id}'"
    query = select(
        call("last", "label"), DEVICE, "time > now() - 1d", of_kind, IN_AREA, by=["device"]
    )
    return dashboard.VariableModel(
        type_val=dashboard.VariableType.QUERY,
        name="device",
        label=word(_DEVICE, language),
        query=query,
        definition=query,
        datasource=DATASOURCE,
        regex=_LABEL,
        refresh=dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED,
        sort=dashboard.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC,
        multi=not single,
        include_all=not single,
        all_value=None if single else ".*",
        current=None if single else _all(language),
    )


def _chosen(
    name: str, label: str, names: Mapping[str, str], language: Language, *, single: bool = False
) -> dashboard.VariableModel:
    options = [
        dashboard.VariableOption(text=text, value=value, selected=False)
        for value, text in sorted(names.items(), key=lambda pair: pair[1])
    ]
    first = options[0] if single and options else _all(language)
    first.selected = True
    return dashboard.VariableModel(
        type_val=dashboard.VariableType.CUSTOM,
        name=name,
        label=label,
        # A comma parts options, a colon name and value: both are read back from this text.
        query=",".join(f"{_plain(option.text)} : {option.value}" for option in options),
        options=options if single else [_all(language, selected=True), *options],
        current=first,
        multi=not single,
        include_all=not single,
        all_value=None if single else ".*",
    )


def _all(language: Language, *, selected: bool = True) -> dashboard.VariableOption:
    return dashboard.VariableOption(text=word(_ALL_WORDS, language), value=ALL, selected=selected)


def _plain(text: object) -> str:
    return str(text).replace(",", " ").replace(" : ", " ")
