"""`kotahub mosquitto`: the broker's configuration and logins."""

# ruff: noqa: PLC0415 - commands import when they run, so that `kotahub --help` is quick

from pathlib import Path
from typing import Annotated

import typer

from devices.errors import HubError
from gateway.cli.output import out, print_item

app = typer.Typer(
    help="""The MQTT broker.

    kotahub run makes and starts one by itself; this is for a broker of its
    own, with TLS, that sensors in the city connect to.
    """,
    no_args_is_help=True,
)


class ProductionOptionsError(HubError):
    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem}. See: kotahub mosquitto init --help")


@app.callback()
def mosquitto() -> None:
    """A command without subcommands would swallow its own name."""


@app.command()
def init(
    *,
    folder: Annotated[
        Path | None,
        typer.Option("--dir", help="Folder for everything; left out, mosquitto/ in the data"),
    ] = None,
    production: Annotated[
        bool, typer.Option("--production", help="A broker of its own, with TLS")
    ] = False,
    hostname: Annotated[
        str, typer.Option(help="Name or address by which sensors and the hub find the broker")
    ] = "",
    port: Annotated[int, typer.Option(min=1, max=65535, help="TLS port of production")] = 8883,
    cert: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Certificate chain, PEM")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Its private key, PEM")
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="The authority that signed it, PEM"),
    ] = None,
    plugin: Annotated[
        Path | None,
        typer.Option(help="mosquitto_dynamic_security.so where the broker runs, if not here"),
    ] = None,
    user: Annotated[str, typer.Option(help="System user of the broker")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False,
) -> None:
    """Write the broker's configuration, logins and TLS files.

    Logins that exist are kept, so it may be called again after an upgrade or
    to change the host name. Without --cert an authority of the hub's own signs
    the certificate; give its ca.crt to the sensors.

    Example: kotahub mosquitto init --production --hostname mqtt.medan.example
    """
    from gateway.broker import bind_address, mosquitto_folder
    from gateway.certificate import Certificate
    from gateway.mosquitto import MosquittoFolder, Production
    from gateway.settings import Settings

    settings = Settings()
    made = mosquitto_folder(settings) if folder is None else MosquittoFolder(folder)
    if not production:
        if hostname or cert or key or ca or user:
            raise ProductionOptionsError(
                "--hostname, --cert, --key, --ca and --user need --production"
            )
        made.init_embedded(*bind_address(settings), plugin=plugin)
        shown = {"configuration": str(made.embedded), "secrets": str(made.secrets)}
    else:
        given = [path for path in (cert, key, ca) if path is not None]
        if not hostname or len(given) not in {0, 3}:
            raise ProductionOptionsError(
                "--production needs --hostname, and --cert, --key and --ca together or not at all"
            )
        listen = Production(hostname, Certificate(*given) if given else None, port)
        made.init_production(listen, plugin=plugin, user=user or None)
        shown = {
            "configuration": str(made.production),
            "secrets": str(made.secrets),
            "hub": str(made.environment),
        }
    print_item(shown, as_json=as_json)
    if not as_json:
        out.print(f"Start it with: mosquitto -c {shown['configuration']}", soft_wrap=True)
