"""ORC files through pyarrow, stripe by stripe; DuckDB has no reader of its own.

Objects are fetched whole by DuckDB, with the identity's keys: once to look at their types before
rows are read, and once for the rows. One is held in memory at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from headwater.arrow_types import arrow_type, data_type
from headwater.engines.embedded.lakes import RowStream
from headwater.engines.embedded.lines import check_sizes, checked_options
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

FILE_INDEX: Final = "file_index"
_LARGEST: Final = 512 * 2**20

Open: TypeAlias = "Callable[[str], ORCFile]"


def scans(
    connection: DuckDBPyConnection, relation: FileRelation, group: Group, paths: Mapping[str, str]
) -> Iterator[Scan]:
    """Yield the scan of ORC files.

    Raises:
        UnsupportedError: For objects of more than 512 MiB, and files whose columns have no names.
        DataChangedError: If a file has another length than the plan saw.
        EngineError: If a file's column is not of the type that the table declares.
    """
    checked_options(relation, group.options, {})
    if large := [f for f in group.files if is_remote(f.path) and f.size > _LARGEST]:
        raise UnsupportedError(
            f"table {relation.name}: the embedded engine takes ORC objects into memory whole, up "
            f"to 512 MiB; {large[0].path} has {large[0].size // 2**20} MiB",
            hint="use the spark engine for this table",
        )
    open_ = partial(_open, connection)
    listed = check_sizes(connection, relation, group, paths)
    wanted = {c.name.casefold(): c for c in group.columns}
    present = [c for c in relation.data_columns if c.name.casefold() in wanted]
    for file in group.files:
        _check(relation, file, open_(paths[file.path]), present)
    view = f"orc_{relation.name.name}_{len(listed)}_{abs(hash(tuple(listed))):x}"
    connection.register(view, RowStream(lambda: _reader(open_, listed, present)))
    columns = {c.name: null(c.type) for c in relation.data_columns} | {
        c.name: name(c.name) for c in present
    }
    yield Scan(name(view), columns, group.files, name(FILE_INDEX))


def _check(
    relation: FileRelation, file: DataFile, opened: ORCFile, columns: Sequence[Column]
) -> None:
    schema = opened.schema
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


def _open(connection: DuckDBPyConnection, path: str) -> ORCFile:
    import pyarrow as pa
    from pyarrow import orc

    if is_remote(path):
        sql = "SELECT content FROM read_blob(?)"
        (content,) = connection.cursor().execute(sql, [path]).fetchall()[0]
        return orc.ORCFile(pa.BufferReader(content))
    try:
        return orc.ORCFile(path)
    except FileNotFoundError as error:
        raise DataChangedError(f"{path} is gone", hint="plan the read again") from error


def _field(schema: pa.Schema, column: Column) -> pa.Field[pa.DataType] | None:
    found = [f for f in schema if f.name.casefold() == column.name.casefold()]
    if len(found) > 1:
        raise EngineError(f"an ORC file has {len(found)} columns named {column.name!r}")
    return found[0] if found else None


def _reader(open_: Open, paths: Sequence[str], columns: Sequence[Column]) -> pa.RecordBatchReader:
    import pyarrow as pa

    fields = [pa.field(c.name, arrow_type(c.type)) for c in columns]
    schema = pa.schema([*fields, pa.field(FILE_INDEX, pa.int64())])
    batches = _batches(open_, paths, columns, schema)
    return pa.RecordBatchReader.from_batches(schema, batches)


def _batches(
    open_: Open, paths: Sequence[str], columns: Sequence[Column], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    for index, path in enumerate(paths):
        file = open_(path)
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
