"""All points of an InfluxDB bucket as line protocol, asked for in InfluxQL: 1.8, 2 and 3 answer it.

Answers come in chunks (`chunked=true`), a JSON object a line, so that neither side holds more. A
whole number in JSON may be a float or an integer; `SHOW FIELD KEYS` tells which.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import aiohttp
import orjson

from ingest.stores import StoreUnavailableError
from ingest.stores.blame import shorten
from ingest.stores.export import escape, escape_key
from ingest.stores.influxql import identifier
from ingest.stores.reading import LATEST_NS

_CHUNK_ROWS: Final = 10_000
_WORDS_MAX_BYTES: Final = 64 * 1024
_SILENCE_S: Final = 600.0
"""A busy server may think that long before its first word."""

_Write = Callable[[Any], str]


def _text(value: str) -> str:
    # A line is a point: a line break in somebody's text becomes a space.
    plain = value.replace("\r", " ").replace("\n", " ")
    escaped = plain.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_TYPES: Final[Mapping[str, _Write]] = {
    "float": str,
    "integer": lambda value: f"{value}i",
    "unsigned": lambda value: f"{value}u",
    "string": _text,
    "boolean": lambda value: "true" if value else "false",
}
"""Where shards hold a field in different types InfluxQL answers in the first of these."""


class InfluxExport:
    """See `Export`. One bucket; the token must be able to read it."""

    def __init__(self, url: str, *, token: str, bucket: str, timeout_s: float = 30.0) -> None:
        self.url = url.rstrip("/")
        self._token = token.strip()
        self._bucket = bucket
        self._timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=timeout_s, sock_read=max(timeout_s, _SILENCE_S)
        )
        self._types: dict[str, dict[str, str]] = {}

    async def measurements(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, dict[str, str]] = {}
        ranks = list(_TYPES)
        async for series in self._series("SHOW FIELD KEYS"):
            fields = found.setdefault(series["name"], {})
            for name, kind in series["values"]:
                known = fields.get(name)
                if kind in ranks and (known is None or ranks.index(kind) < ranks.index(known)):
                    fields[name] = kind
        self._types = dict(sorted(found.items()))
        return {
            name: tuple(sorted(field for field, kind in fields.items() if kind == "float"))
            for name, fields in self._types.items()
        }

    async def first(self, measurement: str, start_ns: int) -> int | None:
        query = (
            f"SELECT * FROM {identifier(measurement)} "  # noqa: S608 - quoted
            f"WHERE time >= {start_ns} AND time <= {LATEST_NS} LIMIT 1"
        )
        found = [row[0] async for series in self._series(query) for row in series["values"]]
        return min(found, default=None)

    async def lines(self, measurement: str, *, start_ns: int, last_ns: int) -> AsyncIterator[bytes]:
        types = self._types[measurement]
        query = (
            f"SELECT * FROM {identifier(measurement)} "  # noqa: S608 - quoted
            f"WHERE time >= {start_ns} AND time <= {last_ns} GROUP BY *"
        )
        async for series in self._series(query):
            block = _lines(measurement, series, types)
            if block:
                yield block.encode("utf-8", "replace")

    async def _series(self, query: str) -> AsyncIterator[Mapping[str, Any]]:
        """Every piece of every series in the answer to one statement.

        Raises:
            StoreUnavailableError: it is not answered, or not to its end.
        """
        async for answer in self._answers(query):
            said = answer.get("error") or next(
                (result["error"] for result in answer.get("results", ()) if "error" in result), None
            )
            if said is not None:
                raise StoreUnavailableError(
                    f"InfluxDB at {self.url} cannot read bucket '{self._bucket}': "
                    f"{shorten(str(said))}. Check KOTAHUB_INFLUX_BUCKET, and that "
                    "KOTAHUB_INFLUX_TOKEN may read it"
                )
            for result in answer.get("results", ()):
                for series in result.get("series", ()):
                    yield series

    async def _answers(self, query: str) -> AsyncIterator[Mapping[str, Any]]:
        """The JSON objects of an answer, one a line."""
        form = {
            "db": self._bucket,
            "epoch": "ns",
            "q": query,
            "chunked": "true",
            "chunk_size": str(_CHUNK_ROWS),
        }
        headers = {"Authorization": f"Token {self._token}"}
        try:
            async with (
                aiohttp.ClientSession(timeout=self._timeout, headers=headers) as session,
                session.post(f"{self.url}/query", data=form, allow_redirects=False) as response,
            ):
                if response.status != HTTPStatus.OK:
                    words = (await response.content.read(_WORDS_MAX_BYTES)).decode(
                        "utf-8", "replace"
                    )
                    raise StoreUnavailableError(
                        f"InfluxDB at {self.url} answered {response.status}: {shorten(words)}. "
                        "Check KOTAHUB_INFLUX_URL, KOTAHUB_INFLUX_TOKEN and KOTAHUB_INFLUX_BUCKET"
                    )
                parts: list[bytes] = []
                async for piece in response.content.iter_any():
                    *ends, rest = piece.split(b"\n")
                    for end in ends:
                        if line := b"".join((*parts, end)).strip():
                            yield orjson.loads(line)
                        parts = []
                    parts.append(rest)
                if line := b"".join(parts).strip():
                    yield orjson.loads(line)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise StoreUnavailableError(
                f"InfluxDB at {self.url} cannot be read: {error or type(error).__name__}. Check "
                "that it runs and KOTAHUB_INFLUX_URL"
            ) from error
        except orjson.JSONDecodeError as error:
            raise StoreUnavailableError(
                f"{self.url}/query does not answer as InfluxDB does. Check KOTAHUB_INFLUX_URL"
            ) from error


def _lines(measurement: str, series: Mapping[str, Any], types: Mapping[str, str]) -> str:
    tags = "".join(
        f",{escape_key(name)}={escape_key(value)}"
        for name, value in sorted(series.get("tags", {}).items())
        if value
    )
    head = f"{escape(measurement)}{tags} "
    columns: Sequence[str] = series["columns"][1:]
    keys = [f"{escape_key(name)}=" for name in columns]
    # A field that came since SHOW FIELD KEYS was asked: the hub writes floats.
    writes = [_TYPES[types.get(name, "float")] for name in columns]
    lines = []
    for at_ns, *values in series["values"]:
        fields = ",".join(
            key + write(value)
            for key, write, value in zip(keys, writes, values, strict=True)
            if value is not None
        )
        if fields:
            lines.append(f"{head}{fields} {at_ns}\n")
    return "".join(lines)
