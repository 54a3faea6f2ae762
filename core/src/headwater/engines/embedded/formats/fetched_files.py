"""Formats that DuckDB has no reader of: files opened whole, their rows streamed to it as Arrow.

Objects are fetched by DuckDB, with the identity's keys: once to look at their types before rows
are read, and once for the rows. One is held in memory at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from headwater.engines.embedded.formats.scans import Group, Scan
from headwater.engines.embedded.formats.text_lines import check_sizes
from headwater.engines.embedded.paths import is_remote
from headwater.engines.embedded.row_streams import RowStream
from headwater.engines.file_formats import told_format, wrong_format
from headwater.errors import DataChangedError, EngineError, HeadwaterError, UnsupportedError
from headwater.sql.portable.spelling import name, null, text
from headwater.tables.relation import DataFile, FileRelation
from headwater.tables.table import Column
from headwater.types import STRING, DataType
from headwater.types.arrow import arrow_type

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

BATCH_ROWS: Final = 16_384
_LARGEST: Final = 512 * 2**20

Batch: TypeAlias = "tuple[int, Sequence[pa.Array[Any]]]"
"""A number of rows, and an array of it for each column."""


@dataclass(frozen=True, slots=True)
class Reader:
    """What a format's library can tell and read.

    Args:
        types: `(content, file) -> by its name, the types that each column of the file may be
            declared as`; the file's own comes first.
        rows: `(content, columns) -> batches`. The columns are called as the file calls them; their
            arrays come in their order and in their types.
    """

    types: Callable[[pa.NativeFile, DataFile], Mapping[str, Sequence[DataType]]]
    rows: Callable[[pa.NativeFile, Sequence[Column]], Iterator[Batch]]


def scans(
    connection: DuckDBPyConnection,
    relation: FileRelation,
    group: Group,
    paths: Mapping[str, str],
    reader: Reader,
) -> Iterator[Scan]:
    """Yield one scan for each set of files whose columns have the same types.

    Args:
        connection: Where objects are fetched.
        relation: The table.
        group: Its files.
        paths: DuckDB's name of each file.
        reader: The format's.

    Raises:
        UnsupportedError: For objects of more than 512 MiB.
        DataChangedError: If a file has another length than the plan saw.
        EngineError: If a file's column is not of the type that the table declares.
    """
    check_large(relation, group.files, f"{group.format} objects")
    check_sizes(connection, relation, group, paths)
    alike: dict[tuple[tuple[str, tuple[DataType, ...]], ...], list[DataFile]] = defaultdict(list)
    for file in group.files:
        content = opened(connection, paths[file.path])
        types = _types(reader, content, relation, file, group.format)
        alike[tuple((n, tuple(t)) for n, t in types.items())].append(file)
    names = {c.name.casefold() for c in relation.columns}
    for number, (file_columns, files) in enumerate(alike.items()):
        columns = _columns(relation, group, dict(file_columns), files[0])
        listed = [paths[f.path] for f in files]
        index = unused([c.name for c in columns.values()], "file_index")
        contents = (partial(opened, connection, path) for path in listed)
        rows = RowStream(partial(_stream, list(contents), reader, list(columns.values()), index))
        mark = hash((*listed, *((n, c.name, str(c.type)) for n, c in columns.items())))
        view = f"{group.format}_{relation.name.name}_{number}_{abs(mark):x}"
        group.contents.register(rows, view)
        yield Scan(
            name(view),
            {
                c.name: name(columns[c.name].name) if c.name in columns else null(c.type)
                for c in relation.data_columns
            },
            tuple(files),
            name(index),
            absent=tuple(c.name for c in relation.data_columns if c.name not in columns),
            others=tuple(n for n, _ in file_columns if n.casefold() not in names),
        )


def check_large(relation: FileRelation, files: Sequence[DataFile], what: str) -> None:
    """Raise an `UnsupportedError` if a file is fetched that is too large to be held whole.

    Args:
        relation: Whose files they are.
        files: The files.
        what: What they are called.
    """
    if large := [f for f in files if is_remote(f.path) and f.size > _LARGEST]:
        raise UnsupportedError(
            f"table {relation.name}: the embedded engine takes {what} into memory whole, up to "
            f"512 MiB; {large[0].path} has {large[0].size // 2**20} MiB",
            hint="use the spark engine for this table",
        )


def _types(
    reader: Reader, content: pa.NativeFile, relation: FileRelation, file: DataFile, format: str
) -> Mapping[str, Sequence[DataType]]:
    """Return the types of a file's columns; what its reader stumbles over is the file's fault.

    Raises:
        EngineError: If it is no file of that format.
    """
    try:
        return reader.types(content, file)
    except HeadwaterError:
        raise
    except Exception as error:
        # Libraries raise whatever broken lengths and names bring about: SystemError, MemoryError.
        if getattr(error, "errno", None) is not None:
            raise  # the system's own; Arrow's of a file's content are OSErrors without a number
        why = "" if told_format(str(error)) else f"{type(error).__name__}: {str(error)[:300]}"
        where = f"{file.path} of table {relation.name}"
        raise wrong_format("embedded", where, format, why) from error


def _columns(
    relation: FileRelation, group: Group, types: Mapping[str, Sequence[DataType]], file: DataFile
) -> dict[str, Column]:
    """Return the columns that files have, as they call them, by the table's names."""
    declared = {c.name.casefold() for c in group.columns}
    columns = {}
    for column in relation.data_columns:
        spelled = [n for n in types if n.casefold() == column.name.casefold()]
        if not spelled or column.name.casefold() not in declared:
            continue
        conflict = None
        if len(spelled) > 1:
            conflict = f"the file has several columns of that name ({', '.join(spelled)})"
        elif not _stand_for(types[spelled[0]], column.type):
            file_type = types[spelled[0]][0]
            conflict = (
                f"the file holds {file_type.reason or file_type}, the table declares {column.type}"
            )
        if conflict is not None:
            raise EngineError(
                f"table {relation.name}, column {column.name!r}: {conflict} (file {file.path})",
                code="file-type-conflict",
                hint="correct the table's type; Spark reads it only where it widens a number",
            )
        columns[column.name] = replace(column, name=spelled[0])
    return columns


def _stand_for(file_types: Sequence[DataType], declared: DataType) -> bool:
    return declared in file_types or (declared.is_text and STRING in file_types)


def unused(names: Sequence[str], base: str) -> str:
    """Return a name that no column has."""
    folded = {name.casefold() for name in names}
    while base in folded:
        base += "_"
    return base


def opened(connection: DuckDBPyConnection, path: str) -> pa.NativeFile:
    """Return a file's content; an object's is held in memory whole."""
    import pyarrow as pa

    if is_remote(path):
        sql = f"SELECT content FROM read_blob({text(path)})"
        (content,) = connection.cursor().execute(sql).fetchall()[0]
        return pa.BufferReader(content)
    try:
        return pa.OSFile(path, "rb")
    except FileNotFoundError as error:
        raise DataChangedError(f"{path} is gone", hint="plan the read again") from error


def _stream(
    files: Sequence[Callable[[], pa.NativeFile]],
    reader: Reader,
    columns: Sequence[Column],
    index: str,
) -> pa.RecordBatchReader:
    import pyarrow as pa

    fields = [pa.field(c.name, arrow_type(c.type)) for c in columns]
    schema = pa.schema([*fields, pa.field(index, pa.int64())])

    def batches() -> Iterator[pa.RecordBatch]:
        for number, open_ in enumerate(files):
            for count, arrays in reader.rows(open_(), columns):
                place = pa.repeat(pa.scalar(number, pa.int64()), count)
                yield pa.RecordBatch.from_arrays([*arrays, place], schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())
