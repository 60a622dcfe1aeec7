"""`kotahub ledger`: what became of every message."""

# ruff: noqa: PLC0415 - commands import when they run, so that `kotahub --help` is quick

from typing import Annotated

import typer

from gateway.cli.output import print_items


def ledger(
    device: Annotated[
        str | None, typer.Argument(help="Only this device; '?' is nobody who can be named")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Devices to show, at most")] = 100,
    cursor: Annotated[str | None, typer.Option(help="Where the page before ended")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs, times in UTC")] = False,
) -> None:
    """Show what became of every message, by device.

    received = stored + quarantined + duplicate + pending, whether the hub runs or not.
    """
    from gateway.cli.opened import opened_journal
    from gateway.ledger import LedgerItem, read_ledger
    from gateway.settings import Settings
    from gateway.window import local_text
    from ingest.stores.reading import epoch_ns

    settings = Settings()
    with opened_journal(settings) as journal:
        items, following = read_ledger(journal, device=device, limit=limit, cursor=cursor)
        total = LedgerItem.of(journal.totals()).model_copy(update={"device": "total"})
        salvages = journal.salvages()
    for salvage in salvages:
        typer.echo(f"note: {salvage}", err=True)
    if as_json:
        print_items([item.model_dump() for item in items], as_json=True, cursor=following)
        return
    shown = [*items, total] if items and device is None else items
    rows = [item.model_dump(exclude={"last_received_at"}) for item in shown]
    for row, item in zip(rows, shown, strict=True):
        at = item.last_received_at
        row["last received"] = at and local_text(epoch_ns(at), settings.zone)
    print_items(rows, as_json=False, cursor=following)
