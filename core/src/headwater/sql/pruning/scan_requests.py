"""Scan requests: which of a query's conditions and limits a source may apply to a table's rows.

Where conditions may stand, and that they commute: `comparisons`. The read's window is among them,
as the plan's SQL says it. Of what they say, that is taken which every system understands alike:

    texts          `in` alone: systems order texts each in its own way, and equal more of them
                   than Spark does, never fewer. No CHAR: some fill it with spaces, some do not
    whole numbers  `in`, `>=`, `<`
    dates          likewise
    times          `>=` and `<`, to the microsecond: a time in nanoseconds that is read as its
                   microsecond lies in the same intervals, and equals nothing

Numbers with a point are left to the engine, for what lies between two of them depends on the type
that they are kept in. All of it happens in UTC, as every engine compares.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, cast

from sqlglot import exp

from headwater.sql.analysis import Analysis, TableReference
from headwater.sql.binding.from_clause import (
    Unclear,
    conditions_of,
    read_from,
    scopes_within,
    times_scanned,
)
from headwater.sql.functions import called, is_aggregate
from headwater.sql.pruning.comparisons import Comparison, comparisons, plain_value, unwrapped
from headwater.sql.syntax.nodes import own_nodes
from headwater.sql.typing.literals import position
from headwater.sql.typing.typed_texts import canonical
from headwater.tables.scan_request import Condition, Operator, ScanRequest, Value
from headwater.types import DATE, INTEGER_BITS, TIMESTAMP, TIMESTAMP_NTZ, DataType

_TIMES: Final = (TIMESTAMP, TIMESTAMP_NTZ)
_ON_ONE_LINE: Final = (*_TIMES, DATE)
"""Types that are compared as moments, in UTC."""
_TICK: Final = timedelta(microseconds=1)
_DAY: Final = timedelta(days=1)
_CUT_ALONE: Final = frozenset({"expressions", "from_", "limit", "offset"})
"""Parts of a SELECT whose LIMIT takes rows of its table, whichever."""


def request(
    analysis: Analysis,
    reference: TableReference,
    columns: Sequence[str],
    time_column: str | None = None,
) -> ScanRequest:
    """Return what a query asks of a table, at one place where it names it.

    Example: `SELECT i FROM t WHERE i > 5 AND s = 'a'` -> `i >= 6 and s in (a)`

    Args:
        analysis: The query.
        reference: One of `analysis.parsed.references`.
        columns: Names of the columns that are needed.
        time_column: The table's column that a window is on, where there is one.
    """
    types = {c.name: c.type for c in analysis.tables[reference.name].columns}
    names = {n.casefold(): n for n, type_ in types.items() if _is_taken(type_)}
    comparisons_ = comparisons(analysis, reference, names, _value, _bare(analysis))
    conditions = dict.fromkeys(
        _also_null(c) if one.or_null else c
        for one in comparisons_
        for c in _conditions(one, types[one.column])
        if c.operator != "in" or not one.or_null
    )
    request_ = ScanRequest(tuple(columns), tuple(conditions), limit=_limit(analysis, reference))
    if time_column is None or not request_.on(time_column):
        return request_
    return replace(request_, time_column=time_column)


def only_range(
    analysis: Analysis, reference: TableReference
) -> tuple[str, Value | None, Value | None] | None:
    """Return the time range that alone decides which rows of a table are in a query's answer.

    Example: `SELECT i FROM t WHERE ts >= TIMESTAMP '2026-01-01'` -> `ts`, from that day on

    Args:
        analysis: The query: it projects the table's rows and leaves some out, no more.
        reference: The table, named once.

    Returns:
        The column, its first moment and the one behind its last, None where there is no end; None
        where something else decides, too, or nothing.
    """
    if analysis.root is None:
        return None
    conditions = [
        unwrapped(c)
        for scope in scopes_within(analysis.root)
        for c in conditions_of(scope.node.args.get("where"))
    ]
    if any(type(c) not in (exp.GTE, exp.LT) or type(c.this) is not exp.Column for c in conditions):
        return None
    types = {c.name: c.type for c in analysis.tables[reference.name].columns}
    asked = request(analysis, reference, tuple(types)).conditions
    columns = {c.column for c in asked}
    if len(asked) != len(conditions) or len(columns) != 1:
        return None
    (column,) = columns
    if types[column] not in _TIMES or any(c.operator not in (">=", "<") for c in asked):
        return None
    lows = [c.value for c in asked if c.operator == ">="]
    highs = [c.value for c in asked if c.operator == "<"]
    return column, max(lows, default=None), min(highs, default=None)


def _is_taken(type_: DataType) -> bool:
    return type_.name in ("string", "varchar") or type_.is_integer or type_ in _ON_ONE_LINE


def _bare(analysis: Analysis) -> Any:
    """Return a function that gives the column of `CAST(day AS TIMESTAMP)`: it compares alike."""

    def bare(node: exp.Expr) -> exp.Expr:
        node = unwrapped(node)
        if type(node) is not exp.Cast or analysis.type_of(node) != TIMESTAMP:
            return node
        inner = unwrapped(node.this)
        return inner if analysis.type_of(inner) in _ON_ONE_LINE else node

    return bare


def _value(node: exp.Expr, type_: DataType) -> Any:
    """Return a literal's value: a text, a number, or a moment in UTC without a zone."""
    if type_ not in _ON_ONE_LINE:
        text = plain_value(node, type_)
        return int(text) if text is not None and type_.is_integer else text
    node = unwrapped(node)
    if type(node) is exp.Cast and isinstance(node.this, exp.Literal) and node.this.is_string:
        return _moment(node.this.name, _TYPE_OF.get(node.to.this))
    if type_ == DATE or not isinstance(node, exp.Literal) or not node.is_string:
        text = plain_value(node, DATE)
        return None if text is None else datetime.fromisoformat(text)
    return _moment(node.name, type_)


_TYPE_OF: Final = {
    exp.DType.DATE: DATE,
    exp.DType.TIMESTAMPTZ: TIMESTAMP,
    exp.DType.TIMESTAMPNTZ: TIMESTAMP_NTZ,
}


def _moment(text: str, type_: DataType | None) -> datetime | None:
    spelled = None if type_ is None else canonical(text, type_)
    return None if spelled is None else datetime.fromisoformat(spelled).replace(tzinfo=None)


def _conditions(comparison: Comparison, type_: DataType) -> Iterator[Condition]:
    """Yield a comparison as conditions for a source: whole steps of its type, and half-open."""
    column, operator, values = comparison.column, comparison.operator, comparison.values
    if type_.is_text:
        if operator == "in":
            yield Condition(column, "in", tuple(dict.fromkeys(values)))
        return
    step: Any = 1 if type_.is_integer else _DAY if type_ == DATE else _TICK
    if type_ == DATE and operator == "in":
        values = tuple(v for v in values if v == _midnight(v))
        if not values:
            return  # nothing meets it, and the engine says so
    try:
        if operator == "in" and type_ not in _TIMES:
            yield Condition(
                column, "in", tuple(dict.fromkeys(_converted(v, type_) for v in values))
            )
            return
        if operator in ("in", ">=", ">"):
            low = min(values)
            yield Condition(column, ">=", (_converted(_first(low, operator, step), type_),))
        if operator in ("in", "<=", "<"):
            high = max(values)
            behind = _first(high, ">" if operator != "<" else ">=", step)
            yield Condition(column, "<", (_converted(behind, type_),))
    except (OverflowError, _OutOfRangeError):
        return


def _also_null(condition: Condition) -> Condition:
    return replace(condition, operator=cast("Operator", f"null or {condition.operator}"))


class _OutOfRangeError(Exception):
    """A value that its column's type does not hold: a system may not take it."""


def _first(value: Any, operator: str, step: Any) -> Any:
    """Return the first value of a type that is `>= value`, or `> value`."""
    if step is not _DAY:
        return value + step if operator == ">" else value
    day = _midnight(value)
    return day + step if operator == ">" or day < value else day


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _converted(value: Any, type_: DataType) -> Any:
    """Return a value as conditions give it to a source.

    Raises:
        _OutOfRangeError: If its type does not hold it.
    """
    if type_ == DATE:
        return date(value.year, value.month, value.day)
    if type_ == TIMESTAMP:
        return value.replace(tzinfo=UTC)
    if type_.is_integer and not -(1 << INTEGER_BITS[type_.name] - 1) <= value < (
        1 << INTEGER_BITS[type_.name] - 1
    ):
        raise _OutOfRangeError
    return value


def _limit(analysis: Analysis, reference: TableReference) -> int | None:
    """Return how many rows of a table are enough: of one that is alone below a LIMIT, uncut."""
    root = analysis.root
    if root is None or times_scanned(root, reference) != 1:
        return None
    for scope in scopes_within(root):
        select = scope.node
        if not isinstance(select, exp.Select) or select.args.get("limit") is None:
            continue
        items = read_from(analysis, scope)
        if isinstance(items, Unclear) or [i.source for i in items] != [reference]:
            continue
        if any(items[0].node.args.get(part) for part in ("sample", "pivots")):
            continue
        if {k for k, v in select.args.items() if v} - _CUT_ALONE or any(
            isinstance(n, exp.Window) or is_aggregate(n) or called(n).kind == "generator"
            for n in own_nodes(select, ["with_"])
        ):
            continue
        counts = [
            position(part.expression) for k in ("limit", "offset") if (part := select.args.get(k))
        ]
        if all(c is not None for c in counts):
            return sum(c or 0 for c in counts)
    return None
