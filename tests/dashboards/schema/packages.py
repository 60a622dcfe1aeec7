"""The types that Grafana publishes, with a TypeScript compiler, in the user's cache."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

from tests.servers import lacking

CACHE: Final = Path("kotahub") / "grafana-schema"
_FILES: Final = ("package.json", "package-lock.json")


def installed(declared: Path) -> Path:
    """The `node_modules` that a folder's package-lock.json describes.

    Installed once for each lock file; where that cannot be, the test is skipped and says why.
    """
    if not (shutil.which("node") and shutil.which("npm")):
        lacking("Node.js and npm are not on this machine; install them: scripts/system.sh node")
    digest = hashlib.sha256(b"".join((declared / name).read_bytes() for name in _FILES))
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    wanted = home / CACHE / digest.hexdigest()[:16]
    if not wanted.is_dir() and (problem := _install(declared, wanted)):
        lacking(problem)
    return wanted / "node_modules"


@cache
def _install(declared: Path, wanted: Path) -> str | None:
    """Tries it, once a run; why it could not be."""
    wanted.parent.mkdir(parents=True, exist_ok=True)
    # Beside it, and moved when it is whole: others may install at the same time, or be cut off.
    begun = Path(tempfile.mkdtemp(dir=wanted.parent))
    try:
        for name in _FILES:
            shutil.copy(declared / name, begun)
        done = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"],
            cwd=begun,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            return f"npm cannot install what {declared.name} declares: {done.stderr[-2000:]}"
        if not wanted.is_dir():
            begun.rename(wanted)
    finally:
        shutil.rmtree(begun, ignore_errors=True)
    return None
