"""ORC files through pyarrow, stripe by stripe; DuckDB has no reader of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from headwater.arrow_types import arrow_type, data_type
from headwater.engines.embedded.lakes import RowStream
from headwater.engines.embedded.lines import checked_options
from headwater.engines.embedded.paths import is_remote
from headwater.engines.embedded.scans import Group, Scan
from headwater.errors import DataChangedError, EngineError, UnsupportedError
from headwater.relation import DataFile, FileRelation
from headwater.sql.portable.spelling import name, null
from headwater.table import Column
from headwater.types import TIMESTAMP, TIMESTAMP_NTZ

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection
    from pyarrow.orc import ORCFile

FILE_INDEX = "file_index"


def scans(
    connection: DuckDBPyConnection, relation: FileRelation, group: Group, paths: Mapping[str, str]
) -> Iterator[Scan]:
    """Yield the scan of ORC files.

    Raises:
        UnsupportedError: For files in object storage, and those whose columns have no names.
        EngineError: If a file's column is not of the type that the table declares.
    """
    checked_options(relation, group.options, {})
    if any(is_remote(f.path) for f in group.files):
        raise UnsupportedError(
            f"table {relation.name}: the embedded engine reads ORC from local files only",
            hint="use the spark engine for this table",
        )
    wanted = {c.name.casefold(): c for c in group.columns}
    present = [c for c in relation.data_columns if c.name.casefold() in wanted]
    for file in group.files:
        _check(relation, file, paths[file.path], present)
    listed = [paths[f.path] for f in group.files]
    view = f"orc_{relation.name.name}_{len(listed)}_{abs(hash(tuple(listed))):x}"
    connection.register(view, RowStream(lambda: _reader(listed, present)))
    columns = {c.name: null(c.type) for c in relation.data_columns} | {
        c.name: name(c.name) for c in present
    }
    yield Scan(name(view), columns, group.files, name(FILE_INDEX))


def _check(relation: FileRelation, file: DataFile, path: str, columns: Sequence[Column]) -> None:
    schema = _open(path).schema
    if schema.names and all(n.startswith("_col") for n in schema.names):
        raise UnsupportedError(
            f"table {relation.name}: {file.path} names its columns _col0, _col1 ...: they would "
            "have to be matched by position",
            hint="use the spark engine for this table",
        )
    for column in columns:
        found = _field(schema, column)
        held = data_type(found.type) if found is not None else column.type
        # ORC's timestamp has no zone; Spark reads it as an instant in the session's, which is UTC.
        if held != column.type and not (held == TIMESTAMP_NTZ and column.type == TIMESTAMP):
            raise EngineError(
                f"table {relation.name}, column {column.name!r}: the file holds {held}, the table "
                f"declares {column.type} (file {file.path})",
                code="orc-type-conflict",
                hint="correct the table's type, or use the spark engine",
            )


def _open(path: str) -> ORCFile:
    from pyarrow import orc

    try:
        return orc.ORCFile(path)
    except FileNotFoundError as error:
        raise DataChangedError(f"{path} is gone", hint="plan the read again") from error


def _field(schema: pa.Schema, column: Column) -> pa.Field[pa.DataType] | None:
    found = [f for f in schema if f.name.casefold() == column.name.casefold()]
    if len(found) > 1:
        raise EngineError(f"an ORC file has {len(found)} columns named {column.name!r}")
    return found[0] if found else None


def _reader(paths: Sequence[str], columns: Sequence[Column]) -> pa.RecordBatchReader:
    import pyarrow as pa

    fields = [pa.field(c.name, arrow_type(c.type)) for c in columns]
    schema = pa.schema([*fields, pa.field(FILE_INDEX, pa.int64())])
    batches = _batches(paths, columns, schema)
    return pa.RecordBatchReader.from_batches(schema, batches)


def _batches(
    paths: Sequence[str], columns: Sequence[Column], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    for index, path in enumerate(paths):
        file = _open(path)
        spelled = {c.name: _field(file.schema, c) for c in columns}
        names = [f.name for f in spelled.values() if f is not None]
        for stripe in range(file.nstripes):
            batch = file.read_stripe(stripe, columns=names)
            arrays = []
            for column in columns:
                type_, found = schema.field(column.name).type, spelled[column.name]
                if found is None:
                    arrays.append(pa.nulls(batch.num_rows, type_))
                else:
                    arrays.append(_cast(batch.column(found.name), type_))
            place = pa.array([index] * batch.num_rows, pa.int64())
            yield pa.RecordBatch.from_arrays([*arrays, place], schema=schema)


def _cast(values: pa.Array[Any], type_: pa.DataType) -> pa.Array[Any]:
    import pyarrow as pa

    if pa.types.is_timestamp(values.type):
        # Nanoseconds are cut off, as Spark cuts them.
        values = values.cast(pa.timestamp("us"), safe=False)
    return values.cast(type_)
