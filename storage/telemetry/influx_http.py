"""Requests to InfluxDB 2 through influxdb-client, and what its answers mean."""

import codecs
import csv
import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from influxdb_client.client.bucket_api import BucketsApi
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.domain.bucket_retention_rules import BucketRetentionRules
from influxdb_client.domain.dialect import Dialect
from influxdb_client.rest import ApiException
from influxdb_client.service.write_service import WriteService
from urllib3.exceptions import HTTPError

from application.ports.telemetry import StoreWatch
from application.telemetry.query_budget import QueryBudget
from devices.errors import StoreForbidden, StoreNeedsRestart, StorePlaceMissing, StoreTokenRefused, StoreUnavailable
from storage.telemetry.influx_connections import CuttableConnections

TIMEOUT_S: Final = 20.0
"""The server gives up after 10 s: it answers first."""
REASON_CHARS: Final = 500
CHUNK_BYTES: Final = 65_536
_DIALECT: Final = Dialect(  # type: ignore[no-untyped-call]
    header=True, delimiter=",", annotations=["datatype"], comment_prefix="#"
)
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_STORED: Final = 204
"""A sign-in page or another server answers 200, and has stored nothing."""
_REFUSED: Final = frozenset({400, 413, 422})
_NOT_ALLOWED: Final[Mapping[int, type[StoreUnavailable]]] = {
    401: StoreTokenRefused,
    403: StoreForbidden,
    404: StorePlaceMissing,
}
_GIVEN_UP: Final = "shard previously failed"
"""Said with 500 after a disk was full, for ever: it does not look again."""
_REVOKED: Final = "token is inactive"
"""Said with 403, as if a permission were missing; a deleted token gets 401."""


class LinesRefusedError(Exception):
    """InfluxDB refused some or all lines of a request for what they say."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class FluxTable(NamedTuple):
    """Column names and Flux types of a stretch of rows."""

    place: Mapping[str, int]
    types: Sequence[str]


class InfluxHttp:
    """Thread-safe. Times out after 20 s, never retries by itself. Compresses writes where the server is not local."""

    def __init__(
        self,
        *,
        url: str,
        org: str,
        token: str,
        timeout_s: float = TIMEOUT_S,
        compress: bool | None = None,
        watch: StoreWatch | None = None,
    ) -> None:
        self._watch = watch
        self._org = org
        self._client = InfluxDBClient(
            url=url, token=token, org=org, timeout=round(timeout_s * 1000), connection_pool_maxsize=16
        )
        self._connections = CuttableConnections(self._client)
        self._writes = WriteService(self._client.api_client)  # type: ignore[no-untyped-call]
        self._compress = urlsplit(url).hostname not in _LOCAL if compress is None else compress

    def write(self, bucket: str, lines: Sequence[str], precision: str = "us") -> None:
        """Store all lines, times in this unit. Raises LinesRefusedError (some may be stored), StoreUnavailable."""
        body = "\n".join(lines).encode()
        headers = {}
        if self._compress:
            body, headers = gzip.compress(body, compresslevel=1, mtime=0), {"content_encoding": "gzip"}
        with self._guarded(several=len(lines) > 1, refusals=True):
            _, status, _ = self._writes.post_write_with_http_info(  # type: ignore[no-untyped-call]
                self._org, bucket, body, precision=precision, content_type="text/plain; charset=utf-8",
                _return_http_data_only=False, **headers,
            )  # fmt: skip
        if status != _STORED:
            raise StoreUnavailable(f"what answers in InfluxDB's place says {status}: nothing was stored")

    def query(
        self, flux: str, values: Mapping[str, Any], budget: QueryBudget | None = None
    ) -> Iterator[tuple[FluxTable, list[str]]]:
        """Rows as they arrive. `values` are bound by name, never part of the text. Raises StoreUnavailable.

        When the budget ends the connection is cut, upon which the server ends the query, too.
        """
        with self._guarded(), self._connections.asking(budget or QueryBudget()):
            response = self._client.query_api().query_raw(flux, dialect=_DIALECT, params=dict(values))
            try:
                yield from _tables(csv.reader(_lines(response.stream(CHUNK_BYTES))))
                response.release_conn()
            finally:
                response.close()

    def ensure_bucket(self, name: str, retention_s: int) -> None:
        """Create the bucket, or set its retention when it has another. Raises StoreUnavailable."""
        rules = BucketRetentionRules(type="expire", every_seconds=retention_s)  # type: ignore[no-untyped-call]
        with self._guarded():
            buckets: BucketsApi = self._client.buckets_api()
            found = buckets.find_bucket_by_name(name)  # type: ignore[no-untyped-call]
            if found is None:
                buckets.create_bucket(bucket_name=name, retention_rules=rules, org=self._org)
            elif [rule.every_seconds for rule in found.retention_rules] != [retention_s]:
                found.retention_rules = [rules]
                buckets.update_bucket(found)

    def retention_s(self, name: str) -> int | None:
        """Retention of a bucket, 0 for ever; None when there is no such bucket. Raises StoreUnavailable."""
        with self._guarded():
            found = self._client.buckets_api().find_bucket_by_name(name)  # type: ignore[no-untyped-call]
            return None if found is None else sum(rule.every_seconds for rule in found.retention_rules)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()  # type: ignore[no-untyped-call]

    @contextmanager
    def _guarded(self, *, several: bool = False, refusals: bool = False) -> Iterator[None]:
        try:
            yield
            self._tell("200")
        except ApiException as error:
            status = int(error.status or 0)
            self._tell(str(status))
            if refusals and status in _REFUSED:
                if several and self._watch is not None:
                    self._watch.halved()
                raise LinesRefusedError(_reason(error)) from error
            reason = _reason(error)
            raise _kind(status, reason)(f"(InfluxDB answered {status}: {reason})") from error
        except (InfluxDBError, HTTPError, OSError, ValueError) as error:
            self._tell("none")
            raise StoreUnavailable(f"InfluxDB: {error}"[:REASON_CHARS]) from error

    def _tell(self, status: str) -> None:
        if self._watch is not None:
            self._watch.answered(status)


def _kind(status: int, reason: str) -> type[StoreUnavailable]:
    if _REVOKED in reason:
        return StoreTokenRefused
    if _GIVEN_UP in reason:
        return StoreNeedsRestart
    return _NOT_ALLOWED.get(status, StoreUnavailable)


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Lines with their ends. Only LF ends one: other separators of Unicode may stand in texts."""
    decode = codecs.getincrementaldecoder("utf-8")().decode
    rest = ""
    for chunk in chunks:
        *lines, rest = (rest + decode(chunk)).split("\n")
        for line in lines:
            yield line + "\n"
    if rest:
        yield rest


def _tables(rows: Iterator[list[str]]) -> Iterator[tuple[FluxTable, list[str]]]:
    """Each row of data with its table. Tables begin with their types and names; column 0 is empty in rows of data."""
    types: Sequence[str] = ()
    table: FluxTable | None = None
    for row in rows:
        if not row:
            continue
        if row[0] == "#datatype":
            types, table = row, None
        elif table is not None and not row[0]:
            yield table, row
        elif "error" in row:
            raise StoreUnavailable(f"InfluxDB broke off its answer: {next(rows, row)}"[:REASON_CHARS])
        else:
            table = FluxTable({name: place for place, name in enumerate(row)}, types)


def _reason(error: ApiException) -> str:
    text = error.body.decode(errors="replace") if isinstance(error.body, bytes) else str(error.body or error.reason)
    try:
        decoded = json.loads(text)
    except ValueError:
        return text[:REASON_CHARS]
    message = decoded.get("message", text) if isinstance(decoded, dict) else text
    return str(message)[:REASON_CHARS]
