"""`kotahub models`: which products the hub can read, and what a declaration makes of a payload."""

# ruff: noqa: PLC0415 - commands import when they run, so that `kotahub --help` is quick

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.output import out, print_item, print_items

if TYPE_CHECKING:
    from devices.kind import Kind
    from devices.model import Model, ModelReading
    from ingest.types import Uplink

app = typer.Typer(
    help="Show, check and try the models: how products say what they measure.",
    no_args_is_help=True,
)

Json = Annotated[bool, typer.Option("--json", help="For programs")]


@app.command("list")
def list_(
    *,
    kind: Annotated[str | None, typer.Option(help="Models of this kind alone")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Models to show, at most")] = 100,
    cursor: Annotated[str | None, typer.Option(help="Where the page before ended")] = None,
    as_json: Json = False,
) -> None:
    """List the shipped models and the city's own."""
    from devices.model import SHIPPED

    kinds, models = _declared()
    _check_kind(kind, kinds)
    found = [
        model
        for model in models.values()
        if model.id > (cursor or "") and kind in (None, model.kind)
    ]
    items = [
        {
            "id": model.id,
            "kind": model.kind,
            "vendor": model.vendor,
            "product": model.product,
            "metrics": list(model.produces) if as_json else " ".join(model.produces),
            "source": "shipped" if (SHIPPED / f"{model.id}.toml").exists() else "city",
        }
        for model in found[:limit]
    ]
    print_items(items, as_json=as_json, cursor=found[limit - 1].id if len(found) > limit else None)


@app.command()
def show(model_id: Annotated[str, typer.Argument(metavar="ID")], as_json: Json = False) -> None:
    """Show where one model reads what; --json gives the whole declaration."""
    from devices.errors import UnknownModelError

    _, models = _declared()
    if (model := models.get(model_id)) is None:
        raise UnknownModelError(model_id, list(models))
    if as_json:
        print_item(model.model_dump(mode="json", by_alias=True), as_json=True)
        return
    print_item(
        {
            "id": model.id,
            "kind": model.kind,
            "product": f"{model.vendor} {model.product}",
            "documented at": model.source,
            "heard through": ", ".join(model.dialects) or None,
        },
        as_json=False,
    )
    print_items(
        [
            {
                "metric": name,
                "channel": channel,
                "from": source.label,
                "scale": f"{source.scale:g}",
                "no value": ", ".join(map(_sentinel, source.sentinels)) or None,
                "counter": "growth" if source.cumulative else None,
                "mount": source.mount,
            }
            for channel, sources in model.described()
            for name, source in sources.items()
        ],
        as_json=False,
    )


@app.command()
def check(file: Annotated[Path, typer.Argument(metavar="FILE")], as_json: Json = False) -> None:
    """Name every problem of a model's file by line and key; exit code 1 when there is one."""
    from devices.errors import InvalidDeclarationError
    from devices.kind import load_kinds
    from devices.model import check_model
    from gateway.settings import Settings

    kinds = load_kinds(Settings().data_dir)
    try:
        model = check_model(file, kinds)
    except InvalidDeclarationError as error:
        if as_json:
            print_item({"file": str(file), "ok": False, "problems": error.problems}, as_json=True)
        else:
            for problem in error.problems:
                _say(f"{file}: {problem}")
        raise typer.Exit(1) from error
    if as_json:
        print_item({"file": str(file), "ok": True, "problems": []}, as_json=True)
        return
    _say(
        f"{file}: ok, model '{model.id}' ({model.vendor} {model.product}) of kind {model.kind} "
        f"gives {', '.join(model.produces)}"
    )


@app.command("try")
def try_(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A model's file, or the id of a known model")
    ],
    payload: Annotated[
        str,
        typer.Argument(metavar="PAYLOAD", help="A file with the payload; - reads it from stdin"),
    ],
    *,
    dialect: Annotated[
        str | None,
        typer.Option(help="Open the payload's envelope first; without it: the decoded object"),
    ] = None,
    topic: Annotated[
        str, typer.Option(help="Topic of the payload, where its dialect reads it")
    ] = "sensors/device/up",
    attribute: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Of the device, such as mount_height_m=4.2"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what a model makes of a payload; nothing is stored.

    Example: kotahub models try milesight-em500-udl sample.json --attribute mount_height_m=4.2
    """
    kinds, models = _declared()
    model = _model(file, kinds, models)
    attributes = _attributes(attribute or [])
    rows: list[dict[str, Any]] = []
    unknown: list[str] = []
    for uplink in _uplinks(_bytes(payload), dialect, topic):
        for reading in model.read(uplink.values, attributes):
            rows.extend(_rows(kinds[model.kind], uplink, reading))
            unknown.extend(reading.unknown)
    if as_json:
        print_item({"model": model.id, "items": rows, "unknown": unknown}, as_json=True)
        return
    print_items(rows, as_json=False)
    if unknown:
        _say(f"Unknown members: {', '.join(unknown)}")
    if any(source.cumulative for _, sources in model.described() for source in sources.values()):
        _say("Counters have no value here: their growth needs the payload before.")


@app.command()
def guess(
    payload: Annotated[
        str,
        typer.Argument(metavar="PAYLOAD", help="A file with a sample; - reads it from stdin"),
    ],
    *,
    kind: Annotated[str | None, typer.Option(help="What it measures, where that is known")] = None,
    model_id: Annotated[
        str, typer.Option("--id", metavar="ID", help="Of the new model, and its file's name")
    ] = "my-sensor",
    dialect: Annotated[
        str | None,
        typer.Option(help="Open the sample's envelope first; without it: the decoded object"),
    ] = None,
    topic: Annotated[
        str, typer.Option(help="Topic of the sample, where its dialect reads it")
    ] = "sensors/device/up",
    as_json: Json = False,
) -> None:
    """Propose a model from a sample of a payload: TOML to correct, check and try.

    Example: kotahub models guess sample.json --id acme-gauge > data/models/acme-gauge.toml
    """
    from devices.guess import guess_model
    from devices.kind import load_kinds
    from devices.model import MODEL_ID
    from gateway.settings import Settings

    kinds = load_kinds(Settings().data_dir)
    _check_kind(kind, kinds)
    if not MODEL_ID.fullmatch(model_id):
        raise typer.BadParameter(
            f"'{model_id}' is none: small letters, digits and -", param_hint="--id"
        )
    uplinks = _uplinks(_bytes(payload), dialect, topic)
    sample = {name: member for uplink in uplinks for name, member in uplink.values.items()}
    guessed = guess_model(sample, kinds, kind=kind, model_id=model_id)
    if as_json:
        item = {"kind": guessed.kind, "metrics": guessed.metrics, "toml": guessed.toml}
        print_item(item, as_json=True)
        return
    sys.stdout.write(guessed.toml)


def _sentinel(item: float | str) -> str:
    return item if isinstance(item, str) else f"{item:g}"


def _declared() -> tuple[Mapping[str, "Kind"], Mapping[str, "Model"]]:
    from devices.kind import load_kinds
    from devices.model import load_models
    from gateway.settings import Settings

    data_dir = Settings().data_dir
    kinds = load_kinds(data_dir)
    return kinds, load_models(data_dir, kinds)


def _check_kind(kind: str | None, kinds: Mapping[str, "Kind"]) -> None:
    from devices.errors import UnknownKindError

    if kind is not None and kind not in kinds:
        raise UnknownKindError(kind, list(kinds))


def _model(file: str, kinds: Mapping[str, "Kind"], models: Mapping[str, "Model"]) -> "Model":
    from devices.errors import UnknownModelError
    from devices.model import read_model

    if Path(file).suffix == ".toml":
        return read_model(Path(file), kinds)
    if (model := models.get(file)) is None:
        raise UnknownModelError(file, list(models))
    return model


def _attributes(given: list[str]) -> dict[str, str]:
    pairs = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise typer.BadParameter(f"'{text}' is not NAME=VALUE", param_hint="--attribute")
        pairs[name] = value
    return pairs


def _bytes(payload: str) -> bytes:
    if payload == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(payload).read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{payload}: {error.strerror}", param_hint="PAYLOAD") from error


def _uplinks(payload: bytes, dialect: str | None, topic: str) -> list["Uplink"]:
    from gateway.settings import Settings
    from ingest.dialects import Surroundings, make_openers
    from ingest.envelope import read_object
    from ingest.types import Uplink

    if dialect is None:
        return [Uplink("device", read_object(payload))]
    openers = make_openers(Surroundings(zone=Settings().zone))
    if dialect not in openers:
        raise typer.BadParameter(
            f"'{dialect}' is none of {', '.join(openers)}", param_hint="--dialect"
        )
    found = openers[dialect](topic, payload)
    return [item for item in found if isinstance(item, Uplink)]


def _rows(kind: "Kind", uplink: "Uplink", reading: "ModelReading") -> Iterator[dict[str, Any]]:
    from ingest.quality import MISSING, gross_range

    time = uplink.time if reading.time is None else reading.time
    battery = uplink.battery if reading.battery is None else reading.battery
    rssi = uplink.rssi if reading.rssi is None else reading.rssi
    for name, value in reading.values.items():
        metric = kind.metrics[name]
        yield {
            "time": time,
            "channel": reading.channel,
            "metric": name,
            "value": value,
            "unit": metric.symbol,
            "qc": MISSING if value is None else gross_range(value, metric),
        }
    for name, value, unit in (("battery", battery, "%"), ("rssi", rssi, "dBm")):
        if value is not None:
            yield {
                "time": time,
                "channel": reading.channel,
                "metric": name,
                "value": value,
                "unit": unit,
                "qc": None,
            }


def _say(text: str) -> None:
    out.print(text, markup=False, highlight=False, soft_wrap=True)
