"""Arrays, maps and structs that a query makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from headwater.sql.portable.comparing import order_key, orderable, widened
from headwater.sql.portable.pieces import Piece, Refusal, refuse_unless
from headwater.sql.portable.spelling import text
from headwater.types import DataType

if TYPE_CHECKING:
    from headwater.sql.portable.expressions import Expressions


def array(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `array(a, b)`.

    Example: `array(i, 2)` -> `["i", CAST(2 AS INTEGER)]`
    """
    values = [widened(a, type_.element) for a in arguments]
    return Piece(f"[{', '.join(v.sql for v in values)}]", type_, any(v.raises for v in values))


def map_(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `map(k, v, ...)` with literal keys, each once.

    Example: `map('k', i)` -> `map(['k'], ["i"])`
    """
    keys, values = arguments[::2], arguments[1::2]
    literal = all(isinstance(k.literal, str) for k in keys)
    refuse_unless(literal and len({k.literal for k in keys}) == len(keys), "map() of other keys")
    items = [widened(v, type_.value) for v in values]
    listed = ", ".join(k.sql for k in keys)
    sql = f"map([{listed}], [{', '.join(i.sql for i in items)}])"
    return Piece(sql, type_, any(i.raises for i in items))


def sort_array(arguments: list[Piece], type_: DataType) -> Piece | None:
    """Return `sort_array(a)` of arrays, structs and the like; None for what the table knows."""
    if len(arguments) != 1 or arguments[0].type.name != "array":
        return None
    (value,) = arguments
    element = value.type.element
    if not element.children or not orderable(element):
        return None
    # NULLs before the rest, as Spark has them: their keys say that they are NULL.
    key = f"{{n: x IS NOT NULL, v: {order_key('x', element)}}}"
    keyed = f"list_transform({value.sql}, lambda x: {{k: {key}, x: x}})"
    sql = f"list_transform(list_sort({keyed}, 'ASC', 'NULLS FIRST'), lambda s: s.x)"
    return Piece(sql, type_, value.raises)


def struct(e: Expressions, node: exp.Expr, type_: DataType) -> Piece:
    """Return `struct(a, b AS c)` and `named_struct('a', 1)`, with the analysis' field names.

    Example: `struct(i, d AS x)` -> `{'i': "i", 'x': "d"}`
    """
    if str(node.this).lower() == "named_struct":
        nodes = node.expressions[1::2]
    else:
        nodes = [n.this if isinstance(n, exp.Alias) else n for n in node.expressions]
    pieces = [e.piece(n) for n in nodes]
    if type_.name != "struct" or [p.type for p in pieces] != list(type_.children):
        raise Refusal("a struct whose fields can't be told", node)
    folded = [n.casefold() for n in type_.field_names]
    refuse_unless(len(set(folded)) == len(folded), "a struct with a field twice", node)
    listed = zip(type_.field_names, pieces, strict=True)
    sql = "{" + ", ".join(f"{text(n)}: {p.sql}" for n, p in listed) + "}"
    return Piece(sql, type_, any(p.raises for p in pieces))
