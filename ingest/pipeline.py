"""From messages to a batch: route, open, validate, judge, write the line. Pure but for its memory.

The plain case, our own payload of a device without a model, is one straight run in `process`;
everything else (networks, models, batches of readings) goes through `_open`.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from devices.device import Device
from devices.kind import Kind
from devices.model import Model, ModelError
from ingest.batch import NOBODY, Batch, Counters, Quarantined
from ingest.dialects import DIALECTS, Surroundings, make_openers
from ingest.identity import IdentityWindow, delivery_identity, timed_identity
from ingest.instant import EARLIEST_NS, read_time
from ingest.line import Shape, line
from ingest.outbox import Outbox
from ingest.quality import NOT_EVALUATED, Quality
from ingest.quality.track import Track
from ingest.quality.watch import Watch
from ingest.route import OWN, KindWays, Lane, Route, Target, find_route
from ingest.types import Message, Notice, Reason, Rejected, Uplink

logger = logging.getLogger(__name__)

_ROUTES_MAX: Final = 250_000
_ADDRESS_MAX: Final = 64
_CLOCK_BACK_NS: Final = 1_000_000_000
_CHANNEL_MAX: Final = 64
_AGE_MAX_S: Final = 1e11
"""More than an integer of nanoseconds holds; beyond it a float of them may be infinite."""
_UNKNOWN_NAME_MAX: Final = 64


class Point(NamedTuple):
    """One reading that can be stored, not judged yet."""

    watch: Watch
    track: Track
    prefix: bytes
    shape: Shape
    picked: tuple[Any, ...]
    seq: int | None
    time_ns: int
    timed: bool

    def line(self, flags: Sequence[int] | None, time_flag: int) -> bytes:
        return line(
            self.prefix, self.shape.fields(self.picked, flags), self.time_ns, time_flag=time_flag
        )


@dataclass(slots=True)
class Opened:
    """One message of the general way: its good points, its bad elements."""

    device: str = NOBODY
    points: list[Point] = field(default_factory=list)
    timed: bool = True
    live: bool = True
    """False for a replay: an old total must not move a cumulative counter back."""
    counters: dict[str, dict[str, float]] = field(default_factory=dict)
    """New totals of cumulative counters, by device."""
    unknown: list[str] = field(default_factory=list)
    fault: Rejected | None = None
    bad: list[bytes] = field(default_factory=list)
    bad_since_ns: int = 0
    notices: list[Notice] = field(default_factory=list)

    @property
    def lines(self) -> list[bytes]:
        """The points as a replay writes them: held against ranges only, no state is changed."""
        return [
            point.line(point.shape.in_range(point.picked), 0 if point.timed else NOT_EVALUATED)
            for point in self.points
        ]


class Pipeline:
    """Turns messages into batches.

    `dialects` maps topic filters to dialects beside the dialects' own filters. Devices can be
    changed at any time with `update`. `zone` is the city's, for devices that write local time;
    `outbox` fills with what networks must be asked. A device may send `device_burst_max_messages`
    at once (its buffer after an outage) and `device_rate_max_per_s` for ever; what is beyond is
    quarantined. `counters` are the totals of models' cumulative counters when the hub stopped.
    """

    def __init__(
        self,
        *,
        kinds: Mapping[str, Kind],
        models: Mapping[str, Model],
        devices: Iterable[Device] = (),
        dialects: Mapping[str, str] | None = None,
        payload_max_bytes: int = 256 * 1024,
        future_max_s: int = 300,
        device_rate_max_per_s: float = 100.0,
        device_burst_max_messages: int = 60_000,
        window: IdentityWindow | None = None,
        zone: tzinfo = UTC,
        quality: Quality | None = None,
        counters: Mapping[str, dict[str, float]] | None = None,
    ) -> None:
        self._ways = {kind.id: KindWays(kind) for kind in kinds.values()}
        self._models = models
        self._filters = {
            **(dialects or {}),
            **{topic: name for name, dialect in DIALECTS.items() for topic in dialect.FILTERS},
        }
        self.outbox = Outbox()
        surroundings = Surroundings(zone=zone, outbox=self.outbox)
        self._openers = make_openers(surroundings)
        self._reopeners = make_openers(replace(surroundings, live=False))
        self._payload_max_bytes = payload_max_bytes
        self._future_max_ns = future_max_s * 1_000_000_000
        self._rate_per_ns = device_rate_max_per_s / 1e9
        self._burst = float(device_burst_max_messages)
        self._window = window or IdentityWindow()
        self.quality = quality or Quality(kinds)
        self._targets: dict[str, Target] = {}
        self._counters = counters or {}
        self._addresses: dict[str, str] = {}
        self._routes: dict[str, Route] = {}
        self._clock_ns = 0
        self.update(devices)

    @property
    def filters(self) -> tuple[str, ...]:
        """Topic filters of the networks that the pipeline can open, beside `sensors/#`."""
        return tuple(topic for topic in self._filters if not topic.startswith(f"{OWN}/"))

    def update(self, devices: Iterable[Device]) -> None:
        """Takes new or changed devices; others stay as they are."""
        for device in devices:
            ways = self._ways.get(device.kind)
            if ways is None:
                logger.error("device %s has the unknown kind %s: left out", device.id, device.kind)
                continue
            model = self._models.get(device.model) if device.model else None
            before = self._targets.get(device.id)
            target = Target(device, ways, model, self.quality.watch(device, model))
            target.counters = self._counters.get(device.id, {})
            if before is not None:
                target.counters = before.counters
                target.allowance, target.refilled_ns = before.allowance, before.refilled_ns
                if before.device.address:
                    self._addresses.pop(before.device.address.casefold(), None)
            self._targets[device.id] = target
            if device.address:
                # One network writes a DevEUI in capitals, another does not.
                self._addresses[device.address.casefold()] = device.id
        self._routes.clear()

    def devices(self) -> dict[str, Device]:
        """All devices as they are now, by id."""
        return {name: target.device for name, target in self._targets.items()}

    def knows(self, address: str) -> bool:
        """Whether a device id or network address is registered."""
        return address in self._targets or address.casefold() in self._addresses

    def process(self, messages: Sequence[Message], received_ns: int) -> Batch:
        """All that came of these messages. Never raises because of what they hold."""
        batch = Batch(received_ns)
        routes, window, latest_ns = self._routes, self._window, received_ns + self._future_max_ns
        lines, sizes, accepted, identities = (
            batch.lines,
            batch.sizes,
            batch.accepted,
            batch.identities,
        )
        for message in messages:
            topic, payload, token, redelivered = message
            route = routes.get(topic) or self._find(topic)
            target = route.target
            if target is None or len(payload) > self._payload_max_bytes:
                self._take(message, route, batch, latest_ns)
                continue
            if target.allowance < 1 and not self._refill(target, received_ns):
                self._take(message, route, batch, latest_ns)
                continue
            target.allowance -= 1
            try:
                values = target.ways.validator.from_json(payload)
                shape = target.ways.writer.shape(values)
                if not shape.metrics:
                    raise Rejected(Reason.NO_METRIC, _members(values))  # noqa: TRY301
                when = values.get("time")
                if when is not None:
                    time_ns = read_time(when, latest_ns=latest_ns)
                    identity = timed_identity(route.seed, payload)
                    again = identity in window
                else:
                    time_ns = self._arrival(received_ns)
                    identity = delivery_identity(route.seed, payload, token)
                    again = redelivered and identity in window
                device = route.device
                if again:
                    batch.duplicate[device] = batch.duplicate.get(device, 0) + 1
                    continue
                channel = values.get("channel")
                prefix, track = target.lane(None) if channel is None else _lane(target, channel)
            except (ValidationError, Rejected):
                # An array, or bad: the general way knows the difference and finds the words.
                self._take(message, route, batch, latest_ns)
                continue
            window.add(identity)
            identities.append(identity)
            picked = shape.pick(values)
            time_flag = target.watch.hear(None if when is None else time_ns, received_ns)
            flags = track.judge(shape, picked, time_ns, values.get("seq"), arrival=when is None)
            lines.append(line(prefix, shape.fields(picked, flags), time_ns, time_flag=time_flag))
            sizes.append(1)
            if track.corrections:
                sizes[-1] += track.write_corrections(prefix, lines)
            accepted[device] = accepted.get(device, 0) + 1
            if shape.unknown:
                _count_unknown(batch, device, shape.unknown)
        return batch

    def forget(self, batch: Batch) -> None:
        """Unsees the messages of a batch that did not become durable."""
        self._window.forget(batch.identities)
        for device, counters in batch.counters.items():
            target = self._targets.get(device)
            if target is not None and target.counters is counters.after:
                target.counters = counters.before

    def reopen(self, message: Message, received_ns: int) -> Opened:
        """Opens a quarantined message again; `received_ns` is when it first came."""
        route = self._routes.get(message.topic) or self._find(message.topic)
        latest_ns = received_ns + self._future_max_ns
        return self._open(message, route, received_ns, latest_ns, live=False)

    def _find(self, topic: str) -> Route:
        route = find_route(topic, self._targets, self._filters)
        if len(self._routes) >= _ROUTES_MAX:
            self._routes.clear()
        self._routes[topic] = route
        return route

    def _arrival(self, received_ns: int) -> int:
        # Two readings of a device must not share an instant: the later would replace the first.
        # But a clock that was set back is followed.
        if not self._clock_ns - _CLOCK_BACK_NS < received_ns <= self._clock_ns:
            self._clock_ns = received_ns
        else:
            self._clock_ns += 1
        return self._clock_ns

    def _refill(self, target: Target, now_ns: int) -> bool:
        """Whether the device may send one more message now."""
        earned = max(0, now_ns - target.refilled_ns) * self._rate_per_ns
        target.allowance = min(self._burst, target.allowance + earned)
        target.refilled_ns = now_ns
        return target.allowance >= 1

    def _take(self, message: Message, route: Route, batch: Batch, latest_ns: int) -> None:
        """The general way of one message into the batch."""
        if route.ignored:
            return
        if route.status and self._take_status(message, route, batch):
            return
        arrival_ns = self._arrival(batch.received_ns)
        opened = self._open(message, route, arrival_ns, latest_ns)
        for notice in opened.notices:
            name = self._name(notice.address)
            if notice.online is not None and name in self._targets:
                batch.presence[name] = (notice.online, batch.received_ns)
        if opened.fault is None and not opened.points:  # notices alone
            return
        self._clock_ns = arrival_ns + len(opened.points) + len(opened.bad)
        timed = opened.timed and opened.fault is None
        identity = (
            timed_identity(route.seed, message.payload)
            if timed
            else delivery_identity(route.seed, message.payload, message.token)
        )
        if identity in self._window and (timed or message.redelivered):
            batch.duplicate[opened.device] = batch.duplicate.get(opened.device, 0) + 1
            return
        self._window.add(identity)
        batch.identities.append(identity)
        self._count(opened, batch)
        lines = _judged(opened.points, route.dialect, arrival_ns)
        batch.lines.extend(lines)
        if opened.fault is None:
            batch.sizes.append(len(lines))
            batch.accepted[opened.device] = batch.accepted.get(opened.device, 0) + 1
        else:
            if lines:
                batch.sizes.append(-len(lines))
            batch.quarantined.append(quarantined(message, opened))
            self._hear_refused(opened, arrival_ns)
        if opened.unknown:
            _count_unknown(batch, opened.device, opened.unknown)

    def _count(self, opened: Opened, batch: Batch) -> None:
        """Moves cumulative counters on, now that the message is to be kept."""
        for device, after in opened.counters.items():
            target = self._targets[device]
            earlier = batch.counters.get(device)
            before = target.counters if earlier is None else earlier.before
            batch.counters[device] = Counters(before, after)
            target.counters = after

    def _hear_refused(self, opened: Opened, arrival_ns: int) -> None:
        """A device whose every message is refused is not silent; its clock may be why."""
        target = self._targets.get(opened.device)
        if target is not None and not opened.points and opened.fault is not None:
            future = opened.fault.reason is Reason.FUTURE_TIME
            future_s = self._future_max_ns / 1e9 if future else None
            target.watch.hear_refused(arrival_ns, future_s=future_s)

    def _take_status(self, message: Message, route: Route, batch: Batch) -> bool:
        if message.payload not in (b"online", b"offline"):
            return False
        batch.presence[route.device] = (message.payload == b"online", batch.received_ns)
        return True

    def _open(
        self, message: Message, route: Route, arrival_ns: int, latest_ns: int, *, live: bool = True
    ) -> Opened:
        opened = Opened(route.device, bad_since_ns=arrival_ns, live=live)
        try:
            found = self._uplinks(message, route, live=live)
            uplinks = [item for item in found if isinstance(item, Uplink)]
            opened.notices = [item for item in found if isinstance(item, Notice)]
            if not uplinks and not (live and opened.notices):
                raise Rejected(Reason.NO_METRIC, "the payload holds no reading")  # noqa: TRY301
        except Rejected as fault:
            opened.fault = fault
        except Exception as error:  # the process never dies of a message
            logger.exception("cannot open a message on %r", message.topic)
            opened.fault = Rejected(Reason.INTERNAL, repr(error)[:200])
        else:
            for place, uplink in enumerate(uplinks):
                self._open_uplink(uplink, opened, arrival_ns + place, latest_ns)
            if opened.fault is None and opened.device == NOBODY and uplinks:
                opened.device = self._name(uplinks[0].address)
        return opened

    def _uplinks(self, message: Message, route: Route, *, live: bool) -> Sequence[Uplink | Notice]:
        if route.fault is not None:
            raise route.fault
        if not message.payload:
            raise Rejected(Reason.EMPTY)
        if len(message.payload) > self._payload_max_bytes:
            raise Rejected(
                Reason.TOO_LARGE,
                f"{len(message.payload)} bytes, the most is {self._payload_max_bytes}",
            )
        if route.dialect is None:
            raise Rejected(Reason.WRONG_SHAPE, "a status is online or offline")
        opener = (self._openers if live else self._reopeners)[route.dialect]
        return opener(message.topic, message.payload)

    def _open_uplink(self, uplink: Uplink, opened: Opened, arrival_ns: int, latest_ns: int) -> None:
        counters = opened.counters.copy()
        try:
            points = list(self._points(uplink, opened, arrival_ns, latest_ns))
        except Rejected as fault:
            opened.counters = counters
            self._refuse(uplink, opened, fault, arrival_ns)
        except Exception as error:  # the process never dies of a message
            opened.counters = counters
            logger.exception("cannot read an uplink of %r", uplink.address)
            self._refuse(uplink, opened, Rejected(Reason.INTERNAL, repr(error)[:200]), arrival_ns)
        else:
            opened.points.extend(points)

    def _refuse(self, uplink: Uplink, opened: Opened, fault: Rejected, arrival_ns: int) -> None:
        if opened.fault is None:
            opened.fault = fault
            opened.device = self._name(uplink.address)
            opened.bad_since_ns = arrival_ns
        opened.bad.append(uplink.raw)

    def _name(self, address: str) -> str:
        """The ledger's name of an address: the id of its device where it has one."""
        if address not in self._targets:
            address = self._addresses.get(address.casefold(), address)
        return address[:_ADDRESS_MAX] or NOBODY

    def _points(
        self, uplink: Uplink, opened: Opened, arrival_ns: int, latest_ns: int
    ) -> Iterator[Point]:
        if uplink.fault is not None:
            raise uplink.fault
        name = self._name(uplink.address)
        target = self._targets.get(name)
        if target is None:
            raise Rejected(Reason.UNREGISTERED, f"{name} is not a registered id or address")
        if target.device.status == "retired":
            raise Rejected(Reason.RETIRED, f"{name} is retired")
        if opened.live:
            if target.allowance < 1 and not self._refill(target, arrival_ns):
                raise Rejected(
                    Reason.RATE_LIMITED,
                    f"more than {self._rate_per_ns * 1e9:g} messages a second for too long",
                )
            target.allowance -= 1
        if opened.device == NOBODY:
            opened.device = name
        for number, (values, when) in enumerate(_readings(uplink, target, opened)):
            checked = target.ways.validator.from_values(values)
            shape = target.ways.writer.shape(checked)
            if not shape.metrics:
                raise Rejected(Reason.NO_METRIC, _members(checked))
            opened.unknown.extend(shape.unknown)
            if when is None:
                opened.timed = False
                time_ns = _before(arrival_ns, uplink.age_s, latest_ns) + number
            else:
                time_ns = read_time(when, latest_ns=latest_ns)
            channel = checked.get("channel")
            prefix, track = target.lane(None) if channel is None else _lane(target, channel)
            yield Point(
                watch=target.watch,
                track=track,
                prefix=prefix,
                shape=shape,
                picked=shape.pick(checked),
                seq=checked.get("seq"),
                time_ns=time_ns,
                timed=when is not None,
            )


def _judged(points: Sequence[Point], network: str | None, arrival_ns: int) -> list[bytes]:
    """The lines of one message, in its order; its readings are judged in the order of time."""
    newest: dict[str, int | None] = {}
    for point in points:
        before = newest.get(point.watch.device)
        timed_ns = point.time_ns if point.timed else None
        newest[point.watch.device] = max(timed_ns or 0, before or 0) or None
    time_flags = {}
    for point in points:
        device = point.watch.device
        if device not in time_flags:
            point.watch.network = network or ""
            time_flags[device] = point.watch.hear(newest[device], arrival_ns)
    lines = [b""] * len(points)
    for place in sorted(range(len(points)), key=lambda place: points[place].time_ns):
        point = points[place]
        flags = point.track.judge(
            point.shape, point.picked, point.time_ns, point.seq, arrival=not point.timed
        )
        point.track.write_corrections(point.prefix, lines)
        time_flag = time_flags[point.watch.device] if point.timed else NOT_EVALUATED
        lines[place] = point.line(flags, time_flag)
    return lines


def quarantined(message: Message, opened: Opened, *, counted: bool = True) -> Quarantined:
    """The quarantine's record of an opened message that has a fault.

    Of a batch only the bad elements are kept; where an envelope cannot be cut, all of it.
    """
    assert opened.fault is not None  # noqa: S101 - the caller's promise
    cut = opened.points and opened.bad and all(opened.bad)
    return Quarantined(
        device=opened.device,
        topic=message.topic,
        reason=opened.fault.reason,
        detail=opened.fault.detail,
        received_ns=opened.bad_since_ns,
        payload=b"[" + b",".join(opened.bad) + b"]" if cut else message.payload,
        counted=counted,
    )


def _readings(
    uplink: Uplink, target: Target, opened: Opened
) -> Iterator[tuple[dict[str, Any], Any]]:
    """Values in our own names with their time, through the device's model where it has one."""
    extras: dict[str, Any] = {}
    if uplink.battery is not None:
        extras["battery"] = uplink.battery
    if uplink.rssi is not None:
        extras["rssi"] = uplink.rssi
    if target.model is None:
        values = {**extras, **uplink.values}
        yield values, values.get("time") if uplink.time is None else uplink.time
        return
    device = target.device
    counters = {**opened.counters.get(device.id, target.counters)} if opened.live else None
    try:
        readings = target.model.read(uplink.values, device.attributes, counters)
    except ModelError as error:
        raise Rejected(Reason(error.problem), error.detail) from error
    if counters:
        opened.counters[device.id] = counters
    for reading in readings:
        values = {**extras, **reading.values}
        if reading.channel is not None:
            values["channel"] = reading.channel
        if reading.battery is not None:
            values["battery"] = reading.battery
        if reading.rssi is not None:
            values["rssi"] = reading.rssi
        opened.unknown.extend(reading.unknown)
        yield values, uplink.time if reading.time is None else reading.time


def _before(arrival_ns: int, age_s: float, latest_ns: int) -> int:
    if not abs(age_s) < _AGE_MAX_S:
        raise Rejected(Reason.BAD_TIME, f"{age_s:g} s ago is no time")
    instant = arrival_ns - round(age_s * 1e9)
    if instant > latest_ns:
        raise Rejected(Reason.FUTURE_TIME, f"{-age_s:g} s from now")
    if instant < EARLIEST_NS:
        raise Rejected(Reason.BAD_TIME, f"{age_s:g} s ago is before 1677")
    return instant


def _lane(target: Target, channel: str | int) -> Lane:
    if target.ways.kind.channel is None:  # an unknown member of such a kind
        return target.lane(None)
    text = str(channel)
    if not 0 < len(text) <= _CHANNEL_MAX:
        raise Rejected(Reason.WRONG_TYPE, f"channel has {len(text)} characters, not 1 to 64")
    return target.lane(text)


def _members(values: Mapping[str, Any]) -> str:
    names = ", ".join(name[:_UNKNOWN_NAME_MAX] for name in list(values)[:8])
    return f"members: {names}" if names else "no members"


def _count_unknown(batch: Batch, device: str, names: Sequence[str]) -> None:
    for name in names:
        key = (device, name[:_UNKNOWN_NAME_MAX])
        batch.unknown[key] = batch.unknown.get(key, 0) + 1
