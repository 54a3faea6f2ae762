"""Conditions: AND, OR, NOT, IS, IN, BETWEEN, LIKE, RLIKE, EXISTS, CASE, COALESCE.

Spark evaluates from left to right and stops when the answer is known. DuckDB may not: where a part
can raise, CASE keeps Spark's order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from headwater import types as t
from headwater.sql.portable import chars, regex
from headwater.sql.portable.comparing import aligned, compare, widened
from headwater.sql.portable.pieces import Piece, Refusal, evaluated, refuse_unless
from headwater.sql.portable.spelling import null, text
from headwater.types import DataType

if TYPE_CHECKING:
    from headwater.sql.portable.expressions import Expressions


def conjunction(e: Expressions, node: exp.Expr) -> Piece:
    """Return `a AND b`.

    Example: `o AND i > b` -> `("o" AND (CAST("i" AS BIGINT) > "b"))`
    """
    return all_of([e.boolean(node.this), e.boolean(node.expression)])


def all_of(pieces: Sequence[Piece]) -> Piece:
    """Return the conjunction of conditions, evaluated from left to right where one can raise.

    Example: `o AND 1 / i > 5` -> `CASE WHEN NOT "o" THEN false ELSE ("o" AND (...)) END`
    """
    result = pieces[0]
    for piece in pieces[1:]:
        both = f"({result.sql} AND {piece.sql})"
        if piece.raises:
            # `b` is evaluated where `a` is true or NULL, as in Spark.
            both = f"CASE WHEN NOT {result.sql} THEN false ELSE {both} END"
        result = Piece(both, t.BOOLEAN, result.raises or piece.raises)
    return result


def disjunction(e: Expressions, node: exp.Expr) -> Piece:
    """Return `a OR b`.

    Example: `o OR 1 / i > 5` -> `CASE WHEN "o" THEN true ELSE ("o" OR (...)) END`
    """
    left, right = e.boolean(node.this), e.boolean(node.expression)
    either = f"({left.sql} OR {right.sql})"
    if right.raises:
        either = f"CASE WHEN {left.sql} THEN true ELSE {either} END"
    return Piece(either, t.BOOLEAN, left.raises or right.raises)


def negation(e: Expressions, node: exp.Expr) -> Piece:
    """Return `NOT a`.

    Example: `NOT o` -> `(NOT "o")`
    """
    inner = e.boolean(node.this)
    return Piece(f"(NOT {inner.sql})", t.BOOLEAN, inner.raises)


def is_(e: Expressions, node: exp.Expr) -> Piece:
    """Return `a IS NULL`, `IS TRUE`, `IS FALSE` and `IS UNKNOWN`.

    Example: `o IS TRUE` -> `("o" IS TRUE)`
    """
    what = node.expression
    inner = e.piece(node.this)
    if isinstance(what, exp.Null):
        return Piece(f"({evaluated(inner)} IS NULL)", t.BOOLEAN, inner.raises)
    if isinstance(what, exp.Boolean):
        refuse_unless(inner.type == t.BOOLEAN, f"{inner.type} IS TRUE", node)
        value = "TRUE" if what.this else "FALSE"
        return Piece(f"({inner.sql} IS {value})", t.BOOLEAN, inner.raises)
    raise Refusal("IS with something else than NULL, TRUE or FALSE", node)


def in_(e: Expressions, node: exp.Expr) -> Piece:
    """Return `a IN (b, c)` and `a IN (SELECT ...)`.

    Example: `s IN ('a', 'b')` -> `("s" IN ('a', 'b'))`
    """
    if node.args.get("query") is not None:
        return e.queries.membership(e, node)
    refuse_unless(not isinstance(node.this.unnest(), exp.Tuple), "IN with several columns", node)
    operands = [(n, e.piece(n)) for n in (node.this, *node.expressions)]
    first, *others = aligned(chars.padded(e.analysis, operands))
    refuse_unless(bool(others), "IN with an empty list", node)
    refuse_unless(not any(o.raises for o in others), "IN with values that may raise", node)
    listed = ", ".join(o.sql for o in others)
    return Piece(f"({first.sql} IN ({listed}))", t.BOOLEAN, first.raises)


def between(e: Expressions, node: exp.Expr) -> Piece:
    """Return `a BETWEEN b AND c`, as the two comparisons that it stands for.

    Example: `i BETWEEN 1 AND 5` -> `(("i" >= CAST(1 AS INTEGER)) AND ("i" <= CAST(5 AS INTEGER)))`
    """
    refuse_unless(not node.args.get("symmetric"), "BETWEEN SYMMETRIC", node)
    value = e.piece(node.this)
    low = compare(">=", value, e.piece(node.args["low"]))
    high = compare("<=", value, e.piece(node.args["high"]))
    return all_of([low, high])


def like(e: Expressions, node: exp.Expr) -> Piece:
    r"""Return `a LIKE 'pattern'` and `a ILIKE 'pattern'`; `\` escapes, as by Spark's default."""
    value, pattern = e.piece(node.this), e.piece(node.expression)
    refuse_unless(value.type == t.STRING, f"{value.type} LIKE", node)
    if not isinstance(pattern.literal, str):
        raise Refusal("LIKE with a pattern that is not a literal", node.expression)
    _check_pattern(pattern.literal, node)
    if isinstance(node, exp.ILike):
        refuse_unless(pattern.literal.isascii(), "ILIKE with a pattern beyond ASCII", node)
        refuse_unless(
            not set("ikIK") & set(pattern.literal), "ILIKE with i or k: Unicode has others", node
        )
    word = "ILIKE" if isinstance(node, exp.ILike) else "LIKE"
    word = f"NOT {word}" if node.args.get("negate") else word
    return Piece(f"({value.sql} {word} {pattern.sql} ESCAPE '\\')", t.BOOLEAN, value.raises)


def _check_pattern(pattern: str, node: exp.Expr) -> None:
    rest = pattern
    while rest:
        if rest[0] == "\\":
            refuse_unless(len(rest) > 1 and rest[1] in "%_\\", "LIKE with an odd escape", node)
            rest = rest[1:]
        rest = rest[1:]


def rlike(e: Expressions, node: exp.Expr) -> Piece:
    """Return `a RLIKE 'pattern'` for the patterns that Java and RE2 read alike."""
    value, pattern = e.piece(node.this), e.piece(node.expression)
    return regex.matches(value, pattern)


def exists(e: Expressions, node: exp.Expr) -> Piece:
    """Return `EXISTS (SELECT ...)`."""
    return e.queries.existence(e, node)


def case(e: Expressions, node: exp.Expr) -> Piece:
    """Return CASE, with and without a value after it.

    Example: `CASE WHEN o THEN i END` -> `CASE WHEN "o" THEN "i" ELSE CAST(NULL AS INTEGER) END`
    """
    type_ = e.type_of(node)
    value = e.piece(node.this) if node.this is not None else None
    parts, raises = [], False
    for branch in node.args["ifs"]:
        if value is None:
            condition = e.boolean(branch.this)
        else:
            sides = (node.this, value), (branch.this, e.piece(branch.this))
            condition = compare("=", *chars.compared(e.analysis, *sides))
        then = _branch(e.piece(branch.args["true"]), type_)
        parts.append(f"WHEN {condition.sql} THEN {then.sql}")
        raises = raises or condition.raises or then.raises
    default = node.args.get("default")
    last = _branch(e.piece(default), type_) if default is not None else Piece(_null(type_), type_)
    sql = f"CASE {' '.join(parts)} ELSE {last.sql} END"
    return Piece(sql, type_, raises or last.raises)


def case_when(
    conditions: Sequence[tuple[str, Piece]], last: Piece, type_: DataType, raises: bool
) -> Piece:
    """Return a CASE of conditions and values, all in one type."""
    parts = []
    for condition, value in conditions:
        branch = _branch(value, type_)
        parts.append(f"WHEN {condition} THEN {branch.sql}")
        raises = raises or branch.raises
    end = _branch(last, type_)
    return Piece(f"CASE {' '.join(parts)} ELSE {end.sql} END", type_, raises or end.raises)


def _branch(piece: Piece, type_: DataType) -> Piece:
    return Piece("NULL", t.VOID) if type_ == t.VOID else widened(piece, type_)


def _null(type_: DataType) -> str:
    return "NULL" if type_ == t.VOID else null(type_)


def escaped(pattern: str) -> str:
    """Return a regular expression as a string literal."""
    return text(pattern)
