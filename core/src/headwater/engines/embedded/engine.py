"""The embedded engine: DuckDB in this process, for queries that mean the same there as on Spark."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from headwater.auth.credentials import Access
from headwater.diagnostics import Diagnostic, errors_in, remarks_in
from headwater.engines.embedded.copied_columns import CopiedShare, Copying
from headwater.engines.embedded.database import (
    add_macros,
    confine,
    database,
    keep_cuts,
    read_in_order,
    run_side_by_side,
)
from headwater.engines.embedded.errors import is_denied, translated
from headwater.engines.embedded.lake_formats import relations
from headwater.engines.embedded.lake_formats.files import BATCH_ROWS
from headwater.engines.embedded.memory import memory
from headwater.engines.embedded.misfits import Place
from headwater.engines.embedded.row_streams import RowStream
from headwater.engines.embedded.running import Batches, Rows, Run, SideBySide
from headwater.engines.embedded.shares import Share
from headwater.engines.embedded.storage import storage
from headwater.engines.embedded.stream import Stream
from headwater.engines.embedded.views import Registrar, databases, identity_of, main_identity
from headwater.engines.scratch_folders import scratch_folder
from headwater.engines.stream_requests import request
from headwater.engines.used_columns import Used, used_columns
from headwater.errors import EngineError, HeadwaterError, QueryError
from headwater.interfaces.engine import ArrowStream, Compiled, EngineCapability
from headwater.interfaces.plan import Plan, Planned, Scan
from headwater.interfaces.stopping import Stop
from headwater.sql import portable
from headwater.sql.portable.spelling import name
from headwater.sql.private_names import PRIVATE_DATABASE
from headwater.sql.pruning.row_shares import divisible
from headwater.tables.scan_request import ScanRequest
from headwater.tables.table import TableName
from headwater.types.arrow import arrow_type

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from duckdb import DuckDBPyConnection

_PACKAGES = ("duckdb", "pyarrow")
_MOST_TOLERANCE = 1e-6
_READERS: Final = 16
"""Most readers side by side of object storage: where they wait for it more than they work."""
_WORTH: Final = 64 * 2**20
"""Bytes that one core reads while a file's first requests are answered, about (50 ms each)."""
_FEW_ROWS: Final = 2**20
"""Values of a batch of which most columns are copied, and no text is among them: what is copied
is filled in in smaller ones."""
_SHARE: Final = "temp.main.headwater_share"
"""Each connection's own view of the rows that it reads."""


def _now() -> datetime:
    return datetime.now(UTC)


class EmbeddedEngine:
    """DuckDB in process: no Java, starts in a fraction of a second, streams in bounded memory.

    It runs the portable subset only (`headwater.sql.portable`): what it refuses, it refuses at plan
    time, with the construct underlined.

    Args:
        memory_limit: The most memory that a read takes before it spills to disk, e.g. `2GB`, with
            the rows that wait to be taken; 80 % of the machine if None.
        threads: Worker threads, or shares of local files that are read side by side; one for each
            core if None.
        tolerance: How far a number may be from Spark's, as a share of it, e.g. `"1e-9"`, in
            functions whose last digits differ, or are not fixed on Spark either (`stddev`, `corr`,
            `sin`). Without it queries that call them are refused. Plans say which use it.
        clock: Now, aware; for the renewal of credentials.
        share_bytes: Bytes of a share of a table that is read in shares; what suits it if None.
    """

    name = "embedded"
    capabilities = frozenset(
        {
            EngineCapability.PORTABLE_QUERY,
            EngineCapability.ICEBERG,
            EngineCapability.DELTA,
            EngineCapability.STORAGE_CREDENTIALS,
            EngineCapability.CREDENTIAL_RENEWAL,
            EngineCapability.TIME_STATISTICS,
        }
    )

    def __init__(
        self,
        memory_limit: str | None = None,
        threads: int | None = None,
        *,
        tolerance: str | float | None = None,
        clock: Callable[[], datetime] = _now,
        share_bytes: int | None = None,
    ) -> None:
        self.memory_limit = memory_limit
        self.threads = threads
        self.tolerance = None if tolerance is None else _share(tolerance)
        self.clock = clock
        self.share_bytes = share_bytes

    def unavailable(self) -> str | None:
        """Return why this engine can't be used here and how to change that, or None."""
        missing = [p for p in _PACKAGES if find_spec(p) is None]
        if not missing:
            return None
        return f"{' and '.join(missing)} not installed: pip install headwater[embedded]"

    def refusals(self, plan: Plan) -> tuple[Diagnostic, ...]:
        """Return why this engine can't answer as Spark would; empty if it can."""
        return self.compile(Planned.of(plan)).refusals

    def compile(self, planned: Planned) -> Compiled:
        """Return a plan's SQL as DuckDB runs it, or why this engine can't answer as Spark would."""
        plan = planned.plan
        tables = [d for scan in plan.scans for d in relations.refusals(scan.relation)]
        text, query = _compiled(planned, self.tolerance)
        most = memory(self.memory_limit).limit
        return Compiled(text, (*errors_in(query), *tables), remarks_in(query), most)

    @contextmanager
    def read(self, plan: Plan | Planned, access: Access) -> Iterator[ArrowStream]:
        """Run a plan; the context holds the database, its credentials and its spilled data.

        Raises:
            QueryError: If the plan's SQL is outside the portable subset.
            UnsupportedError: If a table's kind, format or options can't be read.
            DataChangedError: If a file's length or version is not what the plan saw. Lengths of
                Parquet files are compared with the plan's before rows are read; a file that is
                overwritten while it is read is noticed by its ETag. Small ones are fetched whole,
                of the planned version or not at all.
            AccessDeniedError: If the reading identity may not read a file.
            EngineError: If it fails otherwise; code `spark-runtime-error` where a value raises as
                in Spark's ANSI mode.
        """
        if reason := self.unavailable():
            raise EngineError(f"embedded engine: {reason}")
        planned = Planned.of(plan)
        plan, analysis, sql = planned.plan, planned.analysis, planned.compiled
        if sql is None:
            sql, refused = _compiled(planned, self.tolerance)
            if sql is None:
                raise QueryError(
                    "the embedded engine can't promise Spark's answer to this query", refused
                )
        with ExitStack() as stack:
            readers = _Readers(self, access, stack, databases(plan))
            main = readers.open(main_identity(plan))
            causes = (main.renewals, readers.raised, readers.places, readers.copies)
            with translated(plan.scans, *causes):
                for scan in plan.scans:
                    readers.stop.check()
                    used = used_columns(analysis, TableName(PRIVATE_DATABASE, scan.slot))
                    scan_request = request(planned, scan, used)
                    owner = identity_of(scan.relation)
                    if owner is None or owner == main.identity:
                        main.registrar.register(scan, used, scan_request)
                    else:
                        rows = readers.stream(owner, scan, used, scan_request)
                        main.registrar.stream(scan, rows, used.named)
                add_macros(main.connection, sql)
                answer = self._answer(planned, main, sql, stack, readers.confine)
            stack.callback(readers.leave)
            yield Stream(
                answer,
                analysis.columns,
                plan.scans,
                *causes,
                notes=readers.notes(),
            )

    def _answer(
        self,
        planned: Planned,
        main: _Reader,
        sql: str,
        stack: ExitStack,
        confine: Callable[[], None],
    ) -> Rows:
        """Run a query, confined to its files: in shares side by side where it may be, or whole."""
        connection = main.connection
        stop = Stop.current()
        divided = _divided(planned, main)
        parts: list[Share] = []
        if divided is None:
            keep_cuts(connection, sql)
        else:
            read_in_order(connection)
            cores = self.threads or os.cpu_count() or 1
            chosen = main.registrar.fetchable(divided, planned.plan.window, cores)
            waits = main.identity is not None and not chosen
            readers = _readers(cores, divided) if waits else cores
            parts = main.registrar.shares(divided, readers, self.share_bytes, chosen)
        if divided is None or not parts:
            confine()
            whole = Run(
                lambda: connection.execute(sql).to_arrow_reader(BATCH_ROWS), lambda: stop.stopped
            )
            stack.callback(whole.close)
            return whole
        allowed = memory(self.memory_limit, databases(planned.plan))
        fetched, elsewhere = main.registrar.fetched(divided, parts, chosen, readers)
        confine()
        run_side_by_side(connection, allowed.beside)
        _show(connection, parts[0].sql())
        view = f"{name(PRIVATE_DATABASE)}.{name(divided.slot)}"
        connection.execute(f"CREATE OR REPLACE VIEW {view} AS SELECT * FROM {_SHARE}")
        batch_rows = max(1, BATCH_ROWS * cores // readers)
        queries = _ShareQueries(sql, planned, divided, main.registrar, parts, elsewhere, batch_rows)
        rows = SideBySide(
            [partial(queries.run, number) for number in range(len(parts))],
            main.registrar.cursor,
            readers=readers,
            ahead=allowed.ahead,
            # The keys that a file was opened with may have ended while its rows waited.
            again=is_denied,
            fetched=fetched,
        )
        stack.callback(rows.close)
        stack.enter_context(stop.ending(rows.stop))
        rows.start()
        return rows


class _ShareQueries:
    """A query that runs over one share of a table after the other.

    Args:
        sql: The query.
        planned: What it is of.
        scan: The table.
        registrar: Where the table is.
        parts: The shares.
        elsewhere: From which paths each of them is read in the place of DuckDB's own.
        batch_rows: Rows of a batch, at most.
    """

    def __init__(
        self,
        sql: str,
        planned: Planned,
        scan: Scan,
        registrar: Registrar,
        parts: Sequence[Share],
        elsewhere: Sequence[Mapping[str, str]],
        batch_rows: int,
    ) -> None:
        self._sql, self._scan, self._registrar = sql, scan, registrar
        self._parts, self._elsewhere, self._batch_rows = parts, elsewhere, batch_rows
        self._outputs = planned.analysis.columns
        self._copying = Copying.of(planned, scan, registrar.used(scan))

    def run(self, number: int, connection: DuckDBPyConnection) -> Batches:
        """Run the query over a share.

        Args:
            number: The share's.
            connection: Where.
        """
        share = self._parts[number]
        query = partial(self._query, number, connection)
        # The first rows come sooner from DuckDB alone.
        if number and self._copying.is_worth(share):
            paths = self._registrar.local_paths(self._scan, share)
            if paths:
                return CopiedShare(self._copying, share, paths, query)
        return query({}, None)

    def _query(
        self,
        number: int,
        connection: DuckDBPyConnection,
        instead: Mapping[str, str],
        places: Sequence[int] | None,
    ) -> Batches:
        _show(connection, self._parts[number].sql(self._elsewhere[number], instead))
        if places is None:
            return connection.execute(self._sql).to_arrow_reader(self._batch_rows)
        names = [f"c{place}" for place in range(len(self._outputs))]
        taken = ", ".join(names[place] for place in places)
        return connection.execute(
            f"SELECT {taken} FROM (\n{self._sql}\n) AS answer({', '.join(names)})"
        ).to_arrow_reader(self._rows_of_few(places))

    def _rows_of_few(self, places: Sequence[int]) -> int:
        """Return how many rows a batch of some outputs may have; the last is a row's number."""
        import pyarrow as pa

        types = [arrow_type(self._outputs[place].type) for place in places[:-1]]
        if not all(pa.types.is_primitive(t) or pa.types.is_decimal(t) for t in types):
            return self._batch_rows  # a text may be of any length
        return max(self._batch_rows, _FEW_ROWS // len(places))


@dataclass(frozen=True, slots=True)
class _Reader:
    """A database with the identity that it reads storage with."""

    identity: str | None
    connection: DuckDBPyConnection
    registrar: Registrar
    renewals: list[HeadwaterError]


class _Readers:
    """The databases of one read: the query's own, and one for each further identity."""

    def __init__(
        self, engine: EmbeddedEngine, access: Access, stack: ExitStack, count: int
    ) -> None:
        self._engine = engine
        limit = memory(engine.memory_limit, count).limit
        shared = count > 1 and limit is not None
        self._memory = f"{limit}B" if shared else engine.memory_limit
        self._access = access
        self._stack = stack
        self.stop = Stop.current()
        self._open: dict[str | None, _Reader] = {}
        self.raised: list[HeadwaterError] = []
        self.places: list[Place] = []
        self.copies: dict[str, str] = {}

    def open(self, identity: str | None) -> _Reader:
        """Return the database of an identity, opened once."""
        if identity not in self._open:
            connection = self._stack.enter_context(
                database(
                    memory_limit=self._memory,
                    threads=self._engine.threads,
                    remote=identity is not None,
                )
            )
            renewals: list[HeadwaterError] = []
            if identity is not None:
                clock = self._engine.clock
                renewals = self._stack.enter_context(
                    storage(connection, self._access, identity, clock=clock)
                )
            self._stack.enter_context(self.stop.ending(connection.interrupt))
            registrar = Registrar(connection, self._access, self.raised, self.places, self._folder)
            registrar.copies = self.copies
            self._stack.callback(registrar.close)
            self._stack.enter_context(self.stop.ending(registrar.stop))
            self._open[identity] = _Reader(identity, connection, registrar, renewals)
        return self._open[identity]

    def _folder(self) -> Path:
        return self._stack.enter_context(scratch_folder())

    def stream(self, identity: str, scan: Scan, used: Used, scan_request: ScanRequest) -> RowStream:
        """Return the rows of a scan, read with another identity than the query's own."""
        reader = self.open(identity)
        reader.registrar.register(scan, used, scan_request)
        names = [c.name for c in scan.relation.columns if c.name.casefold() in used.named]
        listed = ", ".join(name(n) for n in names or [scan.relation.columns[0].name])
        sql = f"SELECT {listed} FROM {name(PRIVATE_DATABASE)}.{name(scan.slot)}"

        def rows() -> pa.RecordBatchReader:
            cursor = reader.registrar.cursor()
            # While the query that takes these rows waits for them, nothing interrupts this one.
            self._stack.enter_context(self.stop.ending(cursor.interrupt))
            return cursor.execute(sql).to_arrow_reader(BATCH_ROWS)

        return RowStream(rows)

    def leave(self) -> None:
        """Let streams of Python's end, so that who waits for their next rows does not."""
        for reader in self._open.values():
            reader.registrar.close()

    def notes(self) -> tuple[Diagnostic, ...]:
        """Return what the files of the tables gave cause to say."""
        return tuple(n for reader in self._open.values() for n in reader.registrar.notes)

    def confine(self) -> None:
        """Let no database open another file than those of its tables."""
        for reader in self._open.values():
            confine(reader.connection, reader.registrar.paths, reader.registrar.folders)


def _share(tolerance: str | float) -> float:
    """Return a tolerance as a number.

    Raises:
        EngineError: If it is none, or so large that figures would be other figures.
    """
    try:
        share = float(tolerance)
    except (TypeError, ValueError):
        share = -1.0
    if isinstance(tolerance, bool) or not 0 < share <= _MOST_TOLERANCE:
        raise EngineError(
            f"embedded engine: the tolerance {tolerance!r} is no share above 0 and up to"
            f" {_MOST_TOLERANCE}",
            hint='write how far numbers may be from Spark\'s, e.g. tolerance: "1e-9"',
        )
    return share


def _divided(planned: Planned, main: _Reader) -> Scan | None:
    """Return the table that may be read in shares: the answer is theirs, the others are small."""
    scans = {TableName(PRIVATE_DATABASE, s.slot): s for s in planned.plan.scans}
    named = [r.name for r in planned.analysis.parsed.references]
    for reference in divisible(planned.analysis):
        scan = scans.get(reference.name)
        if scan is None or named.count(reference.name) != 1:
            continue
        if all(main.registrar.is_small(s) for s in scans.values() if s is not scan):
            return scan
    return None


def _readers(cores: int, scan: Scan) -> int:
    """Return how many shares of object storage are read side by side.

    The smaller the files, the more of the time goes by between a request and its answer.
    """
    bytes_, files = scan.estimate.bytes or 0, scan.estimate.files or 0
    return min(cores + _WORTH * files // max(bytes_, 1), max(_READERS, cores))


def _show(connection: DuckDBPyConnection, select: str) -> None:
    """Let a connection see these rows in the place of the table that is read in shares."""
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {_SHARE.rpartition('.')[2]} AS {select}")


def _compiled(
    planned: Planned, tolerance: float | None
) -> tuple[str | None, tuple[Diagnostic, ...]]:
    if not planned.analysis.ok:
        return None, planned.analysis.diagnostics
    slots = {
        TableName(PRIVATE_DATABASE, scan.slot): f"{name(PRIVATE_DATABASE)}.{name(scan.slot)}"
        for scan in planned.plan.scans
    }
    return portable.compiled(planned.analysis, slots.__getitem__, tolerance)
