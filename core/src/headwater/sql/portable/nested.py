"""Parts of structs, arrays and maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from headwater import types as t
from headwater.sql.portable.pieces import Piece, Refusal, refuse_unless
from headwater.sql.portable.raising import spark_error
from headwater.sql.portable.spelling import text

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
            piece = _element(container, key)
        case "map":
            piece = _map_value(container, key)
        case "struct" if isinstance(key.literal, str):
            piece = field(container, key.literal)
        case _:
            raise Refusal(f"{container.type}[{key.type}]", node)
    return e.checked(piece, node)


def _element(container: Piece, index: Piece) -> Piece:
    type_ = container.type.element
    outside = spark_error("INVALID_ARRAY_INDEX", "an index is outside of its array", type_)
    sql = (
        f"CASE WHEN {container.sql} IS NULL OR {index.sql} IS NULL THEN NULL "
        f"WHEN {index.sql} < 0 OR {index.sql} >= len({container.sql}) THEN {outside} "
        f"ELSE {container.sql}[{index.sql} + 1] END"
    )
    return Piece(sql, type_, raises=True)


def _map_value(container: Piece, key: Piece) -> Piece:
    refuse_unless(key.type == container.type.key == t.STRING, f"{container.type}[{key.type}]")
    return Piece(
        f"{container.sql}[{key.sql}]", container.type.value, container.raises or key.raises
    )
