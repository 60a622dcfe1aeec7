"""`kotahub stack`: the steps that docker-compose.yml runs before the services, and passwords."""

# ruff: noqa: PLC0415 - commands import when they run, so that `kotahub --help` is quick

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.output import print_item

app = typer.Typer(
    help="""The containers of docker-compose.yml.

    docker compose up runs prepare and complete by itself; see
    docs/operations.md.
    """,
    no_args_is_help=True,
)

_SECRETS = typer.Option("--secrets", help="Folder of the volumes with secrets")


@app.command()
def prepare(
    hostname: Annotated[
        str, typer.Option(help="Name or address by which sensors find the broker")
    ] = "localhost",
    secrets: Annotated[Path, _SECRETS] = Path("/secrets"),
    broker: Annotated[Path, typer.Option(help="Folder of the broker")] = Path("/broker"),
    tls: Annotated[
        Path, typer.Option(help="Folder with the city's own certificate, or with nothing")
    ] = Path("/tls"),
    as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False,
) -> None:
    """Make the passwords and the broker's configuration; keep what is there."""
    from gateway.stack import Stack
    from gateway.stack import prepare as run

    run(Stack(secrets=secrets, broker=broker, own_certificate=tls), hostname)
    print_item({"secrets": str(secrets), "broker": str(broker)}, as_json=as_json)


@app.command()
def complete(
    secrets: Annotated[Path, _SECRETS] = Path("/secrets"),
    as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False,
) -> None:
    """Bring the registry up to date and make tokens for InfluxDB; keep what works."""
    import asyncio

    from gateway.settings import Settings
    from gateway.stack import Stack
    from gateway.stack import complete as run

    asyncio.run(run(Stack(secrets=secrets), Settings()))
    print_item({"secrets": str(secrets)}, as_json=as_json)


@app.command()
def passwords(
    secrets: Annotated[Path, _SECRETS] = Path("/secrets"),
    as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False,
) -> None:
    """Show what a person needs for the first login.

    Example: docker compose run --rm prepare stack passwords
    """
    from gateway.stack import Stack

    stack = Stack(secrets=secrets)
    print_item(
        {
            "Grafana user": "admin",
            "Grafana password": _text(stack.grafana_password),
            "API key (scope admin)": _text(stack.first_key),
        },
        as_json=as_json,
    )


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8").strip() if path.is_file() else None
