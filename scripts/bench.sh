#!/usr/bin/env bash
# Measures the hub beside Telegraf on this machine; arguments go to the bench.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/venv.sh dev
scripts/system.sh mosquitto c-compiler pkg-config
tools/influxd/build.sh >/dev/null
tools/telegraf/build.sh >/dev/null
exec .venv/bin/python -m bench.ingest "$@"
