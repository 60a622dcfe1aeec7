"""Tables of the documents, generated from what the program itself reads.

`python -m gateway.docs` writes them between their markers in the documents of `PARTS`;
`python -m gateway.docs --check` says which are out of date and exits 1.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from dashboards.build import build_dashboards
from dashboards.contents import rows
from dashboards.site import Site
from devices.errors import HubError
from devices.kind import Kind, Limits, Metric, load_kinds
from devices.model import SHIPPED as MODELS
from devices.model import load_models
from devices.road import RoadRules
from gateway.settings import Settings
from ingest.derived import aqi, ispu, service, siaga
from ingest.derived.measurements import AIR_INDEX, FLOOD_LEVEL, TRAFFIC_SERVICE
from ingest.dialects import DIALECTS, PUSHED, SELF_NAMED
from ingest.types import REASONS

HOUSE: Final = Path(__file__).parent.parent


class MissingMarkerError(HubError):
    """A document lacks the place of its generated part."""

    def __init__(self, document: str, part: str) -> None:
        super().__init__(
            f"{document} has no '<!-- generated: {part} -->' … '<!-- end: {part} -->'. "
            "Put both lines where the table belongs"
        )


def kinds_tables() -> str:
    """A section a shipped kind: its metrics, with units, ranges, limits and standard names."""
    return "\n\n".join(_kind_section(kind) for kind in load_kinds().values())


def settings_table() -> str:
    """Every setting with its type, default and meaning."""
    rows = (
        (
            f"`KOTAHUB_{name.upper()}`",
            _type_words(field.annotation),
            _default_words(field),
            field.description or "",
        )
        for name, field in Settings.model_fields.items()
    )
    return _table(("Setting", "Type", "Default", "Meaning"), rows)


def reasons_table() -> str:
    """Every reason of the quarantine, in both languages."""
    rows = (
        (f"`{reason}`", english, indonesian) for reason, (english, indonesian) in REASONS.items()
    )
    return _table(("Reason", "English", "Indonesia"), rows)


def models_tables() -> str:
    """A section a kind: its shipped models, and what the head of each file says of the product."""
    kinds = load_kinds()
    models = load_models(None, kinds).values()
    return "\n\n".join(
        f"### `{kind.id}`: {kind.name.en}\n\n"
        + _table(
            ("Model", "Product", "Gives", "Through", "To know"),
            [
                (
                    f"`{model.id}`",
                    f"[{model.vendor} {model.product}]({model.source})",
                    " ".join(f"`{name}`" for name in model.produces),
                    ", ".join(model.dialects),
                    _head_comment(MODELS / f"{model.id}.toml"),
                )
                for model in models
                if model.kind == kind.id
            ],
        )
        for kind in kinds.values()
    )


def dialects_table() -> str:
    """Every dialect with its topics, and how it is sent over HTTP."""
    rows = (
        (
            f"`{name}`",
            DIALECTS[name].SUMMARY,
            " ".join(f"`{topic}`" for topic in DIALECTS[name].FILTERS or ("sensors/+/up",)),
            "`?dialect=` alone"
            if name in SELF_NAMED
            else ("the device in the path" if name in PUSHED else "no"),
        )
        for name in sorted(DIALECTS)
    )
    return _table(("Dialect", "Opens", "Topics", "Over HTTP"), rows)


def ispu_table() -> str:
    """Breakpoints of ISPU with the categories that end there."""
    rows = (
        (
            str(end),
            *(f"{points[step]:g}" for points in ispu.BREAKPOINTS.values()),
            f"{category.id} / {category.en} (`{category.color}`)",
        )
        for step, (end, category) in enumerate(
            zip(ispu.INDEX[1:], ispu.CATEGORIES, strict=True), start=1
        )
    )
    return _table(("ISPU up to", *(f"`{name}`" for name in ispu.BREAKPOINTS), "Category"), rows)


def aqi_table() -> str:
    """Breakpoints of the US AQI."""
    rows = (
        (
            f"{first} to {last}",
            *(_span(points[step]) for points in aqi.BREAKPOINTS.values()),
            f"{category.en} / {category.id} (`{category.color}`)",
        )
        for step, ((first, last), category) in enumerate(
            zip(aqi.STEPS, aqi.CATEGORIES, strict=True)
        )
    )
    return _table(("AQI", *(f"`{name}`" for name in aqi.BREAKPOINTS), "Category"), rows)


def siaga_table() -> str:
    """Siaga levels from the best to the worst."""
    rows = ((str(code), one.id, one.en, f"`{one.color}`") for code, one in siaga.LEVELS.items())
    return _table(("`siaga`", "Indonesia", "English", "Colour"), rows)


def service_table() -> str:
    """Levels of service with the degree of saturation up to which they reach by default."""
    steps = [f"{step:g}" for step in RoadRules().level_of_service]
    rows = (
        (str(one.code), one.en, one.id, until)
        for one, until in zip(service.LEVELS, [*steps, "above"], strict=True)
    )
    return _table(("`los`", "English", "Indonesia", "DJ up to"), rows)


def derived_table() -> str:
    """The measurements of indices and their fields."""
    rows = (
        (f"`{one.id}`", " ".join(f"`{name}`" for name in one.fields))
        for one in (AIR_INDEX, FLOOD_LEVEL, TRAFFIC_SERVICE)
    )
    return _table(("Measurement", "Fields"), rows)


def dashboards_tables() -> str:
    """A section a dashboard: what it answers, its variables, and its panels row by row."""
    site = Site()
    indonesian = build_dashboards(site, "id")
    return "\n\n".join(
        f"### {board['title']} / {indonesian[name]['title']}\n\n"
        f"{board['description']}\n\n"
        f"`{board['uid']}`, `{indonesian[name]['uid']}`: "
        f"the last {board['time']['from'].removeprefix('now-')}, read again every "
        f"{board['refresh']}; {_variables(board['templating']['list'])}.\n\n"
        + _table(
            ("Row", "Panels"),
            [(row.title, "; ".join(map(str, row.panels))) for row in rows(board)],
        )
        for name, board in build_dashboards(site, "en").items()
    )


PARTS: Final[Mapping[str, Mapping[str, Callable[[], str]]]] = {
    "docs/kinds.md": {"kinds": kinds_tables},
    "docs/settings.md": {"settings": settings_table},
    "docs/quarantine.md": {"reasons": reasons_table},
    "docs/models.md": {"models": models_tables},
    "docs/dialects.md": {"dialects": dialects_table},
    "docs/indices.md": {
        "ispu": ispu_table,
        "aqi": aqi_table,
        "siaga": siaga_table,
        "service": service_table,
        "derived": derived_table,
    },
    "dashboards/README.md": {"dashboards": dashboards_tables},
}
"""Generated parts of each document (a path in the house), by the name in their markers."""


def fill(document: str, text: str) -> str:
    """The text of a document with its generated parts as they are now.

    Raises:
        MissingMarkerError: a part's markers are not in the text.
    """
    for part, generate in PARTS[document].items():
        begin, end = f"<!-- generated: {part} -->", f"<!-- end: {part} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise MissingMarkerError(document, part)
        text = f"{before}{begin}\n\n{generate()}\n\n{end}{after}"
    return text


def stale(house: Path = HOUSE) -> list[str]:
    """The documents whose generated parts are out of date."""
    return [
        document
        for document in PARTS
        if (text := (house / document).read_text(encoding="utf-8")) != fill(document, text)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes or, with `--check`, compares; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m gateway.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only")
    check = parser.parse_args(arguments).check
    old = stale()
    for document in old:
        path = HOUSE / document
        if check:
            sys.stderr.write(f"{document} is out of date: run python -m gateway.docs\n")
        else:
            path.write_text(fill(document, path.read_text(encoding="utf-8")), encoding="utf-8")
    return 1 if check and old else 0


def _variables(variables: Iterable[Mapping[str, Any]]) -> str:
    """The variables that a reader sees, in order."""
    seen = [
        f"`{one['name']}`" + ("" if one["multi"] or one["type"] == "datasource" else " (one)")
        for one in variables
        if one["type"] != "constant"
    ]
    return f"choose {', '.join(seen)}"


def _head_comment(path: Path) -> str:
    """The comment that a declaration begins with, as one paragraph."""
    lines = path.read_text(encoding="utf-8").splitlines()
    head = takewhile(lambda line: line.startswith("#"), lines)
    return " ".join(line.removeprefix("#").strip() for line in head)


def _kind_section(kind: Kind) -> str:
    rows = (
        (
            f"`{name}`",
            f"{metric.name.en} / {metric.name.id}",
            f"{metric.symbol} (`{metric.unit}`)",
            _span(metric.valid),
            "; ".join(_limits(metric.limits)),
            f"[{metric.vocabulary.ngsi_ld}]({metric.vocabulary.observed_property})",
        )
        for name, metric in kind.metrics.items()
    )
    heading = f"### `{kind.id}`: {kind.name.en} / {kind.name.id}"
    facts = f"Reports every {kind.interval_s:g} s."
    if kind.channel is not None:
        facts += f" Channel: {kind.channel.en} ({', '.join(kind.channels)})."
    table = _table(("Metric", "Name", "Unit", "Valid", "Limits", "Standard name"), rows)
    bands = [
        f"- `{name}`: {words}" for name, metric in kind.metrics.items() if (words := _bands(metric))
    ]
    return "\n\n".join(
        (heading, facts, table, *(["Bands:\n\n" + "\n".join(bands)] if bands else []))
    )


def _limits(limits: Limits) -> Iterator[str]:
    if limits.suspect is not None:
        yield f"suspect outside {_span(limits.suspect)}"
    if limits.spike_suspect is not None:
        fail = f", fail {limits.spike_fail:g}" if limits.spike_fail is not None else ""
        yield f"spike {limits.spike_suspect:g}{fail}"
    if limits.rate_per_min is not None:
        yield f"change {limits.rate_per_min:g} a minute"
    if limits.flat_suspect_s is not None:
        fail = f", fail {limits.flat_fail_s / 3600:g} h" if limits.flat_fail_s is not None else ""
        zeros = ", zeros exempt" if limits.flat_zero_exempt else ""
        yield f"still for {limits.flat_suspect_s / 3600:g} h{fail}{zeros}"
    if limits.neighbour_min is not None:
        yield f"apart from neighbours by {limits.neighbour_min:g}"


def _bands(metric: Metric) -> str:
    words = []
    for band in metric.drawing.bands:
        name = f"{band.name.en} / {band.name.id}" if band.name else band.color
        words.append(name if band.above is None else f"above {band.above:g} {name}")
    return ", ".join(words)


def _span(span: tuple[float, float]) -> str:
    return f"{span[0]:g} to {span[1]:g}"


def _type_words(annotation: Any) -> str:
    """A type as an operator writes it, never as Python does."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _type_words(get_args(annotation)[0])
    if origin is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(annotation))
    if origin is Union or type(annotation).__name__ == "UnionType":
        return " or ".join(
            _type_words(option) for option in get_args(annotation) if option is not type(None)
        )
    if origin is not None:
        return "table (JSON in the environment)" if origin is dict else "list (JSON)"
    words: Mapping[Any, str] = {
        str: "text",
        SecretStr: "secret text",
        int: "whole number",
        float: "number",
        bool: "true or false",
        Path: "path",
    }
    return words.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _default_words(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if default is None or default in ("", {}, ()):
        return "none"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


if __name__ == "__main__":
    sys.exit(main())
