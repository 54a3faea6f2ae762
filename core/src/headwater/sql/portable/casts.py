"""Casts, as Spark's ANSI mode makes them.

Casts between two types are looked up by the families of both; what is not there is refused. Casts
of texts are in `text_casts`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from headwater.sql.portable import ranges, text_casts
from headwater.sql.portable.pieces import Piece, Refusal, made
from headwater.sql.portable.raising import not_portable
from headwater.sql.portable.spelling import cast as spell
from headwater.sql.portable.spelling import (
    decimal_text,
    joined,
    narrowed,
    null,
    text,
    type_name,
    variable,
)
from headwater.types import INTEGER_BITS, STRING, DataType

_DIGITS: Final = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 20}
_MOST_SCALE: Final = 10
"""The largest scale for which a float's text as decimal was measured."""
_EXACT_DIGITS: Final = 15
"""Decimals of so many digits are apart from each other as doubles."""
_EXACT_POWER: Final = 22
"""Powers of ten up to this one are doubles."""
_BESIDE: Final = "0.999999"
"""A double below 2^31 is nearer to its decimal than 1 less this."""

_Built = tuple[str, bool]
"""DuckDB SQL, and whether it may raise."""

_Builder = Callable[[str, DataType, DataType, bool], _Built]
"""`(value, source, target, trying) -> built`."""


def cast(piece: Piece, target: DataType, *, trying: bool = False) -> Piece:
    """Return a piece cast to a type.

    Example: `CAST(d AS INT)` -> `add(CAST(trunc("d") AS INTEGER), CAST(0 AS INTEGER))`

    Args:
        piece: What is cast.
        target: To what.
        trying: TRY_CAST: NULL where Spark's CAST would raise.

    Raises:
        Refusal: If the two types are on no list.
    """
    source = piece.type
    if source == target:
        return piece
    if source.name == "void":
        return Piece(null(target), target)
    build = _CASTS.get((_family(source), _family(target)))
    if build is None:
        raise Refusal(f"CAST({source} AS {target}): the two engines do not agree on it")
    sql, raises = build(piece.sql, source, target, trying)
    values = _range_after(piece, target)
    raises = raises and not trying and not (values is not None and ranges.holds(target, values))
    declines = (_family(source), _family(target)) in _DECLINING
    return made(
        sql, target, [piece], raises=raises and not declines, declines=raises, range_=values
    )


def _range_after(piece: Piece, target: DataType) -> ranges.Range | None:
    """Return what is known of a value that was cast to another type of the same kind."""
    source = piece.type
    if target.is_floating and source.is_numeric:
        # The nearest number may be another one; it is 0 only where a float is nearest.
        nonzero = piece.values.excludes_zero and target.name == "double"
        return ranges.Range(nonzero=True) if nonzero else None
    exact = source.is_integer or source.name == "decimal"
    if exact and (target.is_integer or target.name == "decimal"):
        return ranges.rounded(piece.values, target.scale or 0)
    if source.name == "date" and target.name in ("timestamp", "timestamp_ntz"):
        return ranges.midnights(piece.values)
    if {source.name, target.name} <= {"timestamp", "timestamp_ntz"}:
        return piece.range
    return None


def _decimal_to_float(sql: str, _: DataType, target: DataType, __: bool) -> _Built:
    # By its text: both engines then take the nearest float.
    return spell(f"CAST({sql} AS VARCHAR)", target), False


_SECONDS: Final = 9_000_000_000_000
"""Both engines have times up to so many seconds from 1970."""


def _decimal_to_timestamp(sql: str, source: DataType, target: DataType, trying: bool) -> _Built:
    """Cut off what is behind microseconds, as Spark does."""
    if trying:
        raise Refusal("TRY_CAST(decimal AS timestamp): the two engines do not agree on it")
    scale = source.scale or 0
    unscaled = f"sp_unscaled({sql})"
    micros = (
        f"{unscaled} * {10 ** (6 - scale)}"
        if scale <= 6
        else f"{unscaled} // {10 ** (scale - 6)}::HUGEINT"
    )
    moment = f"make_timestamptz(CAST({micros} AS BIGINT))"
    if _whole(source) < len(str(_SECONDS)):
        return moment, False
    far = not_portable("a timestamp beyond the range of microseconds", target)
    beyond = f"abs(CAST({sql} AS DOUBLE)) > {_SECONDS}"
    return f"CASE WHEN {beyond} THEN {far} ELSE {moment} END", True


def _binary_to_string(sql: str, _: DataType, target: DataType, __: bool) -> _Built:
    other = not_portable("bytes that are no text in UTF-8, as a string", target)
    decoded = f"CASE WHEN sp_is_utf8(hex({sql})) THEN sp_decoded({sql}) ELSE {other} END"
    return f"CASE WHEN {sql} IS NOT NULL THEN {decoded} END", True


def _array_to_string(sql: str, source: DataType, target: DataType, _: bool) -> _Built:
    name = variable("z", source)
    shown, raises = _shown(name, source.element)
    return f"'[' || {joined(f'list_transform({sql}, lambda {name}: {shown})', ', ')} || ']'", raises


def _map_to_string(sql: str, source: DataType, target: DataType, _: bool) -> _Built:
    name = variable("z", source)
    key, bad_key = _shown(f"struct_extract({name}, 'key')", source.key)
    value, bad_value = _shown(f"struct_extract({name}, 'value')", source.value)
    listed = f"list_transform(map_entries({sql}), lambda {name}: {key} || ' -> ' || {value})"
    shown = f"'{{' || {joined(listed, ', ')} || '}}'"
    return f"CASE WHEN {sql} IS NOT NULL THEN {shown} END", bad_key or bad_value


def _struct_to_string(sql: str, source: DataType, target: DataType, _: bool) -> _Built:
    fields = [_shown(f"struct_extract({sql}, {text(n)})", c) for n, c in source.fields]
    shown = " || ', ' || ".join(f for f, _ in fields)
    raises = any(bad for _, bad in fields)
    return f"CASE WHEN {sql} IS NOT NULL THEN '{{' || {shown} || '}}' END", raises


def _shown(sql: str, type_: DataType) -> tuple[str, bool]:
    """Return how Spark shows a value within an array, map or struct, and whether that may raise."""
    piece = cast(Piece(sql, type_), STRING)
    return f"coalesce({piece.sql}, 'null')", piece.raises


def _array_to_array(sql: str, source: DataType, target: DataType, trying: bool) -> _Built:
    name = variable("z", source)
    item = cast(Piece(name, source.element), target.element, trying=trying)
    if item.raises:
        raise Refusal(f"CAST({source} AS {target}): an element may raise")
    return f"list_transform({sql}, lambda {name}: {item.sql})", False


def _span_to_number(sql: str, source: DataType, target: DataType, trying: bool) -> _Built:
    """Count the interval's last unit, what is left of it cut off."""
    micros = {"second": 10**6, "minute": 60 * 10**6, "hour": 3600 * 10**6, "day": 86400 * 10**6}
    unit = source.field_names[-1]
    size = 12 if unit == "year" else 1 if unit == "month" else micros[unit]
    narrow = target.name != "bigint"
    return narrowed(f"({sql} // {size})", target, trying=trying), narrow


def _family(type_: DataType) -> str:
    return "integer" if type_.is_integer else type_.name


def _whole(type_: DataType) -> int:
    """Digits before the point."""
    return (type_.precision or 0) - (type_.scale or 0)


def _plain(sql: str, _: DataType, target: DataType, __: bool) -> _Built:
    return spell(sql, target), False


def _fitted(sql: str, target: DataType, narrows: bool, trying: bool) -> _Built:
    """Return a cast of a number, which may raise where the type is a narrower one."""
    return (narrowed if narrows else spell)(sql, target, trying=trying), narrows


def _integer_to_integer(sql: str, source: DataType, target: DataType, trying: bool) -> _Built:
    narrows = INTEGER_BITS[target.name] < INTEGER_BITS[source.name]
    return _fitted(sql, target, narrows, trying)


def _integer_to_decimal(sql: str, source: DataType, target: DataType, trying: bool) -> _Built:
    narrows = _whole(target) < _DIGITS[source.name]
    return _fitted(sql, target, narrows, trying)


def _decimal_to_decimal(sql: str, source: DataType, target: DataType, trying: bool) -> _Built:
    rounds = (target.scale or 0) < (source.scale or 0)
    # Rounding up may need a digit more.
    narrows = _whole(target) < _whole(source) + rounds
    return _fitted(sql, target, narrows, trying)


def _decimal_to_double(sql: str, source: DataType, target: DataType, _: bool) -> _Built:
    """Take the nearest double, as Java does.

    DuckDB divides the digits by a power of ten, which is exact for both below 2^53 and 10^22;
    beyond that the quotient may be a neighbour of the nearest double, which its text gives.
    """
    precision, scale = source.precision or 0, source.scale or 0
    if precision <= _EXACT_DIGITS:
        return spell(sql, target), False
    nearest = spell(f"CAST({sql} AS VARCHAR)", target)
    if scale > _EXACT_POWER:
        return nearest, False
    few = spell(text(decimal_text(10**_EXACT_DIGITS, scale)), source)
    return f"CASE WHEN abs({sql}) < {few} THEN {spell(sql, target)} ELSE {nearest} END", False


def _decimal_to_integer(sql: str, source: DataType, target: DataType, trying: bool) -> _Built:
    """Leave out what is behind the point.

    To less than a bigint Spark goes through a double where it holds the decimal as Java's
    BigDecimal (by its precision, and by what made it): 0.99999999999999999 is 1 or 0.
    """
    result, raises = _truncated(sql, source, target, trying)
    exact = (source.precision or 0) <= _EXACT_DIGITS or not source.scale
    if target.name == "bigint" or exact:
        return result, raises
    near = not_portable(f"CAST of a {source} just beside a whole number AS {target}", target)
    beside = f"abs({sql} - trunc({sql})) > {_BESIDE}"
    return f"CASE WHEN {beside} THEN {near} ELSE {result} END", raises


def _truncated(sql: str, source: DataType, target: DataType, trying: bool) -> _Built:
    result = narrowed(f"trunc({sql})", target, trying=trying)
    if source.name == "double" and target.name == "bigint":
        # 2^63 as a double is Java's Long.MAX_VALUE, rounded.
        most = f"{sql} = 9223372036854775808::DOUBLE"
        result = f"CASE WHEN {most} THEN 9223372036854775807 ELSE {result} END"
    return result, True


def _double_to_float(sql: str, _: DataType, __: DataType, ___: bool) -> _Built:
    beyond = f"abs({sql}) >= 3.4028235677973366e38::DOUBLE AND NOT isnan({sql})"
    infinite = f"CASE WHEN {sql} > 0 THEN 'inf'::FLOAT ELSE '-inf'::FLOAT END"
    return f"CASE WHEN {beyond} THEN {infinite} ELSE CAST({sql} AS FLOAT) END", False


def _floating_to_decimal(sql: str, _: DataType, target: DataType, trying: bool) -> _Built:
    # Spark goes through the shortest text; NaN and infinities become NULL. Beyond 2^53 the texts
    # of the two engines differ (1e23), so those raise.
    if (target.scale or 0) > _MOST_SCALE:
        raise Refusal(f"CAST(double AS {target}): only scales up to {_MOST_SCALE} were measured")
    number = f"CAST(CAST(CAST({sql} AS DOUBLE) AS VARCHAR) AS DECIMAL(38,21))"
    far = not_portable(f"CAST of a double beyond 2^53 AS {target}", target)
    result = (
        f"CASE WHEN {sql} IS NULL OR isnan({sql}) OR isinf({sql}) THEN NULL "
        f"WHEN abs({sql}) < 1e-15::DOUBLE THEN {spell('0', target)} "
        f"WHEN abs({sql}) < 9007199254740992::DOUBLE THEN {spell(number, target, trying=trying)} "
        f"ELSE {null(target) if trying else far} END"
    )
    return result, True


def _decimal_to_string(sql: str, source: DataType, target: DataType, _: bool) -> _Built:
    if source.precision != source.scale:
        return spell(sql, target), False
    # Without a digit before the point DuckDB writes none: '.5'.
    return f"replace({spell(sql, target)}, '.', '0.')", False


def _boolean_to_decimal(sql: str, _: DataType, target: DataType, trying: bool) -> _Built:
    # DuckDB makes 0.1 of true as DECIMAL(1,1): it does not look for a digit before the point.
    narrows = _whole(target) == 0
    return _fitted(f"CAST({sql} AS INTEGER)", target, narrows, trying)


def _to_string(wall: str) -> _Builder:
    """Return a builder of the text of a time; `wall` shows its wall clock."""

    def build(sql: str, _: DataType, target: DataType, __: bool) -> _Built:
        other = not_portable("the text of a date outside of the years 1 to 9999", target)
        result = (
            f"CASE WHEN {sql} IS NULL THEN NULL WHEN year({sql}) BETWEEN 1 AND 9999 "
            f"THEN CAST({wall.format(sql)} AS VARCHAR) ELSE {other} END"
        )
        return result, True

    return build


def _floating_to_string(sql: str, source: DataType, target: DataType, _: bool) -> _Built:
    # From 0.001 to 10 million Java's text is the shortest one, as DuckDB's is; beyond, the two
    # write exponents differently, and Java 17 not always the shortest digits.
    other = not_portable(f"the text of a {source} below 0.001 or from 10000000", target)
    result = (
        f"CASE WHEN {sql} IS NULL THEN NULL WHEN isnan({sql}) THEN 'NaN' "
        f"WHEN isinf({sql}) THEN CASE WHEN {sql} > 0 THEN 'Infinity' ELSE '-Infinity' END "
        f"WHEN {sql} = 0 OR (abs({sql}) >= 0.001 AND abs({sql}) < 10000000) "
        f"THEN CAST({sql} AS VARCHAR) ELSE {other} END"
    )
    return result, True


def _timestamp_to_number(sql: str, _: DataType, target: DataType, trying: bool) -> _Built:
    if target.is_integer:
        narrows = target.name != "bigint"
        return _fitted(f"sp_seconds({sql})", target, narrows, trying)
    return f"CAST(epoch_us({sql}) / 1000000 AS {type_name(target)})", False


def _integer_to_timestamp(sql: str, source: DataType, target: DataType, trying: bool) -> _Built:
    if source.name == "bigint":
        if trying:
            raise Refusal("TRY_CAST(bigint AS timestamp): the two engines do not agree on it")
        # Beyond the range of microseconds Spark takes the first or the last moment.
        far = not_portable("a timestamp beyond the range of microseconds", target)
        moment = f"make_timestamptz({sql} * 1000000)"
        return f"CASE WHEN abs({sql} // 2) > 4611686018427 THEN {far} ELSE {moment} END", True
    return f"make_timestamptz(CAST({sql} AS BIGINT) * 1000000)", False


def _floating_to_timestamp(sql: str, _: DataType, __: DataType, trying: bool) -> _Built:
    if trying:
        raise Refusal("TRY_CAST(double AS timestamp): the two engines do not agree on it")
    return f"make_timestamptz(CAST(trunc(CAST({sql} AS DOUBLE) * 1000000) AS BIGINT))", True


_DECLINING: Final = frozenset(
    {("integer", "timestamp"), ("date", "string"), ("timestamp", "string")}
    | {("timestamp_ntz", "string"), ("float", "string"), ("double", "string")}
    | {("binary", "string"), ("array", "string"), ("map", "string"), ("struct", "string")}
    | {("decimal", "timestamp")}
)
"""Casts that raise only where Spark answers."""

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
    ("float", "integer"): _truncated,
    ("float", "boolean"): _plain,
    ("float", "decimal"): _floating_to_decimal,
    ("float", "timestamp"): _floating_to_timestamp,
    ("float", "string"): _floating_to_string,
    ("double", "float"): _double_to_float,
    ("double", "integer"): _truncated,
    ("double", "boolean"): _plain,
    ("double", "decimal"): _floating_to_decimal,
    ("double", "timestamp"): _floating_to_timestamp,
    ("double", "string"): _floating_to_string,
    ("decimal", "integer"): _decimal_to_integer,
    ("decimal", "boolean"): _plain,
    ("decimal", "decimal"): _decimal_to_decimal,
    ("decimal", "float"): _decimal_to_float,
    ("decimal", "double"): _decimal_to_double,
    ("decimal", "timestamp"): _decimal_to_timestamp,
    ("decimal", "string"): _decimal_to_string,
    ("date", "timestamp"): _plain,
    ("date", "timestamp_ntz"): _plain,
    ("date", "string"): _to_string("{}"),
    ("timestamp", "date"): _plain,
    ("timestamp", "timestamp_ntz"): _plain,
    ("timestamp", "string"): _to_string("sp_wall({})"),
    ("timestamp", "integer"): _timestamp_to_number,
    ("timestamp", "double"): _timestamp_to_number,
    ("timestamp_ntz", "date"): _plain,
    ("timestamp_ntz", "timestamp"): _plain,
    ("timestamp_ntz", "string"): _to_string("{}"),
    ("binary", "string"): _binary_to_string,
    ("array", "string"): _array_to_string,
    ("map", "string"): _map_to_string,
    ("struct", "string"): _struct_to_string,
    ("array", "array"): _array_to_array,
    ("interval", "integer"): _span_to_number,
    ("string", "integer"): text_casts.to_integer,
    ("string", "float"): text_casts.to_floating,
    ("string", "double"): text_casts.to_floating,
    ("string", "boolean"): text_casts.to_boolean,
    ("string", "decimal"): text_casts.to_decimal,
    ("string", "date"): text_casts.to_date,
    ("string", "timestamp"): text_casts.to_timestamp,
    ("string", "timestamp_ntz"): text_casts.to_local_time,
    ("string", "binary"): text_casts.to_binary,
}
"""Source and target family to the builder of the cast: all that were measured equal or raise."""
