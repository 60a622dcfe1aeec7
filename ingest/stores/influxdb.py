"""InfluxDB 2 as the store: raw line protocol in over `/api/v2/write`, InfluxQL out over `/query`.

It speaks HTTP by aiohttp itself: the official client does so too, at half as much CPU again for
each write and with answers of any length read into memory.

A write that the server takes in part is asked again in smaller parts until every refused point
stands alone or the server says that it dropped all of a part; `blame` says where to cut. Parts
that were written already are written again, which changes nothing. All of a write is therefore
confirmed by the server: 2.9.1 answers 422 as soon as one shard refuses, before the others are done.
"""

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from io import BytesIO
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import aiohttp
import orjson

from devices.kind import Kind
from ingest.stores import StoreUnavailableError
from ingest.stores.blame import cut, halves, shorten, unparsable
from ingest.stores.influxql import (
    identifier,
    quarters,
    quarters_query,
    rows,
    rows_query,
)
from ingest.stores.measurement import Measurement, Row
from ingest.stores.quarter import Quarter
from ingest.stores.reading import EARLIEST_NS, LATEST_NS, columns, reading

RETRY_AFTER_MAX_S: Final = 300.0
"""A longer wish of the server is asked again after this: its clock or ours may be wrong."""

_NO_POINT: Final = frozenset({b"", b"#", b" ", b"\t", b"\r", b"\0"})
"""First bytes of what InfluxDB passes over without a word."""

_KEY: Final = rb'(?:[^"\\,= ]|\\.)+'
_FIELD: Final = _KEY + rb'=(?:"(?:[^"\\]|\\.)*"|[^"\\, ]+)'
_CLOSED: Final = re.compile(rb'(?:[^"\\ ]|\\.)+ %b(?:,%b)* -?[0-9]+' % (_FIELD, _FIELD))
"""A point whose texts all end within it."""

_WORDS_MAX_BYTES: Final = 1024**2
_ROWS_MAX_BYTES: Final = 64 * 1024**2


class _Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool
    """False: the body went on, and was left, after the most that we read."""

    @property
    def said(self) -> Mapping[str, Any]:
        """The JSON object of the answer; empty if it is none, as that of a proxy."""
        try:
            said = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}
        return said if isinstance(said, dict) else {}

    @property
    def words(self) -> str:
        """What InfluxDB says of a fault; empty if it is not InfluxDB that speaks."""
        return str(self.said.get("message") or self.said.get("error") or "")


class InfluxStore:
    """One bucket of one server. Connections open with the first use.

    Args:
        url: address of the server, `http://host:8086`.
        token: may write to and read from the bucket; to create it, also write buckets.
        org: organisation name.
        bucket: bucket name; InfluxQL reads it as the database of the same name.
        batch_max_bytes: largest body of one write.
        timeout_s: for an answer as a whole.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str,
        org: str,
        bucket: str,
        batch_max_bytes: int = 2 * 1024**2,
        timeout_s: float = 30.0,
    ) -> None:
        self.url = url.rstrip("/")
        self._token = token.strip()
        self._org = org
        self._bucket = bucket
        self._batch_max_bytes = batch_max_bytes
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def ensure(self) -> None:
        """See that the bucket exists; create it, without a retention limit, if the token may.

        Raises:
            StoreUnavailableError: it does not exist and cannot be created.
        """
        query = {"org": self._org, "name": self._bucket}
        answer = await self._request("GET", "/api/v2/buckets", query)
        if answer.status == HTTPStatus.OK and answer.said.get("buckets"):
            return
        if answer.status not in (200, 404):
            raise self._unavailable(answer)
        answer = await self._request("GET", "/api/v2/orgs", {"org": self._org})
        if answer.status != HTTPStatus.OK or "orgs" not in answer.said:
            raise self._unavailable(answer)
        if orgs := answer.said["orgs"]:
            bucket = {"orgID": orgs[0]["id"], "name": self._bucket, "retentionRules": []}
            answer = await self._request("POST", "/api/v2/buckets", {}, orjson.dumps(bucket))
            # 422: somebody else was quicker
            if answer.status in (201, 422):
                return
            if answer.status not in (401, 403):
                raise self._unavailable(answer)
        raise StoreUnavailableError(
            f"Bucket '{self._bucket}' is not in InfluxDB at {self.url}, or hidden from this token, "
            f"and the token may not create it. Create it with: influx bucket create "
            f"--name {self._bucket} --org {self._org}"
        )

    async def write(self, lines: Sequence[bytes], /) -> Mapping[int, str]:
        """See `Store.write`. Bodies are at most `batch_max_bytes`, or one line."""
        refused: dict[int, str] = {}
        body = b"\n".join(lines)
        if len(body) <= self._batch_max_bytes and _plain(body, lines):
            parts = [list(range(len(lines)))]  # the ordinary case looks at no line alone
        else:
            refused = {
                index: "a line is one point: no line break, comment or space before it"
                for index, line in enumerate(lines)
                if line[:1] in _NO_POINT or b"\n" in line
            }
            parts = self._batches(lines, refused)
        while parts:
            part = parts.pop()
            chosen = [lines[index] for index in part]
            answer = await self._post(b"\n".join(chosen))
            if answer.status == HTTPStatus.NO_CONTENT:
                continue
            if answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                if len(part) == 1:
                    refused[part[0]] = shorten(answer.words or "413: the line is too large")
                else:
                    parts += halves(part)
                continue
            words = answer.words
            if named := unparsable(words, chosen):
                refused.update((part[at], why) for at, why in named.items())
                rest = [index for at, index in enumerate(part) if at not in named]
                parts += [rest] if rest else []
            elif pieces := cut(part, chosen, words):
                parts += pieces
            else:
                refused.update(dict.fromkeys(part, shorten(words)))
        return dict(sorted(refused.items()))

    async def readings(
        self,
        kind: Kind,
        device: str,
        *,
        start_ns: int,
        stop_ns: int,
        limit: int,
        channel: str | None = None,
    ) -> list[dict[str, Any]]:
        """See `Store.readings`. A device whose area changed may show an instant twice."""
        names = columns(kind)
        chosen = ", ".join(identifier(name) for name in ("channel", *names))
        bound = {"device": device} | ({"channel": channel} if channel is not None else {})
        where = "".join(f" AND {identifier(name)} = ${name}" for name in bound)
        q = (
            f"SELECT {chosen} FROM {identifier(kind.id)} "  # noqa: S608 - quoted
            f"WHERE time >= {max(start_ns, EARLIEST_NS)} AND time <= {min(stop_ns - 1, LATEST_NS)}"
            f"{where} ORDER BY time DESC LIMIT {limit}"
        )
        (result,) = await self._query(q, params=orjson.dumps(bound).decode())
        found = _values(result)
        found.sort(key=lambda row: (-row[0], row[1] or ""))
        return [reading(row[0], row[1], zip(names, row[2:], strict=True)) for row in found]

    async def quarters(
        self, kind: Kind, devices: Sequence[str], *, start_ns: int, stop_ns: int
    ) -> list[Quarter]:
        """See `Store.quarters`."""
        query = quarters_query(kind, devices, start_ns, stop_ns)
        return quarters(kind, await self._query(query, statements=len(kind.metrics)))

    async def rows(
        self,
        measurement: Measurement,
        devices: Sequence[str],
        *,
        start_ns: int,
        stop_ns: int,
        limit: int | None = None,
    ) -> list[Row]:
        """See `Store.rows`."""
        start_ns, stop_ns = max(start_ns, EARLIEST_NS), min(stop_ns, LATEST_NS)
        (result,) = await self._query(rows_query(measurement, devices, start_ns, stop_ns, limit))
        found = sorted(rows(measurement, _values(result)), key=lambda row: row[1:3])
        return sorted(found, key=lambda row: row.time_ns, reverse=True)

    async def latest(self, kind: Kind, device: str, /) -> dict[str, Any] | None:
        rows = await self.readings(
            kind, device, start_ns=EARLIEST_NS, stop_ns=LATEST_NS + 1, limit=1
        )
        return rows[0] if rows else None

    async def ready(self) -> bool:
        """Whether the server is up, the token holds and the bucket is there."""
        try:
            await self._post(b"")
        except StoreUnavailableError:
            return False
        return True

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _batches(self, lines: Sequence[bytes], refused: Container[int]) -> list[list[int]]:
        """Indexes of the lines of each write, the first one last.

        Lines with a quote come after all others, because the first value of a field settles its
        type; where a quote stands but is not closed the line goes alone, because it would swallow
        its neighbours.
        """
        plain: list[int] = []
        closed: list[int] = []
        alone: list[list[int]] = []
        for index, line in enumerate(lines):
            if index in refused:
                continue
            if b'"' not in line:
                plain.append(index)
            elif _CLOSED.fullmatch(line):
                closed.append(index)
            else:
                alone.append([index])
        batches = [*self._sized(plain, lines), *self._sized(closed, lines), *alone]
        return batches[::-1]

    def _sized(self, indexes: Sequence[int], lines: Sequence[bytes]) -> Iterator[list[int]]:
        """The same in batches of `batch_max_bytes`, or one line."""
        batch: list[int] = []
        size = 0
        for index in indexes:
            size += len(lines[index]) + 1
            if size > self._batch_max_bytes and batch:
                yield batch
                batch, size = [], len(lines[index]) + 1
            batch.append(index)
        if batch:
            yield batch

    async def _post(self, body: bytes) -> _Answer:
        """The answer to a write that was taken (204) or says something of its points.

        Raises:
            StoreUnavailableError: any other answer.
        """
        query = {"org": self._org, "bucket": self._bucket, "precision": "ns"}
        answer = await self._request("POST", "/api/v2/write", query, body)
        if answer.status in (204, 413):
            return answer
        # Only InfluxDB speaks of points, and only in JSON: a proxy's 400 refuses nothing. An
        # answer too long to be read in full names too many points, never a single one.
        about_points = answer.words or (not answer.whole and body.count(b"\n"))
        # A shard that retention is just removing takes points again when it is gone.
        if answer.status in (400, 422) and about_points and "pending deletion" not in answer.words:
            return answer
        raise self._unavailable(answer)

    async def _query(
        self, query: str, *, params: str = "{}", statements: int = 1
    ) -> list[dict[str, Any]]:
        """The result of each statement of a query.

        Raises:
            StoreUnavailableError: it is not answered, or with more than we read.
        """
        form = urlencode({"q": query, "params": params})
        answer = await self._request(
            "POST",
            "/query",
            {"db": self._bucket, "epoch": "ns"},
            form.encode(),
            most=_ROWS_MAX_BYTES,
            content_type="application/x-www-form-urlencoded",
        )
        if answer.status != HTTPStatus.OK:
            raise self._unavailable(answer)
        if not answer.whole:
            raise StoreUnavailableError(
                "These are more readings than the hub reads at once. Ask for fewer."
            )
        try:
            said: list[dict[str, Any]] = orjson.loads(answer.body)["results"]
            faults = [str(result["error"]) for result in said if "error" in result]
            results = [said[number] for number in range(1 if faults else statements)]
        except (orjson.JSONDecodeError, LookupError, TypeError) as error:
            raise StoreUnavailableError(
                f"{self.url}/query does not answer as InfluxDB does. Check KOTAHUB_INFLUX_URL."
            ) from error
        if faults:
            raise StoreUnavailableError(
                f"InfluxDB cannot read bucket '{self._bucket}': {shorten(faults[0])}. InfluxQL "
                "finds a bucket by its name; check KOTAHUB_INFLUX_BUCKET, that the token may read "
                "it, and: influx v1 dbrp list"
            )
        return results

    async def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None = None,
        *,
        most: int = _WORDS_MAX_BYTES,
        content_type: str | None = None,
    ) -> _Answer:
        """One exchange; of the answer's body at most `most` bytes are read.

        Raises:
            StoreUnavailableError: no whole answer came.
        """
        if self._session is None:
            headers = {"Authorization": f"Token {self._token}", "Accept-Encoding": "identity"}
            self._session = aiohttp.ClientSession(
                timeout=self._timeout, headers=headers, auto_decompress=False
            )
        try:
            async with self._session.request(
                method,
                self.url + path,
                params=query,
                data=None if body is None else BytesIO(body),  # sent piece by piece
                headers={} if content_type is None else {"Content-Type": content_type},
                allow_redirects=False,
            ) as response:
                got = bytearray()
                async for chunk in response.content.iter_chunked(64 * 1024):
                    got += chunk
                    if len(got) > most:
                        response.close()
                        break
                whole = len(got) <= most
                return _Answer(response.status, response.headers, bytes(got[:most]), whole)
        except TimeoutError as error:
            raise StoreUnavailableError(
                f"InfluxDB at {self.url} did not answer within {self._timeout.total} s. If it is "
                "busy rather than down, raise KOTAHUB_INFLUX_TIMEOUT_S."
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise StoreUnavailableError(
                f"InfluxDB at {self.url} cannot be reached: {error}. Check that it runs and "
                "KOTAHUB_INFLUX_URL."
            ) from error

    def _unavailable(self, answer: _Answer) -> StoreUnavailableError:
        """An answer that says nothing of points, as an error with what to do."""
        said = shorten(answer.words or answer.body[:200].decode("utf-8", "replace").strip())
        todo = {
            401: "Set KOTAHUB_INFLUX_TOKEN to a token of this server.",
            403: f"Set KOTAHUB_INFLUX_TOKEN to a token that may read and write bucket "
            f"'{self._bucket}'.",
            404: "Check KOTAHUB_INFLUX_ORG and KOTAHUB_INFLUX_BUCKET.",
        }.get(answer.status, "See the log of InfluxDB if this stays.")
        return StoreUnavailableError(
            f"InfluxDB at {self.url} answered {answer.status}: {said}. {todo}",
            retry_after_s=retry_after(answer.headers.get("Retry-After"), datetime.now(UTC)),
        )


def _values(result: Mapping[str, Any]) -> list[list[Any]]:
    """The rows of a result, of all its series."""
    return [row for series in result.get("series", ()) for row in series["values"]]


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds to wait, from the header's seconds or HTTP date (RFC 9110, 10.2.3)."""
    if header is None:
        return None
    if re.fullmatch(r"\d{1,18}", text := header.strip(), re.ASCII):
        return min(float(text), RETRY_AFTER_MAX_S)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:  # "-0000", which is UTC
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - now).total_seconds(), 0.0), RETRY_AFTER_MAX_S)


def _plain(body: bytes, lines: Sequence[bytes]) -> bool:
    """Whether a body is its lines' points at first sight, so that none can harm another."""
    return (
        body.count(b"\n") == len(lines) - 1
        and b'"' not in body
        and _NO_POINT.isdisjoint({line[:1] for line in lines})
    )
