"""`kotahub maintenance`: what to visit, and why."""

# ruff: noqa: PLC0415 - commands import when they run, so that `kotahub --help` is quick

from typing import Annotated

import typer

from gateway.cli.output import print_items


def maintenance(
    area: Annotated[str | None, typer.Option(help="Only this area, by its code")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Items to show, at most")] = 50,
    cursor: Annotated[str | None, typer.Option(help="Where the page before ended")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs, times in UTC")] = False,
) -> None:
    """Show what to visit, the worst first: outages, silent and faulty sensors.

    Sensors in maintenance are left out: kotahub devices set ID status=maintenance
    """
    import time

    from devices.kind import load_kinds
    from gateway.cli.opened import opened_quality, opened_registry
    from gateway.quality import read_maintenance
    from gateway.settings import Settings
    from gateway.window import local_text
    from ingest.stores.reading import epoch_ns

    settings = Settings()
    with opened_quality(settings) as quality, opened_registry(settings) as registry:
        items, following = read_maintenance(
            quality,
            registry,
            load_kinds(settings.data_dir),
            language=settings.language,
            now_ns=time.time_ns(),
            area=area,
            limit=limit,
            cursor=cursor,
        )
    if as_json:
        rows = [item.model_dump(mode="json") for item in items]
        print_items(rows, as_json=True, cursor=following)
        return
    print_items(
        [
            {
                "": item.rank,
                "device": item.device or f"{len(item.members)} devices",
                "why": "\n".join(item.why),
                "since": local_text(epoch_ns(item.since), settings.zone),
            }
            for item in items
        ],
        as_json=False,
        cursor=following,
    )
