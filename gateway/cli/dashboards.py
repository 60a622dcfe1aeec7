"""`kotahub dashboards`: Grafana as the repository declares it."""

# ruff: noqa: PLC0415 - commands import when they run, so that `kotahub --help` is quick

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import grafana
from gateway.cli.output import print_items

app = typer.Typer(help="Grafana's dashboards, as the kinds declare them.", no_args_is_help=True)
app.command("plan")(grafana.plan)
app.command("apply")(grafana.apply)
app.command("drift")(grafana.drift)
app.command("provision")(grafana.provision)


@app.command()
def build(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FOLDER]",
            file_okay=False,
            help="Where this hub's own dashboards go, of its settings and its own kinds; "
            "without it those that the program ships are made again",
        ),
    ] = None,
    hub_url: Annotated[
        str | None,
        typer.Option(help="The hub as people's browsers reach it; without it KOTAHUB_HTTP_BIND"),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Change nothing; exit code 1 where files are out of date"),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False,
) -> None:
    """Write the dashboards as JSON files, in both languages: FOLDER/id and FOLDER/en.

    Example: kotahub dashboards build city/grafana --hub-url https://hub.medan.go.id
    """
    from dashboards.generated import SHIPPED, differences, write
    from dashboards.site import Site
    from devices.city import city_areas
    from devices.kind import load_kinds
    from gateway.errors import InvalidParameterError
    from gateway.settings import Settings

    if folder is None and hub_url is not None:
        raise InvalidParameterError("--hub-url", "say into which FOLDER these dashboards go")
    if folder is None:
        site, folder = Site(), SHIPPED
    else:
        settings = Settings()
        site = Site(
            kinds=load_kinds(settings.data_dir),
            areas=city_areas(settings.city),
            hub_url=(hub_url or f"http://{settings.http_bind}").rstrip("/"),
            zone=settings.timezone,
        )
    found = differences(site, folder) if check else write(site, folder)
    print_items(
        [{"file": str(folder / one.path), "change": one.change} for one in found], as_json=as_json
    )
    if check and found:
        raise typer.Exit(1)
