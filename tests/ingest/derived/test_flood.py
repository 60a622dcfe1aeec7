"""Levels of a gauge on both stores, in order and late."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from devices.device import Device
from devices.gauge import Gauge, Thresholds
from ingest.derived import flood
from ingest.derived.calendar import HOUR_NS, MINUTE_NS, SECOND_NS, quarter_start
from ingest.derived.measurements import FLOOD_LEVEL
from ingest.derived.scene import Scene
from ingest.stores import Store
from ingest.stores.measurement import Row
from tests.ingest.stores.places import KINDS, Place

GAUGE: Final = Device("flood-1", "flood", area="medan-kota")
BEGIN: Final = int(datetime(2026, 11, 24, 3, tzinfo=UTC).timestamp()) * SECOND_NS
THRESHOLDS: Final = Thresholds(siaga3_m=1.0, siaga2_m=2.0, siaga1_m=3.0, normal_m=0.4)
DECLARED: Final = Gauge(versions=(THRESHOLDS,))

Levels = Mapping[int, float]
"""Metres by minute after `BEGIN`."""


def _scene(store: Store, gauge: Gauge | None, now_ns: int) -> Scene:
    return Scene(
        store=store,
        kinds=KINDS,
        devices={GAUGE.id: GAUGE},
        zone=ZoneInfo("Asia/Jakarta"),
        now_ns=now_ns,
        gauges={} if gauge is None else {GAUGE.id: gauge},
    )


def _lines(levels: Levels, flag: int = 1) -> list[bytes]:
    return [
        f"flood,area=medan-kota,device={GAUGE.id} level={level},level_qc={flag} "
        f"{BEGIN + minute * MINUTE_NS}".encode()
        for minute, level in levels.items()
    ]


def derived(
    place: Place,
    *arrivals: Sequence[bytes],
    gauge: Gauge | None = DECLARED,
) -> dict[int, dict[str, float]]:
    """Fields of `flood_level` by minute after the lines arrived, each time with a round."""
    stamp = slice(-19, None)

    async def scenario(store: Store) -> dict[int, dict[str, float]]:
        for lines in arrivals:
            assert await store.write(lines) == {}
            quarters = {quarter_start(int(line[stamp])) for line in lines}
            scene = _scene(store, gauge, BEGIN + 24 * HOUR_NS)
            await flood.derive(scene, {GAUGE.id: quarters})
        rows = await store.rows(
            FLOOD_LEVEL, [GAUGE.id], start_ns=BEGIN, stop_ns=BEGIN + 48 * HOUR_NS
        )
        assert {row.area for row in rows} <= {"medan-kota"}
        return {(row.time_ns - BEGIN) // MINUTE_NS: row.values for row in reversed(rows)}

    return place.run(scenario)


def siagas(found: Mapping[int, Mapping[str, Any]]) -> list[float | None]:
    return [values.get("siaga") for values in found.values()]


def test_a_flood_comes_and_goes(place: Place) -> None:
    levels = {0: 0.5, 1: 1.0, 2: 0.96, 3: 2.1, 4: 3.0, 5: 2.97, 6: 2.9, 7: 0.94}
    found = derived(place, _lines(levels))
    assert siagas(found) == [4, 3, 3, 2, 1, 1, 2, 4]
    assert found[0]["above_normal"] == pytest.approx(0.1)


def test_the_rise_says_when_the_next_level_begins(place: Place) -> None:
    found = derived(place, _lines({minute: 0.4 + 0.01 * minute for minute in range(31)}))
    assert "rise_m_per_h" not in found[9]  # ten minutes are needed
    assert found[30]["rise_m_per_h"] == pytest.approx(0.6)
    assert found[30]["next_level_min"] == pytest.approx(30)


def test_readings_that_are_not_believed_raise_no_level(place: Place) -> None:
    found = derived(place, [*_lines({0: 0.5, 2: 0.5}), *_lines({1: 9.0}, flag=4)])
    assert list(found) == [0, 2]
    assert siagas(found) == [4, 4]


def test_a_minute_has_the_median_of_its_readings(place: Place) -> None:
    lines = [
        f"flood,area=medan-kota,device={GAUGE.id} level={level},level_qc=1 "
        f"{BEGIN + at * SECOND_NS}".encode()
        for at, level in enumerate((0.5, 0.6, 9.0))
    ]
    assert derived(place, lines)[0]["level"] == 0.6


def test_without_thresholds_there_is_no_siaga(place: Place) -> None:
    found = derived(place, _lines({0: 5.0}), gauge=None)
    assert found == {0: {"level": 5.0}}


def test_thresholds_hold_from_their_day_of_the_city_on(place: Place) -> None:
    # 24 November ends in Medan at 17:00 UTC, 14 hours after the begin.
    lower = Thresholds(valid_from=date(2026, 11, 25), siaga3_m=0.2, siaga2_m=0.3, siaga1_m=0.4)
    gauge = Gauge(versions=(THRESHOLDS, lower))
    found = derived(place, _lines({14 * 60 - 1: 0.5, 14 * 60: 0.5}), gauge=gauge)
    assert siagas(found) == [4, 1]


LATE: Final = dict.fromkeys(range(10, 100, 10), 0.97)


def test_a_late_reading_changes_the_levels_after_it(place: Place) -> None:
    # Just below siaga III for two hours: what holds depends on whether the water stood higher.
    assert siagas(derived(place, _lines(LATE))) == [4] * 9
    found = derived(place, _lines({0: 1.2}))
    assert siagas(found) == [3] * 10


def test_late_readings_end_as_if_they_had_come_in_order(place: Place) -> None:
    flood_night = {minute: 0.9 + 0.15 * (minute // 7 % 2) for minute in range(0, 300, 3)}
    lines = _lines(flood_night)
    late = derived(place, lines[1::2], lines[::2])
    in_order = derived(place, lines)
    assert late == in_order


def test_after_hours_of_silence_a_gauge_begins_anew(place: Place) -> None:
    silent = 6 * 60 + 1
    found = derived(place, _lines({0: 1.2}), _lines({silent: 0.97}))
    assert siagas(found) == [3, 4]
    assert siagas(derived(place, _lines({0: 1.2, silent - 2: 0.97}))) == [3, 3, 3]


def test_computing_again_changes_nothing(place: Place) -> None:
    lines = _lines({minute: 0.5 + minute / 50 for minute in range(60)})
    once = derived(place, lines)
    assert derived(place, lines[40:], lines[:10]) == once


def followed(place: Place, *arrivals: tuple[Sequence[bytes], int]) -> list[float | None]:
    """Siaga levels after lines arrived, each time followed at so many minutes after `BEGIN`."""

    async def scenario(store: Store) -> list[float | None]:
        for lines, minute in arrivals:
            assert await store.write(lines) == {}
            await flood.follow(_scene(store, DECLARED, BEGIN + minute * MINUTE_NS), [GAUGE.id])
        rows = await store.rows(
            FLOOD_LEVEL, [GAUGE.id], start_ns=BEGIN, stop_ns=BEGIN + 48 * HOUR_NS
        )
        return [row.values.get("siaga") for row in reversed(rows)]

    return place.run(scenario)


def test_a_gauge_is_followed_minute_by_minute(place: Place) -> None:
    rising = [(_lines({minute: 0.8 + minute / 10}), minute) for minute in range(4)]
    falling = [(_lines({4: 0.96}), 4), (_lines({5: 0.94}), 5)]
    assert followed(place, *rising, *falling) == [4, 4, 3, 3, 3, 4]


def test_what_is_followed_is_what_is_derived(place: Place) -> None:
    levels = {minute: 0.9 + 0.02 * (minute % 7) for minute in range(15)}
    one_by_one = followed(place, *((_lines({at: level}), at) for at, level in levels.items()))
    assert one_by_one == siagas(derived(place, _lines(levels)))


def test_what_comes_late_waits_for_the_end_of_the_quarter(place: Place) -> None:
    late, now = _lines({1: 1.5}), _lines({5: 0.97})
    assert followed(place, (now, 5), (late, 6)) == [4]
    assert siagas(derived(place, late)) == [3, 3]


def test_other_metrics_make_no_levels(place: Place) -> None:
    line = f"flood,device={GAUGE.id} depth=0.3,depth_qc=1 {BEGIN}".encode()
    assert derived(place, [line]) == {}


def test_samples_come_in_order_of_time() -> None:
    def reading(second: int, level: float, flag: int) -> Row:
        values = {"level": level, "level_qc": flag}
        return Row(BEGIN + second * SECOND_NS, GAUGE.id, "", None, values)

    readings = [reading(90, 3.0, 1), reading(59, 1.0, 2), reading(1, 2.0, 1), reading(30, 9.0, 3)]
    assert [sample.level_m for sample in flood.minutes(readings)] == [1.5, 3.0]
