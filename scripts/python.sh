#!/usr/bin/env bash
# Prints a Python that can run the hub: 3.11 or newer. PYTHON=/path/to/python chooses one.
set -euo pipefail

suits() { # a name on PATH may be a shim for a version that is not active: it must really run
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

if [[ -n ${PYTHON:-} ]]; then
    suits "$PYTHON" || {
        echo "PYTHON=$PYTHON is not a Python 3.11 or newer that runs." >&2
        exit 1
    }
    command -v "$PYTHON"
    exit
fi
for candidate in python3.13 python3.12 python3.11 python3 python; do
    if suits "$candidate"; then
        command -v "$candidate"
        exit
    fi
done
cat >&2 <<END
kotahub needs Python 3.11 or newer; none was found on PATH.
  Debian 12, Ubuntu 24.04 or newer:  sudo apt-get install python3 python3-venv
  Fedora:                            sudo dnf install python3
  macOS:                             brew install python@3.13
One in another place can be named:   PYTHON=/path/to/python3.12 make run
END
exit 1
