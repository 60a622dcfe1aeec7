"""How commands print: a table for people, `{"items": […], "next": cursor}` for programs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

out = Console()
err = Console(stderr=True)


def print_items(
    items: Sequence[Mapping[str, Any]], *, as_json: bool, cursor: str | None = None
) -> None:
    """Prints a page of items; every item has the same keys, in the order to show them."""
    if as_json:
        typer.echo(json.dumps({"items": list(items), "next": cursor}, ensure_ascii=False))
        return
    if not items:
        out.print("(none)")
        return
    table = Table(box=box.SIMPLE_HEAD)
    for key in items[0]:
        numeric = isinstance(items[0][key], int | float)
        table.add_column(
            key, justify="right" if numeric else "left", no_wrap=numeric, overflow="fold"
        )
    for item in items:
        table.add_row(*(_plain("" if value is None else value) for value in item.values()))
    out.print(table)
    if cursor is not None:
        out.print(f"More: --cursor {cursor}")


def print_item(item: Mapping[str, Any], *, as_json: bool) -> None:
    """Prints one thing: a line a member."""
    if as_json:
        typer.echo(json.dumps(dict(item), ensure_ascii=False))
        return
    for key, value in item.items():
        out.print(Text.assemble((key, "bold"), ": ", _plain("-" if value is None else value)))


def _plain(value: object) -> Text:
    """The words as they are: devices wrote some, and brackets or escapes in them mean nothing."""
    return Text(
        "".join(
            char if char.isprintable() or char in "\n\t" else f"\\x{ord(char):02x}"
            for char in str(value)
        )
    )
