"""The clauses of a SELECT behind its FROM: conditions, grouping, order, limits."""

from __future__ import annotations

from itertools import takewhile
from typing import Final

from sqlglot import exp

from headwater import types as t
from headwater.sql.analysis import Scope
from headwater.sql.functions import called, is_aggregate
from headwater.sql.portable import windows
from headwater.sql.portable.comparing import comparable, direction, groups
from headwater.sql.portable.pieces import Piece, Refusal, refuse_unless
from headwater.sql.portable.spelling import type_name
from headwater.sql.typing.literals import position

_LAZY: Final = frozenset({"if", "nvl", "nvl2", "coalesce"})
"""Rules of calls whose first arguments decide whether the others are asked for."""


def only(node: exp.Expr, admitted: frozenset[str]) -> None:
    """Refuse a query node that has other parts than those that are known."""
    strange = [k for k, v in node.args.items() if v and k not in admitted]
    refuse_unless(not strange, f"{', '.join(strange).upper().strip('_')}: not proven", node)


def conjuncts(node: exp.Expr, clause: str) -> list[exp.Expr]:
    """Return the conditions that AND joins in a clause, from left to right."""
    clause_node = node.args.get(clause)
    rest: list[exp.Expr] = [clause_node.this] if clause_node is not None else []
    parts = []
    while rest:
        here = rest.pop()
        bare = here.unnest() if isinstance(here, exp.Paren) else here
        if isinstance(bare, exp.And):
            rest += [bare.expression, bare.this]
        else:
            parts.append(bare)
    return parts


def only_filters(node: exp.Expr) -> bool:
    """Return whether a condition stands where NULL is as good as false: in a WHERE, below AND, OR.

    NOT directly above it counts as a part of it: `a NOT IN (SELECT ...)`.
    """
    above = node.parent
    while isinstance(above, exp.Paren):
        above = above.parent
    if isinstance(above, exp.Not):
        above = above.parent
    while isinstance(above, (exp.Paren, exp.And, exp.Or)):
        above = above.parent
    return isinstance(above, exp.Where)


def around(node: exp.Expr) -> exp.Expr | None:
    """Return what is around an expression and its brackets."""
    above = node.parent
    while isinstance(above, exp.Paren):
        above = above.parent
    return above


def stands_alone(node: exp.Expr) -> bool:
    """Return whether a condition is a column of a SELECT, or all that a WHEN asks.

    NOT directly above it counts as a part of it.
    """
    here, above = node, node.parent
    nots = 0
    while isinstance(above, exp.Paren) or (isinstance(above, exp.Not) and not nots):
        nots += isinstance(above, exp.Not)
        here, above = above, above.parent
    if isinstance(above, exp.If):
        is_condition = here.arg_key == "this" and isinstance(above.parent, exp.Case)
        return is_condition and above.parent is not None and above.parent.this is None
    if isinstance(above, exp.Alias):
        here, above = above, above.parent
    return isinstance(above, exp.Select) and here.arg_key == "expressions"


def may_be_spared(node: exp.Expr) -> bool:
    """Return whether a constant around an expression may decide that Spark leaves it out.

    Example: the subquery in `CASE WHEN true THEN 1 ELSE (SELECT ...) END`
    """
    above = node.parent
    while above is not None:
        limit = above.args.get("limit")
        if limit is not None and position(limit.expression) == 0:
            return True
        if any(map(_is_constant, _deciding(above, node))):
            return True
        node, above = above, above.parent
    return False


def _deciding(above: exp.Expr, node: exp.Expr) -> list[exp.Expr]:
    """Return what decides whether a part of an expression, or of a query, is asked for."""
    if isinstance(above, exp.Select):
        return conjuncts(above, "where")
    if isinstance(above, (exp.And, exp.Or)):
        return [above.this, above.expression]
    if isinstance(above, exp.Case):
        known = above.this is None or _is_constant(above.this)
        return [branch.this for branch in above.args["ifs"]] if known else []
    if isinstance(above, exp.Anonymous) and called(above).rule in _LAZY:
        return list(takewhile(lambda x: x is not node, above.expressions))
    return []


def _is_constant(node: exp.Expr) -> bool:
    return node.find(exp.Column, exp.Query) is None


def condition(pieces: list[Piece]) -> str:
    """Return conditions as one, evaluated as Spark does: from left to right, stopping at false.

    Those before the first that may raise stay apart, so that DuckDB can push them down.
    """
    safe: list[Piece] = []
    for piece in pieces:
        if piece.raises:
            break
        safe.append(piece)
    rest = pieces[len(safe) :]
    texts = [p.sql for p in safe]
    if rest:
        guarded = "true"
        for piece in reversed([*safe, *rest]):
            guarded = f"CASE WHEN {piece.sql} THEN {guarded} ELSE false END"
        texts.append(guarded)
    return " AND ".join(texts)


def grouped(piece: Piece, clause: str, node: exp.Expr | None = None) -> Piece:
    """Return a grouping value; as in Spark, -0.0 is grouped with and shown as 0.0."""
    if piece.type == t.UNKNOWN:
        return piece
    refuse_unless(groups(piece.type), f"{clause} {piece.type}", node)
    if piece.type.is_floating:
        zero = f"CAST(0 AS {type_name(piece.type)})"
        return Piece(f"({piece.sql} + {zero})", piece.type, piece.raises)
    return piece


def generator_of(node: exp.Select) -> exp.Expr | None:
    """Return the item of a SELECT that makes rows of each row, or None.

    Raises:
        Refusal: If there are several, or it stands beside what looks at other rows.
    """
    items = [x for x in node.expressions if called(bare(x)).kind == "generator"]
    if not items:
        return None
    refuse_unless(len(items) == 1, "several generators among the columns", items[-1])
    groups = any(node.args.get(k) for k in ("group", "having", "qualify"))
    groups = groups or any(aggregated(x) or x.find(exp.Window) for x in node.expressions)
    hint = "aggregate in a subquery of FROM, and make rows of what that gives"
    refuse_unless(not groups, "a generator among aggregates or window functions", items[0], hint)
    first: exp.Expr = items[0]
    return first


def bare(node: exp.Expr) -> exp.Expr:
    """Return an expression without its alias."""
    return node.this if isinstance(node, (exp.Alias, exp.Aliases)) else node


def aggregated(node: exp.Expr) -> bool:
    """Return whether an expression calls an aggregate over the group (not over a window)."""
    for call in node.find_all(exp.Anonymous):
        if not is_aggregate(call) or _below_subquery(call, node):
            continue
        above = call.parent
        while isinstance(above, (exp.Filter, exp.IgnoreNulls, exp.RespectNulls, exp.WithinGroup)):
            above = above.parent
        over_window = isinstance(above, exp.Window) and call is windows.called(above)
        if not over_window or call is node:
            return True
    return False


def _below_subquery(node: exp.Expr, top: exp.Expr) -> bool:
    above = node.parent if node is not top else None
    while above is not None and above is not top:
        if isinstance(above, (exp.Select, exp.Subquery)):
            return True
        above = above.parent
    return False


def limit(node: exp.Expr) -> str:
    """Return LIMIT and OFFSET."""
    text = ""
    for word, key in (("LIMIT", "limit"), ("OFFSET", "offset")):
        clause = node.args.get(key)
        if clause is None:
            continue
        value = clause.expression
        refuse_unless(position(value) is not None, f"{word} without a number", node)
        text += f"\n{word} {value.name}"
    return text


def cuts(node: exp.Expr) -> bool:
    """Return whether a query has a LIMIT or OFFSET: then its order decides which rows it gives."""
    return bool(node.args.get("limit") or node.args.get("offset"))


def is_constant(node: exp.Expr) -> bool:
    """Return whether a value is a literal: to order by it orders nothing."""
    return isinstance(node, (exp.Literal, exp.Null, exp.Boolean))


def set_order(scope: Scope, node: exp.Expr, *, ordered: bool) -> str:
    """Return the ORDER BY of a set operation, or of a query in brackets: by its columns."""
    order = node.args.get("order")
    if order is None or not ordered:
        return ""
    names = {o.name.casefold(): i for i, o in reversed(list(enumerate(scope.outputs)))}
    parts = []
    for item in order.expressions:
        value = item.this if isinstance(item, exp.Ordered) else item
        number = position(value)
        if is_constant(value) and number is None:
            continue
        index = names.get(value.name.casefold()) if isinstance(value, exp.Column) else None
        if number is not None:
            index = number - 1 if 0 < number <= len(scope.outputs) else None
        if index is None or not comparable(scope.outputs[index].type):
            raise Refusal("ORDER BY of a set operation by something else than its columns", item)
        key = windows.sorted_by(Piece(f"c{index}", scope.outputs[index].type))
        parts.append(f"{key} {direction(item)}")
    return f"\nORDER BY {', '.join(parts)}" if parts else ""
