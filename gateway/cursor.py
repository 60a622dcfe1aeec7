"""Cursors: where the next page of a list begins. Opaque to callers, checked when they return."""

import base64
import binascii
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from gateway.errors import InvalidParameterError

T = TypeVar("T")


def write_cursor(position: Any) -> str:
    """The cursor of a position that JSON can hold."""
    data = TypeAdapter[Any](Any).dump_json(position)
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def read_cursor(cursor: str, shape: TypeAdapter[T]) -> T:
    """The position in a cursor.

    Raises:
        InvalidParameterError: the cursor is not one of this list's.
    """
    try:
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return shape.validate_json(data, strict=True)
    except (ValueError, binascii.Error, ValidationError) as error:
        raise InvalidParameterError(
            "cursor", "hand back the `next` of the page before, unchanged"
        ) from error
