"""What the hub tells of itself and its devices, for Grafana: lines in the store, twice a minute.

| measurement | tags | fields |
|---|---|---|
| `device` | device, kind, area | place, name, state, since when, river reach, siaga thresholds |
| `hub_ledger` | device, kind, area | received, stored, quarantined, duplicate, pending |
| `hub_health` | | the same of all, lag, journal, broker, store, maintenance queue |
| `hub_health` | kind | devices by state, age of the newest message |
| `hub_health` | reason | items in quarantine |

A device is written when something about it changed, and every ten minutes anyway. It goes straight
to the store, not through the journal: what the store misses while it is away is old news when it
is back. Devices that nobody registered are in the sums only, for anybody can make up their names.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import orjson

from devices.device import Device
from devices.errors import InvalidDeviceError
from devices.gauge import gauge_of
from gateway.hub import Hub
from gateway.quality import MaintenanceItem, maintenance
from ingest.derived.calendar import SECOND_NS, local_day
from ingest.journal import LedgerRow
from ingest.line import escape_tag
from ingest.quality import Check
from ingest.stores import StoreUnavailableError
from ingest.stores.reading import epoch_ns

logger = logging.getLogger(__name__)

DEVICE: Final = "device"
LEDGER: Final = "hub_ledger"
HEALTH: Final = "hub_health"
OUTCOMES: Final = ("received", "stored", "quarantined", "duplicate", "pending")
STATES: Final = ("ok", "suspect", "silent", "maintenance")

_EVERY_S: Final = 30.0
_AGAIN_NS: Final = 600 * SECOND_NS
"""What has not changed is written again after this."""
_LINES_MAX: Final = 5_000
"""Lines in one write, so that readings get between them."""

Field = float | str
Fields = Mapping[str, Field]


class Standing(NamedTuple):
    """The state of a device, since when (ns)."""

    state: str
    since_ns: int


class Telemetry:
    """Remembers what it has written, so that it need not write it again."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._devices: list[Device] = []
        self._revision: int | None = None
        self._standing: dict[str, Standing] = {}
        self._written: dict[tuple[str, str], tuple[int, Fields]] = {}
        self._reasons: set[str] = set()

    def lines(self, now_ns: int, *, store_up: bool) -> list[bytes]:
        """What there is to tell now, as line protocol; blocks."""
        hub = self._hub
        devices = self._registered()
        ledger = {row.device: row for row in hub.journal.ledger()}
        visits = maintenance(hub.quality, hub.registry, hub.kinds, "en", now_ns)
        standing = self._stand(devices, ledger, visits, now_ns)
        found = list(self._about_hub(now_ns, visits, store_up=store_up))
        found += self._about_kinds(devices, ledger, standing, now_ns)
        found += self._about_reasons(now_ns)
        for device in devices:
            tags = {"area": device.area, "device": device.id, "kind": device.kind}
            about = self._about_device(device, standing[device.id], now_ns)
            if self._news(DEVICE, device.id, about, now_ns):
                found.append(line(DEVICE, tags, about, now_ns))
            row = ledger.get(device.id)
            if row is not None and self._news(LEDGER, device.id, _counts(row), now_ns):
                found.append(line(LEDGER, tags, _counts(row), now_ns))
        self._forget(device.id for device in devices)
        return found

    def _registered(self) -> list[Device]:
        """Devices that are not retired; read again when the registry has changed."""
        revision = self._hub.registry.revision()
        if revision != self._revision:
            every = self._hub.registry.devices()
            self._devices = [device for device in every if device.status != "retired"]
            self._revision = revision
        return self._devices

    def _stand(
        self,
        devices: Iterable[Device],
        ledger: Mapping[str, LedgerRow],
        visits: Iterable[MaintenanceItem],
        now_ns: int,
    ) -> dict[str, Standing]:
        odd = dict(_odd(visits))
        now: dict[str, Standing] = {}
        for device in devices:
            if device.status == "maintenance":
                found = Standing("maintenance", now_ns)
            elif device.id in odd:
                now[device.id] = odd[device.id]
                continue
            elif device.id not in ledger:
                found = Standing("silent", now_ns)  # it was never heard
            else:
                found = Standing("ok", now_ns)
            before = self._standing.get(device.id)
            now[device.id] = before if before and before.state == found.state else found
        self._standing = now
        return now

    def _about_hub(
        self, now_ns: int, visits: Sequence[MaintenanceItem], *, store_up: bool
    ) -> Iterator[bytes]:
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
            "to_visit": float(len(visits)),
        }
        yield line(HEALTH, {}, fields, now_ns)

    def _about_kinds(
        self,
        devices: Iterable[Device],
        ledger: Mapping[str, LedgerRow],
        standing: Mapping[str, Standing],
        now_ns: int,
    ) -> Iterator[bytes]:
        states: dict[str, Counter[str]] = {kind: Counter() for kind in self._hub.kinds}
        newest_ns: dict[str, int] = {}
        for device in devices:
            states.setdefault(device.kind, Counter())[standing[device.id].state] += 1
            if (row := ledger.get(device.id)) is not None:
                heard_ns = newest_ns.get(device.kind, 0)
                newest_ns[device.kind] = max(heard_ns, row.last_received_ns)
        for kind, counts in states.items():
            fields = {
                "devices": float(counts.total()),
                **{state: float(counts[state]) for state in STATES},
            }
            if heard := newest_ns.get(kind):
                fields["age_s"] = max(0, now_ns - heard) / SECOND_NS
            yield line(HEALTH, {"kind": kind}, fields, now_ns)

    def _about_reasons(self, now_ns: int) -> Iterator[bytes]:
        items: Counter[str] = Counter()
        for (_, reason), count in self._hub.journal.quarantine_counts().items():
            items[reason] += count
        self._reasons |= set(items)  # one that is gone is written as 0 from then on
        for reason in sorted(self._reasons):
            yield line(HEALTH, {"reason": reason}, {"items": float(items[reason])}, now_ns)

    def _about_device(self, device: Device, standing: Standing, now_ns: int) -> Fields:
        name = device.name or device.id
        kind = self._hub.kinds.get(device.kind)
        fields: dict[str, Field] = {
            "name": name,
            "label": f"{name} · {device.id}",
            "kind_en": device.kind if kind is None else kind.name.en,
            "kind_id": device.kind if kind is None else kind.name.id,
            "state": standing.state,
            "since": standing.since_ns / 1e6,
        }
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

    def _news(self, measurement: str, device: str, fields: Fields, now_ns: int) -> bool:
        key = measurement, device
        before = self._written.get(key)
        if before is not None and before[1] == fields and 0 <= now_ns - before[0] < _AGAIN_NS:
            return False
        self._written[key] = now_ns, fields
        return True

    def forget_written(self) -> None:
        """The store did not take it: all is written again next time."""
        self._written.clear()

    def _forget(self, devices: Iterable[str]) -> None:
        """Drops what is known of devices that are gone."""
        here = set(devices)
        if len(self._written) > 2 * len(here):
            kept = {key: value for key, value in self._written.items() if key[1] in here}
            self._written = kept


async def run_telemetry(hub: Hub) -> None:
    """Writes until it is cancelled; nothing where Grafana cannot read the store."""
    if hub.settings.store != "influxdb":
        await asyncio.Event().wait()
    telemetry = Telemetry(hub)
    problem: str | None = None
    while True:
        try:
            await tell(hub, telemetry, time.time_ns())
        except StoreUnavailableError as error:
            telemetry.forget_written()
            if problem is None:
                logger.info("the hub cannot tell of itself: %s", error)
            problem = str(error)
        except Exception as error:  # noqa: BLE001 - registry or disk are away; readings go on
            telemetry.forget_written()
            if problem != str(error):
                logger.warning("the hub cannot tell of itself, trying again: %s", error)
            problem = str(error)
        else:
            problem = None
        await asyncio.sleep(_EVERY_S)


async def tell(hub: Hub, telemetry: Telemetry, now_ns: int) -> None:
    """Writes what there is to tell now.

    Raises:
        StoreUnavailableError: the store takes nothing now.
    """
    store_up = await hub.store.ready()
    found = await asyncio.to_thread(telemetry.lines, now_ns, store_up=store_up)
    for at in range(0, len(found), _LINES_MAX):
        some = found[at : at + _LINES_MAX]
        for index, why in (await hub.store.write(some)).items():
            logger.error("the store refuses %r: %s", some[index], why)


def line(measurement: str, tags: Mapping[str, str | None], fields: Fields, time_ns: int) -> bytes:
    """One point; tags without a value are left out."""
    head = b"".join(
        b",%b=%b" % (name.encode(), escape_tag(value))
        for name, value in sorted(tags.items())
        if value
    )
    body = b",".join(b"%b=%b" % (name.encode(), _value(value)) for name, value in fields.items())
    return b"%b%b %b %d" % (measurement.encode(), head, body, time_ns)


def _value(value: Field) -> bytes:
    if isinstance(value, float):
        return orjson.dumps(value)
    plain = "".join(char if char.isprintable() else " " for char in value)
    escaped = plain.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'.encode("utf-8", "replace")


def _odd(visits: Iterable[MaintenanceItem]) -> Iterator[tuple[str, Standing]]:
    """Devices that somebody should visit, with their state."""
    for item in visits:
        state = "silent" if Check.SILENCE in item.tests else "suspect"
        for device in item.members if item.device is None else (item.device,):
            yield device, Standing(state, epoch_ns(item.since))


def _reach(river: str, km: str) -> str:
    """A river and how far down it, so that sorting by it goes downstream."""
    try:
        return f"{river} {float(km):05.1f}"
    except ValueError:
        return river


def _counts(row: LedgerRow) -> dict[str, float]:
    return {name: float(getattr(row, name)) for name in OUTCOMES}
