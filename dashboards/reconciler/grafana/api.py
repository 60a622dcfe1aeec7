"""The calls that more than one kind of thing needs."""

from typing import Any, Final

from dashboards.reconciler.difference import Json
from dashboards.reconciler.errors import GrafanaMissingError
from dashboards.reconciler.transport import Transport

FROM_FILE: Final = "it comes from a provisioning file: change the file, or remove it"
LIBRARY: Final = "/api/library-elements"
PAGE: Final = 1000
_LIBRARY_PAGE: Final = 100
_PANEL: Final = "1"


class Api:
    """A Grafana's API."""

    def __init__(self, transport: Transport) -> None:
        self.call = transport.call

    async def maybe(self, path: str, **parameters: str) -> Any:
        """The answer; None where there is no such thing."""
        try:
            return await self.call("GET", path, parameters=parameters)
        except GrafanaMissingError:
            return None

    async def search(self, **parameters: str) -> list[Json]:
        """Folders and dashboards, of all pages."""
        rows: list[Json] = []
        while True:
            page = {"limit": str(PAGE), "page": str(len(rows) // PAGE + 1)}
            found = await self.call("GET", "/api/search", parameters=parameters | page)
            rows += found
            if len(found) < PAGE:
                return rows

    async def library_panels(self) -> list[Json]:
        """All of them, of all pages."""
        rows: list[Json] = []
        number = 1
        while True:
            page = {"perPage": str(_LIBRARY_PAGE), "page": str(number), "kind": _PANEL}
            answer = await self.call("GET", LIBRARY, parameters=page)
            found = answer["result"]["elements"]
            rows += found
            if len(found) < _LIBRARY_PAGE:
                return rows
            number += 1


def person(name: object) -> str | None:
    """Somebody's name as Grafana tells it, None for nobody's."""
    return str(name) if name and name != "Anonymous" else None
