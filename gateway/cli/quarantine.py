"""`kotahub quarantine`: messages that could not be stored."""

# ruff: noqa: PLC0415 - commands import when they run, so that `kotahub --help` is quick

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.output import err, print_item, print_items

if TYPE_CHECKING:
    from ingest.journal import Journal

app = typer.Typer(help="Messages that could not be stored.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="For programs, times in UTC")]
Ids = Annotated[list[int] | None, typer.Argument(help="Items by id", show_default=False)]
DeviceOption = Annotated[str | None, typer.Option("--device", help="Only this device")]
ReasonOption = Annotated[
    str | None, typer.Option("--reason", help="Only this reason, as `list` shows it")
]
All = Annotated[bool, typer.Option("--all", help="Every item")]

_CHUNK = 500
"""Items of one step of the progress bar."""


@app.command("list")
def list_items(
    device: DeviceOption = None,
    reason: ReasonOption = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Items to show, at most")] = 50,
    cursor: Annotated[str | None, typer.Option(help="Where the page before ended")] = None,
    as_json: Json = False,
) -> None:
    """List items, oldest first."""
    from gateway.cli.opened import opened_journal
    from gateway.quarantine import QuarantinedItem, read_quarantine
    from gateway.settings import Settings
    from gateway.window import local_text

    settings = Settings()
    _check_reason(reason)
    with opened_journal(settings) as journal:
        items, following = read_quarantine(
            journal, device=device, reason=reason, limit=limit, cursor=cursor
        )
    if as_json:
        rows = [
            QuarantinedItem.of(item, settings.language).model_dump(mode="json") for item in items
        ]
    else:
        rows = [
            {
                "id": item.id,
                "device": item.device,
                "topic": item.topic,
                "reason": item.reason,
                "received": local_text(item.received_ns, settings.zone),
                "bytes": len(item.payload),
                "detail": item.detail,
            }
            for item in items
        ]
    print_items(rows, as_json=as_json, cursor=following)


@app.command()
def show(
    item_id: Annotated[int, typer.Argument(metavar="ID")],
    raw: Annotated[bool, typer.Option("--raw", help="The payload alone, byte for byte")] = False,
    as_json: Json = False,
) -> None:
    """Show one item with its payload."""
    from gateway.cli.opened import opened_journal
    from gateway.quarantine import QuarantinedItem
    from gateway.settings import Settings
    from gateway.window import local_text

    settings = Settings()
    with opened_journal(settings) as journal:
        item = journal.quarantine_item(item_id)
    if raw:
        sys.stdout.buffer.write(item.payload)
        sys.stdout.buffer.flush()
        return
    told = QuarantinedItem.of(item, settings.language).model_dump(mode="json")
    if not as_json:
        told["received_at"] = local_text(item.received_ns, settings.zone)
        told["payload"] = _legible(item.payload)
    print_item(told, as_json=as_json)


@app.command()
def replay(
    *,
    ids: Ids = None,
    device: DeviceOption = None,
    reason: ReasonOption = None,
    every: All = False,
    as_json: Json = False,
) -> None:
    """Process items again, as if they came now with the time when they first came.

    What is accepted leaves the quarantine and goes to the store; a running hub writes it at once,
    otherwise the next one does.
    """
    from rich.progress import track

    from devices.kind import load_kinds
    from gateway.cli.opened import opened_journal, opened_registry
    from gateway.pipeline import open_pipeline
    from gateway.settings import Settings
    from ingest.replay import ReplayResult
    from ingest.replay import replay as replay_items

    settings = Settings()
    kinds = load_kinds(settings.data_dir)
    result = ReplayResult()
    with opened_journal(settings) as journal, opened_registry(settings) as registry:
        chosen = _choose(journal, ids, device=device, reason=reason, every=every)
        pipeline = open_pipeline(settings, kinds, registry, journal)
        chunks = [chosen[at : at + _CHUNK] for at in range(0, len(chosen), _CHUNK)]
        for chunk in track(chunks, "Replaying", console=err, disable=as_json, transient=True):
            result += replay_items(journal, pipeline, chunk)
    print_item({"accepted": result.accepted, "still": result.still}, as_json=as_json)


@app.command()
def discard(
    *,
    ids: Ids = None,
    device: DeviceOption = None,
    reason: ReasonOption = None,
    every: All = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
    as_json: Json = False,
) -> None:
    """Forget items for good; the ledger goes on counting them as quarantined."""
    from gateway.cli.opened import opened_journal
    from gateway.settings import Settings

    with opened_journal(Settings()) as journal:
        chosen = _choose(journal, ids, device=device, reason=reason, every=every)
        if chosen and not yes:
            typer.confirm(f"Discard {len(chosen)} items for good?", abort=True, err=True)
        discarded = journal.discard(chosen)
    print_item({"discarded": discarded}, as_json=as_json)


def _choose(
    journal: "Journal",
    ids: list[int] | None,
    *,
    device: str | None,
    reason: str | None,
    every: bool,
) -> list[int]:
    """Ids of the items that the options mean; each must be there."""
    from gateway.quarantine import read_quarantine

    filtered = device is not None or reason is not None
    if [bool(ids), filtered, every].count(True) != 1:
        raise typer.BadParameter("name items by id, or by --device and --reason, or take --all")
    if ids:
        return [journal.quarantine_item(item_id).id for item_id in dict.fromkeys(ids)]
    _check_reason(reason)
    chosen: list[int] = []
    cursor: str | None = None
    while True:
        items, cursor = read_quarantine(
            journal, device=device, reason=reason, limit=1000, cursor=cursor
        )
        chosen.extend(item.id for item in items)
        if cursor is None:
            return chosen


def _check_reason(reason: str | None) -> None:
    from ingest.types import Reason

    if reason is not None and reason not in set(Reason):
        known = ", ".join(Reason)
        raise typer.BadParameter(f"'{reason}' is not a reason. Reasons: {known}")


def _legible(payload: bytes) -> str:
    """Text as it is where it can be printed, bytes as Python writes them elsewhere."""
    text = payload.decode("utf-8", errors="replace")
    return text if text.replace("\n", "").replace("\t", "").isprintable() else repr(payload)
