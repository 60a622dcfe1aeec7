"""The fault matrix has a short form, for every change, and a full one: `make faults`."""

import os
from typing import Final

FULL: Final = os.environ.get("KOTAHUB_FAULTS") == "full"


def form(short: int, full: int) -> int:
    """A number of the form that runs."""
    return full if FULL else short
