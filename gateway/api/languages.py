"""The reader's language, as the request tells it."""

from typing import Annotated

from fastapi import Depends, Header, Response

from gateway.api.keys import TheHub
from gateway.language import Language, negotiate


def _reader(
    hub: TheHub,
    response: Response,
    accept_language: Annotated[
        str | None, Header(max_length=1000, description="id or en, for the words for people")
    ] = None,
) -> Language:
    language = negotiate(accept_language, hub.settings.language)
    response.headers["Content-Language"] = language
    response.headers["Vary"] = "Accept-Language"
    return language


ReaderLanguage = Annotated[Language, Depends(_reader)]
"""The reader's language as a parameter of an endpoint."""
