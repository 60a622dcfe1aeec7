"""`kotahub backup` and `kotahub restore`: a whole hub in one file, and back."""

# ruff: noqa: PLC0415 - commands import when they run, so that `kotahub --help` is quick

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.output import err, out, print_item

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from gateway.backup.manifest import Manifest
    from gateway.backup.progress import Progress

_File = Annotated[Path, typer.Argument(metavar="FILE", dir_okay=False, help="The archive")]
_Broker = Annotated[
    Path | None,
    typer.Option(
        "--broker",
        file_okay=False,
        help="Folder of a broker of its own (kotahub mosquitto init --dir); left out, mosquitto/ "
        "in the data folder",
    ),
]
_AsJson = Annotated[bool, typer.Option("--json", help="For programs")]


def backup(
    *,
    file: _File,
    broker: _Broker = None,
    no_readings: Annotated[
        bool,
        typer.Option(
            "--no-readings", help="Leave the store out: InfluxDB is backed up by its own means"
        ),
    ] = False,
    as_json: _AsJson = False,
) -> None:
    """Write everything that the hub needs to come back into one file.

    Registry, journal, quarantine, readings, the broker's logins and what waits
    in it, and the data folder's own files. The hub goes on running. The file
    holds passwords: only you can read it, so keep it where that stays so.

    Example: kotahub backup /backups/hub-$(date +%F).tar.gz
    """
    from gateway.backup.backup import make_backup
    from gateway.settings import Settings

    with _shown(quiet=as_json) as progress:
        made = make_backup(
            Settings(),
            file,
            progress=progress,
            broker_folder=broker,
            readings=not no_readings,
        )
    shown = {"file": str(made.file), "bytes": made.bytes, **_contents(made.manifest)}
    notes = [f"not in the backup: {words}" for words in made.manifest.left_out]
    _print(shown, notes, as_json=as_json)


def restore(
    *,
    file: _File,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; say whether the archive is whole")
    ] = False,
    broker: _Broker = None,
    no_readings: Annotated[
        bool, typer.Option("--no-readings", help="Leave the store as it is")
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Take the place of the hub that is here: its files and registry are moved "
            "aside, readings are added to those in InfluxDB",
        ),
    ] = False,
    as_json: _AsJson = False,
) -> None:
    """Bring a hub back from a backup; it must not run.

    Set the settings first (KOTAHUB_DATA_DIR, KOTAHUB_STORE, the servers): they
    say where everything goes. The whole archive is checked before anything is
    changed. A restore that was interrupted goes on with the same command.

    Example: kotahub restore /backups/hub-2026-11-24.tar.gz
    """
    from gateway.backup import archive
    from gateway.backup.restore import restore as run
    from gateway.settings import Settings

    if check:
        with _shown(quiet=as_json) as progress:
            manifest = archive.check(file, progress)
        _print({"file": str(file), **_contents(manifest)}, [], as_json=as_json)
        return
    with _shown(quiet=as_json) as progress:
        done = run(
            Settings(),
            file,
            progress=progress,
            broker_folder=broker,
            readings=not no_readings,
            force=force,
        )
    aside = [str(path) for path in done.moved_aside]
    shown = {
        "file": str(file),
        **_contents(done.manifest),
        "points_written": done.written.points,
        "points_refused": done.written.refused,
        "moved_aside": aside if as_json else ", ".join(aside) or None,
    }
    _print(shown, list(done.notes), as_json=as_json)
    if not as_json:
        out.print("Start it with: kotahub run")


def _contents(manifest: "Manifest") -> dict[str, Any]:
    counts = manifest.counts
    return {
        "created": manifest.created.isoformat(),
        "kotahub": manifest.hub_version,
        "devices": counts.devices,
        "keys": counts.keys,
        "received": counts.received,
        "stored": counts.stored,
        "quarantined": counts.quarantined,
        "duplicate": counts.duplicate,
        "pending": counts.pending,
        "quarantine_items": counts.quarantine_items,
        "points": counts.points,
    }


def _print(shown: dict[str, Any], notes: list[str], *, as_json: bool) -> None:
    if as_json:
        print_item({**shown, "notes": notes}, as_json=True)
        return
    print_item(shown, as_json=False)
    for note in notes:
        err.print(f"Note: {note}", soft_wrap=True, markup=False, highlight=False)


@contextmanager
def _shown(*, quiet: bool) -> Iterator["Progress"]:
    """A bar on the terminal; nothing where nobody looks."""
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        TextColumn,
        TimeElapsedColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Shown

    bars = Shown(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
        console=err,
        disable=quiet or not err.is_terminal,
    )
    with bars:
        yield _Bar(bars)


class _Bar:
    """One line of the terminal: what is being done now."""

    def __init__(self, bars: "Bars") -> None:
        self._bars = bars
        self._task = bars.add_task("…", total=None)

    def begin(self, what: str, total: int | None) -> None:
        self._bars.remove_task(self._task)
        self._task = self._bars.add_task(what, total=total)

    def advance(self, count: int) -> None:
        self._bars.advance(self._task, count)
