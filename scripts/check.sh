#!/usr/bin/env bash
# Everything that a reviewer need not look for: style, types, generated documents, shell scripts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/venv.sh dev
scripts/system.sh shellcheck || [[ ${CI:-} != true ]]
export PATH="$PWD/.venv/bin:$PATH"
ruff check .
ruff format --check .
mypy
python -m gateway.docs --check
kotahub dashboards build --check
kotahub dashboards provision --check
if command -v shellcheck >/dev/null; then
    shellcheck .ci/run scripts/*.sh tools/*/*.sh
fi
