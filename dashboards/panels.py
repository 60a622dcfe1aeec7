"""Panels: one function a way of showing numbers, in the house's own look."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal

from grafana_foundation_sdk.models import (
    bargauge,
    common,
    dashboard,
    stat,
    statetimeline,
    statushistory,
    table,
    timeseries,
)

from dashboards.drawing import NEUTRAL, Drawn
from dashboards.influxql import Target
from dashboards.links import DataLink
from dashboards.site import Language

Columns = Mapping[str, tuple[str, Drawn | None]]
"""Columns of a table by field: heading and how it is drawn, in the order to show them."""

Order = Sequence[tuple[str, bool]]
"""Fields, the most important one first, and whether the largest value of each comes first."""

Look = Literal["line", "bars", "stacked"]

_LAST: Final = common.ReduceDataOptions(values=False, calcs=["lastNotNull"], fields="")
_EACH_ROW: Final = common.ReduceDataOptions(values=True, calcs=[], fields="")


def panel(
    kind: str,
    targets: Sequence[Target],
    options: object,
    drawn: Drawn,
    *,
    language: Language,
    custom: object | None = None,
    links: Sequence[DataLink] = (),
    by_value: bool = True,
) -> dashboard.Panel:
    """A panel of a plugin, with what all share: unit, decimals, colours, words, links.

    `by_value` colours by thresholds; otherwise each series has a colour of its own.
    """
    mode = (
        dashboard.FieldColorModeId.THRESHOLDS
        if by_value
        else dashboard.FieldColorModeId.PALETTE_CLASSIC
    )
    defaults = dashboard.FieldConfig(
        unit=drawn.unit,
        decimals=drawn.decimals,
        mappings=drawn.mappings(language),
        thresholds=drawn.thresholds(),
        color=dashboard.FieldColor(mode=mode),
        links=list(links) or None,
        custom=custom,
    )
    return dashboard.Panel(
        type_val=kind,
        targets=list(targets),
        options=options,
        field_config=dashboard.FieldConfigSource(defaults=defaults, overrides=[]),
    )


def tile(
    target: Target,
    drawn: Drawn,
    *,
    language: Language,
    links: Sequence[DataLink] = (),
    graph: bool = False,
    named: bool = False,
    rows: bool = False,
    words: str | None = None,
) -> dashboard.Panel:
    """One large number, on its colour; readable from across a room.

    `named` shows the series' names too; `rows` makes a number of every row, not of every series;
    `words` names a field whose text is shown instead of a number.
    """
    text = common.BigValueTextMode.VALUE_AND_NAME if named else common.BigValueTextMode.VALUE
    options = stat.Options(
        graph_mode=common.BigValueGraphMode.AREA if graph else common.BigValueGraphMode.NONE,
        color_mode=common.BigValueColorMode.BACKGROUND,
        justify_mode=common.BigValueJustifyMode.CENTER,
        text_mode=text,
        reduce_options=_last_of(words) if words else _EACH_ROW if rows else _LAST,
        orientation=common.VizOrientation.AUTO,
    )
    return panel(
        "stat", [target], options, drawn.quiet_when_empty(), language=language, links=links
    )


def leader(
    targets: Sequence[Target],
    drawn: Drawn,
    *,
    field: str,
    sort: Order,
    language: Language,
    links: Sequence[DataLink] = (),
) -> dashboard.Panel:
    """The device that comes first, in large letters: its `name` and the value of a field.

    Targets are tables with the tag `device`, one of them with `name`.
    """
    options = stat.Options(
        graph_mode=common.BigValueGraphMode.NONE,
        color_mode=common.BigValueColorMode.BACKGROUND,
        justify_mode=common.BigValueJustifyMode.AUTO,
        text_mode=common.BigValueTextMode.VALUE_AND_NAME,
        # The field alone is a number, and so is shown.
        reduce_options=common.ReduceDataOptions(values=True, limit=1, calcs=[], fields=""),
        orientation=common.VizOrientation.AUTO,
    )
    made = panel(
        "stat",
        [Target(query=t.query, ref=t.ref, format="table") for t in targets],
        options,
        drawn.quiet_when_empty(),
        language=language,
        links=links,
    )
    made.transformations = [
        joined(),
        *_sorted(sort),
        _step("limit", {"limitField": 1}),
        # Beside one number, Grafana takes the text of the row for its name.
        _step("filterFieldsByName", {"include": {"names": ["name", field]}}),
    ]
    return made


def bars(
    target: Target, drawn: Drawn, *, language: Language, links: Sequence[DataLink] = ()
) -> dashboard.Panel:
    """A horizontal bar for each series, the last value of it."""
    options = bargauge.Options(
        display_mode=common.BarGaugeDisplayMode.BASIC,
        reduce_options=_LAST,
        orientation=common.VizOrientation.HORIZONTAL,
        show_unfilled=True,
    )
    return panel("bargauge", [target], options, drawn, language=language, links=links)


def series(
    targets: Sequence[Target],
    drawn: Drawn,
    *,
    language: Language,
    look: Look = "line",
    links: Sequence[DataLink] = (),
    legend: bool = True,
) -> dashboard.Panel:
    """Lines or bars over time; bands lie behind them where the quantity has any."""
    banded = len(drawn.steps) > 1
    low, high = drawn.soft or (None, None)
    area = common.GraphThresholdsStyleMode.DASHED if banded else common.GraphThresholdsStyleMode.OFF
    custom = common.GraphFieldConfig(
        draw_style=common.GraphDrawStyle.LINE if look == "line" else common.GraphDrawStyle.BARS,
        line_width=1,
        fill_opacity=0 if look == "line" else 70,
        show_points=common.VisibilityMode.AUTO if look == "line" else common.VisibilityMode.NEVER,
        point_size=4,
        span_nulls=False,
        axis_soft_min=low,
        axis_soft_max=high,
        thresholds_style=common.GraphThresholdsStyleConfig(mode=area),
        stacking=common.StackingConfig(
            mode=common.StackingMode.NORMAL if look == "stacked" else common.StackingMode.NONE,
            group="A",
        ),
    )
    options = timeseries.Options(
        legend=common.VizLegendOptions(
            display_mode=common.LegendDisplayMode.LIST,
            placement=common.LegendPlacement.BOTTOM,
            show_legend=legend,
            calcs=[],
        ),
        tooltip=common.VizTooltipOptions(
            mode=common.TooltipDisplayMode.MULTI, sort=common.SortOrder.DESCENDING
        ),
    )
    return panel(
        "timeseries",
        targets,
        options,
        # On an axis with fixed decimals Grafana writes the words of a missing value beside ticks
        # that lie between two of them.
        replace(drawn, decimals=None),
        language=language,
        custom=custom,
        links=links,
        by_value=False,
    )


def timeline(
    target: Target, drawn: Drawn, *, language: Language, links: Sequence[DataLink] = ()
) -> dashboard.Panel:
    """A ribbon of states for each series."""
    options = statetimeline.Options(
        show_value=common.VisibilityMode.NEVER,
        row_height=0.85,
        merge_values=True,
        legend=_shown_legend(),
    )
    custom = statetimeline.FieldConfig(line_width=0, fill_opacity=80)
    made = panel(
        "state-timeline", [target], options, drawn, language=language, custom=custom, links=links
    )
    if drawn.codes:
        # By thresholds a ribbon would show the ranges between them, not the words of codes.
        assert made.field_config is not None  # noqa: S101 - every panel of ours has one
        made.field_config.defaults.color = dashboard.FieldColor(
            mode=dashboard.FieldColorModeId.FIXED, fixed_color=NEUTRAL
        )
        made.field_config.defaults.mappings = [*drawn.mappings(language), _missing()]
    return made


def history(
    target: Target, drawn: Drawn, *, language: Language, links: Sequence[DataLink] = ()
) -> dashboard.Panel:
    """A heat map: a row for each series, a cell for each hour or day, coloured by its value."""
    options = statushistory.Options(
        show_value=common.VisibilityMode.NEVER, row_height=0.95, col_width=0.98, legend=_no_legend()
    )
    custom = statushistory.FieldConfig(line_width=0, fill_opacity=90)
    return panel(
        "status-history", [target], options, drawn, language=language, custom=custom, links=links
    )


def rows(
    targets: Sequence[Target],
    columns: Columns,
    *,
    language: Language,
    sort: Order = (),
    limit: int | None = None,
    keep: tuple[str, object] | None = None,
    hidden: Sequence[str] = (),
    links: Sequence[DataLink] = (),
) -> dashboard.Panel:
    """A table of devices: each row is what all targets say of one `device`.

    Each target has the tag `device`. What is in neither `columns` nor `hidden` (fields that links
    need and nobody reads) is left out. `keep` names a field and the value that rows must have in
    it; `limit` counts after sorting. Every cell has the `links`.
    """
    steps: list[dashboard.DataTransformerConfig] = []
    if len(targets) > 1:
        steps.append(joined())
    if keep is not None:
        matcher = {"id": "equal", "options": {"value": keep[1]}}
        steps.append(
            _step(
                "filterByValue",
                {
                    "type": "include",
                    "match": "all",
                    "filters": [{"fieldName": keep[0], "config": matcher}],
                },
            )
        )
    steps += _sorted(sort)
    if limit is not None:
        steps.append(_step("limit", {"limitField": limit}))
    steps += [
        *shown(columns, hidden),
    ]
    made = panel(
        "table",
        [Target(query=t.query, ref=t.ref, format="table") for t in targets],
        table.Options(show_header=True, cell_height=common.TableCellHeight.SM),
        Drawn(),
        language=language,
        custom=common.TableFieldOptions(filterable=False),
        links=links,
    )
    made.transformations = steps
    for heading, drawn in columns.values():
        if drawn is not None:
            override(made, heading, _cell(drawn, language))
    for name in hidden:
        override(made, name, {"custom.hidden": True})
    return made


def shown(columns: Columns, hidden: Sequence[str]) -> list[dashboard.DataTransformerConfig]:
    """Leaves out all other fields, and gives those that are shown their order and headings."""
    names = [*columns, *hidden]
    return [
        _step("filterFieldsByName", {"include": {"names": names}}),
        _step(
            "organize",
            {
                "excludeByName": {},
                "indexByName": {name: index for index, name in enumerate(names)},
                "renameByName": {name: heading for name, (heading, _) in columns.items()},
            },
        ),
    ]


def joined() -> dashboard.DataTransformerConfig:
    """Makes one row of what several targets say of a device."""
    return _step("joinByField", {"byField": "device", "mode": "inner"})


def override(
    made: dashboard.Panel,
    field: str,
    properties: Mapping[str, object],
    *,
    by: Literal["byName", "byFrameRefID", "byRegexp"] = "byName",
) -> None:
    """Draws one field, or the fields of one target, differently."""
    assert made.field_config is not None  # noqa: S101 - every panel of ours has one
    made.field_config.overrides.append(
        dashboard.DashboardFieldConfigSourceOverrides(
            matcher=dashboard.MatcherConfig(id_val=by, options=field),
            properties=[
                dashboard.DynamicConfigValue(id_val=name, value=value)
                for name, value in properties.items()
            ],
        )
    )


def rename(made: dashboard.Panel, names: Mapping[str, str]) -> None:
    """Calls fields by names for people."""
    for field, name in names.items():
        override(made, field, {"displayName": name})


def _last_of(field: str) -> common.ReduceDataOptions:
    return common.ReduceDataOptions(values=False, calcs=["lastNotNull"], fields=f"/^{field}$/")


def _cell(drawn: Drawn, language: Language) -> dict[str, object]:
    found: dict[str, object] = {
        "unit": drawn.unit,
        "mappings": [*drawn.mappings(language), _missing()],
    }
    if drawn.decimals is not None:
        found["decimals"] = drawn.decimals
    if drawn.coloured:
        found["thresholds"] = drawn.thresholds()
        # Both spellings: Grafana 9.3 reads the first, later ones the second.
        # (Its solid one shows a column in which all is missing as JSON.)
        found["custom.displayMode"] = "color-background"
        found["custom.cellOptions"] = {"type": "color-background", "mode": "basic"}
    return found


def _missing() -> dashboard.SpecialValueMap:
    """One value that is missing has no colour; why all are, the panel says."""
    return dashboard.SpecialValueMap(
        options=dashboard.DashboardSpecialValueMapOptions(
            match=dashboard.SpecialValueMatch.NULL_AND_NAN,
            result=dashboard.ValueMappingResult(text="-", color="transparent"),
        )
    )


def _sorted(order: Order) -> list[dashboard.DataTransformerConfig]:
    """Grafana sorts by one field at a time, and leaves equals in their order."""
    return [
        _step("sortBy", {"sort": [{"field": field, "desc": desc}]})
        for field, desc in reversed(order)
    ]


def _step(name: str, options: object) -> dashboard.DataTransformerConfig:
    return dashboard.DataTransformerConfig(id_val=name, options=options)


def _shown_legend() -> common.VizLegendOptions:
    return common.VizLegendOptions(
        display_mode=common.LegendDisplayMode.LIST,
        placement=common.LegendPlacement.BOTTOM,
        show_legend=True,
        calcs=[],
    )


def _no_legend() -> common.VizLegendOptions:
    return common.VizLegendOptions(
        display_mode=common.LegendDisplayMode.LIST,
        placement=common.LegendPlacement.BOTTOM,
        show_legend=False,
        calcs=[],
    )
