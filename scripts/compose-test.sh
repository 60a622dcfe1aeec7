#!/usr/bin/env bash
# Runs docker-compose.yml on a Docker engine of its own, with stand-ins for the images that only a
# registry has; arguments go to pytest. As root on Debian, about ten minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[[ $(id -u) -eq 0 ]] || {
    echo "The test starts a Docker engine of its own: run it as root." >&2
    exit 1
}
scripts/venv.sh dev
scripts/system.sh docker docker-compose debootstrap
tools/influxd/build.sh >/dev/null
export KOTAHUB_COMPOSE=1
exec .venv/bin/python -m pytest tests/compose --timeout 3600 -rP "$@"
