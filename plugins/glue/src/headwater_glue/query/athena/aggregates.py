"""Aggregates and window functions that carry over from Trino to Spark.

Source: Trino documentation, "Aggregate functions" and "Window functions".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from headwater import types as t
from headwater.types import DataType
from headwater_glue.query.athena.values import Typed, UntranslatableError, refuse

if TYPE_CHECKING:
    from headwater_glue.query.athena.expressions import Expressions

AGGREGATES: Final = {
    "count": "nothing",
    "count_if": "nothing",
    "sum": "of floating numbers: their order, as between two runs of one engine",
    "avg": "of integers and floating numbers: their order, as between two runs of one engine",
    "min": "of floating numbers: no NaN among them",
    "max": "of floating numbers: no NaN among them",
    "bool_and": "nothing",
    "bool_or": "nothing",
    "every": "nothing",
    "max_by": "no two rows with the same greatest value",
    "min_by": "no two rows with the same least value",
}
"""Every aggregate that carries over, and what its equality rests on."""

RANKINGS: Final = {
    "row_number": "no two rows in the same place of the order",
    "rank": "nothing",
    "dense_rank": "nothing",
    "lag": "no two rows in the same place of the order",
    "lead": "no two rows in the same place of the order",
    "first_value": "no two rows in the same place of the order",
    "last_value": "no two rows in the same place of the order",
}
"""Every function of a window that carries over, and what its equality rests on."""


_COUNTING: Final = frozenset({"row_number", "rank", "dense_rank"})


def is_aggregate(name: str) -> bool:
    """Return whether a function is of a group of rows and carries over."""
    return name in AGGREGATES


def call(name: str, nodes: Sequence[exp.Expr], expressions: Expressions, node: exp.Expr) -> Typed:
    """Return a call of an aggregate."""
    distinct = len(nodes) == 1 and isinstance(nodes[0], exp.Distinct)
    if distinct:
        nodes = nodes[0].expressions
    if name == "count" and (not nodes or isinstance(nodes[0], exp.Star)):
        return Typed("count(*)", t.BIGINT)
    values = [expressions(n) for n in nodes]
    if len(values) != (2 if name.endswith("_by") else 1):
        refuse(node, f"{name}() of {len(values)} arguments")
    if distinct and name != "count":
        refuse(node, f"{name}(DISTINCT ...)")
    type_ = _result(name, values, node)
    inside = ", ".join(v.text for v in values)
    return Typed(f"{name}({'DISTINCT ' if distinct else ''}{inside})", type_)


def _result(name: str, values: Sequence[Typed], node: exp.Expr) -> DataType:
    type_ = values[0].type
    match name:
        case "count" | "count_if":
            return t.BIGINT
        case "bool_and" | "bool_or" | "every":
            return t.BOOLEAN
        case "max_by" | "min_by":
            if values[1].type.is_floating:
                refuse(node, f"{name}() by a floating number, in which NaN may turn up")
            return type_
        case "min" | "max":
            if type_.name in ("array", "map", "struct", "binary", "char"):
                refuse(node, f"{name}() of {type_}")
            return type_
        case "sum" if type_.is_integer:
            return t.BIGINT
        case "sum" if type_.name == "decimal" and (type_.precision or 0) <= 28:
            return t.decimal((type_.precision or 0) + 10, type_.scale or 0)
        case "sum" | "avg" if type_ == t.DOUBLE or (name == "avg" and type_.is_integer):
            return t.DOUBLE
        case _:
            raise UntranslatableError(
                node, f"{name}() of {type_}, for which the engines keep different digits"
            )


def window(node: exp.Window, expressions: Expressions) -> Typed:
    """Return a function over a window, the NULLs of its order spelled: defaults differ."""
    for part in ("alias", "first"):
        if node.args.get(part):
            refuse(node, "a window that is defined elsewhere")
    inner = node.this
    if isinstance(inner, exp.IgnoreNulls | exp.RespectNulls):
        refuse(node, "IGNORE NULLS")
    value = _windowed(inner, expressions)
    parts = []
    if partition := node.args.get("partition_by"):
        parts.append(f"PARTITION BY {', '.join(expressions(p).text for p in partition)}")
    if order := node.args.get("order"):
        parts.append(f"ORDER BY {', '.join(ordered(o, expressions) for o in order.expressions)}")
    elif _name(inner) in RANKINGS:
        refuse(node, f"{_name(inner)}() over rows without an order")
    if spec := node.args.get("spec"):
        parts.append(_frame(spec))
    over = Typed(f"{value.text} OVER ({' '.join(parts)})", value.type)
    # Trino counts in bigint where Spark counts in int.
    return over.cast(t.BIGINT) if _name(inner) in _COUNTING else over


def ordered(node: exp.Expr, expressions: Expressions) -> str:
    """Return one key of an order, with NULLs where Trino puts them: last, unless it says first."""
    if not isinstance(node, exp.Ordered) or node.args.get("with_fill"):
        refuse(node, "this order")
    direction = "DESC" if node.args.get("desc") else "ASC"
    nulls = "FIRST" if node.args.get("nulls_first") else "LAST"
    return f"{expressions(node.this).text} {direction} NULLS {nulls}"


def _windowed(inner: exp.Expr, expressions: Expressions) -> Typed:
    name = _name(inner)
    if isinstance(inner, exp.Filter):
        refuse(inner, "FILTER over a window")
    if name in AGGREGATES:
        return expressions(inner)
    if name not in RANKINGS or not isinstance(inner, exp.Anonymous):
        refuse(inner, f"{name or 'this'}() is not among the window functions that do")
    values = [expressions(a) for a in inner.expressions]
    if name in _COUNTING:
        if values:
            refuse(inner, f"{name}() of {len(values)} arguments")
        return Typed(f"{name}()", t.INT)
    if not 1 <= len(values) <= (2 if name in ("lag", "lead") else 1):
        refuse(inner, f"{name}() of {len(values)} arguments")
    if len(values) == 2 and values[1].literal is None:
        refuse(inner, f"{name}() by a distance that is not a literal")
    return Typed(f"{name}({', '.join(v.text for v in values)})", values[0].type)


def _frame(spec: exp.WindowSpec) -> str:
    if (spec.args.get("kind") or "").upper() != "ROWS" or spec.args.get("exclude"):
        refuse(spec, "a frame that is not of ROWS")
    bounds = []
    for side in ("start", "end"):
        bound, where = spec.args.get(side), spec.args.get(f"{side}_side")
        if bound is None and side == "end":
            bound = "CURRENT ROW"
        if isinstance(bound, exp.Literal) and not bound.is_string:
            bound = bound.name
        if not isinstance(bound, str):
            refuse(spec, "a frame whose bound is not a literal")
        bounds.append(f"{bound} {where}" if where else bound)
    return f"ROWS BETWEEN {bounds[0]} AND {bounds[1]}"


def _name(node: exp.Expr) -> str:
    return str(node.this) if isinstance(node, exp.Anonymous) else ""
