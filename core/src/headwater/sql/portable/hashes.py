"""`hash` and `xxhash64`: Spark's own, of any number of columns; the macros are in `hashes.sql`."""

from __future__ import annotations

from headwater import types as t
from headwater.sql.portable.pieces import Piece, Refusal, made, refuse_unless
from headwater.types import DataType

_SEED = "42::UBIGINT"


def murmur3(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `hash(a, b)`.

    Example: `hash(i)`
        -> `CAST(CAST(CAST(sp_murmur3_int(..., 42::UBIGINT) AS UINTEGER) AS BIT) AS INTEGER)`
    """
    return _hashed("murmur3", "UINTEGER", "INTEGER", arguments, type_)


def xxhash64(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `xxhash64(a, b)`."""
    return _hashed("xxhash64", "UBIGINT", "BIGINT", arguments, type_)


def unsigned_xxhash64(value: Piece) -> str:
    """Return the 64 bits of a value's xxhash64 as a number without a sign; of NULL, any."""
    kind, word = _word(value)
    return f"sp_xxhash64_{kind}({word}, {_SEED})"


def _hashed(
    name: str, unsigned: str, signed: str, arguments: list[Piece], type_: DataType
) -> Piece:
    refuse_unless(len(arguments) <= 12, f"{name} of more than 12 values")
    state = _SEED
    for piece in arguments:
        if piece.type != t.VOID:  # a NULL leaves the hash as it is
            kind, word = _word(piece)
            state = f"sp_{name}_{kind}({word}, {state})"
    sql = f"CAST(CAST(CAST({state} AS {unsigned}) AS BIT) AS {signed})"
    return made(sql, type_, arguments)


def _word(piece: Piece) -> tuple[str, str]:
    """Return how a value is hashed, and its word, or the digits of its bytes."""
    type_, sql = piece.type, piece.sql
    match type_.name:
        case "string" | "binary":
            return "bytes", f"hex({sql})"
        case "boolean" | "tinyint" | "smallint" | "int":
            return "int", _bits(sql, "INTEGER", "UINTEGER")
        case "date":
            return "int", _bits(
                f"date_diff('day', DATE '1970-01-01', {sql})", "INTEGER", "UINTEGER"
            )
        case "bigint":
            return "long", _bits(sql, "BIGINT", "UBIGINT")
        case "timestamp" | "timestamp_ntz":
            return "long", _bits(f"epoch_us({sql})", "BIGINT", "UBIGINT")
        case "decimal" if (type_.precision or 0) <= 18:
            return "long", _bits(f"sp_unscaled({sql})", "BIGINT", "UBIGINT")
        case "float":
            return "int", _of_float(sql, "FLOAT", "UINTEGER", 0x7FC00000)
        case "double":
            return "long", _of_float(sql, "DOUBLE", "UBIGINT", 0x7FF8000000000000)
    raise Refusal(f"the hash of a {type_}")


def _bits(sql: str, type_: str, unsigned: str) -> str:
    return f"CAST(CAST(CAST(CAST({sql} AS {type_}) AS BIT) AS {unsigned}) AS UBIGINT)"


def _of_float(sql: str, type_: str, unsigned: str, nan: int) -> str:
    """Return the bits of a float: there is one zero, and one NaN."""
    return (
        f"CASE WHEN {sql} = 0 THEN 0::UBIGINT WHEN isnan({sql}) THEN {nan}::UBIGINT "
        f"ELSE {_bits(sql, type_, unsigned)} END"
    )
