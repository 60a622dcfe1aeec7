"""`kotahub devices credentials`: the login that an installer types into a device."""

# ruff: noqa: PLC0415 - commands import when they run, so that `kotahub --help` is quick

import json
import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from gateway.cli.output import out, print_item

if TYPE_CHECKING:
    from gateway.settings import Settings


def credentials(
    *,
    device_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the device")],
    as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False,
) -> None:
    """Give a device a new password on the broker and show it once.

    Its user name is its id; an old password opens nothing any more.
    """
    import asyncio
    from contextlib import closing

    from devices.kind import load_kinds
    from gateway.credentials import open_credentials
    from gateway.registry import open_registry
    from gateway.settings import Settings

    settings = Settings()
    with closing(open_registry(settings)) as registry:
        device = registry.device(device_id)
    metric = next(iter(load_kinds(settings.data_dir)[device.kind].metrics))
    passwords = asyncio.run(open_credentials(settings).create([device_id]))
    shown = _connection(settings) | {
        "username": device_id,
        "password": passwords[device_id],
        "topic": f"sensors/{device_id}/up",
    }
    print_item({"id": device_id} | shown, as_json=as_json)
    if not as_json:
        out.print("Keep the password now: it is not shown again. Try it with:")
        out.print(Text(_example(shown, metric)), soft_wrap=True)


def _connection(settings: "Settings") -> dict[str, Any]:
    from devices.simulator.broker import Broker
    from gateway.broker import bind_address

    if settings.mqtt_url is None:
        host, port = bind_address(settings)
        return {"host": host, "port": port, "tls": False, "ca": None}
    broker = Broker.parse(settings.mqtt_url.get_secret_value())
    ca = None if settings.mqtt_ca_file is None else str(settings.mqtt_ca_file)
    host = settings.mqtt_public_host or broker.host
    return {"host": host, "port": broker.port, "tls": broker.tls, "ca": ca}


def _example(shown: dict[str, Any], metric: str) -> str:
    secure: list[str] = []
    if shown["tls"]:
        secure = ["--tls-use-os-certs"] if shown["ca"] is None else ["--cafile", shown["ca"]]
    return shlex.join(
        [
            *("mosquitto_pub", "-h", shown["host"], "-p", str(shown["port"]), *secure, "-q", "1"),
            *("-u", shown["username"], "-P", shown["password"], "-t", shown["topic"]),
            *("-m", json.dumps({metric: 1.0})),
        ]
    )
