"""`kotahub dialects`: the envelopes that the hub can open."""

# ruff: noqa: PLC0415 - commands import when they run, so that `kotahub --help` is quick

from typing import Annotated

import typer

from gateway.cli.output import print_items


def dialects(
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Dialects to show, at most")] = 100,
    cursor: Annotated[str | None, typer.Option(help="Where the page before ended")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False,
) -> None:
    """List the dialects with the topics that lead to each; settings may add more topics."""
    from gateway.settings import Settings
    from ingest.dialects import DIALECTS

    added = Settings().dialects
    found = sorted(name for name in DIALECTS if name > (cursor or ""))
    items = []
    for name in found[:limit]:
        filters = [
            *DIALECTS[name].FILTERS,
            *(topic for topic, dialect in added.items() if dialect == name),
        ]
        items.append(
            {
                "name": name,
                "topics": filters if as_json else " ".join(filters),
                "opens": DIALECTS[name].SUMMARY,
            }
        )
    print_items(items, as_json=as_json, cursor=found[limit - 1] if len(found) > limit else None)
