"""How a backup or a restore tells how far it is."""

from typing import Protocol


class Progress(Protocol):
    def begin(self, what: str, total: int | None) -> None:
        """Something new begins, of that many bytes; None: nobody knows."""
        ...

    def advance(self, count: int) -> None:
        """So many bytes more are done."""
        ...


class Silence:
    """Tells nobody."""

    def begin(self, what: str, total: int | None) -> None:
        del what, total

    def advance(self, count: int) -> None:
        del count
