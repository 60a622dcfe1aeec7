"""What the hub tells of itself and its devices, for Grafana: lines in the store, twice a minute.

| measurement | tags | fields |
|---|---|---|
| `device` | device, kind, area | place, name, state, since when, river reach, siaga thresholds |
| `hub_ledger` | device, kind, area | received, stored, quarantined, duplicate, pending |
| `hub_health` | | the same of all, lag, journal, broker, store, maintenance queue |
| `hub_health` | kind | devices by state, age of the newest message |
| `hub_health` | reason | items in quarantine |

A device is written as soon as something about it changes, and every ten minutes anyway; its ledger
every minute in a small city, every ten in a large one, so that telling costs less than reading.

It goes straight to the store, not through the journal. While the store is away the hub remembers
how it was itself, for a day, and tells it later; of devices only what is then is told when the
store is back. Devices that nobody registered are in the sums only: anybody can make up their names.
"""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Final, NamedTuple
from zlib import crc32

from devices.device import Device
from devices.errors import InvalidDeviceError
from devices.gauge import gauge_of
from gateway.hub import Hub
from gateway.quality import Visit, to_visit
from ingest.derived.calendar import SECOND_NS, local_day
from ingest.journal import LedgerRow
from ingest.line import escape_tag
from ingest.quality import Check
from ingest.quality.outage import Outage
from ingest.stores import StoreUnavailableError

logger = logging.getLogger(__name__)

DEVICE: Final = "device"
LEDGER: Final = "hub_ledger"
HEALTH: Final = "hub_health"
OUTCOMES: Final = ("received", "stored", "quarantined", "duplicate", "pending")
STATES: Final = ("ok", "suspect", "silent", "maintenance")

EVERY_S: Final = 30.0
TURNS: Final = 20
"""Rounds within which everything is written once, whether it has changed or not."""
_LEDGERS: Final = 100
"""Ledger rows that a round may write, as long as every device has its turn within `TURNS`; they
would else be nearly as many as the readings."""
_MISSED_MAX: Final = 2_880
"""Rounds that are remembered while the store is away: a day of them."""
_LINES_MAX: Final = 5_000
"""Lines in one write, so that readings get between them."""

Field = float | str
Fields = Mapping[str, Field]


class Standing(NamedTuple):
    """The state of a device, and since when (ns); None: since before the hub was started."""

    state: str
    since_ns: int | None = None


_OK: Final = Standing("ok")
_SILENT: Final = Standing("silent")
_MAINTENANCE: Final = Standing("maintenance")


class Telemetry:
    """What there is to tell, round after round; `told` or `missed` ends each."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._revision = -1
        self._devices: dict[str, Device] = {}
        self._standing: dict[str, Standing] = {}
        self._changed: set[str] = set()
        """Devices whose row in the store is not what they are."""
        self._reasons: set[str] = set()
        self._missed: deque[bytes] = deque(maxlen=_MISSED_MAX)
        self._round = 0

    def lines(self, now_ns: int) -> list[bytes]:
        """What there is to tell now, as line protocol; blocks."""
        self._round += 1
        self._renew()
        ledger = {row.device: row for row in self._hub.journal.ledger()}
        outages, visits = self._to_visit(now_ns)
        self._stand(ledger, dict(_odd(outages, visits)), now_ns)
        found = [*self._missed]
        found.append(self._about_hub(now_ns, len(outages) + len(visits), store_up=True))
        found += self._about_kinds(ledger, now_ns)
        found += self._about_reasons(now_ns)
        found += self._about_devices(ledger, now_ns)
        return found

    def told(self) -> None:
        """The store has the lines of this round."""
        self._changed.clear()
        self._missed.clear()

    def missed(self, now_ns: int) -> None:
        """The store took nothing: remembers how the hub is; all devices are told anew; blocks."""
        self._changed = set(self._devices)
        outages, visits = self._to_visit(now_ns)
        self._missed.append(self._about_hub(now_ns, len(outages) + len(visits), store_up=False))

    def _renew(self) -> None:
        """Sees what has changed in the registry."""
        revision = self._hub.registry.revision()
        if revision == self._revision:
            return
        for device in self._hub.registry.changes_since(self._revision):
            if device.status == "retired":
                self._devices.pop(device.id, None)
                self._standing.pop(device.id, None)
                self._changed.discard(device.id)
            else:
                self._devices[device.id] = device
                self._changed.add(device.id)
        self._revision = revision

    def _to_visit(self, now_ns: int) -> tuple[list[Outage], list[Visit]]:
        active = {name for name, device in self._devices.items() if device.status == "active"}
        return to_visit(self._hub.quality, active, now_ns)

    def _stand(self, heard: Container[str], odd: Mapping[str, Standing], now_ns: int) -> None:
        """Finds the state of every device."""
        for name, device in self._devices.items():
            if device.status == "maintenance":
                now = _MAINTENANCE
            elif name in odd:
                now = odd[name]
            else:
                now = _OK if name in heard else _SILENT
            before = self._standing.get(name)
            if before is not None:
                if before.state == now.state:
                    continue
                if now.since_ns is None:
                    now = Standing(now.state, now_ns)
            self._standing[name] = now
            self._changed.add(name)

    def _about_hub(self, now_ns: int, visits: int, *, store_up: bool) -> bytes:
        hub = self._hub
        state = hub.journal.state()
        oldest_ns = state.oldest_pending_ns
        fields = {
            **_counts(hub.journal.totals()),
            "lag_s": 0.0 if oldest_ns is None else max(0, now_ns - oldest_ns) / SECOND_NS,
            "journal_bytes": float(state.bytes),
            "journal_max_bytes": float(state.max_bytes),
            "broker_connected": float(hub.broker_connected()),
            "store_up": float(store_up),
            "to_visit": float(visits),
        }
        return line(HEALTH, {}, fields, now_ns)

    def _about_kinds(self, ledger: Mapping[str, LedgerRow], now_ns: int) -> Iterator[bytes]:
        states: Counter[tuple[str, str]] = Counter()
        newest_ns = dict.fromkeys(self._hub.kinds, 0)
        for name, device in self._devices.items():
            states[device.kind, self._standing[name].state] += 1
            row = ledger.get(name)
            heard_ns = 0 if row is None else row.last_received_ns
            if heard_ns > newest_ns.setdefault(device.kind, 0):
                newest_ns[device.kind] = heard_ns
        for kind, heard_ns in newest_ns.items():
            counts = {state: float(states[kind, state]) for state in STATES}
            fields = {"devices": sum(counts.values()), **counts}
            if heard_ns:
                fields["age_s"] = max(0, now_ns - heard_ns) / SECOND_NS
            yield line(HEALTH, {"kind": kind}, fields, now_ns)

    def _about_reasons(self, now_ns: int) -> Iterator[bytes]:
        items: Counter[str] = Counter()
        for (_, reason), count in self._hub.journal.quarantine_counts().items():
            items[reason] += count
        self._reasons |= set(items)  # one that is gone is written as 0 from then on
        for reason in sorted(self._reasons):
            yield line(HEALTH, {"reason": reason}, {"items": float(items[reason])}, now_ns)

    def _about_devices(self, ledger: Mapping[str, LedgerRow], now_ns: int) -> Iterator[bytes]:
        """Devices that have changed or have their turn, and ledgers that have theirs."""
        turns = min(TURNS, max(2, -(-len(self._devices) // _LEDGERS)))
        for name, device in self._devices.items():
            number = crc32(name.encode()) + self._round
            row = None if number % turns else ledger.get(name)
            is_told = name in self._changed or number % TURNS == 0
            if row is None and not is_told:
                continue
            tags = {"area": device.area, "device": name, "kind": device.kind}
            if is_told:
                yield line(DEVICE, tags, self._about_device(device, now_ns), now_ns)
            if row is not None:
                yield line(LEDGER, tags, _counts(row), now_ns)

    def _about_device(self, device: Device, now_ns: int) -> Fields:
        name = device.name or device.id
        kind = self._hub.kinds.get(device.kind)
        standing = self._standing[device.id]
        fields: dict[str, Field] = {
            "name": name,
            "label": f"{name} · {device.id}",
            "kind_en": device.kind if kind is None else kind.name.en,
            "kind_id": device.kind if kind is None else kind.name.id,
            "state": standing.state,
        }
        if standing.since_ns is not None:
            fields["since"] = standing.since_ns / 1e6
        if device.latitude is not None and device.longitude is not None:
            fields |= {"latitude": device.latitude, "longitude": device.longitude}
        if (river := device.attributes.get("river")) is not None:
            fields["reach"] = _reach(river, device.attributes.get("river_km", ""))
        return fields | self._siaga(device, now_ns)

    def _siaga(self, device: Device, now_ns: int) -> dict[str, Field]:
        places = self._hub.places
        try:
            gauge = gauge_of(device, places.gauges)
        except InvalidDeviceError:
            return {}  # `kotahub indices` tells what is wrong with its attributes
        held = None if gauge is None else gauge.at(local_day(now_ns, places.zone))
        if held is None:
            return {}
        names = ("siaga3_m", "siaga2_m", "siaga1_m")
        return dict(zip(names, held.begins_m, strict=True))


async def run_telemetry(hub: Hub) -> None:
    """Writes until it is cancelled; nothing where Grafana cannot read the store."""
    if hub.settings.store != "influxdb":
        await asyncio.Event().wait()
    telemetry = Telemetry(hub)
    problem: str | None = None
    while True:
        try:
            await tell(hub, telemetry, time.time_ns())
        except Exception as error:  # noqa: BLE001 - registry or disk are away; readings go on
            if problem != str(error):
                logger.warning("the hub cannot tell of itself, trying again: %s", error)
            problem = str(error)
        else:
            problem = None
        await asyncio.sleep(EVERY_S)


async def tell(hub: Hub, telemetry: Telemetry, now_ns: int) -> None:
    """Writes what there is to tell now; where the store is away, it is told when it is back."""
    if await hub.store.ready():
        found = await asyncio.to_thread(telemetry.lines, now_ns)
        try:
            for at in range(0, len(found), _LINES_MAX):
                some = found[at : at + _LINES_MAX]
                for index, why in (await hub.store.write(some)).items():
                    logger.error("the store refuses %r: %s", some[index], why)
        except StoreUnavailableError as error:
            logger.debug("the hub cannot tell of itself: %s", error)  # delivery warns of it
        else:
            telemetry.told()
            return
    await asyncio.to_thread(telemetry.missed, now_ns)


def line(measurement: str, tags: Mapping[str, str | None], fields: Fields, time_ns: int) -> bytes:
    """One point; tags without a value are left out."""
    head = b"".join(
        b",%b=%b" % (name.encode(), escape_tag(value))
        for name, value in sorted(tags.items())
        if value
    )
    body = ",".join([f"{name}={_value(value)}" for name, value in fields.items()])
    return b"%b%b %b %d" % (measurement.encode(), head, body.encode("utf-8", "replace"), time_ns)


def _value(value: Field) -> str:
    if isinstance(value, float):
        return repr(value)
    if not value.isprintable():
        value = "".join(char if char.isprintable() else " " for char in value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _odd(outages: Iterable[Outage], visits: Iterable[Visit]) -> Iterator[tuple[str, Standing]]:
    """Devices that somebody should visit, with their state; the last word on each holds."""
    for saved, findings in visits:
        silence = next((found for found in findings if found.check is Check.SILENCE), None)
        if silence is None:
            yield saved.device, Standing("suspect", min(found.since_ns for found in findings))
        else:
            yield saved.device, Standing("silent", silence.since_ns)
    for outage in outages:
        for device in outage.members:
            yield device, Standing("silent", outage.since_ns)


def _reach(river: str, km: str) -> str:
    """A river and how far down it, so that sorting by it goes downstream."""
    try:
        return f"{river} {float(km):05.1f}"
    except ValueError:
        return river


def _counts(row: LedgerRow) -> dict[str, float]:
    return {name: float(getattr(row, name)) for name in OUTCOMES}
