"""ORC files through pyarrow, stripe by stripe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from headwater.engines.embedded.formats import fetched_files
from headwater.engines.embedded.formats.scans import Group, Scan
from headwater.engines.text_files import checked_options
from headwater.errors import UnsupportedError
from headwater.tables.relation import DataFile, FileRelation
from headwater.tables.table import Column
from headwater.types import TIMESTAMP, TIMESTAMP_NTZ, DataType
from headwater.types.arrow import arrow_type, data_type

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection


def scans(
    connection: DuckDBPyConnection, relation: FileRelation, group: Group, paths: Mapping[str, str]
) -> Iterator[Scan]:
    """Yield the scans of ORC files.

    Raises:
        UnsupportedError: For objects of more than 512 MiB, and files whose columns have no names.
        DataChangedError: If a file has another length than the plan saw.
        EngineError: If a file's column is not of the type that the table declares.
    """
    checked_options("embedded", group, {})
    yield from fetched_files.scans(
        connection, relation, group, paths, fetched_files.Reader(_types, _rows)
    )


def _types(content: pa.NativeFile, file: DataFile) -> dict[str, tuple[DataType, ...]]:
    from pyarrow import orc

    schema = orc.ORCFile(content).schema
    if schema.names and all(n.startswith("_col") for n in schema.names):
        raise UnsupportedError(
            f"{file.path} names its columns _col0, _col1 ...: they would have to be matched by "
            "position",
            hint="use the spark engine for this table",
        )
    return {f.name: _declared(data_type(f.type)) for f in schema}


def _declared(file_type: DataType) -> tuple[DataType, ...]:
    # ORC's timestamp has no zone; Spark reads it as an instant in the session's, which is UTC.
    return (file_type, TIMESTAMP) if file_type == TIMESTAMP_NTZ else (file_type,)


def _rows(content: pa.NativeFile, columns: Sequence[Column]) -> Iterator[fetched_files.Batch]:
    from pyarrow import orc

    file = orc.ORCFile(content)
    if not columns:
        # A stripe of which no column is read has no rows to pyarrow.
        for start in range(0, file.nrows, fetched_files.BATCH_ROWS):
            yield min(fetched_files.BATCH_ROWS, file.nrows - start), []
        return
    for stripe in range(file.nstripes):
        batch = file.read_stripe(stripe, columns=[c.name for c in columns])
        arrays = [_cast(batch.column(c.name), arrow_type(c.type)) for c in columns]
        yield batch.num_rows, arrays


def _cast(values: pa.Array[Any], type_: pa.DataType) -> pa.Array[Any]:
    import pyarrow as pa

    if pa.types.is_timestamp(values.type):
        # Nanoseconds are cut off, as Spark cuts them.
        values = values.cast(pa.timestamp("us"), safe=False)
    return values.cast(type_)
