"""A registered device, as every room sees it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

DEVICE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{1,63}")
"""What a device id looks like, everywhere."""

Status = Literal["active", "maintenance", "retired"]


@dataclass(frozen=True, slots=True)
class Device:
    """What the registry knows of one sensor. Frozen: a change is a new revision.

    `address` is the identity that its network gives it (a LoRaWAN DevEUI, a SenML base name),
    where that is not the id itself. `area` is the code of the area that holds its position.
    `attributes` are free text by name (`mount_height_m`, `road`, …). `installed_at` knows its zone.
    `revision` is the registry's revision that last changed the device; it says nothing of what
    the device is, so two devices may be equal in different revisions.
    """

    id: str
    kind: str
    model: str | None = None
    name: str = ""
    latitude: float | None = None
    longitude: float | None = None
    area: str | None = None
    status: Status = "active"
    address: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    installed_by: str = ""
    installed_at: datetime | None = None
    revision: int = field(default=0, compare=False)

    @property
    def names(self) -> list[str]:
        """What messages may call it; networks do not agree on the case of an address."""
        if self.address is None:
            return [self.id]
        return list(dict.fromkeys((self.id, self.address, self.address.casefold())))

    def describe(self) -> dict[str, Any]:
        """What the device is, as JSON: every field but `revision`, in declared order."""
        return {
            "id": self.id,
            "kind": self.kind,
            "model": self.model,
            "name": self.name,
            "latitude": self.latitude,
            "longitude": self.longitude,
            "area": self.area,
            "status": self.status,
            "address": self.address,
            "attributes": dict(self.attributes),
            "installed_by": self.installed_by,
            "installed_at": None if self.installed_at is None else self.installed_at.isoformat(),
        }
