"""Values of Parquet files by Arrow's decoder: plain columns of such rows as are asked for.

It takes half the time that DuckDB takes. It would write out a text as often as it stands in a file,
however long it is: so texts are taken where they are kept as numbers of a dictionary, and looked at
before they are written out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from headwater.types.arrow import kernel
from headwater.untrusted import limits

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import ColumnChunkMetaData, FileMetaData

_BATCH_ROWS: Final = 100_000
_WIDTH: Final = 8
"""Bytes of a value that is no text, at most."""
_TEXT: Final = 64
"""Bytes of a text that is told again and again, mostly."""
_BUFFER: Final = 2**20
"""Bytes of a column that are read from a file at a time."""
_PACKED: Final = 4
"""Bytes that a text takes in its file, at most: of more, few are told twice."""
_LARGE: Final = limits.ROWS_BYTES // 8
"""Bytes of a column in a row group that may be one page, whatever it takes in the file."""
_SWOLLEN: Final = 16
"""Times the bytes that a larger one takes in the file: more may be made to fill the memory."""


class NotPlainError(Exception):
    """A file is not what its footer says, or more than it may be: DuckDB is to read it."""


class Footer:
    """What Arrow knows of a file. Thread-safe.

    Args:
        metadata: The file's footer.
    """

    def __init__(self, metadata: FileMetaData) -> None:
        self.metadata = metadata
        self._schema = metadata.schema.to_arrow_schema()
        counts = (metadata.row_group(i).num_rows for i in range(metadata.num_row_groups))
        self.starts = tuple(accumulate(counts, initial=0))
        """The first row of each row group, and the one behind the last."""
        self._known: dict[str, tuple[bool, bool]] = {}
        self._leaves: dict[str, int] = {}

    @classmethod
    def read(cls, path: str) -> Footer:
        """Read the footer of a file of this machine.

        Raises:
            OSError: If it can't be read.
            pyarrow.ArrowException: If it is none.
        """
        from pyarrow.parquet import read_metadata

        return cls(read_metadata(path))

    @property
    def rows(self) -> int:
        """How many rows the file has."""
        return self.starts[-1]

    def gives(self, column: str, type_: pa.DataType) -> bool:
        """Return whether Arrow gives a column in a type, texts as numbers of a dictionary.

        It holds a page whole, of each column one, and knows no limit.

        Args:
            column: Its name; it is a leaf.
            type_: The type.
        """
        import pyarrow as pa

        place = self._schema.get_field_index(column)
        if place < 0:
            return False
        is_sound, is_packed = self._judged(column)
        found = self._schema.field(place).type
        if pa.types.is_string(type_):
            if pa.types.is_dictionary(found):
                found = found.value_type
            is_sound = is_sound and is_packed
        return bool(found == type_) and is_sound

    def _judged(self, column: str) -> tuple[bool, bool]:
        """Return whether a column may be decoded, and whether its texts are few, told once each.

        It may not where it takes much more memory than bytes of its file, nor where it begins
        twice: Arrow begins with the first of its pages, DuckDB with its dictionary.
        """
        judged = self._known.get(column)
        if judged is None:
            chunks = self._chunks(column, 0, self.rows)
            judged = self._known[column] = (
                not any(
                    c.total_uncompressed_size > max(_LARGE, _SWOLLEN * c.total_compressed_size)
                    or c.data_page_offset <= (c.dictionary_page_offset or 0)
                    for c in chunks
                ),
                all(
                    c.has_dictionary_page and c.total_uncompressed_size <= _PACKED * c.num_values
                    for c in chunks
                ),
            )
        return judged

    def lies_in(
        self, column: str, rows: tuple[int, int], low: int | None, high: int | None
    ) -> bool:
        """Return whether the footer says that a column's whole numbers lie in a range.

        Args:
            column: Its name; it is a leaf.
            rows: The first row of those that are meant, and the one behind the last.
            low: The least number; None for any.
            high: The one behind the largest; None for any.
        """
        for chunk in self._chunks(column, *rows):
            statistics: Any = chunk.statistics
            if statistics is None or not statistics.has_min_max:
                return False
            if low is not None and statistics.min_raw < low:
                return False
            if high is not None and statistics.max_raw >= high:
                return False
        return True

    def _chunks(self, column: str, first: int, last: int) -> list[ColumnChunkMetaData]:
        """Return the parts of a column in the row groups of some rows."""
        if not self._leaves:
            count = self.metadata.num_columns
            self._leaves = {self.metadata.schema.column(i).path: i for i in range(count)}
        return [
            self.metadata.row_group(group).column(self._leaves[column])
            for group in range(self.metadata.num_row_groups)
            if self.starts[group] < last and self.starts[group + 1] > first
        ]


class FileValues:
    """Columns of one file, whose rows are asked for in their order.

    Args:
        path: The file, on this machine.
        footer: Its footer.
        columns: Names of its columns.
        types: Arrow's types of these.
    """

    def __init__(
        self,
        path: str,
        footer: Footer,
        columns: Sequence[str],
        types: Sequence[pa.DataType],
    ) -> None:
        import pyarrow as pa
        from pyarrow.parquet import ParquetFile

        self._columns, self._types, self._footer = columns, types, footer
        self._file = ParquetFile(
            pa.OSFile(path, "rb"),
            metadata=footer.metadata,
            read_dictionary=[
                c for c, t in zip(columns, types, strict=True) if pa.types.is_string(t)
            ],
            buffer_size=min(_BUFFER, limits.ROWS_BYTES // len(columns)),
        )
        width = sum(_TEXT if pa.types.is_string(t) else _WIDTH for t in types)
        self._most = max(1, min(_BATCH_ROWS, limits.ROWS_BYTES // width))
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._batch: pa.RecordBatch | None = None
        self._first = self._last = self._end = 0

    def at(self, row: int) -> int:
        """Decode the values of a row, and of others around it; return the row behind all of these.

        Args:
            row: The row's 0-based number; not less than the one before.

        Raises:
            NotPlainError: If the file has no such row.
            OSError: If the file has a fault.
            pyarrow.ArrowException: If the file has a fault.
        """
        if row >= self._end:
            self._begin(row)
        while row >= self._last:
            self._batch = next(self._batches, None)
            if self._batch is None:
                raise NotPlainError
            self._first, self._last = self._last, self._last + self._batch.num_rows
        return min(self._last, self._end)

    def _begin(self, row: int) -> None:
        group = bisect_right(self._footer.starts, row) - 1
        if group + 1 >= len(self._footer.starts):
            raise NotPlainError
        self._first = self._last = self._footer.starts[group]
        self._end = self._footer.starts[group + 1]
        rows = self._end - self._first
        self._batches = self._file.iter_batches(
            -(-rows // -(-rows // self._most)),
            row_groups=[group],
            columns=list(self._columns),
            use_threads=False,
        )

    def slice(self, first: int, last: int) -> list[pa.Array[Any]]:
        """Return the values of rows that were decoded, each column's.

        Args:
            first: The first row.
            last: The one behind the last.

        Raises:
            NotPlainError: If their texts take more memory than those of some rows may.
            pyarrow.ArrowException: If a text is not UTF-8.
        """
        assert self._batch is not None, "they were decoded"
        return self._written_out(self._batch.slice(first - self._first, last - first).columns)

    def take(self, rows: pa.Array[Any]) -> list[pa.Array[Any]]:
        """Return the values of rows that were decoded, each column's.

        Args:
            rows: Their numbers.

        Raises:
            NotPlainError: If their texts take more memory than those of some rows may.
            pyarrow.ArrowException: If a text is not UTF-8.
        """
        assert self._batch is not None, "they were decoded"
        places = kernel("subtract", rows, self._first)
        return self._written_out([kernel("take", c, places) for c in self._batch.columns])

    def _written_out(self, arrays: Sequence[pa.Array[Any]]) -> list[pa.Array[Any]]:
        import pyarrow as pa

        assert self._batch is not None, "they were decoded"
        by_name = dict(zip(self._batch.schema.names, arrays, strict=True))
        given = [by_name[c] for c in self._columns]
        texts = [a for a in given if isinstance(a, pa.DictionaryArray)]
        if sum(map(_text_bytes, texts)) > limits.ROWS_BYTES:
            raise NotPlainError
        return [_written_out(a, t) for a, t in zip(given, self._types, strict=True)]

    def close(self) -> None:
        """Let go of the file."""
        self._batches = iter(())
        self._file.close(force=True)


def _text_bytes(array: pa.DictionaryArray[Any, Any]) -> int:
    """Return how many bytes the texts are that an array tells by their numbers."""
    lengths = kernel("take", kernel("binary_length", array.dictionary), array.indices)
    return kernel("sum", lengths).as_py() or 0


def _written_out(array: Any, type_: pa.DataType) -> Any:
    """Return an array in a type, of which its dictionary's values are."""
    import pyarrow as pa

    if array.type == type_:
        return array
    if not pa.types.is_dictionary(array.type) or array.type.value_type != type_:
        raise NotPlainError
    array.dictionary.validate(full=True)  # texts are UTF-8
    return array.dictionary_decode()
