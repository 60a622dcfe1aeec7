from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.device import Device
from devices.fault import Fault, find_faults, tidy

KINDS = ["air", "flood"]
MODELS = {"gauge-x": "flood"}


@pytest.mark.parametrize(
    "device",
    [
        Device("a1", "air"),
        Device("A-_9" * 16, "flood", model="gauge-x", latitude=-90, longitude=180),
        Device("a1", "air", status="retired", installed_at=datetime(2026, 3, 1, tzinfo=UTC)),
        Device(
            "a1", "air", name="é" * 200, attributes={"Mount height (m)": "6,2\n\tx", "area": "x"}
        ),
    ],
)
def test_what_can_be_registered_has_no_fault(device: Device) -> None:
    assert find_faults(device, kinds=KINDS, models=MODELS) == []


@pytest.mark.parametrize(
    ("device", "field", "words"),
    [
        (Device("a", "air"), "id", "2 to 64"),
        (Device("-a1", "air"), "id", "letters"),
        (Device("a/1", "air"), "id", "letters"),
        (Device("a1\n", "air"), "id", "letters"),
        (Device("a" * 65, "air"), "id", "2 to 64"),
        (Device("a1", "noise"), "kind", "use one of air, flood"),
        (Device("a1", "flood", model="y"), "model", "use one of gauge-x"),
        (Device("a1", "air", model="gauge-x"), "model", "measures flood, not air"),
        (Device("a1", "air", latitude=98.67, longitude=3.59), "latitude", "look swapped"),
        (Device("a1", "air", latitude=91, longitude=100), "latitude", "91 is outside -90 to 90"),
        (Device("a1", "air", latitude=1, longitude=-180.1), "longitude", "outside -180 to 180"),
        (Device("a1", "air", latitude=1, longitude=float("inf")), "longitude", "outside"),
        (Device("a1", "air", longitude=1), "latitude", "give both or none"),
        (Device("a1", "air", name="x" * 201), "name", "shorten it to 200"),
        (Device("a1", "air", attributes={"a": "x" * 1001}), "a", "shorten it to 1000"),
        (Device("a1", "air", address="a\x1b"), "address", "cannot be printed"),
        (Device("a1", "air", name="\ud800"), "name", "cannot be printed"),
        (Device("a1", "air", attributes={"a=b": "1"}), "a=b", "without ="),
        (Device("a1", "air", attributes={"x" * 65: "1"}), "x" * 65, "1 to 64"),
        (
            Device("a1", "air", attributes={"Latitude": "1"}),
            "Latitude",
            "is a field of every device",
        ),
        (
            Device("a1", "air", installed_at=datetime(2026, 3, 1)),  # noqa: DTZ001 - the fault
            "installed_at",
            "has no zone",
        ),
    ],
)
def test_a_fault_names_its_field_and_what_to_do(device: Device, field: str, words: str) -> None:
    [fault] = find_faults(device, kinds=KINDS, models=MODELS)
    assert fault.field == field
    assert words in fault.problem


def test_all_faults_are_told_at_once() -> None:
    device = Device("?", "noise", model="y", latitude=100, longitude=200, name="\x00")
    found = {fault.field for fault in find_faults(device, kinds=KINDS, models=MODELS)}
    assert found == {"id", "kind", "model", "latitude", "longitude", "name"}


def test_kinds_and_models_may_be_left_to_the_caller() -> None:
    assert find_faults(Device("a1", "anything", model="any")) == []
    assert isinstance(find_faults(Device("?", "air"))[0], Fault)


@given(st.text(), st.text(), st.dictionaries(st.text(), st.text()))
def test_tidying_twice_is_tidying_once(name: str, address: str, attributes: dict[str, str]) -> None:
    once = tidy(Device("a1", "air", name=name, address=address, attributes=attributes))
    assert tidy(once) == once
    assert "" not in once.attributes.values()
    assert once.address != ""
