"""Rows of Parquet files through pyarrow, where DuckDB would change their values.

DuckDB 1.5.5 has no instants in nanoseconds: it cuts them to microseconds without a word. Files that
have such a column in use are read here, each value looked at, and DuckDB is handed microseconds.
Other columns come as DuckDB's own reader would give them (`parquet_types` casts both alike).

A file may hold a text once and say it in every row, or a list of a billion zeros in a few bytes. So
texts stay numbers of a dictionary until their rows are cut into pieces that are known to be small,
and footers are asked how many values there are before any is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from headwater.engines import nanoseconds
from headwater.engines.embedded.formats import fetched_files
from headwater.engines.embedded.formats.parquet_schema import (
    FIXED,
    NANOSECONDS,
    NANOSECONDS_UTC,
    FileColumn,
)
from headwater.engines.embedded.formats.scans import Group
from headwater.engines.embedded.row_streams import RowStream
from headwater.errors import EngineError
from headwater.tables.relation import DataFile, FileRelation
from headwater.untrusted import limits

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

_ROWS: Final = 8192
"""Rows that are held at a time, at most."""

_WIDTH: Final = 16
"""Bytes that a value takes at most, where it is no text."""

_PACKED: Final = 64
"""How many times as large as in its file a list's values may be: zeros and ones take one bit."""


def registered(
    connection: DuckDBPyConnection,
    relation: FileRelation,
    group: Group,
    columns: Sequence[FileColumn],
    files: Sequence[DataFile],
    paths: Sequence[str],
    index: str,
) -> str:
    """Register the rows of files, and return the name under which DuckDB finds them.

    Args:
        connection: Fetches objects.
        relation: Whose files they are.
        group: How they are read.
        columns: The columns that are read, as their footers declare them.
        files: The files.
        paths: DuckDB's names of them.
        index: What the column with the number of a row's file is called.

    Raises:
        UnsupportedError: For objects of more than 512 MiB.
    """
    fetched_files.check_large(relation, files, "parquet objects with nanoseconds in UTC")
    opened = [
        (file, partial(fetched_files.opened, connection, path))
        for file, path in zip(files, paths, strict=True)
    ]

    def reader() -> pa.RecordBatchReader:
        import pyarrow as pa

        fields = [pa.field(c.name, _arrow_type(c)) for c in columns]
        schema = pa.schema([*fields, pa.field(index, pa.int64())])

        def batches() -> Iterator[pa.RecordBatch]:
            with group.contents.keeping():
                for number, (file, open_) in enumerate(opened):
                    for count, arrays in _rows(relation, file, open_(), columns):
                        place = pa.repeat(pa.scalar(number, pa.int64()), count)
                        yield pa.RecordBatch.from_arrays([*arrays, place], schema=schema)

        return pa.RecordBatchReader.from_batches(schema, batches())

    return group.contents.register(RowStream(reader))


def _rows(
    relation: FileRelation, file: DataFile, content: pa.NativeFile, columns: Sequence[FileColumn]
) -> Iterator[fetched_files.Batch]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    where, row = f"table {relation.name}, {file.path}", 0
    names = [c.name for c in columns]

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            footer = pq.read_metadata(content)
            opened = pq.ParquetFile(
                content,
                metadata=footer,
                coerce_int96_timestamp_unit="us",
                read_dictionary=_texts(footer),
            )
            for batch in opened.iter_batches(_rows_at_once(footer, names, where), columns=names):
                yield from _small(batch, where)
        except pa.ArrowException as error:
            # E.g. lists of a fixed size of which one is NULL, as polars writes arrays.
            raise EngineError(
                f"embedded engine: {where} has nanoseconds in UTC, so it is read through pyarrow, "
                f"which fails: {error}",
                hint="use the spark engine for this table, or write its times in microseconds",
            ) from error

    for batch in batches():
        arrays = []
        for column in columns:
            array = nanoseconds.whole(
                batch.column(column.name),
                where,
                column.name,
                truncate=relation.truncates,
                first=row,
            )
            arrays.append(array.cast(_arrow_type(column)))
        yield batch.num_rows, arrays
        row += batch.num_rows


def _texts(footer: pa.parquet.FileMetaData) -> list[str]:
    """Return the leaves of a file whose values may be of any length."""
    leaves = [footer.schema.column(i) for i in range(footer.num_columns)]
    return [
        leaf.path
        for leaf in leaves
        if leaf.physical_type == "BYTE_ARRAY" and leaf.logical_type.type != "DECIMAL"
    ]


def _rows_at_once(footer: pa.parquet.FileMetaData, names: Sequence[str], where: str) -> int:
    """Return how many rows of a file may be held, by the number of values that its footer tells.

    Raises:
        EngineError: If so many values are in so few bytes that one row may be too large.
    """
    leaves = []
    for number in range(footer.num_columns):
        leaf = footer.schema.column(number)
        if any(f"{leaf.path}.".startswith(f"{name}.") for name in names):
            # Only of a fixed length it is told.
            leaves.append((number, leaf.max_repetition_level > 0, max(_WIDTH, leaf.length or 0)))
    most = _ROWS
    for group in map(footer.row_group, range(footer.num_row_groups)):
        size = 0
        for number, repeated, width in leaves:
            chunk = group.column(number)
            chunk_size = chunk.num_values * width
            allowed = limits.ROWS_BYTES + _PACKED * chunk.total_uncompressed_size
            if repeated and chunk_size > allowed:
                raise _too_large(
                    f"{where}: {chunk.path_in_schema} has {chunk.num_values:,} values in "
                    f"{chunk.total_uncompressed_size:,} bytes"
                )
            size += chunk_size
        if size:
            most = min(most, limits.ROWS_BYTES * group.num_rows // size)
    return max(1, most)


def _small(batch: pa.RecordBatch, where: str) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a batch in pieces that are small with each text written out.

    Raises:
        EngineError: If one row is too large.
    """
    size = sum(_size(c) for c in batch.columns)
    if size <= limits.ROWS_BYTES:
        yield batch
        return
    half = batch.num_rows // 2
    if not half:
        raise _too_large(f"{where}: a row has {size:,} bytes")
    yield from _small(batch.slice(0, half), where)
    yield from _small(batch.slice(half), where)


def _size(array: Any) -> int:
    """Return how many bytes an array's values are, each text written out."""
    import pyarrow as pa
    import pyarrow.compute

    pc: Any = pyarrow.compute
    type_ = array.type
    if pa.types.is_dictionary(type_):
        lengths = pc.binary_length(array.dictionary).cast(pa.int64())
        return pc.sum(lengths.take(array.indices)).as_py() or 0
    if pa.types.is_struct(type_):
        return sum(map(_size, array.flatten()))
    if pa.types.is_map(type_):
        begin, end = array.offsets[0].as_py(), array.offsets[-1].as_py()
        return sum(_size(part.slice(begin, end - begin)) for part in (array.keys, array.items))
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return _size(array.flatten())
    return int(array.nbytes)


def _too_large(what: str) -> EngineError:
    return EngineError(
        f"embedded engine: {what}: more than are held at a time beside nanoseconds in UTC",
        code="row-too-large",
        hint="leave the column out of the query, or use the spark engine for this table",
    )


def _arrow_type(column: FileColumn) -> Any:
    """Return the Arrow type of which DuckDB makes what its own reader makes of a column."""
    import pyarrow as pa

    match column.kind:
        case "list":
            return pa.list_(_arrow_type(column.children[0]))
        case "map":
            return pa.map_(*map(_arrow_type, column.children))
        case "struct":
            return pa.struct([pa.field(c.name, _arrow_type(c)) for c in column.children])
        case _:
            return _leaves().get(column.type) or pa.decimal128(*_digits(column.type))


def _leaves() -> dict[str, pa.DataType]:
    import pyarrow as pa

    instant, local = pa.timestamp("us", "UTC"), pa.timestamp("us")
    return {
        "BOOLEAN": pa.bool_(),
        "TINYINT": pa.int8(),
        "SMALLINT": pa.int16(),
        "INTEGER": pa.int32(),
        "BIGINT": pa.int64(),
        "UTINYINT": pa.uint8(),
        "USMALLINT": pa.uint16(),
        "UINTEGER": pa.uint32(),
        "UBIGINT": pa.uint64(),
        "FLOAT": pa.float32(),
        "DOUBLE": pa.float64(),
        "VARCHAR": pa.string(),
        "BLOB": pa.binary(),
        FIXED: pa.binary(),
        "DATE": pa.date32(),
        "NULL": pa.null(),
        "TIMESTAMP": local,
        "INT96": local,
        NANOSECONDS: local,
        "TIMESTAMP WITH TIME ZONE": instant,
        NANOSECONDS_UTC: instant,
    }


def _digits(type_: str) -> tuple[int, int]:
    precision, scale = type_.removeprefix("DECIMAL(").removesuffix(")").split(",")
    return int(precision), int(scale)
