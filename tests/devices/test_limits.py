import pytest

from devices.kind import Limits, load_kinds
from devices.limits import resolve_limits
from devices.model import Model, load_models

KINDS = load_kinds()
AIR = KINDS["air"]


def test_a_kind_s_limits_stand_where_nothing_overrides_them() -> None:
    limits, problems = resolve_limits(AIR, None, {"road": "x"})
    assert limits == {name: metric.limits for name, metric in AIR.metrics.items()}
    assert problems == []


def test_a_model_overrides_what_it_names_and_the_device_has_the_last_word() -> None:
    base = load_models(None, KINDS)["airgradient-one"]
    own = {"pm25": {"spike_suspect": 90, "flat_suspect_s": 60}}
    model = Model.model_validate({**base.model_dump(by_alias=True), "limits": own})
    kind = KINDS[model.kind]
    limits, problems = resolve_limits(kind, model, {"qc_spike_suspect_pm25": "120.5"})
    assert problems == []
    expected = kind.metrics["pm25"].limits.model_copy(
        update={"spike_suspect": 120.5, "flat_suspect_s": 60}
    )
    assert limits["pm25"] == expected


@pytest.mark.parametrize(
    ("attribute", "text", "field", "value"),
    [
        ("qc_suspect_pm25", "0:300", "suspect", (0.0, 300.0)),
        ("qc_suspect_pm25", "off", "suspect", None),
        ("qc_flat_zero_exempt_pm25", "yes", "flat_zero_exempt", True),
        ("qc_flat_tolerance_pm25", "0.5", "flat_tolerance", 0.5),
        ("qc_rate_per_min_pm25", "40", "rate_per_min", 40.0),
    ],
)
def test_attributes_name_limits(attribute: str, text: str, field: str, value: object) -> None:
    limits, problems = resolve_limits(AIR, None, {attribute: text})
    assert problems == []
    assert getattr(limits["pm25"], field) == value


@pytest.mark.parametrize(
    ("attribute", "text"),
    [
        ("qc_spike_suspect_pm26", "1"),
        ("qc_pm25", "1"),
        ("qc_spike_suspect_pm25", "much"),
        ("qc_spike_suspect_pm25", "-1"),
        ("qc_spike_suspect_pm25", "400"),  # beyond fail
        ("qc_suspect_pm25", "9:1"),
        ("qc_suspect_pm25", "1:2:3"),
    ],
)
def test_a_wrong_attribute_changes_nothing_and_says_why(attribute: str, text: str) -> None:
    limits, problems = resolve_limits(AIR, None, {attribute: text})
    assert limits["pm25"] == AIR.metrics["pm25"].limits
    (problem,) = problems
    assert attribute in problem


def test_limits_have_no_field_that_begins_another_s_name_ambiguously() -> None:
    names = [f"{field}_{metric}" for field in Limits.model_fields for metric in AIR.metrics]
    assert len(names) == len(set(names))
