"""InfluxQL of reads over many devices, and what comes back of it.

Only what InfluxDB 1.8, 2 and 3 all know: plain selects, aggregates and one level of subquery.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import pi
from typing import Any, Final

from devices.kind import Kind
from ingest.stores.measurement import Measurement, Row
from ingest.stores.quarter import BELIEVED, Quarter, Stat

_RADIANS: Final = f"{pi / 180:.17g}"


def identifier(name: str) -> str:
    """A name as InfluxQL quotes it."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def quarters_query(kind: Kind, devices: Sequence[str], start_ns: int, stop_ns: int) -> str:
    """One statement a metric, in declared order."""
    span = f"time >= {start_ns} AND time < {stop_ns}"
    where = f"{span} AND ({_any_of('device', devices)})"
    group = "GROUP BY time(15m), device, channel, area fill(none)"
    statements = []
    for name, metric in kind.metrics.items():
        field, flag = identifier(name), identifier(f"{name}_qc")
        source = f"FROM {identifier(kind.id)} WHERE {where} AND "
        source += f"({' OR '.join(f'{flag} = {good}' for good in BELIEVED)})"
        if metric.summary == "direction":
            statements.append(
                "SELECT count(e), sum(v), min(v), max(v), sum(e), sum(n) FROM (SELECT "  # noqa: S608 - quoted
                f"{field} AS v, sin({field} * {_RADIANS}) AS e, cos({field} * {_RADIANS}) AS n "
                f"{source}) WHERE {span} {group}"
            )
        else:
            statements.append(
                f"SELECT count({field}), sum({field}), min({field}), max({field}) {source} {group}"
            )
    return "; ".join(statements)


def quarters(kind: Kind, results: Sequence[Mapping[str, Any]]) -> list[Quarter]:
    """The quarters in the answer to `quarters_query`.

    A quarter in which a device changed its area is one, in the area that it has last here.
    """
    found: dict[tuple[str, str, int], Quarter] = {}
    for name, result in zip(kind.metrics, results, strict=True):
        for series in result.get("series", ()):
            tags = series["tags"]
            for time_ns, count, *numbers in series["values"]:
                if not count:
                    continue
                key = (tags["device"], tags.get("channel", ""), time_ns)
                quarter = found.setdefault(
                    key, Quarter(key[0], key[1], tags.get("area") or None, time_ns, {})
                )
                stat = Stat(int(count), *numbers)
                before = quarter.stats.get(name)
                quarter.stats[name] = stat if before is None else before.plus(stat)
    return [found[key] for key in sorted(found)]


def rows_query(
    measurement: Measurement,
    devices: Sequence[str],
    start_ns: int,
    stop_ns: int,
    limit: int | None,
) -> str:
    chosen = ", ".join(map(identifier, ("device", "channel", "area", *measurement.fields)))
    return (
        f"SELECT {chosen} FROM {identifier(measurement.id)} "  # noqa: S608 - quoted
        f"WHERE time >= {start_ns} AND time < {stop_ns} AND ({_any_of('device', devices)}) "
        f"ORDER BY time DESC{'' if limit is None else f' LIMIT {limit}'}"
    )


def rows(measurement: Measurement, values: Iterable[Sequence[Any]]) -> Iterator[Row]:
    """The rows in the answer to `rows_query`."""
    for time_ns, device, channel, area, *numbers in values:
        pairs = zip(measurement.fields, numbers, strict=True)
        given = {name: float(value) for name, value in pairs if value is not None}
        yield Row(time_ns, device, channel or "", area or None, given)


def _any_of(tag: str, values: Sequence[str]) -> str:
    quoted = (value.replace("\\", "\\\\").replace("'", "\\'") for value in values)
    return " OR ".join(f"{identifier(tag)} = '{value}'" for value in quoted)
