"""Copied columns: what a query only gives out is decoded by Arrow, in half the time of DuckDB.

DuckDB reads a share without these columns; one of them holds the number of each row in its place.
So DuckDB tells which rows there are and computes what is computed, and Arrow's decoder fills in the
columns of these rows that the query looks at nowhere.

Whatever is unusual leaves the share to DuckDB alone, from the row on where it is met: a file that
Arrow reads as other types, a row that is asked for twice, few rows of many, an error of Arrow's. So
a file has one meaning, and each of its faults one text. A query of one table gives its rows in
their order, both times; where tables are joined, nothing is copied.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from headwater.engines.embedded.files import FILE
from headwater.engines.embedded.formats.parquet_values import FileValues, Footer, NotPlainError
from headwater.engines.embedded.formats.scans import FILE_ROW
from headwater.engines.embedded.running import Batches, batches
from headwater.engines.embedded.shares import Share
from headwater.sources import local_files
from headwater.sql.portable.spelling import null
from headwater.tables.relation import DataFile
from headwater.tables.table import Column
from headwater.types import DataType
from headwater.types.arrow import arrow_type, kernel

if TYPE_CHECKING:
    import pyarrow as pa

LEAST: Final = 2**20
"""Bytes of a file whose columns are copied: to open one twice takes half a millisecond."""
_ROWS: Final = 2**32
"""Numbers for the rows of a file; those of the next one begin behind them."""
_NUMBER: Final = f"(CAST({FILE} AS BIGINT) * {_ROWS} + CAST({FILE_ROW} AS BIGINT))"
_CARRIERS: Final = {
    "bigint": _NUMBER,
    "double": f"CAST({_NUMBER} AS DOUBLE)",
    "string": f"CAST({_NUMBER} AS VARCHAR)",
}
"""Column types that can hold the number of a row, and how it is written there."""
_SPARSE: Final = 8
"""Of how many rows one must be asked for: of fewer, DuckDB does not decode all."""


Query: TypeAlias = "Callable[[Mapping[str, str], Sequence[int] | None], Batches]"
"""Runs the query over a share, with expressions in the place of some of the table's columns, and
gives some of its outputs, by their places; all where None."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file of a share, on this machine.

    Args:
        file: What it is, or stands in for.
        path: Where it is found.
        is_scratch: Whether it is the read's own, so that nobody else writes to it.
    """

    file: DataFile
    path: str
    is_scratch: bool


@dataclass(frozen=True, slots=True)
class _Copies:
    """What is copied of a share.

    Args:
        names: What each of its files calls the columns that are copied.
        types: Their types.
        places: The column that each output is, of those that are copied.
        computed: The places of the other outputs, and at the end that of the one that carries the
            numbers of rows.
        instead: What DuckDB reads in the place of the columns.
    """

    names: Sequence[Sequence[str]]
    types: Sequence[pa.DataType]
    places: Mapping[int, int]
    computed: Sequence[int]
    instead: Mapping[str, str]


class Copying:
    """Which columns of a table a read copies, and the footers that it has seen. Thread-safe.

    Args:
        given_out: Casefolded names of the columns that are only given out, by the output's place.
        outputs: All outputs.
        used: How many columns of the table the query uses.
    """

    def __init__(self, given_out: Mapping[int, str], outputs: Sequence[Column], used: int) -> None:
        self._given_out, self._used = given_out, used
        self.types: tuple[DataType, ...] = tuple(o.type for o in outputs)
        self._footers: dict[str, Footer] = {}

    def is_worth(self, share: Share) -> bool:
        """Return whether columns of a share may be copied, and that saves time."""
        large = sum(p.weight for p in share.pieces) >= LEAST * len(share.files)
        return large and 2 * len(self._plain(share)) >= max(1, self._used)

    def _plain(self, share: Share) -> dict[str, list[str]]:
        """Return the columns that all files of a share hold plainly, and what each calls them."""
        every = [p.branch.scan.plain for p in share.pieces for _ in p.files]
        wanted = frozenset(self._given_out.values())
        return {
            column: [plain[column] for plain in every]
            for column in every[0]
            if column.casefold() in wanted and all(column in plain for plain in every)
        }

    def footer(self, source: Source) -> Footer:
        """Return the footer of a file.

        Raises:
            OSError: If it can't be read.
            pyarrow.ArrowException: If it is none.
        """
        footer = self._footers.get(source.file.path)
        if footer is None:
            footer = self._footers[source.file.path] = Footer.read(source.path)
        return footer

    def copies(self, share: Share, footers: Sequence[Footer]) -> _Copies:
        """Return what is copied of a share.

        Args:
            share: The share.
            footers: Those of its files, in order.

        Raises:
            NotPlainError: If nothing is.
        """
        plain = {column.casefold(): (column, names) for column, names in self._plain(share).items()}
        types = {c: self.types[place] for place, c in self._given_out.items() if c in plain}
        columns = [
            column
            for column, type_ in types.items()
            if all(
                footer.gives(called, arrow_type(type_))
                for footer, called in zip(footers, plain[column][1], strict=True)
            )
        ]
        places = {p: columns.index(c) for p, c in self._given_out.items() if c in columns}
        carriers = [p for name in _CARRIERS for p in places if self.types[p].name == name]
        if not carriers:
            raise NotPlainError
        instead = {plain[c][0]: null(types[c]) for c in columns}
        carrier = columns[places[carriers[0]]]
        instead[plain[carrier][0]] = _CARRIERS[types[carrier].name]
        return _Copies(
            [[plain[c][1][number] for c in columns] for number in range(len(footers))],
            [arrow_type(types[c]) for c in columns],
            places,
            [*(p for p in range(len(self.types)) if p not in places), carriers[0]],
            instead,
        )


class CopiedShare:
    """The rows of a share, of which some columns are copied.

    Args:
        copying: Which.
        share: The share.
        sources: Its files, in order.
        query: Runs the query.
    """

    def __init__(
        self, copying: Copying, share: Share, sources: Sequence[Source], query: Query
    ) -> None:
        import pyarrow as pa

        self._copying, self._share, self._sources = copying, share, sources
        self._query = query
        self._running: Batches | None = None
        self._batches = self._rows()
        self.schema = pa.schema([(f"c{i}", arrow_type(t)) for i, t in enumerate(copying.types)])

    def read_next_batch(self) -> pa.RecordBatch:
        """Return the next batch.

        Raises:
            StopIteration: After the last.
        """
        return next(self._batches)

    def close(self) -> None:
        """End what runs."""
        self._batches.close()
        if self._running is not None:
            self._running.close()

    def _rows(self) -> Generator[pa.RecordBatch]:
        import pyarrow as pa

        given = 0
        try:
            for batch in self._copied():
                yield batch
                given += batch.num_rows
        except (NotPlainError, pa.ArrowException, OSError):
            pass
        else:
            return
        for batch in self._run():
            if given < batch.num_rows:
                yield batch.slice(given)
            given = max(0, given - batch.num_rows)

    def _run(
        self,
        instead: Mapping[str, str] = MappingProxyType({}),
        places: Sequence[int] | None = None,
    ) -> Iterator[pa.RecordBatch]:
        if self._running is not None:
            self._running.close()
        self._running = self._query(instead, places)
        return batches(self._running)

    def _copied(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows, of which what is copied comes from Arrow.

        Raises:
            NotPlainError: If DuckDB is to read those that are left.
            OSError: If a file has a fault, or can't be read.
            pyarrow.ArrowException: If a file has a fault.
        """
        import pyarrow as pa

        footers = [self._copying.footer(source) for source in self._sources]
        copies = self._copying.copies(self._share, footers)
        begins = list(accumulate((f.rows for f in footers), initial=0))
        values = _Values(self._sources, footers, copies)
        is_first = True
        try:
            for computed in self._run(copies.instead, copies.computed):
                numbers = computed.column(len(copies.computed) - 1).cast(pa.int64())
                first, last = (divmod(numbers[place].as_py(), _ROWS) for place in (0, -1))
                if not _ascend(numbers) or last[0] >= len(footers):
                    raise NotPlainError
                span = begins[last[0]] + last[1] - begins[first[0]] - first[1] + 1
                if is_first and len(numbers) * _SPARSE < span:
                    raise NotPlainError
                is_first = False
                for begin, file, copied in values.of(numbers):
                    rows = computed.slice(begin, len(copied[0]))
                    batch = self._merged(copies, rows, copied)
                    source = self._sources[file]
                    # Two have read the file, who must have seen the same.
                    if not source.is_scratch and local_files.changes([source.file]):
                        raise NotPlainError
                    yield batch
        finally:
            values.close()

    def _merged(
        self, copies: _Copies, computed: pa.RecordBatch, copied: Sequence[pa.Array[Any]]
    ) -> pa.RecordBatch:
        import pyarrow as pa

        rest = iter(computed.columns)
        arrays = [
            copied[copies.places[place]] if place in copies.places else next(rest)
            for place in range(len(self.schema))
        ]
        if [a.type for a in arrays] != self.schema.types:
            raise NotPlainError
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


class _Values:
    """What is copied, by the numbers of rows."""

    def __init__(
        self, sources: Sequence[Source], footers: Sequence[Footer], copies: _Copies
    ) -> None:
        self._sources, self._footers, self._copies = sources, footers, copies
        self._file = -1
        self._open: FileValues | None = None

    def of(self, numbers: pa.Array[Any]) -> Iterator[tuple[int, int, list[pa.Array[Any]]]]:
        """Yield values of all rows, those together that lie together.

        Args:
            numbers: The numbers of the rows, each larger than the one before.

        Yields:
            The place of the first row among the numbers, the number of its file, and the values of
            each column.
        """
        place = 0
        while place < len(numbers):
            file, row = divmod(numbers[place].as_py(), _ROWS)
            values = self._opened(file)
            behind = file * _ROWS + values.at(row)
            end = bisect_left(numbers, behind, lo=place, key=lambda n: n.as_py())
            last = numbers[end - 1].as_py() - file * _ROWS
            if last - row == end - 1 - place:
                yield place, file, values.slice(row, last + 1)
            else:
                rows = kernel("subtract", numbers.slice(place, end - place), file * _ROWS)
                yield place, file, values.take(rows)
            place = end

    def _opened(self, file: int) -> FileValues:
        if self._open is None or self._file != file:
            self.close()
            source = self._sources[file]
            self._open = FileValues(
                source.path,
                self._footers[file],
                self._copies.names[file],
                self._copies.types,
                mapped=source.is_scratch,
            )
            self._file = file
        return self._open

    def close(self) -> None:
        """Let go of the file that is open."""
        if self._open is not None:
            self._open.close()
            self._open = None


def _ascend(numbers: pa.Array[Any]) -> bool:
    """Return whether each number is larger than the one before it."""
    count = len(numbers) - 1
    if count < 1:
        return True
    steps = kernel("subtract", numbers.slice(1), numbers.slice(0, count))
    return bool(kernel("min_max", steps)["min"].as_py() > 0)
