"""Feeds the hub broken messages by the million; nothing but quarantine may come of them.

    python -m bench.fuzz --inputs 1000000 --state fuzz.json

Each input is one of the cases under `tests/cases/` broken by `bench.mutation`. It goes into

- `dialect`: a dialect's opener, its own or another network's: uplinks or `Rejected`, nothing else;
- `pipeline`: `Pipeline.process` with the case's device, then a real journal: lines that can be read
  back, or a quarantined message that is none of the hub's own faults, and a ledger that adds up;
- `session`: the MQTT session's frame parser, as a stream in pieces: messages (which then go through
  the pipeline), or the connection's end.

Inputs come in blocks of a thousand, each a function of seed and number alone. With `--state` a run
that was interrupted goes on behind its last whole block. What fails is written beside the state,
one file an input, and the exit code is 1.
"""

import argparse
import asyncio
import base64
import json
import logging
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import mqtt5

from bench.machine import commit, machine, results_file
from bench.mutation import Mutator
from bench.samples import Sample, samples
from devices.kind import load_kinds
from devices.model import load_models
from ingest.batch import Batch
from ingest.dialects import DIALECTS, Surroundings, make_openers
from ingest.journal import Journal
from ingest.pipeline import Pipeline
from ingest.quality import Quality
from ingest.replay import replay
from ingest.sources.mqtt_session import Session
from ingest.stores.lines import LineError, parse_line
from ingest.types import Message, Notice, Reason, Rejected, Uplink

BLOCK: Final = 1_000
RUN: Final = 25
"""Messages that go through the pipeline together, as the source brings them."""
NOW_NS: Final = 1_767_582_000_000_000_000
SLOW_S: Final = 1.0
ZONE: Final = ZoneInfo("Asia/Jakarta")


@dataclass
class Findings:
    """How far a run has come, and what came of it."""

    seed: int
    done: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: int = 0
    slowest_s: float = 0.0
    """CPU of the slowest try, in seconds."""

    def document(self) -> dict[str, Any]:
        return {**vars(self), "outcomes": dict(sorted(self.outcomes.items()))}


class FailedError(Exception):
    """An input did what none may do."""


class Block:
    """A thousand inputs: a journal of their own, and a new pipeline for each case."""

    def __init__(self, findings: Findings, number: int, failed: Path | None) -> None:
        self._rng = random.Random(f"{findings.seed}:{number}")
        self._number = number
        self._findings = findings
        self._failed = failed
        self._mutator = Mutator(self._rng, [sample.payload for sample in samples()])
        self._received = 0

    async def run(self, journal: Journal) -> None:
        """Tries all inputs; in a loop, because a session is made in one."""
        for _ in range(BLOCK // RUN):
            self._try_run(journal)
        taken = journal.take(max_bytes=1 << 30)
        journal.settle(taken, {})
        totals = journal.totals()
        settled = totals.stored + totals.quarantined + totals.duplicate
        if not self._received == totals.received == settled:
            self._fail("ledger", "", b"", f"{self._received} received, the ledger says {totals}")

    def _try_run(self, journal: Journal) -> None:
        """Some inputs for one target."""
        share = self._rng.random()
        if share < 0.35:
            for _ in range(RUN):
                self._try_dialect()
            return
        sample = self._rng.choice(samples())
        pipeline = self._pipeline(sample)
        if share < 0.75:
            self._try_messages(pipeline, journal, [self._message(sample) for _ in range(RUN)])
        else:
            for _ in range(RUN):
                self._try_session(sample, pipeline, journal)
        if self._rng.random() < 0.2:
            self._try_again(pipeline, journal)

    def _try_dialect(self) -> None:
        sample = self._rng.choice(samples())
        name = sample.dialect
        if not name or self._rng.random() < 0.2:
            name = self._rng.choice(list(DIALECTS))
        payload = self._mutator.payload(sample.payload)
        openers = make_openers(Surroundings(zone=ZONE))
        topic = self._topic(sample.topic)
        began = time.process_time()
        try:
            for message in sample.before:
                _open(openers[name], message.topic, message.payload)
            outcome = _open(openers[name], topic, payload)
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            self._fail(f"dialect {name}", topic, payload, repr(error))
        else:
            self._findings.outcomes[f"dialect {outcome}"] += 1
        self._time(began, f"dialect {name}", topic, payload)

    def _pipeline(self, sample: Sample) -> Pipeline:
        pipeline = Pipeline(
            kinds=_kinds(),
            models=_models(),
            devices=[sample.device],
            dialects=sample.dialects,
            zone=ZONE,
            quality=Quality(_kinds()),
        )
        pipeline.process(sample.before, NOW_NS)
        return pipeline

    def _message(self, sample: Sample) -> Message:
        payload = self._mutator.payload(sample.payload)
        return Message(
            self._topic(sample.topic),
            payload,
            self._rng.randrange(1, 65_536),
            self._rng.random() < 0.1,
        )

    def _topic(self, topic: str) -> str:
        """Mostly as it is; a broker lets through any text without wildcards."""
        if self._rng.random() < 0.9:
            return topic
        broken = self._mutator.turned(topic.encode()).decode("utf-8", "replace")
        return broken.replace("\0", "").replace("+", "").replace("#", "") or "/"

    def _try_messages(
        self, pipeline: Pipeline, journal: Journal, messages: Sequence[Message]
    ) -> None:
        began = time.process_time()
        first = messages[0]
        try:
            batch = pipeline.process(messages, NOW_NS)
            check_batch(batch, messages)
            journal.commit(batch)
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            for message in messages:  # any of them
                self._fail("pipeline", message.topic, message.payload, repr(error))
        else:
            self._received += batch.messages
            outcomes = self._findings.outcomes
            outcomes["pipeline accepted"] += sum(batch.accepted.values())
            outcomes["pipeline duplicate"] += sum(batch.duplicate.values())
            outcomes["pipeline not counted"] += len(messages) - batch.messages
            outcomes.update(f"pipeline {item.reason}" for item in batch.quarantined)
        self._time(began, "pipeline", first.topic, first.payload)

    def _try_again(self, pipeline: Pipeline, journal: Journal) -> None:
        """What stands in quarantine, tried once more."""
        try:
            replay(journal, pipeline, [item.id for item in journal.quarantine(limit=50)])
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            self._fail("replay", "", b"", repr(error))

    def _try_session(self, sample: Sample, pipeline: Pipeline, journal: Journal) -> None:
        stream = b"".join(self._packets(sample))
        for _ in range(self._rng.randrange(0, 4)):
            stream = self._mutator.turned(stream)
        began = time.process_time()
        try:
            messages, ended = feed(stream, self._rng)
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            self._fail("session", "", stream, repr(error))
            return
        self._findings.outcomes["session ended" if ended else "session goes on"] += 1
        self._findings.outcomes["session messages"] += len(messages)
        self._time(began, "session", "", stream)
        if messages:
            self._try_messages(pipeline, journal, messages)

    def _packets(self, sample: Sample) -> Iterator[bytes]:
        for _ in range(self._rng.randrange(1, 6)):
            message = self._message(sample)
            yield mqtt5.PublishPacket(
                message.topic,
                message.payload[:60_000],
                qos=mqtt5.QoS.AT_LEAST_ONCE,
                packet_id=message.token,
                duplicate=message.redelivered,
            ).write()
        if self._rng.random() < 0.3:
            yield mqtt5.PingRespPacket().write()

    def _time(self, began: float, target: str, topic: str, payload: bytes) -> None:
        took_s = time.process_time() - began
        self._findings.slowest_s = max(self._findings.slowest_s, took_s)
        if took_s > SLOW_S:
            self._fail(target, topic, payload, f"took {took_s:.1f} s")

    def _fail(self, target: str, topic: str, payload: bytes, why: str) -> None:
        self._findings.failures += 1
        print(f"FAILED {target} in block {self._number}: {why}")
        if self._failed is not None:
            self._failed.mkdir(parents=True, exist_ok=True)
            record = {
                "target": target,
                "block": self._number,
                "topic": topic,
                "payload": base64.b64encode(payload).decode(),
                "why": why,
            }
            name = f"{self._findings.seed}-{self._number}-{self._findings.failures}.json"
            (self._failed / name).write_text(json.dumps(record, indent=1), encoding="utf-8")


def _open(opener: Any, topic: str, payload: bytes) -> str:
    """What a dialect makes of a message: `uplinks`, `nothing`, or the reason of its refusal."""
    try:
        found = opener(topic, payload)
    except Rejected as refused:
        refused.detail.encode()
        return str(refused.reason)
    for item in found:
        if not isinstance(item, Uplink | Notice) or not isinstance(item.address, str):
            raise FailedError(f"it answers {item!r}")
    return "uplinks" if any(isinstance(item, Uplink) for item in found) else "nothing"


def check_batch(batch: Batch, messages: Sequence[Message]) -> None:
    """What any batch must be, whatever it was made of.

    Raises:
        FailedError: it is not.
    """
    if not 0 <= batch.messages <= len(messages):
        raise FailedError(f"{len(messages)} messages count as {batch.messages}")
    if sum(abs(size) for size in batch.sizes) != len(batch.lines):
        raise FailedError(f"{len(batch.lines)} lines, but sizes {batch.sizes}")
    for line in batch.lines:
        if b"\n" in line:
            raise FailedError(f"a line breaks: {line!r}")
        try:
            parse_line(line)
        except LineError as error:
            raise FailedError(f"{error}: {line!r}") from error
    payloads = {message.payload for message in messages}
    for item in batch.quarantined:
        if item.reason is Reason.INTERNAL:
            raise FailedError(f"the hub's own fault: {item.detail}")
        if item.payload not in payloads and not item.payload.startswith(b"["):
            raise FailedError(f"quarantine holds what nobody sent: {item.payload!r}")


class _Wire(asyncio.Transport):
    """Where the session's own packets go: nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        del data

    def pause_reading(self) -> None:
        """Nothing is read by itself."""

    def resume_reading(self) -> None:
        """Nothing is read by itself."""

    def is_closing(self) -> bool:
        return self.aborted

    def close(self) -> None:
        self.aborted = True

    def abort(self) -> None:
        self.aborted = True


def feed(stream: bytes, rng: random.Random) -> tuple[list[Message], bool]:
    """The messages that a session reads out of a stream, and whether it ended the connection."""
    messages: list[Message] = []
    session, wire = Session(lambda run, _: messages.extend(run), coalesce_s=0), _Wire()
    session.connection_made(wire)
    rest = memoryview(stream)
    while rest and not wire.aborted:
        view = session.get_buffer(-1)
        size = min(len(view), len(rest), rng.choice((1, 7, 100, 5_000, 1 << 20)))
        view[:size] = rest[:size]
        rest = rest[size:]
        session.buffer_updated(size)
    session.acknowledge([message.token for message in messages if message.token is not None])
    session.connection_lost(None)
    return messages, wire.aborted


@cache
def _kinds() -> Mapping[str, Any]:
    return load_kinds()


@cache
def _models() -> Mapping[str, Any]:
    return load_models(None, _kinds())


def fuzz(findings: Findings, inputs: int, *, state: Path | None = None) -> None:
    """Tries inputs, in whole blocks, until so many are done."""
    failed = None if state is None else state.with_suffix(".failed")
    while findings.done < inputs:
        with (
            tempfile.TemporaryDirectory(prefix="kotahub-fuzz-") as folder,
            Journal.open(Path(folder) / "journal.db") as journal,
        ):
            asyncio.run(Block(findings, findings.done // BLOCK, failed).run(journal))
        findings.done += BLOCK
        if state is not None:
            state.write_text(json.dumps(findings.document(), indent=1), encoding="utf-8")
            if findings.done % (20 * BLOCK) == 0:
                print(f"{findings.done} inputs, {findings.failures} failed", flush=True)


def read_state(state: Path | None, seed: int) -> Findings:
    """Where an earlier run with this seed left off."""
    if state is None or not state.exists():
        return Findings(seed)
    document = json.loads(state.read_text(encoding="utf-8"))
    if document["seed"] != seed:
        sys.exit(f"{state} is of seed {document['seed']}: name another file, or the same seed")
    return Findings(**{**document, "outcomes": Counter(document["outcomes"])})


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.fuzz", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--state", type=Path, help="goes on from here, and keeps what fails beside it"
    )
    parser.add_argument("--record", action="store_true", help="write it into bench/results/")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    # The codec writes a note of each packet that makes it panic; millions of them say nothing.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    os.environ["RUST_BACKTRACE"] = "0"  # each would take 50 ms
    tested = commit()  # before somebody commits more
    findings = read_state(options.state, options.seed)
    began, before = time.monotonic(), findings.done
    fuzz(findings, options.inputs, state=options.state)
    took_s = time.monotonic() - began
    print(json.dumps(findings.document(), indent=1))
    print(
        f"commit {tested}: {findings.done} inputs ({findings.done - before} of them in "
        f"{took_s:.0f} s), {findings.failures} failed"
    )
    if options.record:
        report = {"commit": tested, "machine": machine(), "result": findings.document()}
        file = results_file("fuzz", tested)
        file.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 1 if findings.failures else 0


if __name__ == "__main__":
    sys.exit(main())
