"""Rows from memory and from sources' own streams, in exactly the types that their tables declare.

What a source declares is what a query is checked against and compiled for. So its rows are never
cast with loss: a type that holds all values of the given one takes them, any other is refused with
the name of the column, and so is a value that does not fit (a text too long, a fraction of a
microsecond).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from headwater import types as t
from headwater.engines import nanoseconds
from headwater.engines.used_columns import Used
from headwater.errors import DataError, HeadwaterError, SourceError
from headwater.tables.relation import MemoryRelation, StreamRelation
from headwater.tables.scan_request import ScanRequest
from headwater.tables.table import Column, TableName
from headwater.types import DataType
from headwater.types.arrow import arrow_type, data_type

if TYPE_CHECKING:
    import pyarrow as pa

_log = logging.getLogger(__name__)

Array: TypeAlias = "Any"
"""A `pyarrow.Array` or `ChunkedArray` of a type that only the data tells."""

_DIGITS: Final = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 19}
"""Integer types, narrowest first, and the decimal digits that hold all their values."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a relation in memory, as an engine takes them.

    Args:
        table: The rows.
        columns: Its columns.
        lost: The columns that nobody needs and that are NULL, because a value of them does not fit,
            by their names.
    """

    table: pa.Table
    columns: tuple[Column, ...]
    lost: Mapping[str, HeadwaterError]


def table(relation: MemoryRelation, used: Used | None = None) -> Rows:
    """Return a memory relation's rows in the types of its columns.

    Args:
        relation: The table.
        used: The columns that are wanted, one of NULLs if there is none; None for all.

    Raises:
        SourceError: If they are no Arrow table, or a column is missing or of another type.
        DataError: If a value does not fit.
    """
    import pyarrow as pa

    rows = relation.data
    if not isinstance(rows, pa.Table):
        raise SourceError(
            f"table {relation.name} holds {type(rows).__name__}, not a pyarrow.Table",
            code="declared-type",
        )
    used = used or Used.all_of(relation.columns)
    columns = [c for c in relation.columns if c.name.casefold() in used.named]
    if not columns and relation.columns:
        only = Column(relation.columns[0].name, t.STRING)
        return Rows(pa.table([_nulls(rows.num_rows, pa.string())], [only.name]), (only,), {})
    places = _columns(relation.name, columns, rows.schema)
    arrays: list[Array] = []
    lost: dict[str, HeadwaterError] = {}
    for column, place in zip(columns, places, strict=True):
        try:
            array = _converted(relation, column, rows.column(place))
        except DataError as error:
            if column.name.casefold() in used.needed:
                raise
            lost[column.name] = error
            array = _nulls(rows.num_rows, arrow_type(readable_column(column).type))
        arrays.append(array)
    columns_ = tuple(map(readable_column, columns))
    return Rows(pa.table(arrays, schema=_schema(columns)), columns_, lost)


def _nulls(count: int, type_: Any) -> Array:
    import pyarrow as pa

    return pa.nulls(count, type_)


def requested_columns(relation: StreamRelation, request: ScanRequest) -> tuple[Column, ...]:
    """Return the columns that a request is for, as they are handed over."""
    names = set(request.columns)
    return tuple(readable_column(c) for c in relation.columns if c.name in names)


def reader(relation: StreamRelation, request: ScanRequest) -> pa.RecordBatchReader:
    """Return the rows of a source's stream, in the types of its columns.

    The stream is opened when the first rows are asked for: the declared columns say what it gives.

    Args:
        relation: The table.
        request: What is needed of it.

    Raises:
        SourceError: While it is read, if it can't be opened, is no Arrow stream, lacks a column or
            gives it in another type, or fails.
        DataError: While it is read, if a value does not fit.
    """
    import pyarrow as pa

    names = set(request.columns)
    requested = [c for c in relation.columns if c.name in names]
    schema = _schema(requested)

    def batches() -> Iterator[pa.RecordBatch]:
        row = 0
        with _named(relation):
            opened = _opened(relation, request)
            batch_schema = opened.schema
            places = _columns(relation.name, requested, batch_schema)
            for batch in opened:
                # A reader of Python's batches hands on those that are not as it says, too.
                if batch.schema != batch_schema:
                    batch_schema = batch.schema
                    places = _columns(relation.name, requested, batch_schema)
                arrays = [
                    _converted(relation, column, batch.column(place), row)
                    for column, place in zip(requested, places, strict=True)
                ]
                row += batch.num_rows
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _opened(relation: StreamRelation, request: ScanRequest) -> pa.RecordBatchReader:
    """Open a source's stream, and note what it says that it applied."""
    import pyarrow as pa

    opened = relation.opened(request)
    if opened.limited or opened.applied or request.conditions or request.limit is not None:
        _log.debug("%s: asked for %s; %s", relation.name, request, opened.told)
    rows = opened.rows
    if isinstance(rows, pa.RecordBatchReader):
        return rows
    if not hasattr(rows, "__arrow_c_stream__"):
        raise SourceError(
            f"table {relation.name}: {_owner(relation)} opened a "
            f"{type(rows).__name__}, not a pyarrow.RecordBatchReader",
            code="declared-type",
            hint="this is for the plugin's author: see StreamRelation.open",
        )
    return pa.RecordBatchReader.from_stream(rows)


def filled(batch: pa.RecordBatch, columns: Sequence[Column]) -> pa.RecordBatch:
    """Return a batch of some columns with all, the others NULL."""
    import pyarrow as pa

    schema = _schema(columns)
    arrays = [
        batch.column(f.name) if f.name in batch.schema.names else _nulls(batch.num_rows, f.type)
        for f in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


@contextmanager
def _named(relation: StreamRelation) -> Iterator[None]:
    """Raise what a stream raises as one of ours: with its table, its owner, and its cause."""
    try:
        yield
    except (HeadwaterError, GeneratorExit):  # the latter: the rows are left
        raise
    except BaseException as error:  # `sys.exit()` as well: no engine hands it on
        raise SourceError(
            f"table {relation.name}: {_owner(relation)} failed: {type(error).__name__}: {error}",
            retryable=bool(getattr(error, "retryable", False)),
        ) from error


def _owner(relation: StreamRelation) -> str:
    """Return whose stream it is, by the module in which the function that opens it stands."""
    function: Callable[..., Any] = relation.open
    while isinstance(function, partial):
        function = function.func
    module = getattr(function, "__module__", None) or type(function).__module__
    return f"the stream of {module}"


def _schema(columns: Sequence[Column]) -> pa.Schema:
    import pyarrow as pa

    return pa.schema([pa.field(c.name, arrow_type(readable_column(c).type)) for c in columns])


def readable_column(column: Column) -> Column:
    """Return a column as it is handed over: of one that can't be read only NULLs, as texts.

    No query uses such a column, but it may be there beside others, or stand for none.
    """
    return column if column.type.is_known else Column(column.name, t.STRING)


def _columns(name: TableName, columns: Sequence[Column], schema: pa.Schema) -> list[int]:
    """Return where each column stands in what is given.

    Raises:
        SourceError: If one is missing, there twice, or of a type that it can't hold.
    """
    exact = {n: i for i, n in enumerate(schema.names)}
    places = []
    for column in columns:
        folded = [i for i, n in enumerate(schema.names) if n.casefold() == column.name.casefold()]
        place = exact.get(column.name, folded[0] if len(folded) == 1 else None)
        if place is None or schema.names.count(column.name) > 1:
            raise SourceError(
                f"table {name}: its rows have {'several columns' if folded else 'no column'} "
                f"{column.name!r}, which the table declares; they have {', '.join(schema.names)}",
                code="declared-type",
                hint=_HINT,
            )
        if column.type.is_known and not _holds(column.type, schema.field(place).type):
            raise SourceError(
                f"table {name}: column {column.name!r} is declared as {column.type}, and its rows "
                f"hold {schema.field(place).type}",
                code="declared-type",
                hint=_HINT,
            )
        places.append(place)
    return places


_HINT: Final = (
    "nothing is cast with loss: the source must declare what its rows hold, or hand them over in "
    "the declared type (for the author of the source)"
)


def _holds(declared: DataType, arrow_type: Any) -> bool:
    """Return whether a declared type holds every value of an Arrow type, units aside."""
    import pyarrow as pa

    if pa.types.is_dictionary(arrow_type):
        return _holds(declared, arrow_type.value_type)
    if pa.types.is_null(arrow_type):
        return True
    if declared.name in ("array", "map", "struct"):
        return _holds_nested(declared, arrow_type)
    if declared.name in ("float", "double") and pa.types.is_float16(arrow_type):
        return True
    given_type = data_type(arrow_type)
    if declared.is_text:
        return given_type.is_text
    if declared.name in _DIGITS and given_type.name in _DIGITS:
        return _DIGITS[given_type.name] <= _DIGITS[declared.name]
    if declared.name == "double" and given_type.name == "float":
        return True
    if declared.name == "decimal" and declared.precision is not None:
        scale = declared.scale or 0
        digits = _DIGITS.get(given_type.name)
        if given_type.name == "decimal" and given_type.precision is not None:
            digits = given_type.precision - (given_type.scale or 0)
            scale -= given_type.scale or 0
        return digits is not None and scale >= 0 and digits <= _whole_digits(declared)
    if declared.name == "date":
        return pa.types.is_date(arrow_type)
    return declared == given_type


def _whole_digits(type_: DataType) -> int:
    return (type_.precision or 0) - (type_.scale or 0)


def _holds_nested(declared: DataType, arrow_type: Any) -> bool:
    import pyarrow as pa

    if declared.name == "map":
        return pa.types.is_map(arrow_type) and (
            _holds(declared.key, arrow_type.key_type)
            and _holds(declared.value, arrow_type.item_type)
        )
    if declared.name == "struct":
        if not pa.types.is_struct(arrow_type):
            return False
        # Arrow's cast takes a field of another spelling for none, and gives NULL.
        return [f.name for f in arrow_type] == list(declared.field_names) and all(
            _holds(c, f.type) for c, f in zip(declared.children, arrow_type, strict=True)
        )
    kinds = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(is_(arrow_type) for is_ in kinds) and _holds(declared.element, arrow_type.value_type)


def _converted(
    relation: MemoryRelation | StreamRelation, column: Column, array: Array, first: int = 0
) -> Array:
    """Return values in the Arrow type of their column.

    Args:
        relation: Whose they are.
        column: The column.
        array: The values.
        first: The number of the array's first row.

    Raises:
        DataError: If one does not fit, or is no text in UTF-8.
    """
    import pyarrow as pa

    name = relation.name
    if not column.type.is_known:
        return pa.nulls(len(array), pa.string())
    target = arrow_type(column.type)
    array = nanoseconds.whole(
        array, f"table {name}", column.name, truncate=relation.truncates, first=first
    )
    try:
        if array.type != target:
            array = array.cast(target)
        if _texts(column.type):
            array.validate(full=True)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(
            f"table {name}: a value of column {column.name!r} does not fit its declared type "
            f"{column.type}: {error}",
            code="declared-type",
            hint=_HINT,
        ) from error
    if _texts(column.type) and (characters := _too_long(column.type, array)) is not None:
        raise DataError(
            f"table {name}: column {column.name!r} is declared as {column.type}, and its rows "
            f"hold a text of {characters} characters",
            code="declared-type",
            hint=_HINT,
        )
    return array


def _texts(type_: DataType) -> bool:
    return any(part.is_text for part in type_.walk())


def _too_long(type_: DataType, array: Array) -> int | None:
    """Return the characters of the longest text that a char or varchar can't hold, or None."""
    import pyarrow.compute as pc

    if type_.name in ("char", "varchar"):
        lengths: Array = pc.utf8_length(array)
        longest = pc.max(lengths).as_py()
        return longest if longest is not None and longest > (type_.precision or 0) else None
    match type_.name:
        case "array":
            parts = [(type_.element, pc.list_flatten(array))]
        case "struct":
            parts = [(c, pc.struct_field(array, i)) for i, c in enumerate(type_.children)]
        case "map":
            entries: Array = array.cast(_entries(array.type))
            return _too_long(_listed(type_), entries)
        case _:
            return None
    return next((n for c, a in parts if _texts(c) and (n := _too_long(c, a)) is not None), None)


def _entries(type_: Any) -> pa.DataType:
    import pyarrow as pa

    fields = [pa.field("key", type_.key_type, nullable=False), pa.field("value", type_.item_type)]
    return pa.list_(pa.field("entries", pa.struct(fields), nullable=False))


def _listed(type_: DataType) -> DataType:
    return t.array(t.struct(("key", type_.key), ("value", type_.value)))
