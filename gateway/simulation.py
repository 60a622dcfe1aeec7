"""Simulated sensors as the city's own are: registered, with a login each."""

from collections.abc import Sequence

from devices.device import Device
from devices.registry import Registry
from devices.simulator import Credentials
from gateway.credentials import open_credentials
from gateway.settings import Settings


def register_sensors(registry: Registry, sensors: Sequence[Device]) -> None:
    """Registers those that are not yet."""
    known = {device.id for device in registry.devices()}
    registry.add_many([one for one in sensors if one.id not in known], by="simulator")


async def sensor_logins(settings: Settings, sensors: Sequence[Device]) -> Credentials:
    """A new login for each.

    Raises:
        NoAdminError: nobody may make logins on this broker.
        CredentialsError: as `Credentials.create`.
    """
    passwords = await open_credentials(settings).create([one.id for one in sensors])
    return {device_id: (device_id, password) for device_id, password in passwords.items()}
