"""Conditions: AND, OR, NOT, IS, IN, BETWEEN, LIKE, RLIKE, EXISTS, CASE, COALESCE.

Spark evaluates from left to right and stops when the answer is known. DuckDB may not: where a part
can raise, CASE keeps Spark's order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from headwater import types as t
from headwater.sql.portable import chars, ranges, regex
from headwater.sql.portable.comparing import aligned, compare, widened
from headwater.sql.portable.pieces import Piece, Refusal, evaluated, made, refuse_unless
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
        result = made(both, t.BOOLEAN, (result, piece))
    return result


def disjunction(e: Expressions, node: exp.Expr) -> Piece:
    """Return `a OR b`.

    Example: `o OR 1 / i > 5` -> `CASE WHEN "o" THEN true ELSE ("o" OR (...)) END`
    """
    left, right = e.boolean(node.this), e.boolean(node.expression)
    either = f"({left.sql} OR {right.sql})"
    if right.raises:
        either = f"CASE WHEN {left.sql} THEN true ELSE {either} END"
    return made(either, t.BOOLEAN, (left, right))


def negation(e: Expressions, node: exp.Expr) -> Piece:
    """Return `NOT a`.

    Example: `NOT o` -> `(NOT "o")`
    """
    inner, negated = e.boolean(node.this), node.this.unnest()
    sql = f"(NOT {inner.sql})"
    if isinstance(negated, exp.In) and negated.args.get("query") is not None:
        # Spark says false where a NULL leaves it open.
        sql = f"coalesce({sql}, false)"
    return made(sql, t.BOOLEAN, [inner])


def is_(e: Expressions, node: exp.Expr) -> Piece:
    """Return `a IS NULL`, `IS TRUE`, `IS FALSE` and `IS UNKNOWN`.

    Example: `o IS TRUE` -> `("o" IS TRUE)`
    """
    what = node.expression
    inner = e.piece(node.this)
    if isinstance(what, exp.Null):
        return made(f"({evaluated(inner)} IS NULL)", t.BOOLEAN, [inner])
    if isinstance(what, exp.Boolean):
        refuse_unless(inner.type == t.BOOLEAN, f"{inner.type} IS TRUE", node)
        value = "TRUE" if what.this else "FALSE"
        return made(f"({inner.sql} IS {value})", t.BOOLEAN, [inner])
    raise Refusal("IS with something else than NULL, TRUE or FALSE", node)


def in_(e: Expressions, node: exp.Expr) -> Piece:
    """Return `a IN (b, c)` and `a IN (SELECT ...)`.

    Example: `s IN ('a', 'b')` -> `("s" IN ('a', 'b'))`
    """
    if node.args.get("query") is not None:
        return e.queries.membership(e, node)
    if isinstance(node.this.unnest(), exp.Tuple):
        return _in_several(e, node)
    operands = [(n, e.piece(n)) for n in (node.this, *node.expressions)]
    first, *others = aligned(chars.padded(e.analysis, operands))
    refuse_unless(bool(others), "IN with an empty list", node)
    if not any(o.raises for o in others):
        listed = ", ".join(o.sql for o in others)
        return made(f"({first.sql} IN ({listed}))", t.BOOLEAN, [first])
    # As Spark does: value after value, up to the first that is equal.
    equal = " ".join(f"WHEN {first.sql} = {o.sql} THEN true" for o in others)
    unknown = " OR ".join(f"{o.sql} IS NULL" for o in others)
    sql = f"CASE WHEN {first.sql} IS NULL THEN NULL {equal} WHEN {unknown} THEN NULL ELSE false END"
    return made(sql, t.BOOLEAN, (first, *others))


def _in_several(e: Expressions, node: exp.Expr) -> Piece:
    """Return `(a, b) IN ((1, 2), (3, 4))`: NULLs are equal to each other, as in structs.

    Example: `(i, s) IN ((1, 'a'))` -> `((("i" IS NOT DISTINCT FROM CAST(1 AS INTEGER)) AND ...))`
    """
    rows = [x.unnest() for x in (node.this, *node.expressions)]
    refuse_unless(all(isinstance(r, exp.Tuple) for r in rows), "IN with several columns", node)
    value, *others = ([e.piece(x) for x in r.expressions] for r in rows)
    types = [p.type for p in value]
    # Spark casts no fields here.
    same = bool(others) and all([p.type for p in row] == types for row in others)
    refuse_unless(same, "IN with several columns of other types than its values", node)
    equal = [
        all_of([compare("IS NOT DISTINCT FROM", a, b) for a, b in zip(value, row, strict=True)])
        for row in others
    ]
    sql = " OR ".join(p.sql for p in equal)
    return made(f"({sql})", t.BOOLEAN, equal)


def between(e: Expressions, node: exp.Expr) -> Piece:
    """Return `a BETWEEN b AND c`, as the two comparisons that it stands for.

    Example: `i BETWEEN 1 AND 5` -> `(("i" >= CAST(1 AS INTEGER)) AND ("i" <= CAST(5 AS INTEGER)))`
    """
    refuse_unless(not node.args.get("symmetric"), "BETWEEN SYMMETRIC", node)
    value = e.piece(node.this)
    low = compare(">=", value, e.piece(node.args["low"]))
    high = compare("<=", value, e.piece(node.args["high"]))
    return all_of([low, high])


def like(e: Expressions, node: exp.Expr, escape: str = "\\") -> Piece:
    r"""Return `a LIKE 'pattern'` and `a ILIKE 'pattern'`; `\` escapes, as by Spark's default.

    Of `LIKE ANY ('a%', '%b')` one pattern has to fit, of `LIKE ALL` each.
    """
    value, several = e.piece(node.this), node.expression
    refuse_unless(value.type == t.STRING, f"{value.type} LIKE", node)
    if not isinstance(several, (exp.Any, exp.All)):
        return _like(e, node, value, several, escape)
    patterns = several.this.expressions if isinstance(several.this, exp.Tuple) else [several.this]
    parts = [_like(e, node, value, p, escape) for p in patterns]
    joined = (" OR " if isinstance(several, exp.Any) else " AND ").join(p.sql for p in parts)
    return made(f"({joined})", t.BOOLEAN, parts)


def _like(e: Expressions, node: exp.Expr, value: Piece, one: exp.Expr, escape: str) -> Piece:
    pattern = e.piece(one)
    if not isinstance(pattern.literal, str):
        raise Refusal("LIKE with a pattern that is not a literal", one)
    _check_pattern(pattern.literal, escape, node)
    if isinstance(node, exp.ILike):
        refuse_unless(pattern.literal.isascii(), "ILIKE with a pattern beyond ASCII", node)
        refuse_unless(
            not set("ikIK") & set(pattern.literal), "ILIKE with i or k: Unicode has others", node
        )
    word = "ILIKE" if isinstance(node, exp.ILike) else "LIKE"
    word = f"NOT {word}" if node.args.get("negate") else word
    sql = f"({value.sql} {word} {pattern.sql} ESCAPE {text(escape)})"
    return made(sql, t.BOOLEAN, [value])


def escaped_like(e: Expressions, node: exp.Expr) -> Piece:
    """Return `a LIKE 'pattern' ESCAPE '!'`."""
    character = node.expression.name if isinstance(node.expression, exp.Literal) else ""
    plain = len(character) == 1 and character.isascii() and character not in "%_"
    refuse_unless(plain, "ESCAPE with what is no plain character", node)
    return like(e, node.this, character)


def _check_pattern(pattern: str, escape: str, node: exp.Expr) -> None:
    rest = pattern
    while rest:
        if rest[0] == escape:
            known = len(rest) > 1 and rest[1] in ("%", "_", escape)
            refuse_unless(known, "LIKE with an odd escape", node)
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
    parts: list[tuple[Piece, Piece]] = []
    with e.knowing(None):
        for branch in node.args["ifs"]:
            if value is None:
                condition = e.boolean(branch.this)
            else:
                sides = (node.this, value), (branch.this, e.piece(branch.this))
                e.sides.update((id(side), piece) for side, piece in sides)
                condition = compare("=", *chars.compared(e.analysis, *sides))
            with e.knowing(branch.this, node.this):
                then = _branch(e.piece(branch.args["true"]), type_)
            parts.append((condition, then))
            e.learn_not(branch.this, node.this)
        default = node.args.get("default")
        null_ = Piece(_null(type_), type_)
        last = _branch(e.piece(default), type_) if default is not None else null_
    return _chosen(parts, last, type_, has_null=default is None)


def if_(e: Expressions, node: exp.Expr) -> Piece:
    """Return `if(a, b, c)`.

    Example: `if(o, i, 0)` -> `CASE WHEN "o" THEN "i" ELSE CAST(0 AS INTEGER) END`
    """
    refuse_unless(len(node.expressions) == 3, "if takes three arguments", node)
    test, then, other = node.expressions
    condition, type_ = e.piece(test), e.type_of(node)
    refuse_unless(condition.type == t.BOOLEAN, f"if({condition.type}, ...)", node)
    with e.knowing(test):
        value = e.piece(then)
    with e.knowing(None):
        e.learn_not(test)
        last = e.piece(other)
    return case_when([(condition, value)], last, type_)


def case_when(conditions: Sequence[tuple[Piece, Piece]], last: Piece, type_: DataType) -> Piece:
    """Return a CASE of conditions and values, all in one type."""
    parts = [(condition, _branch(value, type_)) for condition, value in conditions]
    return _chosen(parts, _branch(last, type_), type_)


def _chosen(
    parts: Sequence[tuple[Piece, Piece]], last: Piece, type_: DataType, *, has_null: bool = False
) -> Piece:
    whens = " ".join(f"WHEN {c.sql} THEN {v.sql}" for c, v in parts)
    results = [*(v for _, v in parts), *([] if has_null else [last])]
    values = ranges.union(v.values for v in results)
    pieces = [p for part in parts for p in part]
    return made(f"CASE {whens} ELSE {last.sql} END", type_, [*pieces, last], range_=values)


def _branch(piece: Piece, type_: DataType) -> Piece:
    return Piece("NULL", t.VOID) if type_ == t.VOID else widened(piece, type_, texts=True)


def _null(type_: DataType) -> str:
    return "NULL" if type_ == t.VOID else null(type_)


def escaped(pattern: str) -> str:
    """Return a regular expression as a string literal."""
    return text(pattern)
