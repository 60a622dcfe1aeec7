#!/usr/bin/env bash
# The whole hub on this machine, with a simulated Medan: console, API and broker on this host only.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/venv.sh run
if [[ -z ${KOTAHUB_MQTT_URL:-} ]]; then # otherwise the broker is somebody else's
    scripts/system.sh mosquitto
fi
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/opt/homebrew/sbin"
exec .venv/bin/kotahub run --simulate "$@"
