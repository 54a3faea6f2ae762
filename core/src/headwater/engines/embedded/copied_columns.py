"""Copied columns: what a query only gives out is decoded by Arrow, in half the time of DuckDB.

DuckDB reads a share without these columns; one of them holds the number of each row in its place.
So DuckDB tells which rows there are and computes what is computed, and Arrow's decoder fills in the
columns of these rows that the query looks at nowhere. Where a query gives out nothing else, and
nothing but a time range decides which rows, Arrow alone reads the shares that lie in it: footers
say which, and each value is looked at.

Whatever is unusual leaves the share to DuckDB alone, from the row on where it is met: a file that
Arrow reads as other types, a row that is asked for twice, few rows of many, an error of Arrow's. So
a file has one meaning, and each of its faults one text. A query of one table gives its rows in
their order, both times; where tables are joined, nothing is copied.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from headwater.engines.embedded.files import FILE
from headwater.engines.embedded.formats.parquet_values import FileValues, Footer, NotPlainError
from headwater.engines.embedded.formats.scans import FILE_ROW
from headwater.engines.embedded.running import Batches, batches
from headwater.engines.embedded.shares import Share
from headwater.engines.used_columns import Used, given_out
from headwater.interfaces.plan import Planned, Scan
from headwater.sources import local_files
from headwater.sql.portable.spelling import null
from headwater.sql.private_names import PRIVATE_DATABASE
from headwater.sql.pruning.scan_requests import only_range
from headwater.tables.relation import DataFile
from headwater.tables.table import Column, TableName
from headwater.types import DataType
from headwater.types.arrow import arrow_type, cast, kernel

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
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SPARSE: Final = 8
"""Of how many rows one must be asked for: of fewer, DuckDB does not decode all."""


Query: TypeAlias = "Callable[[Mapping[str, str], Sequence[int] | None], Batches]"
"""Runs the query over a share, with expressions in the place of some of the table's columns, and
gives some of its outputs, by their places; all where None."""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """What alone decides which rows there are: the values of one of the outputs.

    Args:
        place: The output's.
        low: The first moment, in microseconds since 1970; None for no end.
        high: The one behind the last; None for no end.
    """

    place: int
    low: int | None
    high: int | None

    def holds(self, moments: pa.Array[Any]) -> bool:
        """Return whether all values of an array are in it."""
        if moments.null_count:
            return False
        found = kernel("min_max", moments)
        first, last = found["min"].value, found["max"].value
        return (self.low is None or first >= self.low) and (self.high is None or last < self.high)


@dataclass(frozen=True, slots=True)
class _Copies:
    """What is copied of a share.

    Args:
        names: What each of its files calls the columns that are copied.
        types: Their types.
        places: The column that each output is, of those that are copied.
        computed: The places of the other outputs, and at the end that of the one that carries the
            numbers of rows; none where DuckDB is not asked.
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
        given_out: Casefolded names of the columns that outputs are, by the output's place.
        outputs: All outputs.
        used: Which of the table's columns the query uses.
        time_range: What alone decides which rows there are; None where something else does, too.
    """

    def __init__(
        self,
        given_out: Mapping[int, str],
        outputs: Sequence[Column],
        used: Used,
        time_range: TimeRange | None = None,
    ) -> None:
        self._given_out = given_out
        self._used = used
        self.types: tuple[DataType, ...] = tuple(o.type for o in outputs)
        self.time_range = time_range if len(given_out) == len(outputs) else None
        self._seen: dict[str, tuple[DataFile, Footer]] = {}

    @classmethod
    def of(cls, planned: Planned, scan: Scan, used: Used) -> Copying:
        """Return which columns of a table a read copies.

        Args:
            planned: The read.
            scan: The table, which is read in shares.
            used: Which of its columns the query uses.
        """
        analysis, table = planned.analysis, TableName(PRIVATE_DATABASE, scan.slot)
        columns = given_out(analysis, table)
        (reference,) = (r for r in analysis.parsed.references if r.name == table)
        decided = only_range(analysis, reference) if columns else None
        time_range = None
        if decided is not None:
            column, low, high = decided
            places = [p for p, c in columns.items() if c == column.casefold()]
            if places:
                time_range = TimeRange(places[0], _microseconds(low), _microseconds(high))
        return cls(columns, analysis.columns, used, time_range)

    def is_worth(self, share: Share) -> bool:
        """Return whether columns of a share may be copied, and that saves time."""
        large = sum(p.weight for p in share.pieces) >= LEAST * len(share.files)
        count = len(_plain(share).keys() & set(self._given_out.values()) - self._used.tested)
        return large and 2 * count >= max(1, len(self._used.needed))

    def seen(self, file: DataFile, path: str) -> tuple[DataFile, Footer]:
        """Return a file with a version mark that it had before its footer was read, and this.

        Args:
            file: The file.
            path: Where it is.

        Raises:
            OSError: If it can't be read.
            pyarrow.ArrowException: If it is none.
        """
        seen = self._seen.get(file.path)
        if seen is None:
            marked = file if local_files.has_mark(file) else local_files.data_file(path)
            seen = self._seen[file.path] = marked, Footer.read(path)
        return seen

    def copies(self, share: Share, footers: Sequence[Footer], *, whole: bool) -> _Copies | None:
        """Return what is copied of a share; None where that can't be.

        Args:
            share: The share.
            footers: Those of its files, in order.
            whole: Whether all is, and nothing is asked of DuckDB.
        """
        plain = _plain(share)
        looked_at = frozenset() if whole else self._used.tested
        types = {
            column: self.types[place]
            for place, column in self._given_out.items()
            if column in plain and column not in looked_at
        }
        columns = [
            column
            for column, type_ in types.items()
            if all(
                footer.gives(called, arrow_type(type_))
                for footer, called in zip(footers, plain[column][1], strict=True)
            )
        ]
        places = {p: columns.index(c) for p, c in self._given_out.items() if c in columns}
        computed = [p for p in range(len(self.types)) if p not in places]
        names = [[plain[c][1][number] for c in columns] for number in range(len(footers))]
        arrow_types = [arrow_type(types[c]) for c in columns]
        if whole:
            return None if computed else _Copies(names, arrow_types, places, (), {})
        carriers = [p for name in _CARRIERS for p in places if self.types[p].name == name]
        if not carriers:
            return None
        instead = {plain[c][0]: null(types[c]) for c in columns}
        carrier = columns[places[carriers[0]]]
        instead[plain[carrier][0]] = _CARRIERS[types[carrier].name]
        return _Copies(names, arrow_types, places, (*computed, carriers[0]), instead)


def _microseconds(moment: Any) -> int | None:
    """Return a time in microseconds since 1970, in UTC."""
    if moment is None:
        return None
    count: int = (moment.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
    return count


def _plain(share: Share) -> dict[str, tuple[str, list[str]]]:
    """Return the columns that all files of a share hold plainly, by their casefolded names.

    Returns:
        The column's name, and what each file calls it.
    """
    every = [p.branch.scan.plain for p in share.pieces for _ in p.files]
    return {
        column.casefold(): (column, [plain[column] for plain in every])
        for column in every[0]
        if all(column in plain for plain in every)
    }


class CopiedShare:
    """The rows of a share, of which some columns are copied.

    Args:
        copying: Which.
        share: The share.
        paths: Where its files are, in order.
        query: Runs the query.
    """

    def __init__(self, copying: Copying, share: Share, paths: Sequence[str], query: Query) -> None:
        import pyarrow as pa

        self._copying, self._share, self._paths = copying, share, paths
        self._query = query
        self._files: Sequence[DataFile] = ()
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
        files = zip(self._share.files, self._paths, strict=True)
        seen = [self._copying.seen(file, path) for file, path in files]
        self._files, footers = [file for file, _ in seen], [footer for _, footer in seen]
        spans = [p.rows for p in self._share.pieces for _ in p.files]
        rows = [span or (0, f.rows) for span, f in zip(spans, footers, strict=True)]
        time_range = self._copying.time_range
        whole = time_range and self._copying.copies(self._share, footers, whole=True)
        if time_range and whole:
            column = whole.places[time_range.place]
            if all(
                footer.lies_in(names[column], span, time_range.low, time_range.high)
                for footer, names, span in zip(footers, whole.names, rows, strict=True)
            ):
                yield from self._within(time_range, whole, footers, rows)
                return
        copies = self._copying.copies(self._share, footers, whole=False)
        if copies is None or any(footer.rows > _ROWS for footer in footers):
            raise NotPlainError
        yield from self._told(copies, footers)

    def _within(
        self,
        time_range: TimeRange,
        copies: _Copies,
        footers: Sequence[Footer],
        rows: Sequence[tuple[int, int]],
    ) -> Iterator[pa.RecordBatch]:
        """Yield all rows, which lie in a time range as their footers say."""
        with closing(_Values(self._paths, footers, copies)) as values:
            for file, (row, last) in enumerate(rows):
                opened = values.opened(file)
                while row < last:
                    behind = min(last, opened.at(row))
                    copied = opened.slice(row, behind)
                    if not time_range.holds(copied[copies.places[time_range.place]]):
                        raise NotPlainError
                    yield self._unchanged(file, self._merged(copies, (), copied))
                    row = behind

    def _told(self, copies: _Copies, footers: Sequence[Footer]) -> Iterator[pa.RecordBatch]:
        """Yield the rows that DuckDB tells."""
        import pyarrow as pa

        begins = list(accumulate((f.rows for f in footers), initial=0))
        told = -1
        with closing(_Values(self._paths, footers, copies)) as values:
            for computed in self._run(copies.instead, copies.computed):
                numbers = cast(computed.column(len(copies.computed) - 1), pa.int64())
                first, last = (divmod(numbers[place].as_py(), _ROWS) for place in (0, -1))
                if numbers[0].as_py() <= told or not _ascend(numbers) or last[0] >= len(footers):
                    raise NotPlainError
                span = begins[last[0]] + last[1] - begins[first[0]] - first[1] + 1
                if told < 0 and len(numbers) * _SPARSE < span:
                    raise NotPlainError
                told = numbers[-1].as_py()
                for begin, file, copied in values.of(numbers):
                    rest = computed.slice(begin, len(copied[0])).columns
                    yield self._unchanged(file, self._merged(copies, rest, copied))

    def _unchanged(self, file: int, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return rows of a file, whose footer and values were read, and that DuckDB has read."""
        if local_files.changes([self._files[file]]):
            raise NotPlainError
        return batch

    def _merged(
        self, copies: _Copies, computed: Sequence[pa.Array[Any]], copied: Sequence[pa.Array[Any]]
    ) -> pa.RecordBatch:
        import pyarrow as pa

        rest = iter(computed)
        arrays = [
            copied[copies.places[place]] if place in copies.places else next(rest)
            for place in range(len(self.schema))
        ]
        if [a.type for a in arrays] != self.schema.types:
            raise NotPlainError
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


class _Values:
    """What is copied, by the numbers of rows."""

    def __init__(self, paths: Sequence[str], footers: Sequence[Footer], copies: _Copies) -> None:
        self._paths, self._footers, self._copies = paths, footers, copies
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
            values = self.opened(file)
            behind = file * _ROWS + values.at(row)
            end = bisect_left(numbers, behind, lo=place, key=lambda n: n.as_py())
            last = numbers[end - 1].as_py() - file * _ROWS
            if last - row == end - 1 - place:
                yield place, file, values.slice(row, last + 1)
            else:
                rows = kernel("subtract", numbers.slice(place, end - place), file * _ROWS)
                yield place, file, values.take(rows)
            place = end

    def opened(self, file: int) -> FileValues:
        """Return the values of a file; let go of those of another."""
        if self._open is None or self._file != file:
            self.close()
            names, types = self._copies.names[file], self._copies.types
            self._open = FileValues(self._paths[file], self._footers[file], names, types)
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
