"""Pages: how every list of the API is cut and continued."""

from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    items: list[T]
    next: Annotated[
        str | None, Field(description="Cursor of the next page; null at the end of the list")
    ] = None


Limit = Annotated[int, Query(ge=1, le=1000, description="Items of a page, at most")]
Cursor = Annotated[
    str | None,
    Query(max_length=8192, description="The `next` of the page before; without it the first"),
]
DEFAULT_LIMIT = 100
