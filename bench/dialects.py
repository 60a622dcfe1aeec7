"""What a message of each dialect costs: to open its envelope, and to become lines.

`python -m bench.dialects`. The messages are the inputs of the accepted cases in `tests/cases/`;
`opened` is the dialect alone, `whole` the pipeline with model, validation and quality control.
Figures are CPU microseconds a message, the median of several rounds.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from bench.machine import commit, machine
from ingest.dialects import DIALECTS, Surroundings, make_openers
from ingest.route import find_route
from tests.case import ZONE, Case, find_cases

ROUNDS: Final = 7
ROUND_S: Final = 0.02


class Cost(NamedTuple):
    """CPU microseconds a message."""

    opened: float
    whole: float
    bytes: int


def dialect_of(case: Case) -> str | None:
    """The dialect that the case's topic leads to."""
    filters = {
        **case.settings().get("dialects", {}),
        **{topic: name for name, dialect in DIALECTS.items() for topic in dialect.FILTERS},
    }
    return find_route(case.settings()["topic"], {}, filters).dialect


def measured(case: Case, dialect: str, *, rounds: int = ROUNDS) -> Cost:
    """What the case's message costs, after what came before it."""
    pipeline, received_ns = case.prepared()
    message = case.message()
    openers = make_openers(Surroundings(zone=ZONE))
    for item in case.settings().get("before", []):
        if isinstance(item, dict) and "topic" in item:  # a birth that the opener must know
            openers[dialect](item["topic"], (case.folder / item["file"]).read_bytes())
    opener = openers[dialect]

    def whole() -> None:
        pipeline.forget(pipeline.process([message], received_ns))

    return Cost(
        opened=_microseconds(lambda: opener(message.topic, message.payload), rounds),
        whole=_microseconds(whole, rounds),
        bytes=len(message.payload),
    )


def costs(cases: Sequence[Case], *, rounds: int = ROUNDS) -> dict[str, list[Cost]]:
    """The costs of every accepted case by its dialect."""
    found: dict[str, list[Cost]] = {}
    for case in cases:
        dialect = dialect_of(case)
        if dialect is not None and case.lines() and case.fault() is None:
            found.setdefault(dialect, []).append(measured(case, dialect, rounds=rounds))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a table; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.dialects", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="rounds a message")
    rounds = parser.parse_args(arguments).rounds
    print(f"{commit()} on {machine()['cpu']}, Python {machine()['python']}")
    print(f"{'dialect':<16} {'cases':>5} {'bytes':>6} {'opened µs':>10} {'whole µs':>9}")
    for dialect, found in sorted(costs(find_cases(), rounds=rounds).items()):
        size = statistics.median(cost.bytes for cost in found)
        opened = statistics.median(cost.opened for cost in found)
        whole = statistics.median(cost.whole for cost in found)
        print(f"{dialect:<16} {len(found):>5} {size:>6.0f} {opened:>10.1f} {whole:>9.1f}")
    return 0


def _microseconds(work: Callable[[], object], rounds: int) -> float:
    """The median CPU time of one call, each round long enough for the clock."""
    work()
    start = time.process_time()
    work()
    once = max(time.process_time() - start, 1e-6)
    count = max(1, round(ROUND_S / once))
    took = []
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(count):
            work()
        took.append((time.process_time() - start) / count)
    return statistics.median(took) * 1e6


if __name__ == "__main__":
    sys.exit(main())
