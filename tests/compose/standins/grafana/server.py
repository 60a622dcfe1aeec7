"""Serves the stand-in of tests/dashboards on port 3000, with the password of the environment."""

# ruff: noqa: INP001 - it runs in an image, alone

import json
import os
import signal
from pathlib import Path

from tests.dashboards import grafana

STATE = Path("/var/lib/grafana/state.json")


def main() -> None:
    """Runs until SIGTERM; twice a second it tells in a file what it holds."""
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    password = Path(os.environ["GF_SECURITY_ADMIN_PASSWORD__FILE"]).read_text(encoding="utf-8")
    vars(grafana)["ADMIN"] = ("admin", password.strip())
    stand_in = grafana.StandIn(version=(12, 3, 1), port=3000, address="0.0.0.0")  # noqa: S104
    with stand_in:
        while not signal.sigtimedwait(signals, 0.5):
            state = {
                "dashboards": sorted(stand_in.dashboards),
                "writes": len(stand_in.writes),
                "data_sources": list(stand_in.data_sources.values()),
                "secrets": stand_in.secrets,
            }
            fresh = STATE.with_suffix(".new")
            fresh.write_text(json.dumps(state), encoding="utf-8")
            fresh.replace(STATE)


if __name__ == "__main__":
    main()
