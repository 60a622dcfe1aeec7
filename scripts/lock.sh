#!/usr/bin/env bash
# Renews the locks from pyproject.toml: newest versions that satisfy it, with their hashes, for
# every Python and Linux that the hub supports. Needs uv (https://docs.astral.sh/uv).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

command -v uv >/dev/null || {
    echo "The locks are made with uv: install it (https://docs.astral.sh/uv) and try again." >&2
    exit 1
}

compile() {
    uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
        --custom-compile-command "scripts/lock.sh" "$@"
}

compile pyproject.toml --group build --output-file requirements.txt
compile pyproject.toml --group build --group dev --constraints requirements.txt \
    --output-file requirements-dev.txt
