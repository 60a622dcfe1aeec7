from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from devices.device import Device
from devices.errors import InvalidDeclarationError, InvalidDeviceError
from devices.gauge import FILE, Gauge, Thresholds, gauge_of, load_gauges

DECLARED = """
[gauges.flood-deli-01]
hysteresis_m = 0.1

[[gauges.flood-deli-01.versions]]
valid_from = 2020-01-01
siaga3_m = 1.5
siaga2_m = 2.0
siaga1_m = 2.5

[[gauges.flood-deli-01.versions]]
valid_from = 2026-01-01
siaga3_m = 0.4
siaga2_m = 0.8
siaga1_m = 1.2
normal_m = 0.9
above_normal = true
"""


def _device(**attributes: str) -> Device:
    return Device("flood-deli-01", "flood", attributes=attributes)


def test_thresholds_hold_from_their_day_on(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(DECLARED)
    gauge = load_gauges(tmp_path)["flood-deli-01"]
    assert gauge.at(date(2019, 12, 31)) is None
    old, new = gauge.at(date(2025, 12, 31)), gauge.at(date(2026, 1, 1))
    assert old is not None
    assert new is not None
    assert old.begins_m == (1.5, 2.0, 2.5)
    assert new.begins_m == pytest.approx((1.3, 1.7, 2.1))


def test_the_later_folder_holds(tmp_path: Path) -> None:
    city, data, empty = (tmp_path / name for name in ("city", "data", "empty"))
    for folder in (city, data, empty):
        folder.mkdir()
    (city / FILE).write_text(DECLARED)
    (data / FILE).write_text(DECLARED.replace("hysteresis_m = 0.1", "hysteresis_m = 0.2"))
    assert load_gauges(city, empty)["flood-deli-01"].hysteresis_m == 0.1
    assert load_gauges(city, data)["flood-deli-01"].hysteresis_m == 0.2


def test_a_wrong_file_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(DECLARED.replace("siaga2_m = 2.0", "siaga2_m = 9.0"))
    with pytest.raises(InvalidDeclarationError, match="siaga I is the worst"):
        load_gauges(tmp_path)


def test_versions_stand_in_order() -> None:
    version = Thresholds(valid_from=date(2026, 1, 1), siaga3_m=1, siaga2_m=2, siaga1_m=3)
    with pytest.raises(ValidationError, match="in the order of valid_from"):
        Gauge(versions=(version, version))


def test_above_normal_needs_the_normal() -> None:
    with pytest.raises(ValidationError, match="give normal_m too"):
        Thresholds(siaga3_m=1, siaga2_m=2, siaga1_m=3, above_normal=True)


def test_attributes_make_a_gauge_where_no_file_does() -> None:
    device = _device(siaga3_m="1", siaga2_m="2", siaga1_m="3", hysteresis_m="0.2", road="x")
    gauge = gauge_of(device, {})
    assert gauge is not None
    assert gauge.hysteresis_m == 0.2
    held = gauge.at(date(1990, 1, 1))
    assert held is not None
    assert held.begins_m == (1, 2, 3)
    declared = Gauge(versions=(Thresholds(siaga3_m=5, siaga2_m=6, siaga1_m=7),))
    assert gauge_of(device, {device.id: declared}) is declared


def test_a_device_without_thresholds_is_no_gauge() -> None:
    assert gauge_of(_device(normal_m="1"), {}) is None


def test_wrong_attributes_are_named() -> None:
    with pytest.raises(InvalidDeviceError, match="attribute siaga1_m"):
        gauge_of(_device(siaga3_m="1", siaga2_m="2", siaga1_m="high"), {})
