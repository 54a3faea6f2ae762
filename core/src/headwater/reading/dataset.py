"""Dataset: the rows of a read. Lazy, streaming, Arrow."""

from __future__ import annotations

import json
import logging
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from headwater.diagnostics import Diagnostic, Severity
from headwater.display import html
from headwater.display.tracebacks import callers_level
from headwater.errors import (
    AccessDeniedError,
    CancelledError,
    EvidenceError,
    HeadwaterError,
    UnsupportedError,
)
from headwater.interfaces.engine import ArrowStream, notes_of
from headwater.interfaces.plan import Plan
from headwater.interfaces.read_stats import ReadStats
from headwater.interfaces.schema import TIMESTAMP, Role
from headwater.maturity.states import KEY
from headwater.partitions import missing_partitions
from headwater.planning.plans import OPEN_WINDOW, PARTIAL_WINDOW
from headwater.reading.conversion import converter
from headwater.reading.running import Given, Reads
from headwater.sql.private_names import CONFLICT, EARLY, STALE, UNTIMED
from headwater.tables.window import Window
from headwater.types.arrow import kernel

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from headwater.evidence.comparison import Replay
    from headwater.evidence.evidence import Evidence, Origin
    from headwater.reading.content_digests import ContentDigest
    from headwater.reading.datasets import WindowReading
    from headwater.reading.reader import Reading

_log = logging.getLogger(__name__)


class EmptyReadWarning(UserWarning):
    """A read gave no rows; the message is the verdict on why."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What of a dataset goes to another process beside its plan.

    Args:
        digests: As in `Dataset`.
        timeout: Likewise.
        maturity: Likewise.
        origin: What evidence tells beside the plan.
    """

    digests: bool
    timeout: float | None
    maturity: dict[str, Any] | None
    origin: Origin | None


class Dataset:
    """The rows of a plan. Nothing runs before rows are asked for; each iteration reads anew.

    Args:
        reading: Opens its reads.
        digests: Whether its stats tell the digests of what was read.
        origin: Gives what evidence tells beside the plan; None where there is no evidence.
        timeout: Seconds that each of its reads may take; None for as long as it takes.
        reads: Those of its workspace, which it ends as it is closed.
        maturity: What is known of how ripe the labels are, JSON-ready; None where there are none.
        send: Gives what the dataset is made of anew in another process (`__reduce__`); None where
            nothing is.
        name_files: Gives its plan with the files of lakes named, for evidence.
    """

    def __init__(
        self,
        reading: Reading | WindowReading,
        *,
        digests: bool = False,
        origin: Callable[[], Origin] | None = None,
        timeout: float | None = None,
        reads: Reads | None = None,
        maturity: Mapping[str, Any] | None = None,
        send: Callable[[Plan, Sent], tuple[Any, ...]] | None = None,
        name_files: Callable[[Plan], Plan] | None = None,
    ) -> None:
        self.plan = reading.plan
        self._name_files = name_files
        self._send = send
        self.maturity = None if maturity is None else dict(maturity)
        """What is known of how ripe the labels are, JSON-ready: `state` and `as_of`, and more where
        the read was given a `Maturity`. It rides with the rows, in Arrow's metadata."""
        self.stats = ReadStats()
        self._reading = reading
        self._digests = digests
        self._origin = origin
        self._timeout = timeout
        self._reads = Reads(reads)
        self.replay: Replay | None = None
        """What became of what is read again, of a dataset that `Workspace.replay` gave."""
        self.on_end: Callable[[ReadStats], None] | None = None
        """Told the stats of each read of its rows, however it ended."""
        self.ids_of = 0
        """Of how many rows the words of the ids are kept, where digests are made; of more, none."""
        self.ids: Any = None
        """These words, of the last read that came to its end; None where there are none."""

    @property
    def window(self) -> Window | None:
        """Whose rows these are; None for all rows."""
        return self.plan.window

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema that its batches will have, roles in the fields' metadata; reads nothing.

        Raises:
            UnsupportedError: If a column's type is known to the engine alone, once it reads.
        """
        return _turning(self.plan, self._reading.schema, self.maturity)[0]

    def cancel(self) -> None:
        """End what reads or writes its rows now, from any thread; who takes them gets an error.

        The engine's work and the source's end within a second, as far as the source answers at all.
        A read that is begun later is another one, and goes on. Where none is at work, it does
        nothing.
        """

        def reason(what: str) -> CancelledError:
            return CancelledError(f"{what} was cancelled")

        self._reads.end(reason)

    def reader(self) -> pa.RecordBatchReader:
        """Return a `pyarrow.RecordBatchReader`: the schema at once, batches as they come.

        Closing it, and leaving its `with`, ends the read.

        Raises:
            EngineError, DataError, SourceError, AuthError: As the read fails, possibly midway.
        """
        from headwater.reading.arrow_reader import ArrowReader

        batches = self._read()
        schema = next(batches)
        return ArrowReader(schema, batches, f"reading {self._what}", self.cancel)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        def batches() -> Generator[pa.RecordBatch, None, None]:
            read = self._read()
            next(read)  # the schema
            yield from read

        return Given(batches(), f"reading {self._what}", self.cancel)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Export as an Arrow PyCapsule: pandas, polars, DuckDB and pyarrow take a Dataset so."""
        stream: object = self.reader().__arrow_c_stream__(requested_schema)  # type: ignore[no-untyped-call]
        return stream

    def to_arrow(self) -> pa.Table:
        """Return all rows as a `pyarrow.Table`, in memory."""
        return self.reader().read_all()

    def to_pandas(self, **options: Any) -> pd.DataFrame:
        """Return all rows as a pandas DataFrame; `options` go to `pyarrow.Table.to_pandas`.

        Raises:
            UnsupportedError: If pandas is not installed; nothing is read then.
        """
        _want("pandas")
        return self.to_arrow().to_pandas(**options)

    def to_polars(self) -> pl.DataFrame:
        """Return all rows as a polars DataFrame.

        Raises:
            UnsupportedError: If polars is not installed; nothing is read then.
        """
        _want("polars")
        import polars as pl

        frame = pl.from_arrow(self.to_arrow())
        if not isinstance(frame, pl.DataFrame):
            raise TypeError("polars made no DataFrame of a table")
        return frame

    def to_spark(self) -> DataFrame:
        """Return the rows as a lazy Spark DataFrame, for those who stay in Spark.

        Its columns are those of the dataset by name and order, in the types that Spark gives them;
        each carries its role as metadata (`headwater.role`). It belongs to the engine's session
        (the caller's own if the engine was given one), and can be used until the engine is closed.
        A tensor is an array here, and its dimensions are not checked. Parquet's timestamps in
        nanoseconds fail in it (`write_parquet` to a URI reads them, and writes microseconds).

        Raises:
            UnsupportedError: If another engine than Spark runs the plan.
        """
        return self._reading.to_spark()

    def write_parquet(self, path: str | Path, *, overwrite: bool = False) -> Path | str:
        """Write all rows as Parquet, whole or not at all.

        A path without a scheme is of this machine: one file, written by this process. A URI
        (`s3a://bucket/place`, `hdfs://...`, `file:///...`) is a directory of files that Spark
        writes, where Spark runs the plan: see `write_delta`.

        Args:
            path: A file that ends in `.parquet`, or a directory (made if missing), in which the
                file is called `part-0.parquet`; or a URI.
            overwrite: Replace the file, or the directory of Parquet files, if there is one.

        Returns:
            Path of the file, or the URI.

        Raises:
            ConfigError: If it exists and `overwrite` is false.
            UnsupportedError: For a URI, if another engine than Spark runs the plan.
        """
        if isinstance(path, str) and "://" in path:
            return self._write_far(path, "parquet", overwrite)
        return self.write(path, format="parquet", overwrite=overwrite)

    def write_delta(self, uri: str, *, overwrite: bool = False) -> str:
        """Write all rows as a Delta table, in one commit, from where Spark runs the plan.

        The rows never pass through this process. Storage is read with the plan's identities and
        written with the session's own. A tensor is an array, and its dimensions are not checked.

        Args:
            uri: Where the table is, e.g. `s3a://bucket/place`.
            overwrite: Replace the table's rows and schema if there is one; earlier versions stay.

        Returns:
            The URI.

        Raises:
            ConfigError: If there is a table and `overwrite` is false.
            UnsupportedError: If another engine than Spark runs the plan.
        """
        return self._write_far(uri, "delta", overwrite)

    def write_iceberg(self, table: str, *, overwrite: bool = False) -> str:
        """Write all rows as an Iceberg table, in one snapshot; otherwise as `write_delta`.

        Args:
            table: Its name, e.g. `lake.monitoring.predictions`: `lake` is a catalog that the Spark
                session knows (`spark.sql.catalog.lake`).
            overwrite: Replace the table if there is one; earlier snapshots stay.

        Returns:
            The name.

        Raises:
            ConfigError: If there is a table and `overwrite` is false, or no such catalog.
            UnsupportedError: If another engine than Spark runs the plan.
        """
        return self._write_far(table, "iceberg", overwrite)

    def write(
        self, path: str | Path, *, format: str = "parquet", overwrite: bool = False, **options: Any
    ) -> Path:
        """Write all rows in a format: `parquet`, `csv`, `jsonl`, `arrow`, or one of a plugin.

        Args:
            path: Where to: a file with the format's ending, or a directory in which the file is
                called `part-0`.
            format: The format. In CSV and JSON lines (`jsonl`) rows are in time order, unless the
                query names an order.
            overwrite: Replace the file if there is one.
            options: What a plugin's writer takes besides.

        Returns:
            Path of the file.

        Raises:
            ConfigError: If the file exists and `overwrite` is false, or nobody writes the format.
        """
        from headwater.reading import file_writer

        theirs = format in file_writer.YIELDING and self._reading.writes(format)
        if format in file_writer.FORMATS and not theirs:
            return file_writer.write(self, path, format, overwrite=overwrite)
        writer = self._reading.writer(format)
        if writer is None:
            raise file_writer.unknown_format(format)
        writer(self, path, overwrite=overwrite, **options)
        return Path(path)

    def evidence(self) -> Evidence:
        """Return the evidence of the read: what was read, how, by whom, and what came of it.

        It holds counts and digests of the rows, and no row. Where digests were not made on the way
        (`read(..., digests=True)`), the same files are read once more, and must give as many rows.

        Raises:
            EvidenceError: With code `not-read`, if the rows were not read to their end; or with
                `evidence-broken`, if reading once more gives others.
            UnsupportedError: If no connection was read, but a query by itself.
            HeadwaterError: As for a read, where the files are read once more.
        """
        from headwater.evidence.evidence import evidence_of

        if self._origin is None:
            raise UnsupportedError(
                f"there is no evidence of {self.plan.connection}: it is no connection",
                hint="connect the source to a model's version, and read the connection",
            )
        if not self.stats.finished:
            raise EvidenceError(
                f"{self.plan.connection} was not read to its end, so nothing says what came of it",
                code="not-read",
                hint="take all rows of the dataset, or write them, then ask for evidence",
            )
        stats = self.stats
        if stats.rows_digest is None:
            stats = replace(self._counted_again(), started_at=stats.started_at)
        plan = self.plan if self._name_files is None else self._name_files(self.plan)
        return evidence_of(plan, stats, self._origin())

    def _counted_again(self) -> ReadStats:
        """Read the same files once more, for the digests of the rows that they gave."""
        uncertain = [w for w in self.plan.warnings if w.code == "non-reproducible"]
        if uncertain:
            raise EvidenceError(
                f"{self.plan.connection}: its query may answer differently each time, so digests "
                f"can't be made afterwards: {uncertain[0].message}",
                code="not-read",
                hint="have them made as the rows are read: read(..., digests=True)",
            )
        again = Dataset(self._reading, digests=True, timeout=self._timeout, reads=self._reads)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EmptyReadWarning)
            for _ in again:
                pass
        mine, theirs = self.stats, again.stats
        same = mine.rows == theirs.rows
        if mine.batches:
            counted = ("null_ids", "actuals", "nan_actuals", "first", "last")
            same = same and all(getattr(mine, n) == getattr(theirs, n) for n in counted)
        if not same:
            raise EvidenceError(
                f"{self.plan.connection}: {mine.rows:,} rows were read, and the same files give "
                f"{theirs.rows:,} rows now, or others",
                code="evidence-broken",
                hint="have digests made as the rows are read: read(..., digests=True)",
            )
        return theirs

    def _write_far(self, target: str, format: str, overwrite: bool) -> str:
        """Let the engine write; keep the stats that it tells, and report the end once."""
        self.stats = stats = ReadStats(started_at=datetime.now(UTC))
        error: BaseException | None = None
        try:
            stats.notes = _notes(self.plan, None)
            stats.rows, notes = self._reads.call(
                lambda: self._reading.write(target, format, overwrite),
                f"writing {self._what} to {target}",
                self._timeout,
            )
            stats.notes += notes
            for note in notes:
                _log.warning("%s: %s", self.plan.connection, note.message)
            stats.finished = True
        except BaseException as caught:
            error = caught
            raise
        finally:
            self._reading.finished(stats, error)
        self._explain_empty(stats)
        return target

    def _read(self) -> Generator[Any, None, None]:
        """Yield the schema, then the batches; keep the stats; report the end exactly once."""
        self.stats = stats = ReadStats(started_at=datetime.now(UTC))
        error: BaseException | None = None
        running = self._reads.rows(self._reading.open, f"reading {self._what}", self._timeout)
        since = time.monotonic()
        _log.debug("reading %s: begun", self._what)
        try:
            with running as stream:
                stats.notes = _notes(self.plan, stream)
                for note in stats.notes:
                    level = logging.INFO if note.severity is Severity.INFO else logging.WARNING
                    _log.log(level, "%s: %s", self.plan.connection, note.message)
                turn = _turning(self.plan, stream.schema, self.maturity)
                schema, convert = turn
                digest = _digest(schema, self.ids_of) if self._digests else None
                yield schema
                for batch in stream:
                    if batch.num_rows == 0:
                        continue
                    _count_remarks(stats, batch)
                    batch = convert(batch)
                    _count(stats, batch)
                    if stats.batches == 1:
                        _log.debug("reading %s: first rows after %.3f s", self._what, _past(since))
                    if digest is not None:
                        digest.update(batch)
                    yield batch
            if digest is not None:
                stats.rows_digest, stats.labels_digest = digest.rows, digest.labels
                stats.labelled = digest.labelled
                self.ids = digest.ids()
            stats.finished = True
            notes = stats.of_actuals()
            stats.notes += notes
            for note in notes:
                _log.warning("%s: %s", self.plan.connection, note.message)
        except GeneratorExit:
            raise
        except AccessDeniedError as refused:
            if refused.caller is not None or not self.plan.identities:
                error = refused
                raise
            error = _with_readers(refused, self.plan)
            raise error from refused
        except BaseException as caught:
            error = caught
            raise
        finally:
            ended = "ended" if stats.finished else "left" if error is None else _code_of(error)
            _log.debug(
                "reading %s: %s after %.3f s, %d rows in %d batches",
                self._what,
                ended,
                _past(since),
                stats.rows,
                stats.batches,
            )
            if not running.forked:  # a process that was forked midway has nothing to tell of it
                self._reading.finished(stats, error)
                if self.on_end is not None:
                    self.on_end(stats)
        self._explain_empty(stats)

    @property
    def _what(self) -> str:
        """What is read, for messages."""
        window = "" if self.plan.window is None else f", {self.plan.window}"
        return f"{self.plan.connection}{window}"

    def _explain_empty(self, stats: ReadStats) -> None:
        if stats.rows:
            return
        verdict = self._reads.call(
            self._reading.why_empty, f"asking why {self._what} has no rows", self._timeout
        )
        if verdict is not None:
            stats.verdict = verdict
            # Where nobody set up logging, Python prints the record: it would be said twice.
            level = logging.WARNING if _log.hasHandlers() else logging.INFO
            _log.log(level, "%s: no rows: %s", self.plan.connection, verdict.message)
            warnings.warn(verdict.render(), EmptyReadWarning, stacklevel=callers_level())

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it be sent to another process: as its connection, with its definition, and its plan.

        It is read there with identities of its own, and its files must be what the plan saw.

        Raises:
            UnsupportedError: If something of it can't be sent; says what to send instead.
        """
        if self.replay is not None:
            raise UnsupportedError(
                f"{self.plan.connection}: what is read again can't be sent to another process",
                hint="send the evidence (Evidence.to_bytes), and replay it there",
            )
        if self._send is None:
            raise UnsupportedError(
                f"{self.plan.connection}: only a dataset that a workspace gave can be sent to "
                "another process",
                hint="send its plan, and make the dataset there",
            )
        origin = None if self._origin is None else self._origin()
        return self._send(self.plan, Sent(self._digests, self._timeout, self.maturity, origin))

    def _repr_html_(self) -> str:
        """Show what the dataset will be, and what was counted; reads nothing."""
        rows = [(c.name, c.role, c.field_type, c.column) for c in self.plan.mapping or ()]
        read = f"{self.stats.rows} rows read" if self.stats.batches else "not read yet"
        columns = html.table(("column", "role", "type", "from"), rows)
        return html.card(repr(self).strip("<>"), html.line(read), columns)

    def __repr__(self) -> str:
        window = self.plan.window or "all rows"
        return f"<Dataset of {self.plan.connection}, {window}, by {self.plan.engine}>"


NOTED: Final = missing_partitions.CODES | {OPEN_WINDOW, PARTIAL_WINDOW}
"""Warnings of a plan which mean that its rows are not all that there might be."""


def _notes(plan: Plan, stream: ArrowStream | None) -> tuple[Diagnostic, ...]:
    """Return what a reader should know of the rows, whether or not anybody looked at the plan."""
    return (*(w for w in plan.warnings if w.code in NOTED), *notes_of(stream))


def _with_readers(refused: AccessDeniedError, plan: Plan) -> AccessDeniedError:
    """Return an engine's refusal with whom it refused: engines see keys, and not whose they are."""
    names = sorted({identity.name for identity in plan.identities.values()})
    return refused.explained(f"{refused.message}; it was read as {', '.join(names)}")


def _past(since: float) -> float:
    return time.monotonic() - since


def _code_of(error: BaseException) -> str:
    return error.code if isinstance(error, HeadwaterError) else type(error).__name__


def _digest(schema: pa.Schema, ids_of: int) -> ContentDigest:
    from headwater.reading.content_digests import ContentDigest

    return ContentDigest(schema, ids_of)


def _turning(
    plan: Plan, incoming: pa.Schema, maturity: Mapping[str, Any] | None
) -> tuple[pa.Schema, Callable[[pa.RecordBatch], pa.RecordBatch]]:
    if plan.mapping is None:
        return incoming, lambda batch: batch
    turn = converter(plan.mapping, incoming)
    about = {b"headwater.connection": plan.connection.encode()}
    if plan.window is not None:
        about[b"headwater.window"] = str(plan.window).encode()
    if plan.sample is not None:
        about[b"headwater.sample"] = repr(plan.sample).encode()
    if maturity is not None:
        about[KEY.encode()] = json.dumps(maturity).encode()
    schema = turn.schema.with_metadata(about)
    return schema, lambda batch: turn(batch).replace_schema_metadata(about)


_COUNTS: Final = {
    CONFLICT: "conflicts",
    EARLY: "early_actuals",
    STALE: "stale_actuals",
    UNTIMED: "untimed_actuals",
}
"""Which count each remark of a row goes to."""


def _count_remarks(stats: ReadStats, batch: pa.RecordBatch) -> None:
    for remark, count in _COUNTS.items():
        if remark in batch.schema.names:
            more = kernel("sum", batch.column(remark)).as_py() or 0
            setattr(stats, count, getattr(stats, count) + more)


def _count(stats: ReadStats, batch: pa.RecordBatch) -> None:
    import pyarrow as pa

    from headwater.reading.conversion import role_of

    stats.rows += batch.num_rows
    stats.batches += 1
    for column, array in zip(batch.schema, batch.columns, strict=True):
        match role_of(column):
            case Role.ID:
                stats.null_ids += array.null_count
            case Role.ACTUAL:
                valid = len(array) - array.null_count
                stats.actuals[column.name] = stats.actuals.get(column.name, 0) + valid
                if pa.types.is_floating(column.type):
                    stats.nan_actuals += kernel("is_nan", array).true_count
            case Role.TIMESTAMP:
                first, last = map(_moment, kernel("min_max", array).values())
                if first is not None:
                    stats.first = min(filter(None, (stats.first, first)))
                    stats.last = max(filter(None, (stats.last, last)))


def _want(package: str) -> None:
    if find_spec(package) is None:
        raise UnsupportedError(f"{package} is not installed", hint=f"pip install {package}")


def rows_within(batch: pa.RecordBatch, window: Window | None) -> int:
    """Return how many rows of a batch of a dataset lie in a window; None is all of time."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if window is None or TIMESTAMP not in batch.schema.names:
        return 0 if window is not None else batch.num_rows
    times = batch.column(TIMESTAMP)
    start, end = (pa.scalar(moment, times.type) for moment in (window.start, window.end))
    inside = pc.and_(pc.greater_equal(times, start), pc.less(times, end))
    return int(inside.true_count)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _moment(value: pa.TimestampScalar[Any, Any]) -> datetime | None:
    """Return an Arrow time in microseconds as Python's, which ends with the year 9999.

    Later is clamped to it. It is counted, for `as_py()` has pyarrow import pandas.
    """
    count: int | None = value.value
    if count is None:
        return None
    try:
        moment: datetime = _EPOCH + timedelta(microseconds=count)
    except OverflowError:
        later = count > 0
        return datetime.max.replace(tzinfo=UTC) if later else datetime.min.replace(tzinfo=UTC)
    return moment
