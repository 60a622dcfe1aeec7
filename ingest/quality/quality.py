"""Quality control of a whole city: a watch for every device, and the look once a minute."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from devices.device import Device
from devices.kind import Kind, Limits
from devices.limits import PREFIX, resolve_limits
from devices.model import Model
from ingest.quality.climatology import Climatology
from ingest.quality.flag import SUSPECT, Check
from ingest.quality.neighbours import LASTS_NS, STATIONS_MIN, apart
from ingest.quality.outage import Outage, Scope, Silence, find_outages
from ingest.quality.result import Result
from ingest.quality.rule import Rule, RuleBook
from ingest.quality.watch import Watch

logger = logging.getLogger(__name__)

_CHUNK: Final = 2_000
"""Devices looked at before the caller may do something else."""


class Quality:
    """The watches of all devices, by id, and the outages that go on."""

    def __init__(self, kinds: Mapping[str, Kind], climatology: Climatology | None = None) -> None:
        self.watches: dict[str, Watch] = {}
        self.outages: dict[Scope, Outage] = {}
        self._kinds = kinds
        self._climatology = climatology
        self._books: dict[object, RuleBook] = {}

    def watch(self, device: Device, model: Model | None) -> Watch:
        """The watch of a new or changed device; what was known of it stays known."""
        own = {name: text for name, text in device.attributes.items() if name.startswith(PREFIX)}
        kind = self._kinds[device.kind]
        problems: list[str] = []
        key = (kind.id, None if model is None or not model.limits else model.id)
        book = None if own else self._books.get(key)
        if book is None:
            limits, problems = resolve_limits(kind, model, own)
            book = self._book(kind, limits)
            if not own:
                self._books[key] = book
            for problem in problems:
                logger.warning("device %s: %s", device.id, problem)
        watch = self.watches.get(device.id)
        if watch is None or watch.book.kind != kind.id:
            watch = self.watches[device.id] = Watch(device.id, book)
        elif watch.book is not book or watch.area != device.area:
            watch.take(book)
        watch.area, watch.active = device.area, device.status == "active"
        watch.problems = tuple(problems)
        return watch

    def _book(self, kind: Kind, limits: Mapping[str, Limits]) -> RuleBook:
        rules = {name: Rule.of(name, kind.metrics[name], limits[name]) for name in kind.fields}
        return RuleBook(kind.id, rules, interval_s=kind.interval_s, climatology=self._climatology)

    def scan(self, now_ns: int, listening_since_ns: int = 0) -> Iterator[None]:
        """The look of once a minute; yields where the caller may do something else.

        `listening_since_ns` is since when the hub hears anything at all: before that nobody was
        silent.
        """
        watches = list(self.watches.values())
        silent: list[Silence] = []
        alike: Counter[tuple[str, str, str | None]] = Counter()
        for place, watch in enumerate(watches):
            if watch.heard_ns and watch.active:
                watch.look(now_ns, listening_since_ns)
                belongs = (watch.network, watch.book.kind, watch.area)
                alike[belongs] += 1
                if watch.silent_ns:
                    silent.append(_silence(watch, _scopes(*belongs)))
            if place % _CHUNK == _CHUNK - 1:
                yield
        sizes: Counter[Scope] = Counter()
        for belongs, count in alike.items():
            sizes.update(dict.fromkeys(_scopes(*belongs), count))
        self.outages = find_outages(silent, sizes, self.outages)
        yield
        for book, group in _groups(watches):
            self._compare(book, group, now_ns)
            yield

    def unsaved(self) -> Iterator[Watch]:
        """Watches that have changed since this last yielded them: once round, then the end.

        Going on with the same iterator bounds the work of one time, whatever the fleet.
        """
        for watch in list(self.watches.values()):
            if watch.changed or watch.count != watch.saved_count:
                watch.changed, watch.saved_count = False, watch.count
                yield watch

    def _compare(self, book: RuleBook, stations: list[Watch], now_ns: int) -> None:
        """Holds the stations of a group against each other, metric by metric."""
        latest = {watch.device: watch.main.latest() for watch in stations}
        for name, rule in book.rules.items():
            values = {device: known[name] for device, known in latest.items() if name in known}
            far = apart(values, rule.neighbour_min)
            for watch in stations:
                span = far.get(watch.device)
                if span is None:
                    watch.agree(name, now_ns)
                elif now_ns - watch.part(name, now_ns) >= LASTS_NS:
                    value = values[watch.device]
                    watch.disagree(name, Result(name, Check.NEIGHBOURS, SUSPECT, value, *span))


def _scopes(network: str, kind: str, area: str | None) -> tuple[Scope, ...]:
    """The groups of a device, the widest first."""
    own = (Scope("all", ""), Scope("network", network), Scope("kind", kind))
    return own if area is None else (*own, Scope("area", area))


def _silence(watch: Watch, scopes: tuple[Scope, ...]) -> Silence:
    return Silence(watch.device, scopes, watch.silent_ns, int(watch.rhythm.interval_s * 1e9))


def _groups(watches: list[Watch]) -> Iterator[tuple[RuleBook, list[Watch]]]:
    """Stations of a kind that are heard now: those of an area, or of all small areas together."""
    kinds: dict[str, dict[str | None, list[Watch]]] = {}
    books: dict[str, RuleBook] = {}
    for watch in watches:
        if not watch.heard_ns or watch.silent_ns or not watch.active:
            continue
        kind = watch.book.kind
        books.setdefault(kind, watch.book)
        kinds.setdefault(kind, {}).setdefault(watch.area, []).append(watch)
    for kind, areas in kinds.items():
        rest: list[Watch] = []
        for area, stations in areas.items():
            if area is not None and len(stations) >= STATIONS_MIN:
                yield books[kind], stations
            else:
                rest += stations
        if len(rest) >= STATIONS_MIN:
            yield books[kind], rest
