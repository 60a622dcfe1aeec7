"""`kotahub dashboards plan|apply|drift`: a Grafana brought to what is declared."""

# ruff: noqa: PLC0415 - commands import when they run, so that `kotahub --help` is quick

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from gateway.cli.output import err, out, print_items

if TYPE_CHECKING:
    from dashboards.reconciler.plan import Step
    from dashboards.reconciler.reconciler import Reconciler
    from dashboards.reconciler.resource import Kind, Resource
    from gateway.settings import Settings

    Name: TypeAlias = tuple[Kind, str]
    Work: TypeAlias = Callable[[Reconciler, Settings], Awaitable[None]]

_LINES_MAX = 12
_JSON = typer.Option("--json", help="For programs")
_FROM = typer.Option(
    "--from",
    exists=True,
    file_okay=False,
    help="Folder with id/ and en/ as kotahub dashboards build writes it; without it the shipped",
)


def plan(
    source: Annotated[Path | None, _FROM] = None,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Show what an apply would change in Grafana; changes nothing.

    Example: KOTAHUB_GRAFANA_URL=http://127.0.0.1:3000 kotahub dashboards plan
    """

    async def look(reconciler: "Reconciler", _settings: "Settings") -> None:
        _print(await reconciler.plan(), as_json=as_json)

    _with_grafana(source, look)


def apply(
    source: Annotated[Path | None, _FROM] = None,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Bring Grafana to what is declared.

    What somebody changed by hand is left alone and listed, and the exit code
    is then 1: see kotahub dashboards drift. It may be called at any time and
    again; what a call that was cut off left undone the next one does.
    """

    async def work(reconciler: "Reconciler", _settings: "Settings") -> None:
        done: list[Step] = []
        try:
            left = await reconciler.apply(await reconciler.plan(), done.append)
        except BaseException:
            _print(done, as_json=as_json)
            raise
        _print([*done, *left], as_json=as_json)
        if left:
            err.print(f"{len(left)} of these are left for you to decide: see the last column.")
            raise typer.Exit(1)

    _with_grafana(source, work)


def drift(
    uids: Annotated[
        list[str] | None, typer.Argument(metavar="[UID]...", help="Only these; all without")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Declare what was changed: written as JSON patches")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Bring back what is declared")
    ] = False,
    source: Annotated[Path | None, _FROM] = None,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Find what was changed in Grafana by hand; keep it or undo it.

    --keep writes a JSON patch (RFC 6902) a thing into dashboards/ of the data
    folder: from then on it belongs to what is declared here. Bring it into
    the repository's builders to have it everywhere. The exit code is 1 where
    something is found and neither kept nor undone.
    """
    from gateway.errors import InvalidParameterError

    if keep and overwrite:
        raise InvalidParameterError("--keep", "give it or --overwrite, not both")

    async def work(reconciler: "Reconciler", settings: "Settings") -> None:
        from dashboards.reconciler.reconciler import hand_edits, undoing
        from gateway.grafana import grafana_state

        found = [
            step for step in hand_edits(await reconciler.plan()) if not uids or step.uid in uids
        ]
        left: Sequence[Step] = found
        kept: dict[Name, Path] = {}
        if keep:
            bases = grafana_state(settings, source, with_kept=False)
            kept = _keep(reconciler, found, bases, settings.grafana_patches)
            left = [step for step in found if (step.kind, step.uid) not in kept]
        elif overwrite:
            left = await reconciler.apply(undoing(step) for step in found)
        _print(found, as_json=as_json)
        for (kind, uid), path in kept.items():
            err.print(f"{kind} {uid}: kept in {path}", soft_wrap=True, highlight=False)
        if left:
            raise typer.Exit(1)

    _with_grafana(source, work)


def provision(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FOLDER]",
            file_okay=False,
            help="Grafana's provisioning folder, as /etc/grafana/provisioning; without it the "
            "files that the program ships are made again",
        ),
    ] = None,
    seen_as: Annotated[
        str | None,
        typer.Option("--as", help="That folder as Grafana sees it, where that is another"),
    ] = None,
    source: Annotated[Path | None, _FROM] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Change nothing; exit code 1 where files are out of date"),
    ] = False,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Write files with which a Grafana starts as declared, without an apply.

    Secrets are not in them: start Grafana with KOTAHUB_GRAFANA_INFLUX_TOKEN
    in its environment, and KOTAHUB_GRAFANA_CONTACT where that is a webhook.
    Library panels and playlists have no files in Grafana: an apply adds them.

    Example: kotahub dashboards provision /etc/grafana/provisioning
    """
    from dashboards.reconciler import provisioning
    from dashboards.reconciler.declared import declared
    from gateway.errors import InvalidParameterError
    from gateway.grafana import grafana_state
    from gateway.settings import Settings

    if folder is None and (seen_as is not None or source is not None):
        raise InvalidParameterError("--as", "say which FOLDER the files go into")
    if folder is None:
        folder = provisioning.SHIPPED
        wanted = provisioning.shipped(declared(provisioning.SHIPPED_INFLUX))
    else:
        path = PurePosixPath(seen_as or folder.resolve().as_posix())
        wanted = provisioning.provisioned(grafana_state(Settings(), source), path)
    found = (provisioning.differences if check else provisioning.write)(wanted, folder)
    print_items(
        [{"file": str(folder / one.path), "change": one.change} for one in found], as_json=as_json
    )
    if check and found:
        raise typer.Exit(1)


def _keep(
    reconciler: "Reconciler",
    found: Iterable["Step"],
    declared: Iterable["Resource"],
    patches: Path,
) -> "dict[Name, Path]":
    """Patches of those that can be kept, against what is declared without any."""
    bases = {(one.kind, one.uid): one for one in declared}
    kept: dict[Name, Path] = {}
    for step in found:
        base = bases.get((step.kind, step.uid))
        path = None if base is None else reconciler.keep(step, base, patches)
        if path is not None:
            kept[step.kind, step.uid] = path
    return kept


def _with_grafana(source: Path | None, work: "Work") -> None:
    from dashboards.reconciler.reconciler import Reconciler
    from gateway.grafana import grafana_state, opened_grafana
    from gateway.settings import Settings

    settings = Settings()
    state = grafana_state(settings, source)

    async def run() -> None:
        async with opened_grafana(settings) as grafana:
            await work(Reconciler(grafana, state), settings)

    asyncio.run(run())


def _print(steps: Sequence["Step"], *, as_json: bool) -> None:
    """The steps with their differences; without any: that there is nothing to do."""
    if not steps and not as_json:
        out.print("nothing to do")
        return
    rows = [
        {
            "action": step.action,
            "kind": step.kind,
            "uid": step.uid,
            "title": step.title,
            "differences": list(step.lines) if as_json else _first(step.lines),
            "why": step.why,
        }
        for step in steps
    ]
    print_items(rows, as_json=as_json)


def _first(lines: Sequence[str]) -> str:
    """As many differences as a person reads."""
    shown = list(lines[:_LINES_MAX])
    if len(lines) > len(shown):
        shown.append(f"… and {len(lines) - len(shown)} more: --json tells all")
    return "\n".join(shown)
