"""`kotahub kinds`: what can be measured, and whether a new declaration is right."""

# ruff: noqa: PLC0415 - commands import when they run, so that `kotahub --help` is quick

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.output import out, print_item, print_items

app = typer.Typer(help="Show and check the kinds of sensors.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="For programs")]


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Kinds to show, at most")] = 100,
    cursor: Annotated[str | None, typer.Option(help="Where the page before ended")] = None,
    as_json: Json = False,
) -> None:
    """List the shipped kinds and the city's own."""
    from devices.kind import SHIPPED, load_kinds
    from gateway.settings import Settings

    kinds = [kind for kind in load_kinds(Settings().data_dir).values() if kind.id > (cursor or "")]
    items = [
        {
            "id": kind.id,
            "name": kind.name.en,
            "metrics": list(kind.fields) if as_json else " ".join(kind.fields),
            "interval_s": kind.interval_s,
            "source": "shipped" if (SHIPPED / f"{kind.id}.toml").exists() else "city",
        }
        for kind in kinds[:limit]
    ]
    following = kinds[limit - 1].id if len(kinds) > limit else None
    print_items(items, as_json=as_json, cursor=following)


@app.command()
def show(kind_id: Annotated[str, typer.Argument(metavar="ID")], as_json: Json = False) -> None:
    """Show one kind with its metrics; --json gives the whole declaration."""
    from devices.errors import UnknownKindError
    from devices.kind import load_kinds
    from gateway.settings import Settings

    kinds = load_kinds(Settings().data_dir)
    if (kind := kinds.get(kind_id)) is None:
        raise UnknownKindError(kind_id, list(kinds))
    if as_json:
        print_item(kind.model_dump(mode="json"), as_json=True)
        return
    channels = ", ".join(kind.channels)
    print_item(
        {
            "id": kind.id,
            "name": f"{kind.name.en} / {kind.name.id}",
            "reports every": f"{kind.interval_s:g} s",
            "channel": f"{kind.channel.en} ({channels})" if kind.channel else None,
        },
        as_json=False,
    )
    print_items(
        [
            {
                "metric": name,
                "name": f"{metric.name.en} / {metric.name.id}",
                "unit": metric.symbol,
                "valid": f"{metric.valid[0]:g} to {metric.valid[1]:g}",
            }
            for name, metric in kind.metrics.items()
        ],
        as_json=False,
    )


@app.command()
def check(file: Annotated[Path, typer.Argument(metavar="FILE")], as_json: Json = False) -> None:
    """Name every problem of a kind's file by line and key; exit code 1 when there is one."""
    from devices.errors import InvalidDeclarationError
    from devices.kind import check_kind

    try:
        kind = check_kind(file)
    except InvalidDeclarationError as error:
        if as_json:
            print_item({"file": str(file), "ok": False, "problems": error.problems}, as_json=True)
        else:
            for problem in error.problems:
                out.print(f"{file}: {problem}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error
    if as_json:
        print_item({"file": str(file), "ok": True, "problems": []}, as_json=True)
        return
    out.print(
        f"{file}: ok, kind '{kind.id}' ({kind.name.en} / {kind.name.id}) with "
        f"{', '.join(f'{name} in {metric.symbol}' for name, metric in kind.metrics.items())}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
