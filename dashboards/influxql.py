"""InfluxQL in panels: queries put together from parts, and the target that the SDK lacks.

Only what InfluxDB 1.8, 2 and 3 all answer. Names in quotes come from kinds and measurements,
which allow letters, digits and `_` only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from grafana_foundation_sdk.cog import variants
from grafana_foundation_sdk.models import common

DATASOURCE: Final = common.DataSourceRef(type_val="influxdb", uid="${datasource}")
"""The data source that the reader chooses, by its uid."""

IN_AREA: Final = '"area" =~ /^${area:regex}$/'
IN_DEVICE: Final = '"device" =~ /^${device:regex}$/'
IN_KIND: Final = '"kind" =~ /^${kind:regex}$/'
TIME: Final = "$timeFilter"

Format = Literal["time_series", "table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target(variants.Dataquery):
    """One query of a panel.

    `alias` names its series: `$tag_device`, `$col`, or words. `ref` is what overrides and
    transformations call it.
    """

    query: str
    ref: str = "A"
    alias: str | None = None
    format: Format = "time_series"

    def to_json(self) -> dict[str, object]:
        payload: dict[str, object] = {
            "refId": self.ref,
            "datasource": DATASOURCE,
            "rawQuery": True,
            "query": self.query,
            "resultFormat": self.format,
        }
        if self.alias is not None:
            payload["alias"] = self.alias
        return payload


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationTarget(variants.Dataquery):
    """A query whose rows are marks on the time axis."""

    query: str
    text: str
    tags: str

    def to_json(self) -> dict[str, object]:
        return {
            "refId": "Anno",
            "datasource": DATASOURCE,
            "query": self.query,
            "rawQuery": True,
            "fromAnnotations": True,
            "textEditor": True,
            "textColumn": self.text,
            "tagsColumn": self.tags,
        }


def call(function: str, field: str, name: str | None = None) -> str:
    """A function of a field, under the field's name or another."""
    return f'{function}("{field}") AS "{name or field}"'


def last(*fields: str) -> tuple[str, ...]:
    """The last value of each field, each from the newest point that has it."""
    return tuple(call("last", field) for field in fields)


def newest(always: str, *fields: str) -> tuple[str, ...]:
    """Fields of the newest point alone; `always` is one that every point has.

    What that point does not say is empty, and not what an older one said.
    """
    return call("last", always), *(f'"{field}"' for field in fields)


def select(
    what: str | Sequence[str],
    source: str,
    *conditions: str,
    by: Sequence[str] = (),
    every: str | None = None,
    fill: str | None = None,
    tz: str | None = None,
) -> str:
    """A SELECT.

    Args:
        what: expressions, such as `call` makes.
        source: a measurement, or another SELECT.
        conditions: all of them hold.
        by: tags to group by.
        every: width of time groups.
        fill: what empty time groups hold; `none` leaves them out.
        tz: time zone whose days and hours the groups begin with.
    """
    chosen = what if isinstance(what, str) else ", ".join(what)
    origin = f"({source})" if source.startswith("SELECT") else f'"{source}"'
    groups = [*([f"time({every})"] if every else []), *(f'"{tag}"' for tag in by)]
    parts = [
        f"SELECT {chosen} FROM {origin}",  # noqa: S608 - names of kinds, see above
        f"WHERE {' AND '.join(conditions)}" if conditions else "",
        f"GROUP BY {', '.join(groups)}" if groups else "",
        f"fill({fill})" if fill else "",
        f"tz('{tz}')" if tz else "",
    ]
    return " ".join(part for part in parts if part)


def good(metric: str) -> str:
    """The condition that quality control has not found fault with a value."""
    return f'"{metric}_qc" <= 2'


def doubtful(metric: str) -> str:
    """The condition that a value is suspect or wrong."""
    return f'"{metric}_qc" >= 3'
