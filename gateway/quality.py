"""Quality and maintenance as people and programs see them, over HTTP and on the command line."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from math import ceil
from typing import Annotated, Final, NamedTuple

from pydantic import BaseModel, Field, TypeAdapter

from devices.device import Device
from devices.kind import Kind
from devices.registry import Registry
from gateway.cursor import read_cursor, write_cursor
from gateway.language import Language
from ingest.quality import FAIL, Check, QualityFile
from ingest.quality.file import Saved
from ingest.quality.finding import EVENTS, Finding
from ingest.quality.outage import Outage
from ingest.quality.words import CHECKS, OUTAGES
from ingest.stores.reading import rfc3339

EVENTS_MIN: Final = 3
"""Odd values of the last hours that are worth a visit; fewer happen to every sensor."""
LASTS_MIN_NS: Final = 10 * 60 * 1_000_000_000
"""How long a suspicion lasts before somebody should go there."""

_INSTANT: Final = EVENTS | {Check.GROSS_RANGE, Check.CLIMATOLOGY}
_AFTER: Final = TypeAdapter(Annotated[int, Field(ge=0)])
_WEIGHT: Final[Mapping[Check, int]] = {Check.SILENCE: 40, Check.CLOCK: 25}
_OUTAGE_WEIGHT: Final = 100
_FLAG_WEIGHT: Final = 10
_UNITS: Final = {"en": ("s", "min", "h", "days"), "id": ("dtk", "mnt", "jam", "hari")}


class FindingItem(BaseModel):
    """Why a flag is not 1."""

    channel: str | None
    metric: Annotated[str | None, Field(description="null: the whole device")]
    test: Annotated[Check, Field(description="docs/quality.md explains each")]
    flag: Annotated[int, Field(description="QARTOD: 3 suspect, 4 fail")]
    why: Annotated[str, Field(description="In the reader's language")]
    since: Annotated[str, Field(description="RFC 3339, UTC")]
    last: Annotated[str, Field(description="The last reading that showed it")]
    until: Annotated[str | None, Field(description="When it was over; null: it is not")]
    count: Annotated[int, Field(description="Readings that showed it")]
    value: Annotated[float, Field(description="The value, or seconds with flat, clock, silence")]
    low: Annotated[float | None, Field(description="The limit that it is under")]
    high: Annotated[float | None, Field(description="The limit that it is above")]


class RhythmItem(BaseModel):
    """How often the device is heard."""

    interval_s: Annotated[float, Field(description="Usual distance of two messages")]
    learned: Annotated[bool, Field(description="false: the kind's, too few have come")]
    patience_s: Annotated[float, Field(description="A longer silence is unusual")]
    last_received_at: str | None
    silent_since: Annotated[str | None, Field(description="null: it is not silent")]
    outage: Annotated[str | None, Field(description="The outage that it is part of")]


class DeviceQuality(BaseModel):
    """What quality control knows of a device."""

    device: str
    saved_at: Annotated[str | None, Field(description="null: it was not heard yet")]
    current: Annotated[list[FindingItem], Field(description="Why flags are not 1 now")]
    recent: Annotated[list[FindingItem], Field(description="What is over")]
    rhythm: RhythmItem | None
    clock_lag_s: Annotated[float | None, Field(description="Arrival less the reading's time")]


class MaintenanceItem(BaseModel):
    """One thing to visit: a device, or all that fell silent together."""

    rank: Annotated[int, Field(description="1 is the worst")]
    device: Annotated[str | None, Field(description="null: an outage of several")]
    name: str
    kind: str | None
    area: str | None
    latitude: float | None
    longitude: float | None
    why: Annotated[list[str], Field(description="In the reader's language, the worst first")]
    tests: list[Check]
    flag: int
    since: Annotated[str, Field(description="RFC 3339, UTC")]
    members: Annotated[list[str], Field(description="Devices of an outage")]


def device_quality(
    file: QualityFile, device: Device, kinds: Mapping[str, Kind], language: Language, now_ns: int
) -> DeviceQuality:
    """What is known of one device."""
    saved = file.device(device.id)
    if saved is None:
        return DeviceQuality(
            device=device.id, saved_at=None, current=[], recent=[], rhythm=None, clock_lag_s=None
        )
    teller = _Teller(kinds.get(device.kind), language, now_ns)
    items = sorted(saved.findings, key=lambda found: (-found.flag, found.since_ns))
    outage = next((one for one in file.outages() if device.id in one.members), None)
    return DeviceQuality(
        device=device.id,
        saved_at=rfc3339(saved.saved_ns),
        current=[teller.item(found, saved) for found in items if found.current(now_ns)],
        recent=[teller.item(found, saved) for found in items if not found.current(now_ns)],
        rhythm=RhythmItem(
            interval_s=round(saved.rhythm.interval_s, 1),
            learned=saved.rhythm.learned,
            patience_s=round(saved.rhythm.patience_s, 1),
            last_received_at=rfc3339(saved.heard_ns) if saved.heard_ns else None,
            silent_since=rfc3339(saved.silent_ns) if saved.silent_ns else None,
            outage=None if outage is None else outage_words(outage, language),
        ),
        clock_lag_s=round(saved.clock.lag_ns / 1e9, 3),
    )


def maintenance(
    file: QualityFile,
    registry: Registry,
    kinds: Mapping[str, Kind],
    language: Language,
    now_ns: int,
) -> list[MaintenanceItem]:
    """What to visit, the worst first; devices that are in maintenance or retired are left out."""
    devices = {device.id: device for device in registry.devices(status="active")}
    outages, visits = to_visit(file, devices.keys(), now_ns)
    weighed = [_outage_item(outage, language) for outage in outages]
    for saved, found in visits:
        device = devices[saved.device]
        teller = _Teller(kinds.get(device.kind), language, now_ns)
        weighed.append(_device_item(device, saved, found, teller))
    weighed.sort(key=lambda pair: (-pair[0], pair[1].since, pair[1].device or ""))
    for rank, (_, item) in enumerate(weighed, start=1):
        item.rank = rank
    return [item for _, item in weighed]


class Visit(NamedTuple):
    """A device that somebody should go to, and why, the worst first."""

    saved: Saved
    findings: list[Finding]


def to_visit(
    file: QualityFile, active: AbstractSet[str], now_ns: int
) -> tuple[list[Outage], list[Visit]]:
    """Outages that go on, and devices with something that no outage explains.

    `active` are the devices that somebody expects to report; others are left out.
    """
    outages = [outage for outage in file.outages() if outage.members & active]
    out = frozenset(member for outage in outages for member in outage.members)
    visits = []
    for saved in file.noted(now_ns):
        if saved.device in active:
            worth = _worth(saved, now_ns)
            found = [one for one in worth if not _explained(one, saved.device, out)]
            if found:
                visits.append(Visit(saved, found))
    return outages, visits


def read_maintenance(
    file: QualityFile,
    registry: Registry,
    kinds: Mapping[str, Kind],
    *,
    language: Language,
    now_ns: int,
    area: str | None,
    limit: int,
    cursor: str | None,
) -> tuple[list[MaintenanceItem], str | None]:
    """One page of the queue and the cursor of the next, None at the end.

    Raises:
        InvalidParameterError: the cursor is not of this list.
    """
    after = 0 if cursor is None else read_cursor(cursor, _AFTER)
    items = maintenance(file, registry, kinds, language, now_ns)
    items = [item for item in items if area is None or item.area == area]
    page = items[after : after + limit]
    more = len(items) > after + limit
    return page, write_cursor(after + limit) if more else None


def outage_words(outage: Outage, language: Language) -> str:
    words = OUTAGES[outage.scope.group][language == "id"]
    return words.format(name=outage.scope.name)


def _worth(saved: Saved, now_ns: int) -> Iterator[Finding]:
    """Findings for which somebody should go there, the worst first."""
    for found in sorted(saved.findings, key=_weight, reverse=True):
        if found.check in _INSTANT:
            worth = found.recent(now_ns) and found.count >= EVENTS_MIN
        else:
            lasts = found.flag >= FAIL or now_ns - found.since_ns >= LASTS_MIN_NS
            worth = found.current(now_ns) and lasts
        if worth:
            yield found


def _explained(found: Finding, device: str, out: frozenset[str]) -> bool:
    return found.check is Check.SILENCE and device in out


def _weight(found: Finding) -> int:
    return _WEIGHT.get(found.check, _FLAG_WEIGHT * found.flag)


def _outage_item(outage: Outage, language: Language) -> tuple[int, MaintenanceItem]:
    members = sorted(outage.members)
    group = outage.scope.group
    item = MaintenanceItem(
        rank=0,
        device=None,
        name=outage_words(outage, language),
        kind=outage.scope.name if group == "kind" else None,
        area=outage.scope.name if group == "area" else None,
        latitude=None,
        longitude=None,
        why=[f"{outage_words(outage, language)}: {len(members)}"],
        tests=[Check.SILENCE],
        flag=FAIL,
        since=rfc3339(outage.since_ns),
        members=members,
    )
    return _OUTAGE_WEIGHT + len(members), item


def _device_item(
    device: Device, saved: Saved, found: Sequence[Finding], teller: "_Teller"
) -> tuple[int, MaintenanceItem]:
    item = MaintenanceItem(
        rank=0,
        device=device.id,
        name=device.name,
        kind=device.kind,
        area=device.area,
        latitude=device.latitude,
        longitude=device.longitude,
        why=[teller.why(one, saved) for one in found],
        tests=list(dict.fromkeys(one.check for one in found)),
        flag=max(one.flag for one in found),
        since=rfc3339(min(one.since_ns for one in found)),
        members=[],
    )
    return max(_weight(one) for one in found), item


class _Teller:
    """Findings of a kind's devices in a language."""

    def __init__(self, kind: Kind | None, language: Language, now_ns: int) -> None:
        self._kind = kind
        self._language: Language = language
        self._now_ns = now_ns

    def item(self, found: Finding, saved: Saved) -> FindingItem:
        return FindingItem(
            channel=found.channel,
            metric=found.metric,
            test=found.check,
            flag=found.flag,
            why=self.why(found, saved),
            since=rfc3339(found.since_ns),
            last=rfc3339(found.last_ns),
            until=None if found.until_ns is None else rfc3339(found.until_ns),
            count=found.count,
            value=found.value,
            low=found.low,
            high=found.high,
        )

    def why(self, found: Finding, saved: Saved) -> str:
        words = CHECKS[found.check][self._language == "id"].format(
            metric=self._name(found),
            value=self._number(found, found.value),
            low=self._number(found, found.low),
            high=self._number(found, found.high),
            count=found.count,
            duration=self._duration(self._seconds(found)),
            usual=self._duration(saved.rhythm.interval_s),
        )
        return words if found.channel is None else f"{words} ({found.channel})"

    def _seconds(self, found: Finding) -> float:
        if found.check is Check.SILENCE:
            return ((found.until_ns or self._now_ns) - found.since_ns) / 1e9
        return abs(found.value)

    def _name(self, found: Finding) -> str:
        metric = None if self._kind is None else self._kind.metrics.get(found.metric or "")
        if metric is None:
            return found.metric or ""
        return metric.name.id if self._language == "id" else metric.name.en

    def _number(self, found: Finding, value: float | None) -> str:
        if value is None:
            return "-"
        metric = None if self._kind is None else self._kind.metrics.get(found.metric or "")
        if metric is None:
            return f"{value:g}"
        text = f"{value:.{metric.drawing.decimals}f}"
        if self._language == "id":
            text = text.replace(".", ",")
        return f"{text} {metric.symbol}"

    def _duration(self, seconds: float) -> str:
        units = _UNITS[self._language]
        for size, unit in ((86_400, units[3]), (3600, units[2]), (60, units[1])):
            if seconds >= 2 * size:
                return f"{seconds / size:.0f} {unit}"
        return f"{ceil(seconds)} {units[0]}"
