"""Exactly the bad points are found, whatever mixture a write holds: a model of what 2.9.1 does."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from ingest.stores.influxdb import InfluxStore, _Answer
from ingest.stores.reading import rfc3339
from tests.ingest.stores.places import T0

SHARD_NS: Final = 7 * 86_400 * 10**9
NOW: Final = "2026-11-24T07:01:06.494364508Z"

FATES: Final = ("good", "unparsable", "string", "boolean", "other", "old", "strange")
"""Of a line: written, no line, of a type that its shard refuses, of another field that does,
outside the retention, or refused in words that nobody knows."""


def line(fate: str, shard: int, at: int) -> bytes:
    fields = {
        "unparsable": b"value=",
        "string": b'value="%d"' % at,
        "boolean": b"value=true",
        "other": b"other=%di" % at,
    }.get(fate, b"value=%d" % at)
    when = at if fate == "old" else T0 + shard * SHARD_NS + at
    return b"kind,device=%s-%d %s %d" % (fate.encode(), at, fields, when)


class Modelled(InfluxStore):
    """A store whose server is modelled: it answers as InfluxDB's source and tests say.

    In the shards of `mixed` the field has no type yet that refuses a string.
    """

    def __init__(self, *, names_unparsable: bool, mixed: bool) -> None:
        super().__init__("http://127.0.0.1:1", token="t", org="o", bucket="b")
        self.written: set[bytes] = set()
        self.writes = 0
        self._names_unparsable = names_unparsable
        self._mixed = mixed

    def refuses(self, one: bytes) -> bool:
        """Whether the line can not be written, however it is sent."""
        return not re.match(rb"kind,device=good", one) and not self._takes(one)

    def _takes(self, one: bytes) -> bool:
        return self._mixed and one.startswith(b"kind,device=string") and _shard(one) % 2 == 1

    async def _post(self, body: bytes) -> _Answer:
        self.writes += 1
        lines = body.split(b"\n")
        unparsable = [one for one in lines if b"=unparsable" in one]
        if unparsable:
            named = "\n".join(f"unable to parse '{one.decode()}': why" for one in unparsable)
            return _says(400, named if self._names_unparsable else "some line is wrong")
        old = [one for one in lines if b"=old" in one]
        shards = defaultdict(list)
        for one in lines:
            if one not in old:
                shards[_shard(one)].append(one)
        faults = []
        for shard in sorted(shards):
            bad = [one for one in shards[shard] if self.refuses(one)]
            self.written.update(one for one in shards[shard] if one not in bad)
            if bad:
                faults.append(f"partial write: {_reason(bad[0])} dropped={len(bad)}")
        if old:
            times = sorted(int(one.rpartition(b" ")[2]) for one in old)
            faults.append(
                f"partial write: dropped {len(old)} points outside retention policy - oldest "
                f"point kind at {rfc3339(times[0])} dropped because it violates a Retention "
                f"Policy Lower Bound at {NOW}, newest point kind at {rfc3339(times[-1])} dropped "
                f"because it violates a Retention Policy Lower Bound at {NOW} dropped={len(old)}"
            )
        return _says(422, faults[0]) if faults else _Answer(204, {}, b"", whole=True)


def _shard(one: bytes) -> int:
    return (int(one.rpartition(b" ")[2]) - T0) // SHARD_NS


def _reason(one: bytes) -> str:
    if b"=strange" in one:
        return "no more of these"
    field, kind = ("other", "integer") if b"=other" in one else ("value", one[12:].split(b"-")[0])
    name = kind if isinstance(kind, str) else kind.decode()
    return (
        f'field type conflict: input field "{field}" on measurement "kind" is type {name}, '
        "already exists as type float"
    )


def _says(status: int, words: str) -> _Answer:
    escaped = words.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return _Answer(status, {}, f'{{"message":"{escaped}"}}'.encode(), whole=True)


def write(store: Modelled, lines: Sequence[bytes]) -> Mapping[int, str]:
    return asyncio.run(store.write(lines))


@given(
    st.lists(st.tuples(st.sampled_from(FATES), st.integers(0, 3)), max_size=40),
    st.fixed_dictionaries({"names_unparsable": st.booleans(), "mixed": st.booleans()}),
)
def test_exactly_the_bad_points_are_refused_and_the_rest_is_written(
    fates: list[tuple[str, int]],
    ways: dict[str, bool],
) -> None:
    lines = [line(fate, shard, at) for at, (fate, shard) in enumerate(fates)]
    store = Modelled(**ways)
    refused = write(store, lines)
    bad = {at for at, one in enumerate(lines) if store.refuses(one)}
    assert refused.keys() == bad
    assert all(refused.values())
    assert store.written == {one for at, one in enumerate(lines) if at not in bad}
    assert store.writes <= 2 * len(lines) + 1


@given(st.lists(st.sampled_from(FATES[1:4] + FATES[5:]), min_size=1, max_size=20))
def test_each_point_gets_the_words_on_its_own_fault(fates: list[str]) -> None:
    lines = [line(fate, 0, at) for at, fate in enumerate(fates)]
    refused = write(Modelled(names_unparsable=True, mixed=False), lines)
    words = {
        "unparsable": "unable to parse 'kind,device=unparsable-",
        "string": "is type string",
        "boolean": "is type boolean",
        "old": "outside retention policy",
        "strange": "no more of these",
    }
    # Words that name nothing are not told apart where the server refuses all at once.
    if "strange" not in fates:
        assert [words[fate] in refused[at] for at, fate in enumerate(fates)] == [True] * len(fates)


def test_a_bucket_that_refuses_all_is_found_out_in_three_writes() -> None:
    lines = [line("boolean", 0, at) for at in range(500)] + [
        line("good", 0, at) for at in range(500)
    ]
    store = Modelled(names_unparsable=True, mixed=False)
    assert sorted(write(store, lines)) == list(range(500))
    assert store.writes == 3
