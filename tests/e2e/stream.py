"""A stream of messages with known truth: which are good, what they hold, and which are bad."""

import json
import random
from dataclasses import dataclass
from typing import Final

from devices.device import Device

START_MS: Final = 1_764_000_000_000
METRICS: Final = {
    "air": ("pm25", "pm10", "temperature"),
    "flood": ("level", "distance"),
    "weather": ("rain_rate", "humidity", "pressure"),
    "traffic": ("volume", "speed", "occupancy"),
}

BAD: Final = (
    b"",
    b"not json",
    b'{"pm25": NaN, "level": NaN, "humidity": NaN, "speed": NaN}',
    b'{"pm25": "12", "level": "12", "humidity": "12", "speed": "12"}',
    b'{"pm25": true, "level": true, "humidity": true, "speed": true}',
    b'{"nobody": 1}',
    b'{"pm25": 1, "level": 1, "humidity": 1, "speed": 1, "time": 9999999999}',
    b'{"pm25": 1, "level": 1, "humidity": 1, "speed": 1, "time": "soon"}',
    b"\x00\xff\xfe",
    b"[[[[[[[[",
)


@dataclass(frozen=True)
class Published:
    device: str
    payload: bytes
    good: bool


def devices(count: int) -> list[Device]:
    kinds = sorted(METRICS)
    return [Device(f"{kinds[n % 4]}-{n:03d}", kinds[n % 4]) for n in range(count)]


def stream(known: list[Device], *, good: int, bad: int, seed: int) -> list[Published]:
    """Good messages with distinct times a device, and bad ones among them."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    messages = []
    for number in range(good):
        device = known[number % len(known)]
        values = {name: round(rng.uniform(1, 60), 2) for name in METRICS[device.kind]}
        payload = {"time": START_MS + number, "seq": number, **values}
        messages.append(Published(device.id, json.dumps(payload).encode(), good=True))
    for number in range(bad):
        device = rng.choice(known)
        messages.insert(
            rng.randrange(len(messages)),
            Published(device.id, BAD[number % len(BAD)], good=False),
        )
    return messages


def later(message: Published, shift_ms: int) -> Published:
    """The same good message at another time."""
    values = json.loads(message.payload)
    values["time"] += shift_ms
    return Published(message.device, json.dumps(values).encode(), good=True)
