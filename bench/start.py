"""How long a hub with many registered devices takes to be ready, and what memory it holds.

`python -m bench.start --devices 100000`
"""

import argparse
import os
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bench.machine import commit, tell
from bench.process import Process
from bench.servers import free_port
from bench.subjects.hub import COMMAND
from devices.city import city_areas
from devices.device import Device
from devices.registry import Registry

KINDS: Final = ("air", "flood", "traffic", "weather")
WITHIN_S: Final = 120.0
SETTLE_S: Final = 5.0


def start(devices: int) -> Mapping[str, Any]:
    with tempfile.TemporaryDirectory(prefix="kotahub-bench-") as name:
        folder = Path(name)
        registry = Registry.open(f"sqlite:///{folder / 'registry.db'}")
        known = [
            Device(
                f"bench-{number:06}",
                KINDS[number % len(KINDS)],
                name=f"Sensor {number}",
                latitude=3.5 + number % 300 / 1000,
                longitude=98.6 + number % 140 / 1000,
            )
            for number in range(devices)
        ]
        # As the first start of a hub leaves them: devices in their areas.
        registry.set_areas(city_areas("medan"))
        registry.add_many(known, by="bench")
        registry.close()
        port = free_port()
        environment = {
            "KOTAHUB_DATA_DIR": name,
            "KOTAHUB_HTTP_BIND": f"127.0.0.1:{port}",
            "KOTAHUB_MQTT_BIND": f"127.0.0.1:{free_port()}",
        }
        begun = time.monotonic()
        command: list[str | Path] = [COMMAND, "run"]
        with Process(
            "hub", command, log=folder / "hub.log", environment=environment, folder=folder
        ) as hub:
            await_ready(f"http://127.0.0.1:{port}/readyz", hub)
            ready_s = time.monotonic() - begun
            time.sleep(SETTLE_S)
            return {
                "devices": devices,
                "ready_s": round(ready_s, 2),
                "rss_mb": hub.rss_mb(),
                "peak_mb": hub.rss_peak_mb(),
            }


def await_ready(url: str, hub: Process) -> None:
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        hub.check()
        try:
            urllib.request.urlopen(url, timeout=2).close()  # noqa: S310 - our own address
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"not ready within {WITHIN_S:.0f} s")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.start", description=__doc__)
    parser.add_argument("--devices", type=int, default=100_000)
    options = parser.parse_args()
    os.environ.pop("KOTAHUB_MQTT_URL", None)
    tested = commit()
    result = start(options.devices)
    tell("start", tested, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
