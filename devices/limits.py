"""Quality limits of one device: the kind's, overridden by its model and its own attributes."""

from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError

from devices.kind import Kind, Limits
from devices.model import Model

PREFIX: Final = "qc_"
"""Attributes of a device that begin so are limits: `qc_<limit>_<metric>`."""

_NONE: Final = "off"
_YES: Final = {"yes": True, "no": False}


def resolve_limits(
    kind: Kind, model: Model | None, attributes: Mapping[str, str]
) -> tuple[Mapping[str, Limits], list[str]]:
    """The limits of every metric, and what is wrong with the attributes that were to change some.

    An attribute names a limit and a metric: `qc_spike_suspect_pm25 = 90`,
    `qc_suspect_level = 0:4.5`, `qc_flat_zero_exempt_depth = yes`; `off` takes the limit away.
    A wrong one changes nothing.
    """
    limits = {name: metric.limits for name, metric in kind.metrics.items()}
    if model is not None:
        for name, own in model.limits.items():
            given = {field: getattr(own, field) for field in own.model_fields_set}
            limits[name] = _changed(limits[name], given)
    problems = []
    for attribute, text in attributes.items():
        if not attribute.startswith(PREFIX):
            continue
        place = _place(attribute, kind)
        if place is None:
            problems.append(f"attribute {attribute}: no limit of a metric has this name")
            continue
        field, name = place
        try:
            limits[name] = _changed(limits[name], {field: _value(text)})
        except ValidationError as error:
            what = error.errors(include_url=False)[0]["msg"]
            problems.append(f"attribute {attribute}: {what}")
    return limits, problems


def _place(attribute: str, kind: Kind) -> tuple[str, str] | None:
    """The limit and the metric that an attribute names."""
    for field in Limits.model_fields:
        metric = attribute.removeprefix(f"{PREFIX}{field}_")
        if metric in kind.metrics:
            return field, metric
    return None


def _changed(limits: Limits, given: Mapping[str, object]) -> Limits:
    return Limits.model_validate({**limits.model_dump(), **given})


def _value(text: str) -> object:
    if text == _NONE:
        return None
    if ":" in text:
        return text.split(":")
    return _YES.get(text, text)
