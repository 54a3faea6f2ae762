"""Parts of structs, arrays and maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from headwater import types as t
from headwater.sql.portable.comparing import comparable, widened
from headwater.sql.portable.pieces import Piece, Refusal, refuse_unless
from headwater.sql.portable.raising import not_portable, spark_error
from headwater.sql.portable.spelling import text
from headwater.sql.typing import rules as typing
from headwater.types import DataType

if TYPE_CHECKING:
    from headwater.sql.portable.expressions import Expressions


def field(piece: Piece, name: str) -> Piece:
    """Return a struct's field, by its name without case.

    Example: `st.x` -> `struct_extract("st", 'x')`
    """
    if piece.type.name == "map":
        return _map_value(piece, Piece(text(name), t.STRING, literal=name))
    if piece.type.name != "struct":
        raise Refusal(f"field {name!r} of {piece.type}")
    for field_name, type_ in piece.type.fields:
        if field_name.casefold() == name.casefold():
            sql = f"struct_extract({piece.sql}, {text(field_name)})"
            # Twice negated: no filter on it reaches the file's statistics, which know no NaN.
            return Piece(f"(-(-{sql}))" if type_.is_floating else sql, type_, piece.raises)
    raise Refusal(f"{piece.type} has no field {name!r}")


def dot(e: Expressions, node: exp.Expr) -> Piece:
    """Return `expression.field`."""
    refuse_unless(isinstance(node.expression, exp.Identifier), "a method call", node)
    return e.checked(field(e.piece(node.this), node.expression.name), node)


def bracket(e: Expressions, node: exp.Expr) -> Piece:
    """Return `array[0]`, `map['key']` and `struct['field']`.

    An index outside of the array raises, as in Spark's ANSI mode; a key that is not there is NULL.

    Example: `a[i]` -> `CASE WHEN ... OR "i" >= len("a") THEN ... ELSE "a"["i" + 1] END`
    """
    refuse_unless(len(node.expressions) == 1, "a bracket with several parts", node)
    container, key = e.piece(node.this), e.piece(node.expressions[0])
    match container.type.name:
        case "array" if key.type.is_integer:
            # sqlglot keeps Spark's index, which counts from 0.
            absent = _absent(node.this, container, key, container.type.element)
            piece = _element(container, key, absent)
        case "map":
            piece = _map_value(container, key)
        case "struct" if isinstance(key.literal, str):
            piece = field(container, key.literal)
        case _:
            raise Refusal(f"{container.type}[{key.type}]", node)
    return e.checked(piece, node)


def _element(container: Piece, index: Piece, absent: str) -> Piece:
    type_ = container.type.element
    outside = spark_error("INVALID_ARRAY_INDEX", "an index is outside of its array", type_)
    sql = (
        f"CASE WHEN {container.sql} IS NULL OR {index.sql} IS NULL THEN {absent} "
        f"WHEN {index.sql} < 0 OR {index.sql} >= len({container.sql}) THEN {outside} "
        f"ELSE {container.sql}[{index.sql} + 1] END"
    )
    return Piece(sql, type_, raises=True)


def _absent(node: exp.Expr, container: Piece, index: Piece, type_: DataType) -> str:
    """Return what comes of an array or an index that is NULL.

    In arrays that hold no NULL, as those of `split` and `array(1, 2)`, Spark 4.1 takes -1 for an
    index that is NULL. Arrays of tables may hold one.
    """
    if isinstance(node, exp.Column) or index.literal is not None:
        return "NULL"
    other = not_portable("a NULL as the index of an array that a function makes", type_)
    return f"CASE WHEN {container.sql} IS NULL THEN NULL ELSE {other} END"


def element_at(e: Expressions, node: exp.Expr) -> Piece | None:
    """Return `element_at(array, 1)`, which counts from 1, or backwards from -1.

    Example: `element_at(a, i)` -> `CASE WHEN "a" IS NULL OR "i" IS NULL ... END`
    """
    if len(node.expressions) != 2:
        return None
    array, index = (e.piece(a) for a in node.expressions)
    if array.type.name != "array" or not index.type.is_integer or index.type == t.BIGINT:
        return None
    type_ = array.type.element
    zero = spark_error("INVALID_INDEX_OF_ZERO", "the index 0 is invalid", type_)
    condition = "INVALID_ARRAY_INDEX_IN_ELEMENT_AT"
    outside = spark_error(condition, "an index is outside of its array", type_)
    a, i = array.sql, f"CAST({index.sql} AS BIGINT)"
    sql = (
        f"CASE WHEN {a} IS NULL OR {index.sql} IS NULL "
        f"THEN {_absent(node.expressions[0], array, index, type_)} "
        f"WHEN {i} = 0 THEN {zero} WHEN abs({i}) > len({a}) THEN {outside} "
        f"WHEN {i} < 0 THEN {a}[len({a}) + 1 + {i}] ELSE {a}[{i}] END"
    )
    return Piece(sql, type_, raises=True)


def _map_value(container: Piece, key: Piece) -> Piece:
    own = container.type.key
    if key.type != own and key.type.is_integer and own.is_integer:
        key = widened(key, own) if typing.wider([key.type, own]) == own else key
    exact = key.type == own and comparable(own) and not own.is_floating
    refuse_unless(exact, f"{container.type}[{key.type}]")
    return Piece(
        f"{container.sql}[{key.sql}]", container.type.value, container.raises or key.raises
    )
