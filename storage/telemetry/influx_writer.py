"""TelemetryWriter on InfluxDB 2."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from application.ports.telemetry import StoreWatch
from devices.errors import SamplesRefused, StoreUnavailable
from devices.kind import DeviceKind
from devices.samples import Sample
from storage.telemetry import influx_bisect
from storage.telemetry.clock import wall_clock_us
from storage.telemetry.housekeeping import SampleReaches
from storage.telemetry.influx_buckets import bucket_retentions, raw_bucket
from storage.telemetry.influx_http import TIMEOUT_S, InfluxHttp
from storage.telemetry.influx_lines import LineRenderer, RenderedLines
from storage.telemetry.influx_progress import RollupProgress
from storage.telemetry.influx_rollup import InfluxRollup
from storage.telemetry.schema import StoreSchema
from storage.telemetry.series_index import SeriesBook
from storage.telemetry.sqlite_file import SERIES_TABLES, open_writer, store_errors, store_transaction


class InfluxTelemetryWriter:
    """Writes to `{bucket_prefix}_{kind}`; hours that await their rollup are noted in the small file `state_path`.

    Buckets are made at the first call that reaches the server, so that it may be down when the program starts.
    """

    def __init__(
        self,
        *,
        url: str,
        org: str,
        token: str,
        bucket_prefix: str,
        catalog: Mapping[str, DeviceKind],
        state_path: Path,
        timeout_s: float = TIMEOUT_S,
        compress: bool | None = None,
        watch: StoreWatch | None = None,
    ) -> None:
        self._prefix = bucket_prefix
        self._catalog = catalog
        schema = StoreSchema(catalog)
        self._lines = LineRenderer(schema)
        self._state = open_writer(state_path, SERIES_TABLES)
        self._book = SeriesBook(self._state, SampleReaches(catalog))
        self._http = InfluxHttp(url=url, org=org, token=token, timeout_s=timeout_s, compress=compress, watch=watch)
        self._progress = RollupProgress(self._http, bucket_prefix, catalog)
        self._rollup = InfluxRollup(
            progress=self._progress,
            http=self._http,
            state=self._state,
            book=self._book,
            catalog=catalog,
            schema=schema,
            prefix=bucket_prefix,
        )
        self._buckets_there = False

    def write(self, samples: Sequence[Sample]) -> None:
        """Store all or raise; see the port."""
        rendered = self._lines.render(samples)
        _refuse_unencodable(rendered)
        if rendered.lines:
            self._ensure_buckets()
            self._mark([s for i, s in enumerate(samples) if i not in rendered.refused] if rendered.refused else samples)
        refused = rendered.refused
        for kind, lines in rendered.lines.items():
            post = partial(self._http.write, raw_bucket(self._prefix, kind))
            found = influx_bisect.store_lines(post, lines)
            refused |= {rendered.indexes[kind][place]: reason for place, reason in found.items()}
        if refused:
            raise SamplesRefused(refused)

    def roll_up(self, now_us: int) -> int:
        """See the port. An hour is rolled up when it ended five minutes ago, again when late samples came."""
        self._ensure_buckets()
        return self._rollup.run(now_us)

    def apply_retention(self, now_us: int) -> Mapping[str, int]:
        """See the port: the server drops what is too old by itself; this makes its buckets say what the kinds say."""
        self._buckets_there = False
        self._ensure_buckets()
        return {}

    def ping(self) -> None:
        """See the port. Writes nothing: an empty write is judged for token, organisation and bucket all the same."""
        self._ensure_buckets()
        for kind in self._catalog:
            self._http.write(raw_bucket(self._prefix, kind), ["# ping"])

    def close(self) -> None:
        """See the port."""
        self._http.close()
        self._state.close()

    @store_errors()
    def _ensure_buckets(self) -> None:
        if not self._buckets_there:
            for name, retention_s in bucket_retentions(self._prefix, self._catalog):
                self._http.ensure_bucket(name, retention_s)
            if self._book.is_new():
                self._rollup.mark_again(wall_clock_us())
            self._buckets_there = True

    def _mark(self, samples: Sequence[Sample]) -> None:
        """Note first, write then: a mark without samples does no harm, samples without a mark would stay unrolled."""
        try:
            with store_transaction(self._state):
                for kind, hour_us in self._book.mark(samples).items():
                    self._progress.tell_no_later_than(kind, hour_us)
        except StoreUnavailable:
            self._book.forget()
            raise


def _refuse_unencodable(rendered: RenderedLines) -> None:
    """Take out lines with half of a surrogate pair, which UTF-8 cannot hold."""
    for kind, lines in rendered.lines.items():
        if not all(map(str.isascii, lines)):
            good = [place for place, line in enumerate(lines) if _encodable(line)]
            indexes = rendered.indexes[kind]
            bad = set(indexes).difference(indexes[place] for place in good)
            rendered.refused |= dict.fromkeys(bad, "text is not Unicode")
            rendered.lines[kind] = [lines[place] for place in good]
            rendered.indexes[kind] = [indexes[place] for place in good]


def _encodable(line: str) -> bool:
    try:
        line.encode()
    except UnicodeEncodeError:
        return False
    return True
