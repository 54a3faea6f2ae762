"""Casts, as Spark's ANSI mode makes them.

Casts between two types are looked up by the heads of both; what is not there is refused. Casts of
strings are guarded by the shape of the text: what DuckDB would read otherwise raises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from headwater.sql.portable.pieces import Piece, Refusal
from headwater.sql.portable.raising import not_portable, spark_error
from headwater.sql.portable.spelling import cast as spell
from headwater.sql.portable.spelling import null
from headwater.types import INTEGER_BITS, DataType

_MALFORMED: Final = "CAST_INVALID_INPUT"
_NUMBER: Final = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_DATE: Final = "[1-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME: Final = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?"
_DIGITS: Final = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 20}


def cast(piece: Piece, target: DataType, *, trying: bool = False) -> Piece:
    """Return a piece cast to a type.

    Args:
        piece: What is cast.
        target: To what.
        trying: TRY_CAST: NULL where Spark's CAST would raise.

    Raises:
        Refusal: If the two types are on no list.
    """
    source = piece.type
    if source == target or (source.is_text and target.is_text and target.name == "string"):
        return Piece(piece.sql, target, piece.raises, piece.literal)
    if source.name == "void":
        return Piece(null(target), target)
    build = _builder(source, target)
    if build is None:
        raise Refusal(f"CAST({source} AS {target}): the two engines do not agree on it")
    sql, raises = build(piece.sql, source, target, trying)
    return Piece(sql, target, piece.raises or (raises and not trying))


_Built = tuple[str, bool]
_Builder = Callable[[str, DataType, DataType, bool], _Built]


def _builder(source: DataType, target: DataType) -> _Builder | None:
    key = (_family(source), _family(target))
    return _CASTS.get(key)


def _family(type_: DataType) -> str:
    if type_.is_integer:
        return "integer"
    if type_.name in ("char", "varchar"):
        return "string" if type_.name == "string" else type_.name
    return type_.name


def _plain(sql: str, _: DataType, target: DataType, __: bool) -> _Built:
    return spell(sql, target), False


def _checked(sql: str, _: DataType, target: DataType, trying: bool) -> _Built:
    return _spelled(sql, target, trying), True


def _spelled(sql: str, target: DataType, trying: bool) -> str:
    made = spell(sql, target)
    return f"TRY_{made}" if trying else made


def _integer_to_integer(sql: str, source: DataType, target: DataType, trying: bool) -> _Built:
    narrows = INTEGER_BITS[target.name] < INTEGER_BITS[source.name]
    return _spelled(sql, target, trying), narrows


def _integer_to_decimal(sql: str, source: DataType, target: DataType, trying: bool) -> _Built:
    whole = (target.precision or 0) - (target.scale or 0)
    return _spelled(sql, target, trying), whole < _DIGITS[source.name]


def _decimal_to_decimal(sql: str, source: DataType, target: DataType, trying: bool) -> _Built:
    whole = (target.precision or 0) - (target.scale or 0)
    had = (source.precision or 0) - (source.scale or 0)
    rounds = (target.scale or 0) < (source.scale or 0)
    return _spelled(sql, target, trying), whole < had or (rounds and whole == had)


def _to_integer_truncated(sql: str, source: DataType, target: DataType, trying: bool) -> _Built:
    made = _spelled(f"trunc({sql})", target, trying)
    if source.name == "double" and target.name == "bigint":
        # 2^63 as a double is Java's Long.MAX_VALUE, rounded.
        made = f"CASE WHEN {sql} = 9223372036854775808::DOUBLE THEN 9223372036854775807 ELSE {made} END"
    return made, True


def _double_to_float(sql: str, _: DataType, __: DataType, ___: bool) -> _Built:
    return (
        f"CASE WHEN abs({sql}) >= 3.4028235677973366e38::DOUBLE AND NOT isnan({sql}) THEN "
        f"CASE WHEN {sql} > 0 THEN 'inf'::FLOAT ELSE '-inf'::FLOAT END ELSE CAST({sql} AS FLOAT) END",
        False,
    )


def _floating_to_decimal(sql: str, _: DataType, target: DataType, trying: bool) -> _Built:
    # Spark goes through the shortest text; NaN and infinities become NULL. Beyond 2^53 the texts of
    # the two engines differ (1e23), so those raise.
    scale = target.scale or 0
    if scale > 10:
        raise Refusal(f"CAST(double AS {target}): only scales up to 10 were measured")
    wide = f"CAST(CAST(CAST({sql} AS DOUBLE) AS VARCHAR) AS DECIMAL(38,21))"
    far = (
        null(target)
        if trying
        else not_portable(f"CAST of a double beyond 2^53 AS {target}", target)
    )
    return (
        f"CASE WHEN isnan({sql}) OR isinf({sql}) THEN NULL "
        f"WHEN abs({sql}) < 1e-15::DOUBLE THEN CAST(0 AS DECIMAL({target.precision},{scale})) "
        f"WHEN abs({sql}) < 9007199254740992::DOUBLE THEN {_spelled(wide, target, trying)} ELSE {far} END",
        True,
    )


def _boolean_to_decimal(sql: str, _: DataType, target: DataType, __: bool) -> _Built:
    return spell(sql, target), (target.precision or 0) == (target.scale or 0)


def _date_to_string(sql: str, _: DataType, target: DataType, trying: bool) -> _Built:
    return _years(sql, f"CAST({sql} AS VARCHAR)", target), True


def _timestamp_to_string(sql: str, _: DataType, target: DataType, trying: bool) -> _Built:
    return _years(sql, f"CAST(sp_wall({sql}) AS VARCHAR)", target), True


def _ntz_to_string(sql: str, _: DataType, target: DataType, trying: bool) -> _Built:
    return _years(sql, f"CAST({sql} AS VARCHAR)", target), True


def _years(sql: str, made: str, target: DataType) -> str:
    other = not_portable("the text of a date outside of the years 1 to 9999", target)
    return (
        f"CASE WHEN {sql} IS NULL THEN NULL WHEN year({sql}) BETWEEN 1 AND 9999 THEN {made} "
        f"ELSE {other} END"
    )


def _timestamp_to_number(sql: str, _: DataType, target: DataType, trying: bool) -> _Built:
    if target.is_integer:
        return _spelled(f"sp_seconds({sql})", target, trying), target.name != "bigint"
    return f"CAST(epoch_us({sql}) / 1000000 AS {target.name.upper()})", False


def _floating_to_timestamp(sql: str, _: DataType, __: DataType, trying: bool) -> _Built:
    if trying:
        raise Refusal("TRY_CAST(double AS timestamp): the two engines do not agree on it")
    return f"make_timestamptz(CAST(trunc(CAST({sql} AS DOUBLE) * 1000000) AS BIGINT))", True


def _floating_to_string(sql: str, source: DataType, target: DataType, _: bool) -> _Built:
    # From 0.001 to 10 million Java's text is the shortest one, as DuckDB's is; beyond, the two
    # write exponents differently and Java 17 not always the shortest digits.
    other = not_portable(f"the text of a {source} below 0.001 or from 10000000", target)
    return (
        f"CASE WHEN {sql} IS NULL THEN NULL WHEN isnan({sql}) THEN 'NaN' "
        f"WHEN isinf({sql}) THEN CASE WHEN {sql} > 0 THEN 'Infinity' ELSE '-Infinity' END "
        f"WHEN {sql} = 0 OR (abs({sql}) >= 0.001 AND abs({sql}) < 10000000) "
        f"THEN CAST({sql} AS VARCHAR) ELSE {other} END",
        True,
    )


def _integer_to_timestamp(sql: str, source: DataType, _: DataType, trying: bool) -> _Built:
    if source.name == "bigint":
        if trying:
            raise Refusal("TRY_CAST(bigint AS timestamp): the two engines do not agree on it")
        return f"make_timestamptz({sql} * 1000000)", True
    return f"make_timestamptz(CAST({sql} AS BIGINT) * 1000000)", False


def _string_to_integer(sql: str, _: DataType, target: DataType, trying: bool) -> _Built:
    shape = r"[+-]?[0-9]+"
    made = _spelled(f"sp_trim({sql})", target, trying)
    return _guarded(sql, f"sp_trim({sql})", shape, made, target, trying), True


def _string_to_floating(sql: str, _: DataType, target: DataType, trying: bool) -> _Built:
    trimmed = f"sp_trim({sql})"
    # Java reads a final d or f as a suffix.
    digits = f"regexp_replace({trimmed}, '[dDfF]$', '')"
    words = f"regexp_full_match(lower({trimmed}), 'nan|[+-]?(inf|infinity)')"
    bad = null(target) if trying else _malformed(target)
    return (
        f"CASE WHEN {sql} IS NULL THEN NULL "
        f"WHEN regexp_full_match({trimmed}, '{_NUMBER}[dDfF]?') THEN {spell(digits, target)} "
        f"WHEN {words} THEN {spell(trimmed, target)} ELSE {bad} END",
        True,
    )


def _string_to_boolean(sql: str, _: DataType, target: DataType, trying: bool) -> _Built:
    word = f"lower(sp_trim({sql}))"
    bad = null(target) if trying else _malformed(target)
    return (
        f"CASE WHEN {sql} IS NULL THEN NULL WHEN {word} IN ('t','true','y','yes','1') THEN true "
        f"WHEN {word} IN ('f','false','n','no','0') THEN false ELSE {bad} END",
        True,
    )


def _string_to_decimal(sql: str, _: DataType, target: DataType, trying: bool) -> _Built:
    # Without an exponent and within 38 digits both engines read the same number; Spark rounds
    # half up, as DuckDB does.
    trimmed = f"sp_trim({sql})"
    shape = r"[+-]?([0-9]{1,17}([.][0-9]{0,20})?|[.][0-9]{1,20})"
    strange = f"a text that is not a plain number, as {target}"
    other = not_portable(strange, target)
    clear = f"regexp_full_match({trimmed}, '.*[g-zG-Z].*') OR {trimmed} = ''"
    bad = null(target) if trying else _malformed(target)
    wide = f"CAST({trimmed} AS DECIMAL(38,20))"
    return (
        f"CASE WHEN {sql} IS NULL THEN NULL "
        f"WHEN regexp_full_match({trimmed}, '{shape}') THEN {_spelled(wide, target, trying)} "
        f"WHEN {clear} THEN {bad} ELSE {other} END",
        True,
    )


def _string_to_date(sql: str, _: DataType, target: DataType, trying: bool) -> _Built:
    # What follows the day after a space or T is not looked at.
    made = f"CAST(substring(sp_trim({sql}), 1, 10) AS DATE)"
    return _temporal(sql, target, trying, f"{_DATE}([ T](.|\\n)*)?", made), True


def _string_to_timestamp(sql: str, _: DataType, target: DataType, trying: bool) -> _Built:
    shape = f"{_DATE}([ T]{_TIME})?"
    return _temporal(
        sql, target, trying, shape, spell(f"CAST(sp_trim({sql}) AS TIMESTAMP)", target)
    ), True


def _temporal(sql: str, target: DataType, trying: bool, shape: str, made: str) -> str:
    """Texts of the plain shape are read; texts without a digit are bad; Spark reads more shapes."""
    trimmed = f"sp_trim({sql})"
    bad = null(target) if trying else _malformed(target)
    # A day that its month has not passes the shape, and DuckDB raises on it as Spark does.
    read = f"TRY_{made}" if trying else made
    other = not_portable(
        f"a text of another shape than yyyy-MM-dd[ HH:mm:ss[.ffffff]], as {target}", target
    )
    return (
        f"CASE WHEN {sql} IS NULL THEN NULL WHEN regexp_full_match({trimmed}, '{shape}') THEN {read} "
        f"WHEN NOT regexp_matches({trimmed}, '[0-9]') AND lower({trimmed}) NOT IN "
        f"('epoch', 'now', 'today', 'tomorrow', 'yesterday') THEN {bad} ELSE {other} END"
    )


def _guarded(sql: str, trimmed: str, shape: str, made: str, target: DataType, trying: bool) -> str:
    bad = null(target) if trying else _malformed(target)
    return (
        f"CASE WHEN {sql} IS NULL THEN NULL WHEN regexp_full_match({trimmed}, '{shape}') THEN {made} "
        f"ELSE {bad} END"
    )


def _malformed(target: DataType) -> str:
    return spark_error(_MALFORMED, f"a text is not a value of type {target}", target)


def _string_to_binary(sql: str, _: DataType, __: DataType, ___: bool) -> _Built:
    return f"encode({sql})", False


_CASTS: Final[dict[tuple[str, str], _Builder]] = {
    ("integer", "integer"): _integer_to_integer,
    ("integer", "float"): _plain,
    ("integer", "double"): _plain,
    ("integer", "decimal"): _integer_to_decimal,
    ("integer", "boolean"): _plain,
    ("integer", "string"): _plain,
    ("integer", "timestamp"): _integer_to_timestamp,
    ("boolean", "integer"): _plain,
    ("boolean", "float"): _plain,
    ("boolean", "double"): _plain,
    ("boolean", "decimal"): _boolean_to_decimal,
    ("boolean", "string"): _plain,
    ("float", "double"): _plain,
    ("double", "float"): _double_to_float,
    ("float", "integer"): _to_integer_truncated,
    ("double", "integer"): _to_integer_truncated,
    ("decimal", "integer"): _to_integer_truncated,
    ("float", "boolean"): _plain,
    ("double", "boolean"): _plain,
    ("decimal", "boolean"): _plain,
    ("float", "timestamp"): _floating_to_timestamp,
    ("double", "timestamp"): _floating_to_timestamp,
    ("float", "string"): _floating_to_string,
    ("double", "string"): _floating_to_string,
    ("float", "decimal"): _floating_to_decimal,
    ("double", "decimal"): _floating_to_decimal,
    ("decimal", "decimal"): _decimal_to_decimal,
    ("decimal", "double"): _plain,
    ("decimal", "string"): _plain,
    ("date", "timestamp"): _plain,
    ("date", "timestamp_ntz"): _plain,
    ("date", "string"): _date_to_string,
    ("timestamp", "date"): _plain,
    ("timestamp", "timestamp_ntz"): _plain,
    ("timestamp", "string"): _timestamp_to_string,
    ("timestamp", "integer"): _timestamp_to_number,
    ("timestamp", "double"): _timestamp_to_number,
    ("timestamp_ntz", "date"): _plain,
    ("timestamp_ntz", "timestamp"): _plain,
    ("timestamp_ntz", "string"): _ntz_to_string,
    ("string", "integer"): _string_to_integer,
    ("string", "float"): _string_to_floating,
    ("string", "double"): _string_to_floating,
    ("string", "boolean"): _string_to_boolean,
    ("string", "decimal"): _string_to_decimal,
    ("string", "date"): _string_to_date,
    ("string", "timestamp"): _string_to_timestamp,
    ("string", "binary"): _string_to_binary,
}
"""Source and target family to the builder of the cast: all that were measured equal or raise."""
