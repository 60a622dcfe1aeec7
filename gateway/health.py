"""Whether the services on a data folder do their work, as another process there finds it."""

import http.client
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from gateway.heartbeat import read_heartbeat
from gateway.running import read_running

_TIMEOUT_S: Final = 8.0
"""Above the 5 s that `/readyz` gives each of its checks."""
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Health:
    service: str
    ok: bool
    why: str | None = None


def gateway_health(data_dir: Path) -> Health | None:
    """What `/readyz` says; None where no hub announces itself."""
    running = read_running(data_dir)
    if running is None:
        return None
    where = urlsplit(running.url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        checks = json.loads(response.read())["checks"]
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        return Health("gateway", ok=False, why=f"{running.url}/readyz: {error}")
    finally:
        connection.close()
    failed = [f"{name}: {check['reason']}" for name, check in checks.items() if not check["ok"]]
    return Health("gateway", ok=response.status == _OK, why="; ".join(failed) or None)


def ingest_health(data_dir: Path) -> Health | None:
    """What `kotahub ingest` last said of itself; None where it says nothing (any more)."""
    beat = read_heartbeat(data_dir, time.time_ns())
    return None if beat is None else Health("ingest", ok=beat.connected, why=beat.problem)
