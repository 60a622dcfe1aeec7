#!/usr/bin/env bash
# The fault matrix in full, alone on this machine: about an hour; arguments go to pytest. Whatever
# it needs is installed, nothing is skipped, and what was measured is printed at the end.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export CI=true KOTAHUB_FAULTS=full
exec scripts/test.sh tests/faults -rP "$@"
