"""What a terminal shows of the running hub: messages by kind and outcome, and what is wrong."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gateway.run import Started
from ingest.journal import LedgerRow

_COLUMNS = ("received", "stored", "quarantined", "duplicate", "pending")


@dataclass(frozen=True, slots=True)
class Status:
    """The hub at one instant; `kinds` holds ledger sums by kind, None for unknown devices."""

    kinds: dict[str | None, LedgerRow]
    total: LedgerRow
    lag_s: float
    problem: str | None


class StatusReader:
    """Reads the state of a hub again and again; keeps in mind which device is of which kind."""

    def __init__(self, started: Started) -> None:
        self._started = started
        self._kinds: dict[str, str] = {}
        self._revision = 0

    def read(self) -> Status:
        """The state now, from ledger and registry; blocks."""
        hub, ingest = self._started.hub, self._started.ingest
        revision = hub.registry.revision()
        if revision != self._revision:
            changed = hub.registry.changes_since(self._revision)
            self._kinds.update((device.id, device.kind) for device in changed)
            self._revision = revision
        kinds: dict[str | None, LedgerRow] = {}
        for row in hub.journal.ledger():
            kind = self._kinds.get(row.device)
            before = kinds.get(kind)
            kinds[kind] = row if before is None else _sum(before, row)
        return Status(
            kinds=kinds,
            total=hub.journal.totals(),
            lag_s=ingest.delivery.lag_s if ingest is not None else 0.0,
            problem=hub.last_error(),
        )


def render_status(status: Status, started: Started) -> RenderableType:
    """A table by kind under the addresses, as the terminal shows it."""
    zone = started.hub.settings.zone
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("kind")
    for column in _COLUMNS:
        table.add_column(column, justify="right")
    table.add_column("last message")
    rows = sorted(status.kinds.items(), key=lambda item: (item[0] is None, item[0] or ""))
    for kind, row in rows:
        table.add_row(kind or "(unknown device)", *_cells(row, zone))
    table.add_section()
    table.add_row("[bold]all[/bold]", *_cells(status.total, zone))
    lag = Text(f"lag {status.lag_s:.1f} s   broker {started.broker}")
    health = (
        Text("everything works", style="green")
        if status.problem is None
        else Text(f"! {status.problem}", style="bold red")
    )
    address = Text(started.url or "(no HTTP in this process)", style="bold")
    return Group(address, lag, health, table)


def plain_status(status: Status) -> str:
    """The same in one line, for a log."""
    total = status.total
    kinds = " ".join(
        f"{kind or 'unknown'}={row.received}"
        for kind, row in sorted(status.kinds.items(), key=lambda item: item[0] or "~")
    )
    return (
        f"received={total.received} stored={total.stored} quarantined={total.quarantined} "
        f"duplicate={total.duplicate} pending={total.pending} lag_s={status.lag_s:.1f} {kinds}"
        + (f" problem={status.problem!r}" if status.problem else "")
    )


def _sum(one: LedgerRow, other: LedgerRow) -> LedgerRow:
    return LedgerRow(
        device="",
        received=one.received + other.received,
        stored=one.stored + other.stored,
        quarantined=one.quarantined + other.quarantined,
        duplicate=one.duplicate + other.duplicate,
        pending=one.pending + other.pending,
        last_received_ns=max(one.last_received_ns, other.last_received_ns),
    )


def _cells(row: LedgerRow, zone: ZoneInfo) -> tuple[str, ...]:
    counts = (f"{getattr(row, column):,}" for column in _COLUMNS)
    if not row.last_received_ns:
        return (*counts, "-")
    moment = datetime.fromtimestamp(row.last_received_ns / 1e9, UTC).astimezone(zone)
    return (*counts, f"{moment:%H:%M:%S}")
