"""Where the stores' tests keep their points: the same suite runs over every store."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from devices.kind import Kind, load_kinds
from ingest.stores import Store
from ingest.stores.reading import EARLIEST_NS, LATEST_NS

KINDS: Final = load_kinds()
AIR: Final = KINDS["air"]
T0: Final = 1_795_507_266_123_456_789
"""2026-11-24T08:01:06.123456789Z"""

_Result = TypeVar("_Result")
Scenario = Callable[[Store], Awaitable[_Result]]


@dataclass(frozen=True)
class Place:
    """One database, to be opened again and again."""

    open: Callable[[Mapping[str, Kind]], Store]

    def run(self, scenario: Scenario[_Result], kinds: Mapping[str, Kind] = KINDS) -> _Result:
        """Open the store, do what the scenario does with it, close it."""

        async def opened() -> _Result:
            async with aclosing(_Closing(self.open(kinds))) as closing:
                return await scenario(closing.store)

        return asyncio.run(opened())


@dataclass(frozen=True)
class _Closing:
    store: Store

    async def aclose(self) -> None:
        await self.store.close()


async def everything(
    store: Store, kind: Kind, device: str, channel: str | None = None
) -> list[dict[str, Any]]:
    """All readings of a device (and channel)."""
    return await store.readings(
        kind, device, start_ns=EARLIEST_NS, stop_ns=LATEST_NS + 1, limit=1000, channel=channel
    )


def air(fields: str, time_ns: int = T0, *, device: str = "air-1", channel: str = "") -> bytes:
    """A line of kind air."""
    tags = f"channel={escaped(channel)},device={device}" if channel else f"device={device}"
    return f"air,area=medan-kota,{tags} {fields} {time_ns}".encode()


def escaped(value: str) -> str:
    """A tag value as InfluxDB escapes it."""
    return "".join(f"\\{one}" if one in ",= " else one for one in value)


def kind_with(name: str, *metrics: str) -> Kind:
    """A kind with metrics under new names, declared as the first ones of air are."""
    declared = AIR.model_dump()
    one_by_one = zip(metrics, declared["metrics"].values(), strict=False)
    return Kind.model_validate(declared | {"id": name, "metrics": dict(one_by_one)})
