"""`kotahub run`: everything in one process; `kotahub ingest` and `kotahub gateway`: one service."""

# ruff: noqa: PLC0415 - commands import when they run, so that `kotahub --help` is quick

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gateway.cli.output import out

if TYPE_CHECKING:
    from gateway.run import Simulation, Started

_LIVE_S: Final = 1.0
_LOG_S: Final = 10.0


def run(
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Play the sensors of the city beside the hub")
    ] = False,
    scenario: Annotated[
        str, typer.Option(help="What the simulated city goes through: a shipped name or a file")
    ] = "calm",
    sensors: Annotated[int, typer.Option(min=1, max=10_000, help="Simulated sensors")] = 200,
    seed: Annotated[int, typer.Option(help="The same seed plays the same city")] = 1,
    speed: Annotated[float, typer.Option(min=0.1, max=1000, help="Times faster than life")] = 1.0,
) -> None:
    """Runs the whole hub in this process, on its own Mosquitto unless KOTAHUB_MQTT_URL is set."""
    from gateway.run import Simulation

    play = Simulation(scenario=scenario, count=sensors, seed=seed, speed=speed)
    _run(simulation=play if simulate else None)


def ingest() -> None:
    """Runs the ingest service alone: from the broker to the store."""
    _run(gateway=False)


def gateway() -> None:
    """Runs the gateway alone: the HTTP API."""
    _run(ingest=False)


def _run(
    *, ingest: bool = True, gateway: bool = True, simulation: "Simulation | None" = None
) -> None:
    import uvloop

    from gateway.run import run as run_hub
    from gateway.settings import Settings

    _log(live=out.is_terminal)
    shows: list[asyncio.Task[None]] = []

    def show(started: "Started") -> None:
        _announce(started)
        shows.append(asyncio.get_running_loop().create_task(_show(started), name="hub.show"))

    async def all_of_it() -> None:
        try:
            await run_hub(
                Settings(), ingest=ingest, gateway=gateway, simulation=simulation, started=show
            )
        finally:
            for task in shows:
                task.cancel()
            await asyncio.gather(*shows, return_exceptions=True)

    uvloop.run(all_of_it())
    out.print("Stopped. What the store has not taken yet is kept in the journal.")


def _announce(started: "Started") -> None:
    if started.url is not None:
        out.print(f"\n[bold]kotahub[/bold] answers at [bold]{started.url}[/bold]")
    out.print(f"broker: {started.broker}")
    if started.first_key is not None:
        out.print(
            f"first-run password (an API key with scope admin, shown only now): "
            f"[bold]{started.first_key}[/bold]",
            soft_wrap=True,
        )
        out.print(
            f"try: curl -H 'Authorization: Bearer {started.first_key}' "
            f"{started.url}/api/v1/devices?limit=3",
            soft_wrap=True,
            highlight=False,
        )
    out.print("Ctrl-C stops it.\n")


async def _show(started: "Started") -> None:
    """Shows the hub's state until cancelled: live on a terminal, as log lines elsewhere."""
    from rich.live import Live

    from gateway.status import StatusReader, plain_status, render_status

    reader = StatusReader(started)
    if not out.is_terminal:
        while True:
            await asyncio.sleep(_LOG_S)
            out.print(plain_status(await asyncio.to_thread(reader.read)), soft_wrap=True)
    with Live(console=out, auto_refresh=False, transient=False) as live:
        while True:
            since = time.monotonic()
            status = await asyncio.to_thread(reader.read)
            live.update(render_status(status, started), refresh=True)
            # A large city's ledger takes longer to read: looking must not become the work.
            await asyncio.sleep(max(_LIVE_S, 20 * (time.monotonic() - since)))


def _log(*, live: bool) -> None:
    """Logs above the live view, or to standard error in plain lines."""
    if live:
        from rich.logging import RichHandler

        handler = RichHandler(console=out, show_path=False)
        logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[handler])
    else:
        logging.basicConfig(
            level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
        )
    for chatty in ("httpx", "httpcore", "aiomqtt", "mqtt", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
