"""The latest indices of a device: value and category in both languages, or why there is none."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field

from devices.device import Device
from devices.errors import HubError, InvalidDeviceError
from devices.gauge import Gauge, Thresholds, gauge_of
from devices.road import road_of
from gateway.derived import Places
from ingest.derived import air, aqi, flood, ispu, service, siaga, traffic
from ingest.derived.aggregates import COMPLETE
from ingest.derived.calendar import HOUR_NS, SECOND_NS, local_day
from ingest.derived.category import Category
from ingest.derived.measurements import AIR_INDEX, FLOOD_LEVEL, TRAFFIC_SERVICE
from ingest.stores import Store
from ingest.stores.measurement import Measurement, Row
from ingest.stores.quarter import QUARTER_NS
from ingest.stores.reading import EARLIEST_NS, LATEST_NS, rfc3339

_ROWS: Final = 64
"""Rows in which the newest of every channel is looked for."""
_NEEDED: Final = round(COMPLETE * ispu.HOURS)
_MINUTES: Final = QUARTER_NS // SECOND_NS // 60


class Words(BaseModel):
    """The same in both languages."""

    en: str
    id: str


class CategoryItem(Words):
    """What a value is called, and its colour."""

    code: Annotated[int, Field(description="As the store has it")]
    color: Annotated[str, Field(examples=["#0000cc"])]


class IndexItem(BaseModel):
    """One index of a device, as it stands last."""

    index: Literal["ispu", "aqi", "siaga", "service"]
    channel: Annotated[str | None, Field(description="The direction, where each is judged")]
    time: Annotated[
        str | None,
        Field(description="RFC 3339, UTC: the end of the hours, begin of the quarter or minute"),
    ]
    value: Annotated[
        float | None,
        Field(description="Index, siaga level (4 to 1) or degree of saturation; null: see note"),
    ]
    category: CategoryItem | None
    of: Annotated[str | None, Field(description="The metric that decides", examples=["pm25"])]
    completeness: Annotated[
        float | None, Field(description="Part of the data that it needs at its best, 0 to 1")
    ]
    note: Annotated[Words | None, Field(description="Why there is no value")]
    parts: Annotated[
        dict[str, float], Field(description="What it was computed from and what goes with it")
    ]


async def read_indices(store: Store, device: Device, places: Places) -> list[IndexItem]:
    """The indices that the kind of the device has; none for kinds without.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    match device.kind:
        case air.KIND:
            rows = await _newest(store, AIR_INDEX, device, 1)
            return list(_air(rows[0] if rows else None))
        case flood.KIND:
            rows = await _newest(store, FLOOD_LEVEL, device, 1)
            return [_siaga(rows[0] if rows else None, device, places)]
        case traffic.KIND:
            return list(_services(await _newest(store, TRAFFIC_SERVICE, device, _ROWS), device))
    return []


async def _newest(
    store: Store, measurement: Measurement, device: Device, limit: int
) -> Sequence[Row]:
    return await store.rows(
        measurement, [device.id], start_ns=EARLIEST_NS, stop_ns=LATEST_NS, limit=limit
    )


def _air(row: Row | None) -> Iterator[IndexItem]:
    values: Mapping[str, float] = row.values if row is not None else {}
    hours = {
        name: values[f"{name}_hours"] for name in ispu.BREAKPOINTS if f"{name}_hours" in values
    }
    most = max(hours.values(), default=0.0)
    # What an earlier computation left of a metric that has too few hours now does not count.
    parts = {
        name: value
        for name, value in values.items()
        if name.endswith(("_hours", "_24h", "_ispu"))
        and (name.endswith("_hours") or hours.get(name.rpartition("_")[0], 0.0) >= _NEEDED)
    }
    yield _item(
        "ispu",
        row,
        value=values.get("ispu"),
        category=_named(ispu.CATEGORIES, values.get("ispu_category", 0.0)),
        of=_decisive(parts, "_ispu"),
        completeness=most / ispu.HOURS,
        note=Words(
            en=f"not enough data: {most:g} of {ispu.HOURS} hours, {_NEEDED} needed",
            id=f"data belum cukup: {most:g} dari {ispu.HOURS} jam, perlu {_NEEDED}",
        ),
        parts=parts,
    )
    parts = {name: value for name, value in values.items() if name.endswith(("_nowcast", "_aqi"))}
    yield _item(
        "aqi",
        row,
        value=values.get("aqi"),
        category=_named(aqi.CATEGORIES, values.get("aqi_category", 0.0)),
        of=_decisive(parts, "_aqi"),
        completeness=None,
        note=Words(
            en="not enough data: NowCast needs 2 of the last 3 hours of PM2.5 or PM10",
            id="data belum cukup: NowCast perlu 2 dari 3 jam terakhir PM2,5 atau PM10",
        ),
        parts=parts,
    )


def _siaga(row: Row | None, device: Device, places: Places) -> IndexItem:
    values = dict(row.values) if row is not None else {}
    thresholds: Thresholds | None = None
    try:
        gauge: Gauge | None = gauge_of(device, places.gauges)
    except InvalidDeviceError as error:
        note = _both(error)
    else:
        note = Words(
            en="no thresholds: declare them in gauges.toml or as attributes siaga3_m, siaga2_m, "
            "siaga1_m of the device",
            id="ambang belum ada: tulis di gauges.toml atau sebagai atribut siaga3_m, siaga2_m, "
            "siaga1_m perangkat",
        )
        if row is not None and gauge is not None:
            thresholds = gauge.at(local_day(row.time_ns, places.zone))
        elif row is None:
            note = Words(en="no water level yet", id="belum ada tinggi muka air")
    level = values.pop("siaga", None)
    if thresholds is not None:
        names = ("siaga3_m", "siaga2_m", "siaga1_m")
        values |= dict(zip(names, thresholds.begins_m, strict=True))
    known = thresholds is not None and level is not None
    return _item(
        "siaga",
        row,
        value=level if known else None,
        category=siaga.LEVELS[int(level)] if known and level is not None else None,
        of=flood.METRIC,
        completeness=None,
        note=note,
        parts=values,
    )


def _services(rows: Sequence[Row], device: Device) -> Iterator[IndexItem]:
    try:
        road = road_of(device)
        wrong = None
    except InvalidDeviceError as error:
        road, wrong = None, _both(error)
    for row in _newest_of_channels(rows) or [None]:
        values = dict(row.values) if row is not None else {}
        complete = values.pop("completeness", 0.0)
        minutes = int(complete * _MINUTES)
        if complete < COMPLETE:
            note = Words(
                en=f"not enough data: {minutes} of {_MINUTES} minutes",
                id=f"data belum cukup: {minutes} dari {_MINUTES} menit",
            )
        elif wrong is not None:
            note = wrong
        elif road is None:
            note = Words(
                en="the road is not known: set attribute road_type of the device",
                id="jalan belum diketahui: isi atribut road_type perangkat",
            )
        else:
            note = Words(
                en="vehicles are not counted by class: volume_mc and volume_lv are needed",
                id="kendaraan tidak dihitung per golongan: perlu volume_mc dan volume_lv",
            )
        yield _item(
            "service",
            row,
            value=values.pop("saturation", None),
            category=_named(service.LEVELS, values.pop("los", 0.0)),
            of=None,
            completeness=complete,
            note=note,
            parts=values,
        )


def _newest_of_channels(rows: Sequence[Row]) -> Sequence[Row | None]:
    """The newest row of each channel, but for a quarter that goes on now the last whole one."""
    newest: dict[str, Row] = {}
    for row in rows:
        if row.time_ns < rows[0].time_ns - HOUR_NS:
            break
        if row.channel not in newest or (
            _completeness(newest[row.channel]) < COMPLETE <= _completeness(row)
        ):
            newest[row.channel] = row
    return [newest[channel] for channel in sorted(newest)]


def _item(
    index: Literal["ispu", "aqi", "siaga", "service"],
    row: Row | None,
    *,
    value: float | None,
    category: Category | None,
    of: str | None,
    completeness: float | None,
    note: Words,
    parts: Mapping[str, float],
) -> IndexItem:
    """An index with its category or, where it has none, with the note that says why."""
    known = category is not None and value is not None
    return IndexItem(
        index=index,
        channel=(row.channel or None) if row is not None else None,
        time=rfc3339(row.time_ns) if row is not None else None,
        value=value if known else None,
        category=CategoryItem(
            code=category.code, en=category.en, id=category.id, color=category.color
        )
        if known and category is not None
        else None,
        of=of if known else None,
        completeness=None if completeness is None else round(completeness, 3),
        note=None if known else note,
        parts={name: round(number, 3) for name, number in parts.items()},
    )


def _named(categories: Iterable[Category], code: float) -> Category | None:
    return next((one for one in categories if one.code == code), None)


def _decisive(parts: Mapping[str, float], suffix: str) -> str | None:
    """The metric whose sub-index is the highest."""
    subs = {name: value for name, value in parts.items() if name.endswith(suffix)}
    return max(subs, key=lambda name: subs[name]).removesuffix(suffix) if subs else None


def _completeness(row: Row) -> float:
    return row.values.get("completeness", 0.0)


def _both(error: HubError) -> Words:
    return Words(en=str(error), id=f"Atribut perangkat salah: {error}")
