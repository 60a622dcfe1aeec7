"""Fault points end a process at the pass that they are told, and nothing else."""

import signal
import subprocess
import sys

import pytest

from ingest.faults import VARIABLE, FaultPoint, UnknownFaultError, fault_pass

PASSES = """
from ingest.faults import FaultPoint, fault_pass
reach = fault_pass()
for number in range(5):
    for point in FaultPoint:
        print(point, number, flush=True)
        reach(point)
"""


def passes(fault: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", PASSES],
        env={VARIABLE: fault},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


def test_without_it_nothing_happens() -> None:
    code, said = passes("")
    assert code == 0
    assert len(said) == 5 * len(FaultPoint)


@pytest.mark.parametrize("point", FaultPoint)
@pytest.mark.parametrize("number", [1, 3])
def test_the_process_ends_at_the_pass_that_is_named(point: FaultPoint, number: int) -> None:
    code, said = passes(f"{point}:{number}" if number > 1 else point)
    assert code == -signal.SIGKILL
    assert said[-1] == f"{point} {number - 1}"


@pytest.mark.parametrize("text", ["power", "stored:0", "stored:x", "stored:-1", ":1"])
def test_a_wrong_name_is_told(text: str) -> None:
    with pytest.raises(UnknownFaultError, match="committed"):
        fault_pass(text)
