"""`kotahub simulate`: a city's worth of sensors as real MQTT clients."""

# ruff: noqa: PLC0415 - commands import when they run, so that `kotahub --help` is quick

import csv
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from devices.errors import HubError
from gateway.cli.output import err, print_item

if TYPE_CHECKING:
    from devices.device import Device
    from devices.simulator import Credentials, Tally
    from gateway.settings import Settings


class InvalidLoginsError(HubError):
    """The file of logins cannot be used."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"{path}: {problem}. Write a CSV file with the columns id,username,password"
        )


class LoginsTwiceError(HubError):
    def __init__(self) -> None:
        super().__init__(
            "--register makes the sensors' logins, --logins brings them: give one of the two. "
            "See: kotahub simulate --help"
        )


def simulate(
    *,
    scenario: Annotated[
        str, typer.Option(help="Scenario of the city, or the path of a scenario's file")
    ] = "calm",
    seed: Annotated[int, typer.Option(help="The same seed plays the same sensors and values")] = 1,
    speed: Annotated[
        float, typer.Option(min=0.01, max=1000, help="How much faster the city lives")
    ] = 1.0,
    duration_s: Annotated[
        float | None, typer.Option(min=0.1, help="Stop after so many seconds; else at Ctrl-C")
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(help="Broker as mqtt://user:password@host:1883; else the hub's own"),
    ] = None,
    devices: Annotated[int, typer.Option(min=1, max=100_000, help="How many sensors")] = 200,
    logins: Annotated[
        Path | None,
        typer.Option(
            help="CSV with id,username,password: each sensor connects with its own; "
            "else all share the login of --url"
        ),
    ] = None,
    register: Annotated[
        bool,
        typer.Option(
            "--register",
            help="Register the sensors first and give each a login of its own, with the admin of "
            "KOTAHUB_MQTT_ADMIN_URL or on the hub's own broker",
        ),
    ] = False,
    write_devices: Annotated[
        Path | None,
        typer.Option(help="Write the sensors there for `kotahub devices import`, and stop"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False,
) -> None:
    """Publish what a city's sensors would, over real MQTT connections.

    The hub takes readings of registered sensors: let --register do that, or write them with
    --write-devices and import them with `kotahub devices import`.
    """
    import asyncio
    from datetime import datetime

    from devices.kind import load_kinds
    from devices.sheet import write_sheet
    from devices.simulator import Tally, sensors
    from devices.simulator import simulate as play
    from gateway.settings import Settings

    settings = Settings()
    kinds = load_kinds(settings.data_dir)
    roster = sensors(settings.city, kinds, devices, seed)
    if write_devices is not None:
        write_devices.write_text(write_sheet(roster), encoding="utf-8", newline="")
        print_item({"file": str(write_devices), "devices": len(roster)}, as_json=as_json)
        return
    own = settings.mqtt_url.get_secret_value() if settings.mqtt_url else None
    if register and logins is not None:
        raise LoginsTwiceError
    credentials: Credentials | None = None
    if register:
        credentials = asyncio.run(_register(settings, roster))
    elif logins is not None:
        credentials = _logins(logins, roster)
    tally = Tally()

    async def run() -> None:
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel if task else loop.stop)
        shown = asyncio.create_task(_show(tally, len(roster)))
        try:
            await play(
                url=url or own or f"mqtt://{settings.mqtt_bind}",
                city=settings.city,
                kinds=kinds,
                devices=roster,
                start=datetime.now(settings.zone),
                scenario=scenario,
                seed=seed,
                speed=speed,
                credentials=credentials,
                ca_file=settings.mqtt_ca_file,
                duration_s=duration_s,
                tally=tally,
            )
        except asyncio.CancelledError:
            pass  # stopped by a signal; every sensor has said goodbye
        finally:
            shown.cancel()

    asyncio.run(run())
    print_item(
        {
            "published": tally.published,
            "refused": tally.refused,
            "trouble": tally.trouble,
            "by_kind": tally.by_kind if as_json else _counts(tally),
        },
        as_json=as_json,
    )
    if tally.refused or tally.trouble is not None:
        raise typer.Exit(1)


async def _register(settings: "Settings", roster: Sequence["Device"]) -> "Credentials":
    """Registers the sensors and makes a login for each."""
    from contextlib import closing

    from gateway.registry import open_registry
    from gateway.simulation import register_sensors, sensor_logins

    with closing(open_registry(settings)) as registry:
        register_sensors(registry, roster)
    return await sensor_logins(settings, roster)


async def _show(tally: "Tally", devices: int) -> None:
    """What goes on, in one line of a terminal, every second."""
    import asyncio

    if not err.is_terminal:
        return
    with err.status("") as line:
        while True:
            trouble = f"; {escape(tally.trouble)}" if tally.trouble else ""
            line.update(
                f"{devices} sensors over {tally.connections} connections: "
                f"{tally.published} published ({_counts(tally)}), {tally.refused} refused{trouble}"
            )
            await asyncio.sleep(1)


def _counts(tally: "Tally") -> str:
    return ", ".join(f"{kind} {count}" for kind, count in sorted(tally.by_kind.items()))


def _logins(path: Path, devices: Sequence["Device"]) -> Mapping[str, tuple[str, str]]:
    """User name and password of every device.

    Raises:
        InvalidLoginsError: the file cannot be read, lacks a column, or a device is not in it.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            logins = {row["id"]: (row["username"], row["password"]) for row in csv.DictReader(file)}
    except OSError as error:
        raise InvalidLoginsError(path, f"cannot be read ({error.strerror})") from error
    except KeyError as error:
        raise InvalidLoginsError(path, f"column {error} is missing") from error
    if missing := [device.id for device in devices if device.id not in logins]:
        raise InvalidLoginsError(path, f"{len(missing)} sensors are not in it, as {missing[0]}")
    return logins
