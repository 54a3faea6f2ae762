"""Rows of a database: the SELECT that a scan request asks for, and what a cursor gives, as Arrow.

A source over a driver of Python's DB-API writes neither:

    asked = select(request, ["public", "log"], mark="%s")
    cursor.execute(asked.text, asked.values)
    return Opened(record_batches(table, request, cursor), asked.applied, asked.limited)

Nor does one over a driver that gives Arrow, with `arrow_batches` in the place of `record_batches`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from headwater.errors import SourceError
from headwater.tables.scan_request import Condition, ScanRequest, Value
from headwater.types.arrow import arrow_type, data_type

if TYPE_CHECKING:
    import pyarrow as pa

    from headwater.tables.table import Table

BATCH_ROWS: Final = 10_000
"""Rows of a batch: enough that Arrow is worth it, few enough to hold."""


@dataclass(frozen=True, slots=True)
class Select:
    """A SELECT over one table.

    Args:
        text: Its text, with a mark for each value.
        values: The values, in the order of their marks.
        applied: The conditions that it holds; for `Opened`.
        limited: Whether it holds the request's limit; for `Opened`.
    """

    text: str
    values: tuple[Any, ...] = ()
    applied: tuple[Condition, ...] = ()
    limited: bool = False


def select(
    request: ScanRequest,
    table: Sequence[str],
    *,
    mark: str = "?",
    quote: str = '"',
    value: Callable[[Value], Any] = lambda value: value,
    limits: bool = True,
    percent: str = "%%",
) -> Select:
    """Return the SELECT that gives what a request is for; values are passed beside its text.

    Example: `n` where `n >= 6` of `["public", "log"]`
        -> `SELECT "n" FROM "public"."log" WHERE "n" >= ?`, `(6,)`

    Args:
        request: What is needed.
        table: The table's name, each part unquoted.
        mark: What stands for a value: `?`, `%s`, or with its number, `:{n}`, `${n}`.
        quote: What stands around names, e.g. a backtick for MySQL.
        value: Gives a condition's value as the database keeps it; NotImplemented for one that it
            can't compare, whose condition is then left to the engine.
        limits: Whether the database knows `LIMIT`.
        percent: What a percent sign in a name becomes where `%s` marks values: drivers read those
            of the whole text, except those that leave alone what stands in quotes (pg8000: `%`).
    """
    values: list[Any] = []
    applied: list[Condition] = []
    where: list[str] = []

    def name(text: str) -> str:
        return quoted(text.replace("%", percent) if mark.startswith("%") else text, quote)

    for condition in request.conditions:
        converted = [value(v) for v in condition.values]
        operator = _OPERATORS.get(condition.operator)
        if operator is None or any(v is NotImplemented for v in converted):
            continue
        marks = [mark.replace("{n}", str(len(values) + i + 1)) for i in range(len(converted))]
        values += converted
        applied.append(condition)
        where.append(operator.format(column=name(condition.column), marks=", ".join(marks)))
    text = f"SELECT {', '.join(map(name, request.columns))} FROM {'.'.join(map(name, table))}"
    if where:
        text += f" WHERE {' AND '.join(where)}"
    limited = limits and request.limit is not None
    if limited:
        text += f" LIMIT {request.limit}"
    return Select(text, tuple(values), tuple(applied), limited)


def quoted(name: str, quote: str = '"') -> str:
    """Return a name as a database's SQL writes it, whatever it is made of.

    Example: `the name` -> `"the name"`; a quote within it is doubled

    Args:
        name: It, unquoted.
        quote: What stands around names, e.g. a backtick for MySQL.
    """
    return f"{quote}{name.replace(quote, quote * 2)}{quote}"


_OPERATORS: Final = {
    "in": "{column} IN ({marks})",
    ">=": "{column} >= {marks}",
    "<": "{column} < {marks}",
    "null or >=": "({column} IS NULL OR {column} >= {marks})",
    "null or <": "({column} IS NULL OR {column} < {marks})",
}


def record_batches(
    table: Table,
    request: ScanRequest,
    rows: Iterable[Sequence[Any]],
    batch_rows: int = BATCH_ROWS,
) -> pa.RecordBatchReader:
    """Return rows as Arrow, in the types that a table declares, a batch at a time.

    Args:
        table: The table, as its catalog described it.
        request: What was asked for: its columns, in their order, are those of each row.
        rows: Each with a value of Python's for each column, e.g. a cursor: `int`, `float`, `str`,
            `bytes`, `bool`, `Decimal`, `date`, a `datetime` with a zone for TIMESTAMP and without
            one for TIMESTAMP_NTZ, None. They are fetched as they are read; a generator is closed
            where the read ends, with what it holds.
        batch_rows: How many rows make a batch.

    Raises:
        SourceError: While they are read, if a value does not fit its column.
    """
    import pyarrow as pa

    schema = _schema(table, request)

    def batches() -> Iterator[pa.RecordBatch]:
        left = iter(rows)
        try:
            while some := list(islice(left, batch_rows)):
                arrays = [
                    _array(table, field, [row[place] for row in some])
                    for place, field in enumerate(schema)
                ]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)
        finally:
            if isinstance(left, Generator):
                left.close()

    return pa.RecordBatchReader.from_batches(schema, batches())


def arrow_batches(
    table: Table, request: ScanRequest, batches: Iterable[pa.RecordBatch]
) -> pa.RecordBatchReader:
    """Return Arrow data of a system's own as a scan wants it: its columns, in the declared types.

    What holds the same values in another layout is brought into the declared one: unsigned numbers,
    dictionaries, large texts, times in another unit.

    Args:
        table: The table, as its catalog described it: see `columns_of`.
        request: What was asked for: its columns are taken by their names, in any case.
        batches: As the system gives them, e.g. a `pyarrow.RecordBatchReader`. They are fetched as
            they are read; a generator is closed where the read ends, with what it holds: let it
            hold the connection.

    Raises:
        SourceError: While they are read, if a column is not there, or what it holds does not fit
            its declared type.
    """
    import pyarrow as pa

    schema = _schema(table, request)

    def fitting() -> Iterator[pa.RecordBatch]:
        left = iter(batches)
        try:
            for batch in left:
                places = {name.casefold(): i for i, name in enumerate(batch.schema.names)}
                arrays = []
                for field in schema:
                    place = places.get(field.name.casefold())
                    if place is None:
                        raise SourceError(
                            f"table {table.name}: there is no column {field.name!r} in what came, "
                            f"but {', '.join(map(repr, batch.schema.names))}",
                            hint="ask for the request's columns, under their own names",
                        )
                    arrays.append(_cast(table, field, batch.column(place)))
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)
        finally:
            if isinstance(left, Generator):
                left.close()

    return pa.RecordBatchReader.from_batches(schema, fitting())


def _schema(table: Table, request: ScanRequest) -> pa.Schema:
    import pyarrow as pa

    types = {c.name: c.type for c in table.columns}
    return pa.schema([(name, arrow_type(types[name])) for name in request.columns])


def _cast(table: Table, field: pa.Field[Any], array: pa.Array[Any]) -> pa.Array[Any]:
    """Return values in a declared type that holds the same ones, or refuse them."""
    import pyarrow as pa

    held_type = data_type(array.type)
    if not held_type.is_known or arrow_type(held_type) != field.type:
        raise SourceError(
            f"table {table.name}: {field.name!r} comes as {array.type}, and is declared to hold "
            f"{field.type}",
            hint="declare the columns by what comes (`columns_of`), or have the system cast it",
        )
    try:
        cast: pa.Array[Any] = array.cast(field.type)
    except pa.ArrowException as error:
        raise _misfit(table, field, error) from error
    return cast


def _array(table: Table, field: pa.Field[Any], values: list[Any]) -> pa.Array[Any]:
    import pyarrow as pa

    try:
        misfit = next((v for v in values if v is not None and not _fits(v, field.type)), None)
        if misfit is not None:
            raise TypeError(f"{type(misfit).__name__} {misfit!r}")
        array: pa.Array[Any] = pa.array(values, field.type)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise _misfit(table, field, error) from error
    return array


def _misfit(table: Table, field: pa.Field[Any], error: Exception) -> SourceError:
    return SourceError(
        f"table {table.name}: a value of {field.name!r} does not fit {field.type}: {error}",
        hint="the column holds something else than its type says: cast it in a view, or "
        "have the source declare what it holds",
    )


def _fits(value: Any, type_: Any) -> bool:
    """Return whether Arrow takes a value for what it is, where it would take others, cut."""
    import pyarrow.types as at

    if at.is_integer(type_):  # 1.5 would be 1
        return isinstance(value, int)
    if at.is_timestamp(type_):  # 5 would be microseconds, and a zone left out
        return isinstance(value, datetime) and (value.tzinfo is None) is (type_.tz is None)
    if at.is_date(type_):  # noon would be midnight
        return isinstance(value, date) and not isinstance(value, datetime)
    if at.is_string(type_):
        return isinstance(value, str)
    if at.is_binary(type_):
        return isinstance(value, bytes | bytearray | memoryview)
    return True
