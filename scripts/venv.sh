#!/usr/bin/env bash
# Makes .venv from the locks: scripts/venv.sh run|dev. Does nothing while the locks are the same.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

purpose=${1:?run or dev}
python=$(scripts/python.sh)
# The folder is part of the key, for a virtual environment does not survive being moved.
key=$(
    { cat requirements.txt requirements-dev.txt && pwd; } |
        "$python" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())'
)

made() { [[ $(cat ".venv/made-for-$1" 2>/dev/null) == "$key" ]] && .venv/bin/python -c ''; }

install() {
    .venv/bin/python -m pip --disable-pip-version-check --no-input --quiet install "$@" || {
        echo "The packages could not be installed. Without network: try again with it. If a" >&2
        echo "package has no build for this Python, choose another: PYTHON=python3.12 make run" >&2
        exit 1
    }
}

if ! made run; then
    scripts/system.sh python-venv
    rm -rf .venv
    echo "Installing the locked packages into .venv (a minute, once)" >&2
    "$python" -m venv .venv
    install --require-hashes --only-binary :all: -r requirements.txt
    install --no-build-isolation --no-deps -e .
    echo "$key" >.venv/made-for-run
fi
if [[ $purpose == dev ]] && ! made dev; then
    echo "Installing what tests and checks need into .venv" >&2
    install --require-hashes --only-binary :all: -r requirements-dev.txt
    echo "$key" >.venv/made-for-dev
fi
