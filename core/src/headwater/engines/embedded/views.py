"""Relations as views of a database: where a query's tables come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from headwater.auth.credentials import Access
from headwater.diagnostics import Diagnostic
from headwater.engines import declared_types, stream_requests
from headwater.engines.embedded import files
from headwater.engines.embedded.database import add_macros
from headwater.engines.embedded.file_opening import Contents
from headwater.engines.embedded.formats import parquet_statistics
from headwater.engines.embedded.formats.scans import padded
from headwater.engines.embedded.lake_formats import relations
from headwater.engines.embedded.misfits import Place
from headwater.engines.embedded.paths import duckdb_paths, is_remote
from headwater.engines.embedded.row_streams import RowStream
from headwater.engines.embedded.shares import Share, shares
from headwater.engines.small_files import fetched
from headwater.engines.used_columns import Used
from headwater.errors import HeadwaterError, UnsupportedError
from headwater.interfaces.abilities import Parting
from headwater.interfaces.offers import offers
from headwater.interfaces.plan import Plan, Scan
from headwater.interfaces.stopping import Stop
from headwater.partitions.rule_evidence import TimeRange, judged
from headwater.sql.portable.raising import raising
from headwater.sql.portable.spelling import cast, name
from headwater.sql.private_names import PRIVATE_DATABASE
from headwater.tables.relation import (
    CatalogRelation,
    DataFile,
    DeltaRelation,
    FileRelation,
    IcebergRelation,
    MemoryRelation,
    Relation,
    StreamRelation,
)
from headwater.tables.scan_request import ScanRequest
from headwater.tables.table import Column, Table
from headwater.tables.window import Window

if TYPE_CHECKING:
    from io import RawIOBase
    from pathlib import Path

    import pyarrow as pa
    from duckdb import DuckDBPyConnection

    from headwater.engines.embedded.fetched_shares import FetchedShares

_SMALL: Final = 2 * 2**20
"""Bytes of a table that is read for each share of another."""
_SMALL_ROWS: Final = 100_000
"""Rows of one: fewer than DuckDB cuts a table into, so that a join keeps them in their order."""


class Registrar:
    """Makes relations visible in one database, under `hw`.

    Args:
        connection: The database.
        access: The opened identities, for readers that bring their own client.
        raised: Receives what tables' own streams raise.
        places: Receives where values may lie that fit no column (`misfits`).
        folder: Makes an empty folder, for copies of small files; None makes no copies.
    """

    def __init__(
        self,
        connection: DuckDBPyConnection,
        access: Access,
        raised: list[HeadwaterError],
        places: list[Place],
        folder: Callable[[], Path] | None = None,
    ) -> None:
        self._connection = connection
        self._access = access
        self._folder = folder
        self.copies: dict[str, str] = {}
        self.paths: list[str] = []
        self.folders: list[Path] = []
        self.notes: list[Diagnostic] = []
        self._selections: dict[str, tuple[files.Selection, Mapping[str, str], Used]] = {}
        self._ranges: dict[str, Mapping[DataFile, TimeRange]] = {}
        self._tables: dict[str, pa.Table] = {}
        self._contents = Contents(connection, access.session, raised, places)
        self._stop = Stop.current()

    def close(self) -> None:
        """End what still works for the read, and wait for it."""
        self._contents.leave()

    def stop(self) -> None:
        """Have what still works for the read end soon; from any thread."""
        self._contents.left.set()

    def register(self, scan: Scan, used: Used, request: ScanRequest | None = None) -> None:
        """Create the view of a scan's slot.

        Args:
            scan: The table.
            used: The columns that the query uses: readers that can't push a projection down read
                no others.
            request: What is asked of a source that streams its rows; None for the used columns.

        Raises:
            UnsupportedError: If a table of that kind can't be read here.
        """
        source = self._source(scan, scan.relation, used, request)
        view = f"{name(PRIVATE_DATABASE)}.{name(scan.slot)}"
        add_macros(self._connection, source)
        self._connection.execute(f"CREATE VIEW {view} AS {source}")

    def shares(
        self, scan: Scan, readers: int, size: int | None, fetched: frozenset[DataFile]
    ) -> list[Share]:
        """Return a table that was registered in parts of its rows, in order.

        Args:
            scan: The table.
            readers: How many of them are read side by side.
            size: Bytes of each; None for what suits the table.
            fetched: Files that are fetched before they are read.

        Returns:
            Nothing where it is read whole.
        """
        if scan.slot not in self._selections:
            return []
        selection, paths, _ = self._selections[scan.slot]
        return shares(self._connection, selection, paths, readers, size, fetched)

    def fetchable(self, scan: Scan, window: Window | None, readers: int) -> frozenset[DataFile]:
        """Return the files of a table that may be fetched before they are read.

        Args:
            scan: The table.
            window: The read's; None for all of time.
            readers: How many shares are read side by side.
        """
        relation = scan.relation
        if scan.slot not in self._selections or not isinstance(relation, FileRelation):
            return frozenset()
        selection, paths, used = self._selections[scan.slot]
        if relation.auth_ref is None or not any(map(is_remote, paths.values())):
            return frozenset()
        if not offers(self._access.session(relation.auth_ref), Parting):
            return frozenset()
        from headwater.engines.embedded.fetched_shares import fetchable, without_parts

        column = scan.rule.column if scan.rule and scan.window else scan.time_column
        compared = used.compared - {k.casefold() for k in relation.partition_columns}
        if compared and (column is None or compared != {column.casefold()}):
            # What its row groups say may leave out most of a file.
            return frozenset()
        files = fetchable(selection, readers)
        if not files or not compared or column is None:
            return files  # empty for text: no footer is asked of it
        ranges = self._ranges.get(scan.slot)
        if ranges is None:
            listed = [f for b in selection.branches for f in b.scan.files]
            ranges = parquet_statistics.footer_ranges(
                self._connection, relation, listed, paths, column
            )
        return without_parts(files, scan.window or window, ranges)

    def fetched(
        self,
        scan: Scan,
        parts: Sequence[Share],
        chosen: frozenset[DataFile],
        readers: int,
    ) -> tuple[FetchedShares | None, list[Mapping[str, str]]]:
        """Return what fetches shares of a table, and from which paths each share is read instead.

        Args:
            scan: The table.
            parts: The shares.
            chosen: The files that are fetched.
            readers: How many shares are read side by side.
        """
        relation = scan.relation
        if not chosen or self._folder is None or not isinstance(relation, FileRelation):
            return None, [{} for _ in parts]
        session = self._access.session(relation.auth_ref or "")
        assert offers(session, Parting), "its files may be fetched"
        from headwater.engines.embedded.fetched_shares import AHEAD, FetchedShares, excerpts

        folder = self._folder()
        self.folders.append(folder)
        _, paths, _ = self._selections[scan.slot]
        excerpts_of = excerpts(self._connection, parts, chosen, paths, folder, AHEAD)
        elsewhere: list[Mapping[str, str]] = [
            {paths[e.file.path]: str(e.stand_in) for e in share or ()} for share in excerpts_of
        ]
        self.copies |= {str(e.stand_in): e.file.path for some in excerpts_of for e in some or ()}

        def opened(file: DataFile, first: int, last: int) -> RawIOBase:
            return session.part(file, first, last, f"read {file.path} of table {relation.name}")

        return FetchedShares(excerpts_of, opened, ahead=AHEAD * (readers + 1)), elsewhere

    def local_paths(self, scan: Scan, share: Share) -> list[str]:
        """Return where the files of a share are, in order; none where one is not on this machine.

        Args:
            scan: The table.
            share: The share.
        """
        _, paths, _ = self._selections[scan.slot]
        found = [paths[f.path] for f in share.files]
        return [] if any("://" in path for path in found) else found

    def used(self, scan: Scan) -> Used:
        """Return which columns of a table of files a query uses."""
        _, _, used = self._selections[scan.slot]
        return used

    def is_small(self, scan: Scan) -> bool:
        """Return whether a table may be read again and again, beside each share of another."""
        if (rows := self._tables.get(f"{scan.slot}_rows")) is not None:
            return rows.num_rows <= _SMALL_ROWS
        if scan.slot not in self._selections:
            return False
        selection, _, _ = self._selections[scan.slot]
        counts = [b.scan.rows for b in selection.branches]
        few = all(c is not None for c in counts) and sum(c or 0 for c in counts) <= _SMALL_ROWS
        return few and sum(f.size for b in selection.branches for f in b.scan.files) <= _SMALL

    def cursor(self) -> DuckDBPyConnection:
        """Return a further connection to the database, on which the same tables are found."""
        return self._contents.cursor()

    def stream(self, scan: Scan, stream: object, columns: frozenset[str]) -> None:
        """Create the view of a slot whose rows come as Arrow from elsewhere.

        Args:
            scan: The table.
            stream: Has `__arrow_c_stream__`, which may be called several times.
            columns: Names of the columns that it gives, casefolded.
        """
        self._contents.register(stream, f"{scan.slot}_rows")
        view = f"{name(PRIVATE_DATABASE)}.{name(scan.slot)}"
        select = _typed(f"{scan.slot}_rows", _chosen(scan.relation, columns))
        add_macros(self._connection, select)
        self._connection.execute(f"CREATE VIEW {view} AS {select}")

    def _source(
        self, scan: Scan, relation: Relation, used: Used, request: ScanRequest | None
    ) -> str:
        slot, columns = scan.slot, used.named
        match relation:
            case FileRelation():
                paths = duckdb_paths(relation) | self._copied(relation)
                self.paths += paths.values()
                selection = files.select(self._connection, relation, paths, used, self._contents)
                self._selections[slot] = selection, paths, used
                self.notes += selection.notes
                self._prove(scan, relation, paths)
                return selection.sql
            case MemoryRelation():
                rows = declared_types.table(relation, used)
                self._tables[f"{slot}_rows"] = rows.table
                self._contents.register(rows.table, f"{slot}_rows")
                return _typed(f"{slot}_rows", rows.columns, rows.lost)
            case IcebergRelation() | DeltaRelation():
                ref = relation.auth_ref
                credentials = partial(self._access.storage, ref) if ref else _no_credentials
                stream = relations.stream(relation, columns, credentials)
                rows_stream = RowStream(lambda: self._keeping_errors(stream.reader))
                self._contents.register(rows_stream, f"{slot}_rows")
                return _typed(f"{slot}_rows", _chosen(relation, columns))
            case StreamRelation():
                scan_request = request or ScanRequest(stream_requests.needed(relation, used))
                rows_stream = RowStream(
                    lambda: self._keeping_errors(
                        lambda: declared_types.reader(relation, scan_request)
                    )
                )
                self._contents.register(rows_stream, f"{slot}_rows")
                return _typed(
                    f"{slot}_rows", declared_types.requested_columns(relation, scan_request)
                )
            case CatalogRelation():
                raise UnsupportedError(
                    f"table {relation.name} is read by a cluster's own metastore, which the "
                    "embedded engine does not have",
                    hint="use a spark engine on that cluster",
                )

    def _copied(self, relation: FileRelation) -> dict[str, str]:
        """Return copies of a table's files, where these are few and small; none of the others."""
        if self._folder is None or any(
            parquet_statistics.format_of(relation, f) != "parquet" for f in relation.files
        ):
            return {}
        try:
            copies = fetched(relation, relation.files, self._access, self._folder)
        except OSError:  # no room for them: they are read from where they are
            return {}
        self.copies |= {copy: path for path, copy in copies.items()}
        return copies

    def _prove(self, scan: Scan, relation: FileRelation, paths: Mapping[str, str]) -> None:
        """Compare files with the rule that chose them, by the footers that were just looked at.

        Raises:
            ConfigError: With code `rule-broken`, if a file lies wholly outside.
        """
        rule = scan.rule
        if rule is None or scan.window is None:
            return
        table = Table(scan.table, relation.columns, relation.partition_columns)
        parquet = [
            f for f in relation.files if parquet_statistics.format_of(relation, f) == "parquet"
        ]
        by_file = parquet_statistics.footer_ranges(
            self._connection, relation, parquet, paths, rule.column
        )
        self._ranges[scan.slot] = by_file
        evidence = judged(rule, table, by_file.values())
        if evidence.refuted(scan.forgiving):
            raise evidence.error()
        if note := evidence.finding():
            self.notes.append(note)

    def _keeping_errors(self, open_: Callable[[], pa.RecordBatchReader]) -> pa.RecordBatchReader:
        """Open a stream; what it raises is kept, because DuckDB would keep only its text."""
        import pyarrow as pa

        def batches() -> Iterator[pa.RecordBatch]:
            rows = iter(reader)
            while True:
                # DuckDB's own thread, which does not know for which read it works.
                with self._contents.keeping(), self._stop.within():
                    batch = next(rows, None)
                if batch is None:
                    return
                yield batch

        with self._contents.keeping(), self._stop.within():
            reader = open_()
        return pa.RecordBatchReader.from_batches(reader.schema, batches())


def _no_credentials() -> None:
    """Return what a table that needs no identity is read with."""


def _typed(
    source: str,
    columns: Sequence[Column],
    lost: Mapping[str, HeadwaterError] = MappingProxyType({}),
) -> str:
    """Return the rows of a table of DuckDB's in the types of columns.

    Args:
        source: Its name.
        columns: The columns.
        lost: What raises, should a column be used after all, by its name.
    """
    listed = ", ".join(
        f"{raising(lost[c.name].code, lost[c.name].message, c.type)} AS {name(c.name)}"
        if c.name in lost
        else f"{padded(cast(name(c.name), c.type), c.type)} AS {name(c.name)}"
        for c in columns
    )
    return f"SELECT {listed} FROM {name(source)}"


def _chosen(relation: Relation, columns: frozenset[str] | None) -> Sequence[Column]:
    """Return the columns that a query uses; the first, where it uses none."""
    used = [c for c in relation.columns if columns is None or c.name.casefold() in columns]
    return [declared_types.readable_column(c) for c in used or relation.columns[:1]]


def identity_of(relation: Relation) -> str | None:
    """Return the identity whose storage settings DuckDB itself needs to read a relation."""
    if isinstance(relation, FileRelation) and relation.files:
        return relation.auth_ref
    return None


def databases(plan: Plan) -> int:
    """Return how many databases a plan's tables are read with: one for each identity."""
    return len({identity_of(s.relation) for s in plan.scans} - {None}) or 1


def main_identity(plan: Plan) -> str | None:
    """Return the identity that reads the most bytes: it reads in the query's own database."""
    bytes_: dict[str, int] = {}
    for scan in plan.scans:
        identity = identity_of(scan.relation)
        if identity is not None and isinstance(scan.relation, FileRelation):
            bytes_[identity] = bytes_.get(identity, 0) + scan.relation.size
    return max(bytes_, key=lambda k: bytes_[k]) if bytes_ else None
