"""Rows of Parquet files through pyarrow, where DuckDB would change their values.

DuckDB 1.5.5 has no instants in nanoseconds: it cuts them to microseconds without a word. Files that
have such a column in use are read here, each value looked at, and DuckDB is handed microseconds.
Other columns come as DuckDB's own reader would give them (`parquet_types` casts both alike).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from headwater.engines import nanoseconds
from headwater.engines.embedded.formats import fetched_files
from headwater.engines.embedded.formats.parquet_schema import (
    NANOSECONDS,
    NANOSECONDS_UTC,
    FileColumn,
)
from headwater.engines.embedded.formats.scans import Group
from headwater.engines.embedded.lake_formats.relations import RowStream
from headwater.errors import EngineError
from headwater.tables.relation import DataFile, FileRelation

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

_ROWS: Final = 8192
"""Rows that are held at a time: texts that a file holds once may stand in all of them."""


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

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            opened = pq.ParquetFile(content, coerce_int96_timestamp_unit="us")
            yield from opened.iter_batches(_ROWS, columns=[c.name for c in columns])
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
