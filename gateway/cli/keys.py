"""`kotahub keys`: who may use the HTTP API."""

# ruff: noqa: PLC0415 - commands import when they run, so that `kotahub --help` is quick

from datetime import datetime
from typing import Annotated

import typer

from gateway.cli.operator import operator_name
from gateway.cli.output import out, print_item, print_items

app = typer.Typer(
    help="""Keys of the HTTP API.

    A program sends its key with every request. Give each program its own key,
    with the least scope that it needs: read sees devices and readings, write
    changes devices, admin changes the hub.
    """,
    no_args_is_help=True,
)

AsJson = Annotated[bool, typer.Option("--json", help="For programs, times in UTC")]


@app.command()
def create(
    *,
    scope: Annotated[
        list[str], typer.Option(help="read, write or admin; may be given more than once")
    ],
    name: Annotated[str, typer.Option(help="What the key is for, to find it again")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a key and print it once: the hub keeps only its hash.

    Example: kotahub keys create --scope read --name "traffic dashboard"
    """
    from devices.api_key import check_scopes, key_id_of
    from gateway.cli.opened import opened_registry
    from gateway.settings import Settings

    scopes = check_scopes(scope)
    with opened_registry(Settings()) as registry:
        key = registry.create_key(name, scopes, by=operator_name())
    shown = {"id": key_id_of(key), "key": key}
    if as_json:
        print_item(shown | {"scopes": scopes}, as_json=True)
    else:
        print_item(shown | {"scopes": " ".join(scopes)}, as_json=False)
        out.print("Keep the key now: it is not shown again.")


@app.command("list")
def list_keys(
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Keys to show, at most")] = 100,
    cursor: Annotated[str | None, typer.Option(help="Where the page before ended")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the keys that were made, oldest first; the keys themselves cannot be shown."""
    from pydantic import TypeAdapter

    from gateway.cli.opened import opened_registry
    from gateway.cursor import read_cursor, write_cursor
    from gateway.settings import Settings

    settings = Settings()
    with opened_registry(settings) as registry:
        keys = registry.keys()
    start = 0 if cursor is None else read_cursor(cursor, TypeAdapter(int))

    def moment(at: datetime) -> str:
        local = at.astimezone(settings.zone).strftime("%Y-%m-%d %H:%M %Z")
        return at.isoformat() if as_json else local

    items = [
        {
            "id": key.id,
            "name": key.name,
            "scopes": list(key.scopes) if as_json else " ".join(key.scopes),
            "created_at": moment(key.created_at),
            "revoked_at": None if key.revoked_at is None else moment(key.revoked_at),
        }
        for key in keys[start : start + limit]
    ]
    following = write_cursor(start + limit) if len(keys) > start + limit else None
    print_items(items, as_json=as_json, cursor=following)


@app.command()
def revoke(
    *,
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `kotahub keys list` shows it")],
    as_json: AsJson = False,
) -> None:
    """Take a key out of force, for good and at once."""
    from gateway.cli.opened import opened_registry
    from gateway.settings import Settings

    with opened_registry(Settings()) as registry:
        registry.revoke_key(key_id, by=operator_name())
    print_item({"id": key_id, "revoked": True}, as_json=as_json)
