#!/usr/bin/env bash
# Sets up what the tests need and runs them; arguments go to pytest. What a plain machine cannot
# get is skipped by name and reason; with CI=true nothing may be missing and nothing is skipped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

may_lack() { [[ ${CI:-} != true ]]; }

scripts/venv.sh dev
scripts/system.sh mosquitto mosquitto-clients postgresql faketime || may_lack
if ! may_lack || { command -v go && command -v cargo; } >/dev/null 2>&1; then
    scripts/system.sh c-compiler pkg-config || may_lack
    tools/influxd/build.sh >/dev/null || may_lack
fi
may_lack || scripts/system.sh node # large, and one test needs it
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/opt/homebrew/sbin"
exec .venv/bin/python -m pytest "$@"
