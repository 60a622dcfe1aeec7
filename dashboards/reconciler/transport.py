"""HTTP to Grafana: one call, tried again while that can help, and its failure in words.

`grafana-client` 5 was tried for this and left out, see dashboards/reconciler/README.md.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import unquote, urlsplit

import aiohttp

from dashboards.reconciler.errors import (
    DeclarationError,
    GrafanaAnswerError,
    GrafanaBusyError,
    GrafanaConflictError,
    GrafanaForbiddenError,
    GrafanaLoginError,
    GrafanaMissingError,
    GrafanaServerError,
    GrafanaUnreachableError,
)

PATIENCE_S: Final = 60.0
"""How long a call waits in all for a Grafana that restarts or asks for patience."""
_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 8.0
_TIMEOUT: Final = aiohttp.ClientTimeout(total=60, connect=5)
_WORDS_MAX: Final = 300

_ERRORS: Final[Mapping[int, type[GrafanaAnswerError]]] = {
    401: GrafanaLoginError,
    403: GrafanaForbiddenError,
    404: GrafanaMissingError,
    409: GrafanaConflictError,
    412: GrafanaConflictError,
    429: GrafanaBusyError,
}
_TOO_MANY: Final = 429
_REDIRECTION: Final = 300
_SERVER_ERROR: Final = 500


class Transport:
    """A session with one Grafana.

    Args:
        url: `http://HOST:3000/path`, with `USER:PASSWORD@` for basic authentication.
        token: of a service account; goes before a user and password in the address.
        pause: waits between tries, for tests.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        patience_s: float = PATIENCE_S,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise DeclarationError(
                "KOTAHUB_GRAFANA_URL", "it must read http://HOST:3000 or https://HOST"
            )
        self.url = parts._replace(
            netloc=parts.netloc.rpartition("@")[2], path=parts.path.rstrip("/")
        ).geturl()
        self.has_password = parts.password is not None
        self._headers = {"Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        elif parts.password is not None:
            self._headers["Authorization"] = aiohttp.encode_basic_auth(
                unquote(parts.username or ""), unquote(parts.password), "utf-8"
            )
        self._patience_s = patience_s
        self._pause = pause
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers=self._headers, timeout=_TIMEOUT)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        parameters: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        unless: Callable[[], Awaitable[bool]] | None = None,
    ) -> Any:
        """The JSON of the answer, None for an empty one.

        Tried again, with growing pauses, when nobody answers, on 429 (after its Retry-After) and
        on 5xx. So a call may have been carried out before: writes are made so that the second
        time is harmless, or a conflict which the caller looks at, or have an `unless`.

        Args:
            method: as `GET`.
            path: below the address.
            body: to be sent as JSON.
            parameters: of the query.
            headers: beside the login's.
            unless: asked before another try; where it says yes, the call has been carried out
                though its answer was lost, and None is returned.

        Raises:
            GrafanaUnreachableError: nobody answered for `patience_s`.
            GrafanaAnswerError: the subclass for the status.
        """
        said_call = f"{method} {path}"
        waited, next_pause = 0.0, _FIRST_PAUSE_S
        while True:
            error: GrafanaUnreachableError | GrafanaAnswerError
            wish = 0.0
            try:
                status, text, wish = await self._once(method, path, body, parameters, headers)
            except (aiohttp.ClientError, TimeoutError, OSError) as failure:
                error = GrafanaUnreachableError(said_call, str(failure) or type(failure).__name__)
            else:
                if status < _REDIRECTION:
                    return _json(status, text, said_call)
                kind = _ERRORS.get(
                    status, GrafanaServerError if status >= _SERVER_ERROR else GrafanaAnswerError
                )
                error = kind(status, said_call, _words(text))
                if status < _SERVER_ERROR and status != _TOO_MANY:
                    raise error
            pause = max(next_pause, wish)
            if waited + pause > self._patience_s:
                raise error
            await self._pause(pause)
            waited += pause
            next_pause = min(2 * next_pause, _LONGEST_PAUSE_S)
            if unless is not None and await unless():
                return None

    async def _once(
        self,
        method: str,
        path: str,
        body: object,
        parameters: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> tuple[int, str, float]:
        """Status, text and the seconds to wait that the answer asks for."""
        assert self._session is not None  # noqa: S101 - used within its context
        async with self._session.request(
            method,
            self.url + path,
            json=body,
            params=parameters,
            headers=headers,
            allow_redirects=False,
        ) as answer:
            text = await answer.text(errors="replace")
            after = answer.headers.get("Retry-After", "")
            return answer.status, text, float(after) if after.isdigit() else 0.0


def _json(status: int, text: str, call: str) -> Any:
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise GrafanaMissingError(
            status, call, "the answer is no JSON: this is no Grafana"
        ) from error


def _words(text: str) -> str:
    """What the answer says, in one short line."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    message = found.get("message") if isinstance(found, dict) else None
    words = " ".join(str(message or text or "no words").split())
    return words[:_WORDS_MAX].rstrip(". ")
