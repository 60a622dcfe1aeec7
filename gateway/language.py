"""The languages of the people who read the hub's words: Indonesian and English."""

from typing import Literal

Language = Literal["id", "en"]


def negotiate(accept: str | None, default: Language) -> Language:
    """The language that an `Accept-Language` header prefers (RFC 9110, 12.5.4).

    `default` where it names neither of ours.
    """
    best: Language = default
    weight = 0.0
    for part in (accept or "").split(","):
        tag, _, parameters = part.partition(";")
        primary = tag.strip().lower().partition("-")[0]
        q = _weight(parameters)
        if q <= weight:
            continue
        if primary in ("id", "in"):  # `in` is the old code, still sent by Java and Android
            best, weight = "id", q
        elif primary == "en":
            best, weight = "en", q
        elif primary == "*":
            best, weight = default, q
    return best


def _weight(parameters: str) -> float:
    name, _, value = parameters.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
