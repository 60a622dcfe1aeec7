"""The `kotahub` command: one file a noun."""

import sys

import typer

from devices.errors import HubError
from gateway.cli.output import err

app = typer.Typer(
    name="kotahub",
    help="The sensor hub of a city.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Entry point: a HubError is a sentence and exit code 1, never a traceback."""
    try:
        app()
    except HubError as error:
        err.print(f"[bold red]Error:[/bold red] {error}")
        sys.exit(1)
