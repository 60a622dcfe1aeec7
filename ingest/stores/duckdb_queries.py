"""DuckDB's SQL of reads over many devices, and what comes back of it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from devices.kind import Kind
from ingest.stores.export import escape, escape_key
from ingest.stores.measurement import Measurement, Row
from ingest.stores.quarter import BELIEVED, QUARTER_NS, Quarter, Stat

_SPAN: Final = (
    "list_contains($devices, device) "
    "AND time >= make_timestamp_ns($start) AND time < make_timestamp_ns($stop)"
)
_NUMBERS: Final = 6


def identifier(name: str) -> str:
    """A name as SQL quotes it."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def quarters_query(kind: Kind) -> str:
    """Parameters: `devices`, `start`, `stop`. Six columns a metric, in declared order."""
    chosen = []
    for name, metric in kind.metrics.items():
        field, flag = identifier(name), identifier(f"{name}_qc")
        believed = f"FILTER (WHERE {flag} IN ({', '.join(map(str, BELIEVED))}))"
        around = metric.summary == "direction"
        chosen += [
            *(f"{what}({field}) {believed}" for what in ("count", "sum", "min", "max")),
            *(
                f"sum({what}(radians({field}))) {believed}" if around else "0.0"
                for what in ("sin", "cos")
            ),
        ]
    return (
        f"SELECT device, channel, epoch_ns(time) // {QUARTER_NS}, last(area ORDER BY time), "  # noqa: S608 - quoted
        f"{', '.join(chosen)} FROM {identifier(kind.id)} WHERE {_SPAN} "
        "GROUP BY ALL ORDER BY ALL"
    )


def quarters(kind: Kind, rows: Iterable[Sequence[Any]]) -> Iterator[Quarter]:
    """The quarters in the answer to `quarters_query`."""
    for device, channel, quarter, area, *numbers in rows:
        stats = {
            name: Stat(*numbers[at : at + _NUMBERS])
            for at, name in zip(range(0, len(numbers), _NUMBERS), kind.metrics, strict=True)
            if numbers[at]
        }
        if stats:
            yield Quarter(device, channel, area, quarter * QUARTER_NS, stats)


def rows_query(measurement: Measurement, limit: int | None) -> str:
    """Parameters: `devices`, `start`, `stop`."""
    chosen = ", ".join(map(identifier, measurement.fields))
    return (
        f"SELECT epoch_ns(time), device, channel, area, {chosen} "  # noqa: S608 - quoted
        f"FROM {identifier(measurement.id)} WHERE {_SPAN} "
        f"ORDER BY time DESC, device, channel{'' if limit is None else f' LIMIT {limit}'}"
    )


def rows(measurement: Measurement, values: Iterable[Sequence[Any]]) -> Iterator[Row]:
    """The rows in the answer to `rows_query`."""
    for time_ns, device, channel, area, *numbers in values:
        pairs = zip(measurement.fields, numbers, strict=True)
        given = {name: value for name, value in pairs if value is not None}
        yield Row(time_ns, device, channel, area, given)


def lines_query(measurement: str, fields: Sequence[str], where: str) -> str:
    """Points as line protocol, in one text with a line break between them."""
    values = ", ".join(
        f"{literal(f'{escape_key(name)}=')} || {identifier(name)}" for name in fields
    )
    tags = " || ".join(
        f"CASE WHEN {tag} <> '' THEN ',{tag}=' || {_escaped(tag)} ELSE '' END"
        for tag in ("area", "channel", "device")
    )
    points = (
        f"SELECT {tags} AS tags, concat_ws(',', {values}) AS numbers, epoch_ns(time) AS stamp "  # noqa: S608 - quoted
        f"FROM {identifier(measurement)} WHERE {where}"
    )
    line = f"{literal(escape(measurement))} || tags || ' ' || numbers || ' ' || stamp"
    return f"SELECT string_agg({line}, chr(10)) FROM ({points}) WHERE numbers <> ''"  # noqa: S608 - quoted


def literal(text: str) -> str:
    """A text as SQL quotes it."""
    escaped = text.replace("'", "''")
    return f"'{escaped}'"


def _escaped(column: str) -> str:
    """A tag's value as line protocol writes it."""
    expression = column
    for special in (",", "=", " "):
        expression = f"replace({expression}, '{special}', '\\{special}')"
    return expression
