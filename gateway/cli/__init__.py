"""The `kotahub` command: one file a noun."""

import sys

import typer
from rich.text import Text

from devices.errors import HubError
from gateway.cli import (
    backup,
    dashboards,
    devices,
    dialects,
    health,
    indices,
    keys,
    kinds,
    ledger,
    maintenance,
    models,
    mosquitto,
    quarantine,
    readings,
    run,
    simulate,
    stack,
)
from gateway.cli.output import err

app = typer.Typer(
    name="kotahub",
    help="The sensor hub of a city.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("run")(run.run)
app.command("ingest")(run.ingest)
app.command("gateway")(run.gateway)
app.command("simulate")(simulate.simulate)
app.command("health")(health.health)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.command("dialects")(dialects.dialects)
app.command("readings")(readings.readings)
app.command("indices")(indices.indices)
app.command("ledger")(ledger.ledger)
app.command("maintenance")(maintenance.maintenance)
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(devices.app, name="devices")
app.add_typer(kinds.app, name="kinds")
app.add_typer(models.app, name="models")
app.add_typer(dashboards.app, name="dashboards")
app.add_typer(keys.app, name="keys")
app.add_typer(mosquitto.app, name="mosquitto")
app.add_typer(stack.app, name="stack")


def main() -> None:
    """Entry point: a HubError is a sentence and exit code 1, never a traceback."""
    try:
        app()
    except HubError as error:
        # As text, not markup: the words may quote what a device sent.
        err.print(Text.assemble(("Error: ", "bold red"), str(error)), soft_wrap=True)
        sys.exit(1)
