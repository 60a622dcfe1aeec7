"""Validation is structure: is it JSON, are metrics numbers, is a metric of the kind there?

Plausibility is not judged here: any finite number passes.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import SchemaValidator, core_schema

from devices.kind import Kind
from ingest.types import Reason, Rejected

FIXED: Final = ("time", "seq", "channel", "battery", "rssi")
"""Members beside the metrics that every payload of ours may have."""

_NUMBER: Final = core_schema.nullable_schema(
    core_schema.float_schema(strict=True, allow_inf_nan=False)
)
_WHOLE: Final = core_schema.nullable_schema(core_schema.int_schema(strict=True))
_CHANNEL: Final = core_schema.nullable_schema(
    core_schema.union_schema(
        [core_schema.str_schema(strict=True), core_schema.int_schema(strict=True)]
    )
)

_REASONS: Final = {
    "json_invalid": Reason.NOT_JSON,
    "finite_number": Reason.NOT_FINITE,
    "dict_type": Reason.WRONG_SHAPE,
}
_DETAIL_MAX: Final = 300


class Validator:
    """Checks one element of our own payload against its kind.

    Built from the kind at start-up, so in pydantic's core schema and not as a written class.
    """

    def __init__(self, kind: Kind) -> None:
        members: dict[str, core_schema.CoreSchema] = dict.fromkeys(kind.fields, _NUMBER)
        # The time is read by `ingest.instant`, which has a reason of its own for a bad one.
        members |= {"time": core_schema.any_schema(), "seq": _WHOLE}
        members |= {"battery": _NUMBER, "rssi": _NUMBER}
        if kind.channel is not None:
            members["channel"] = _CHANNEL
        checker = SchemaValidator(
            core_schema.typed_dict_schema(
                {
                    name: core_schema.typed_dict_field(member, required=False)
                    for name, member in members.items()
                },
                # Unknown members stay in the result: the pipeline counts and lists them.
                extra_behavior="allow",
            )
        )
        self.from_json = checker.validate_json
        """Values from bytes; raises pydantic's ValidationError."""
        self._from_python = checker.validate_python

    def from_values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values that are opened already.

        Raises:
            Rejected: a member has a wrong type or is not finite.
        """
        try:
            checked: dict[str, Any] = self._from_python(values)
        except ValidationError as error:
            raise rejection(error) from error
        return checked


def rejection(error: ValidationError) -> Rejected:
    """The quarantine's words for pydantic's."""
    fault = error.errors(include_url=False, include_context=False)[0]
    reason = _REASONS.get(fault["type"], Reason.WRONG_TYPE)
    where = ".".join(str(part) for part in fault["loc"])
    detail = f"{where}: {fault['msg']}" if where else fault["msg"]
    if reason is Reason.WRONG_TYPE:
        detail += f", not {type(fault['input']).__name__}"
    return Rejected(reason, detail[:_DETAIL_MAX])
