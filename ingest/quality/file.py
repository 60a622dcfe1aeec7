"""`quality.db`: what quality control has learned and found, for after a restart and for others.

One SQLite file in the data folder. The ingest process writes it every few seconds, all of it at a
stop; commands and the gateway read it. After a crash the last seconds are learned again: what came
in between is judged as if the device had been silent, no reading is lost by it.
"""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import orjson

from ingest.quality.clock import Clock
from ingest.quality.finding import FOREVER_NS, Finding
from ingest.quality.outage import Outage, Scope
from ingest.quality.quality import Quality
from ingest.quality.rhythm import Rhythm
from ingest.quality.watch import Watch

SCHEMA_VERSION: Final = 2
_SCHEMA: Final = """
DROP TABLE IF EXISTS watch;
DROP TABLE IF EXISTS outage;
CREATE TABLE watch (
    device TEXT PRIMARY KEY,
    saved_ns INTEGER NOT NULL,
    state BLOB NOT NULL,
    findings BLOB NOT NULL,
    noted INTEGER NOT NULL
);
CREATE INDEX watch_noted ON watch (device) WHERE noted > 0;
CREATE TABLE outage (
    "group" TEXT NOT NULL,
    name TEXT NOT NULL,
    since_ns INTEGER NOT NULL,
    members BLOB NOT NULL,
    PRIMARY KEY ("group", name)
);
"""


_UPGRADE: Final = f"UPDATE watch SET noted = {FOREVER_NS} WHERE noted > 0;"  # noqa: S608 - a constant
"""Makes a file of version 1, where `noted` counted findings, one of version 2."""


class Row(NamedTuple):
    """A watch as it stands in the file."""

    device: str
    saved_ns: int
    state: bytes
    findings: bytes
    noted: int
    """Until when a finding matters, in ns; 0: there is none."""

    @classmethod
    def of(cls, watch: Watch, now_ns: int) -> "Row":
        findings = [finding.dump() for finding in watch.findings]
        return cls(
            watch.device,
            now_ns,
            orjson.dumps(watch.dump()),
            orjson.dumps(findings),
            max((finding.matters_until_ns for finding in watch.findings), default=0),
        )


@dataclass(frozen=True, slots=True)
class Saved:
    """What the file tells of a device. Times in ns."""

    device: str
    saved_ns: int
    heard_ns: int
    silent_ns: int
    """Since when it is silent; 0: it is not."""
    clock: Clock
    rhythm: Rhythm
    findings: tuple[Finding, ...]

    @classmethod
    def of(cls, row: Row) -> "Saved":
        state: list[Any] = orjson.loads(row.state)
        return cls(
            row.device,
            row.saved_ns,
            heard_ns=state[1],
            silent_ns=state[2],
            clock=Clock.load(state[4]),
            rhythm=Rhythm.load(state[5]),
            findings=tuple(Finding.load(one) for one in orjson.loads(row.findings)),
        )


class QualityFile:
    """The opened file. Methods block; asynchronous callers use a thread. Thread-safe."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Opens or creates it; what another version of the program wrote is learned anew."""
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            path, timeout=30.0, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version != SCHEMA_VERSION:
            made = _UPGRADE if version == SCHEMA_VERSION - 1 else _SCHEMA
            connection.executescript(
                f"BEGIN IMMEDIATE; {made} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
        return cls(connection)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def save(self, rows: Iterable[Row], outages: Mapping[Scope, Outage] | None = None) -> None:
        """Writes watches and, where given, what outages there are; all or nothing."""
        with self._lock, self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                "INSERT OR REPLACE INTO watch VALUES (?, ?, ?, ?, ?)", rows
            )
            if outages is not None:
                self._connection.execute("DELETE FROM outage")
                self._connection.executemany(
                    "INSERT INTO outage VALUES (?, ?, ?, ?)",
                    [
                        (*scope, outage.since_ns, orjson.dumps(sorted(outage.members)))
                        for scope, outage in outages.items()
                    ],
                )

    def load(self, quality: Quality) -> None:
        """Gives the watches that there are what they knew; others stay in the file."""
        with self._lock:
            rows = self._connection.execute("SELECT device, state, findings FROM watch")
            for device, state, findings in rows:
                watch = quality.watches.get(device)
                if watch is not None:
                    found = [Finding.load(one) for one in orjson.loads(findings)]
                    watch.load(orjson.loads(state), found)
        quality.outages = {outage.scope: outage for outage in self.outages()}

    def device(self, device: str) -> Saved | None:
        """What is known of a device; None: nothing, it was not heard yet."""
        with self._lock:
            row = self._connection.execute(
                "SELECT * FROM watch WHERE device = ?", (device,)
            ).fetchone()
        return None if row is None else Saved.of(Row(*row))

    def noted(self, now_ns: int) -> Iterator[Saved]:
        """Devices on which something was found that counts or is recent, by id."""
        with self._lock:
            rows = self._connection.execute(
                # The first condition is the index's.
                "SELECT * FROM watch WHERE noted > 0 AND noted >= ? ORDER BY device",
                (now_ns,),
            ).fetchall()
        for row in rows:
            yield Saved.of(Row(*row))

    def outages(self) -> list[Outage]:
        """Outages that go on, the largest first."""
        with self._lock:
            rows = self._connection.execute("SELECT * FROM outage").fetchall()
        found = [
            Outage(Scope(group, name), since_ns, frozenset(orjson.loads(members)))
            for group, name, since_ns, members in rows
        ]
        return sorted(found, key=lambda outage: (-len(outage.members), outage.scope))
