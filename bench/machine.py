"""What a figure was measured on, and of which commit."""

import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

HOUSE: Final = Path(__file__).parent.parent
RESULTS: Final = HOUSE / "bench" / "results"


def machine() -> Mapping[str, str | int]:
    cpu = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": cpu[1].strip() if cpu else platform.machine(),
        "cores": os.cpu_count() or 0,
        "memory_gib": round(memory / 1024**3),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def commit() -> str:
    """Short hash of what is measured; `-dirty` when files differ from it."""
    words = ["git", "describe", "--always", "--dirty", "--exclude=*", "--abbrev=10"]
    return subprocess.run(
        words, cwd=HOUSE, capture_output=True, text=True, check=True
    ).stdout.strip()


def results_file(bench: str, tested: str) -> Path:
    """Where the results of a bench at a commit on this machine stand."""
    facts = machine()
    slug = re.sub(r"[^a-z0-9]+", "-", f"{facts['cpu']} {facts['cores']}c".lower()).strip("-")
    RESULTS.mkdir(exist_ok=True)
    return RESULTS / f"{tested}-{slug}-{bench}.json"


def tell(bench: str, tested: str, result: Mapping[str, Any]) -> None:
    """Prints the result of a bench and writes it down, with the machine and the commit."""
    print(f"{tested} on {machine()}\n{json.dumps(result, indent=1)}")
    report = {"commit": tested, "machine": dict(machine()), "result": dict(result)}
    file = results_file(bench, tested)
    file.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
