"""Calls of scalar functions: those with rules of their own, then what one expression equals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from headwater import types as t
from headwater.sql.functions import called, name_of
from headwater.sql.portable import (
    aggregates,
    arithmetic,
    bits,
    casing,
    casts,
    conditions,
    constructs,
    containers,
    formats,
    hashes,
    intervals,
    json_paths,
    json_schemas,
    json_values,
    lambdas,
    nested,
    number_texts,
    patterns,
    ranges,
    regex,
    texts,
    time_windows,
    windows,
)
from headwater.sql.portable.comparing import comparable, compare, widened
from headwater.sql.portable.pieces import Piece, Refusal, evaluated, made, refuse_unless
from headwater.sql.portable.raising import spark_error
from headwater.sql.portable.spelling import is_span, null
from headwater.sql.typing import rules as typing
from headwater.types import DataType

if TYPE_CHECKING:
    from headwater.sql.portable.expressions import Expressions

_Form = Callable[["Expressions", exp.Expr], Piece | None]
_Builder = Callable[[list[Piece], DataType], Piece | None]


def call(e: Expressions, node: exp.Expr) -> Piece:
    """Return a call of a scalar function.

    Example: `nvl(i, 0)` -> `coalesce("i", CAST(0 AS INTEGER))`

    Raises:
        Refusal: If the function, with arguments of these types, is not in the portable subset.
    """
    function = called(node)
    if (form := FORMS.get(function.rule)) and (piece := form(e, node)):
        return piece
    lost = function.order == "lost"
    arguments = [_argument(e, a, order_is_lost=lost) for a in node.expressions]
    if (build := BUILDERS.get(function.rule)) and (piece := build(arguments, e.type_of(node))):
        return piece
    piece = table(name_of(node) or "", arguments, e.type_of(node))
    if function.entry("equal"):
        e.queries.allow(node)
    return piece


def _argument(e: Expressions, node: exp.Expr, *, order_is_lost: bool) -> Piece:
    """Return an argument; lists in no order may stand where their order does not matter."""
    if order_is_lost and called(node).order == "list":
        return aggregates.collected(e, node)
    if order_is_lost and isinstance(node, exp.Window) and windows.lists(node):
        return windows.collected(e, node)
    return e.piece(node)


def _equal_null(e: Expressions, node: exp.Expr) -> Piece | None:
    two = len(node.expressions) == 2
    return e.compared("IS NOT DISTINCT FROM", *node.expressions) if two else None


def _shift(e: Expressions, node: exp.Expr) -> Piece | None:
    two = len(node.expressions) == 2
    return bits.shift(called(node).rule, [e.piece(x) for x in node.expressions]) if two else None


_FIELDS: Final = {
    name: function
    for function, names in {
        "year": "year y years yr yrs",
        "yearofweek": "yearofweek",
        "quarter": "quarter qtr",
        "month": "month mon mons months",
        "weekofyear": "week w weeks",
        "day": "day d days",
        "dayofweek": "dayofweek dow",
        "dayofweek_iso": "dayofweek_iso dow_iso",
        "dayofyear": "doy",
        "hour": "hour h hours hr hrs",
        "minute": "minute m min mins minutes",
        "seconds": "second s sec seconds secs",
    }.items()
    for name in names.split()
}
"""The function that a field of EXTRACT stands for; three of them have none of their own."""


def _field(name: str, moment: Piece, type_: DataType) -> Piece:
    if is_span(moment.type):
        return intervals.part(name, moment, type_)
    function = _FIELDS.get(name.lower())
    if function is None:
        raise Refusal(f"EXTRACT({name} ...)")
    if function in ("year", "quarter", "month", "weekofyear", "day", "dayofweek", "dayofyear"):
        return table(function, [moment], type_)
    if function in ("hour", "minute"):
        return table(function, [moment], type_)
    if function == "seconds":
        instant = casts.cast(moment, t.TIMESTAMP)
        micros = f"((epoch_us({instant.sql}) % 60000000) + 60000000) % 60000000"
        sql = f"CAST(sp_scaled({micros}, 1000000, 6) AS DECIMAL(8,6))"
        return made(sql, type_, [instant])
    day = casts.cast(moment, t.DATE)
    word = "isoyear" if function == "yearofweek" else "isodow"
    return made(f"CAST({word}({day.sql}) AS INTEGER)", type_, [day])


def table(name: str, arguments: Sequence[Piece], type_: DataType) -> Piece:
    """Return a call that the table knows, its arguments converted as Spark does implicitly.

    Example: `lower(s)` -> `CASE WHEN strlen("s") = length("s") THEN lower("s") ... END`
    """
    # A try_ function forgives its own operation, and nothing that its arguments do.
    tries = name.startswith("try_") and any(a.raises for a in arguments)
    refuse_unless(not tries, f"{name}() of what may raise")
    for candidate in _converted(arguments):
        row = constructs.find(name, candidate, type_)
        if row is not None:
            return row.apply(candidate, row.result_type(candidate, type_))
    if (fitted := _fitted(name, arguments)) and (row := constructs.find(name, fitted, type_)):
        return row.apply(fitted, row.result_type(fitted, type_))
    types = ", ".join(str(a.type) for a in arguments)
    if constructs.constructs(name):
        raise Refusal(f"{name}({types}): proven for other arguments only")
    raise Refusal(f"{name}(): not proven to mean the same on both engines")


def _converted(arguments: Sequence[Piece]) -> list[list[Piece]]:
    """The arguments as they are, then with the implicit conversions that were proven."""
    candidates = [list(arguments)]
    if arguments and arguments[0].type.name in ("array", "map"):
        # What stands beside a container widens it; it is never cast to what is in there.
        inner = [_as_inner(arguments[0], a) for a in arguments[1:]]
        return [*candidates, [arguments[0], *inner]]
    if any(a.type in (t.TINYINT, t.SMALLINT) for a in arguments):
        narrow = (t.TINYINT, t.SMALLINT)
        candidates.append([casts.cast(a, t.INT) if a.type in narrow else a for a in arguments])
    if any(a.type in (t.TIMESTAMP, t.TIMESTAMP_NTZ) for a in arguments):
        times = (t.TIMESTAMP, t.TIMESTAMP_NTZ)
        candidates.append([casts.cast(a, t.DATE) if a.type in times else a for a in arguments])
    if any(a.type in (t.DATE, t.TIMESTAMP_NTZ) for a in arguments):
        others = (t.DATE, t.TIMESTAMP_NTZ)
        candidates.append(
            [casts.cast(a, t.TIMESTAMP) if a.type in others else a for a in arguments]
        )
    return candidates


_FITTING: Final = {
    "string": t.STRING,
    "date": t.DATE,
    "temporal": t.DATE,
    "timestamp": t.TIMESTAMP,
    "int": t.INT,
    "bigint": t.BIGINT,
}
"""Patterns of arguments that Spark casts others to, by the type that it casts them to."""


def _fitted(name: str, arguments: Sequence[Piece]) -> list[Piece] | None:
    """Return the arguments cast to what a call takes, where it takes one thing only.

    To texts Spark casts everything that is not nested, and texts to everything; those casts were
    proven as such.
    """
    rows = [r.parameters(len(arguments)) for r in constructs.constructs(name)]
    rows = [r for r in rows if len(r) == len(arguments)]
    fitted = list(arguments)
    for place, argument in enumerate(arguments):
        patterns = {r[place] for r in rows}
        target = _FITTING.get(patterns.pop()) if len(patterns) == 1 else None
        if target is None or argument.type.children or t.BINARY in (argument.type, target):
            continue
        if t.STRING in (argument.type, target) or argument.type == t.VOID:
            fitted[place] = casts.cast(argument, target)
    return fitted if rows else None


def _as_inner(container: Piece, piece: Piece) -> Piece:
    """Return what is looked for in an array, or a map's key, in the type of what is there."""
    own = container.type.children[0]
    fits = piece.type == t.VOID or (piece.type.is_numeric and own.is_numeric)
    return widened(piece, own) if fits and typing.wider([piece.type, own]) == own else piece


def _coalesce(arguments: list[Piece], type_: DataType) -> Piece:
    if type_ == t.VOID:
        return Piece("NULL", t.VOID)
    values = [widened(a, type_, texts=True) for a in arguments]
    among = ranges.union(v.values for v in values)
    if not any(v.raises for v in values[1:]):
        listed = ", ".join(v.sql for v in values)
        return made(f"coalesce({listed})", type_, values, range_=among)
    # CASE evaluates a value only where those before it are NULL.
    parts = " ".join(f"WHEN {v.sql} IS NOT NULL THEN {v.sql}" for v in values[:-1])
    return made(f"CASE {parts} ELSE {values[-1].sql} END", type_, values, range_=among)


def _nvl(arguments: list[Piece], type_: DataType) -> Piece:
    refuse_unless(len(arguments) == 2, "it takes two arguments")
    return _coalesce(arguments, type_)


def _nvl2(arguments: list[Piece], type_: DataType) -> Piece:
    refuse_unless(len(arguments) == 3, "nvl2 takes three arguments")
    tested, some, none = arguments
    has_value = made(f"{evaluated(tested)} IS NOT NULL", t.BOOLEAN, [tested])
    return conditions.case_when([(has_value, some)], none, type_)


def _nullif(arguments: list[Piece], type_: DataType) -> Piece:
    refuse_unless(len(arguments) == 2, "nullif takes two arguments")
    refuse_unless(type_.name != "void", "nullif of NULL")
    value, other = arguments
    equal = compare("=", value, other)
    wide = widened(value, type_, texts=True)
    values = wide.values
    if other.values.single == 0:
        values = values.narrowed(ranges.Range(nonzero=True))
    sql = f"CASE WHEN {equal.sql} THEN {null(type_)} ELSE {wide.sql} END"
    return made(sql, type_, (equal, wide), range_=values)


def _extreme(word: str) -> _Builder:
    def build(arguments: list[Piece], type_: DataType) -> Piece:
        refuse_unless(len(arguments) >= 2, f"{word} takes two arguments or more")
        refuse_unless(comparable(type_), f"{word} of {type_}")
        mixed = type_ != t.STRING and any(a.type == t.STRING for a in arguments)
        refuse_unless(not mixed, f"{word} of a string and a {type_}: Spark refuses it")
        values = [widened(a, type_) for a in arguments]
        refuse_unless(type_.name != "float", f"{word}() of floats: the sign of zero differs")
        listed = ", ".join(v.sql for v in values)
        return made(f"{word}({listed})", type_, values)

    return build


def _concat(arguments: list[Piece], type_: DataType) -> Piece:
    refuse_unless(bool(arguments), "an empty concat()")
    if type_.name == "array":
        return containers.concat([widened(a, type_) for a in arguments], type_)
    refuse_unless(type_ == t.STRING, f"concat giving {type_}")
    values = [_text(a) for a in arguments]
    return made(f"({' || '.join(v.sql for v in values)})", type_, values)


def _elt(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `elt(n, a, b)`: the n-th of the others, counted from 1."""
    place, *others = arguments
    refuse_unless(type_ == t.STRING and place.type.is_integer, f"elt({place.type}) giving {type_}")
    pieces = [place, *(_text(a) for a in others)]
    outside = spark_error("INVALID_ARRAY_INDEX", "an index is outside of its array", type_)
    whens = " ".join(f"WHEN {i} THEN {p.sql}" for i, p in enumerate(pieces[1:], 1))
    sql = f"CASE {place.sql} {whens} ELSE CASE WHEN {place.sql} IS NOT NULL THEN {outside} END END"
    return made(sql, type_, pieces, raises=True)


def _text(piece: Piece) -> Piece:
    return casts.cast(piece, t.STRING)


def _rlike(arguments: list[Piece], _: DataType) -> Piece:
    refuse_unless(len(arguments) == 2, "rlike takes two arguments")
    return regex.matches(*arguments)


def _positive(arguments: list[Piece], type_: DataType) -> Piece:
    refuse_unless(len(arguments) == 1, "positive takes one argument")
    wide = casts.cast(arguments[0], type_)
    return replace(wide, literal=None)


def _mod(arguments: list[Piece], type_: DataType) -> Piece:
    return arithmetic.binary("%", arguments[0], arguments[1], type_)


def _negative(arguments: list[Piece], _: DataType) -> Piece:
    refuse_unless(len(arguments) == 1, "negative takes one argument")
    return arithmetic.negated(arguments[0])


def _date_part(arguments: list[Piece], type_: DataType) -> Piece:
    field, moment = arguments
    return _field(str(field.literal), moment, type_)


_DAYS: Final = ranges.Range(0, 106_751)
_CLOCK: Final = {
    t.DATE: ("CAST(timezone('UTC', now()) AS DATE)", _DAYS),
    t.TIMESTAMP: ("now()", ranges.midnights(_DAYS)),
    t.TIMESTAMP_NTZ: ("timezone('UTC', now())", ranges.midnights(_DAYS)),
}
"""What the clock shows as the read begins, and between what: from 1970 to 2262."""


def clock(_: list[Piece], type_: DataType) -> Piece:
    """Return `now()`, `current_date` and their kin, the same in all of a query."""
    sql, values = _CLOCK[type_]
    return made(sql, type_, range_=values)


def _cast(arguments: list[Piece], type_: DataType) -> Piece | None:
    return casts.cast(arguments[0], type_) if len(arguments) == 1 else None


FORMS: Final[dict[str, _Form]] = {
    **lambdas.FORMS,
    "struct": lambda e, node: containers.struct(e, node, e.type_of(node)),
    "equal_null": _equal_null,
    "shiftleft": _shift,
    "shiftright": _shift,
    "shiftrightunsigned": _shift,
    "session_window": time_windows.session,
    "window": time_windows.window,
    "upper": casing.upper,
    "lower": casing.lower,
    "if": conditions.if_,
    "element_at": nested.element_at,
    "timestampdiff": intervals.difference,
    "timestampadd": intervals.sum_of_units,
}
"""Rules that look at the call itself, by the names that the table of functions has for them."""

BUILDERS: Final[dict[str, _Builder]] = {
    "magnitude": arithmetic.magnitude,
    "cast": _cast,
    "coalesce": _coalesce,
    "nvl": _nvl,
    "nvl2": _nvl2,
    "nullif": _nullif,
    "greatest": _extreme("greatest"),
    "least": _extreme("least"),
    "concat": _concat,
    "concat_ws": containers.concat_ws,
    "elt": _elt,
    "initcap": casing.initcap,
    "hash": hashes.murmur3,
    "xxhash64": hashes.xxhash64,
    "rlike": _rlike,
    "mod": _mod,
    "try_add": arithmetic.trying("+"),
    "try_subtract": arithmetic.trying("-"),
    "try_multiply": arithmetic.trying("*"),
    "try_divide": arithmetic.trying("/"),
    "try_mod": arithmetic.trying("%"),
    "pmod": arithmetic.positive_remainder,
    "bround": arithmetic.rounded_to_even,
    "negative": _negative,
    "positive": _positive,
    "array": containers.array,
    "map": containers.map_,
    "map_from_arrays": containers.map_from_arrays,
    "map_from_entries": containers.map_from_entries,
    "map_concat": containers.map_concat,
    "arrays_zip": containers.arrays_zip,
    "sequence": containers.sequence,
    "sort_array": containers.sort_array,
    "split": patterns.split,
    "regexp_replace": patterns.replace,
    "regexp_extract": patterns.extract,
    "regexp_extract_all": patterns.extract_all,
    "regexp_count": patterns.count,
    "regexp_substr": patterns.substr,
    "date_part": _date_part,
    "from_utc_timestamp": formats.from_utc_timestamp,
    "to_utc_timestamp": formats.to_utc_timestamp,
    "unix_timestamp": formats.unix_timestamp,
    "make_timestamp": formats.make_timestamp,
    "try_to_timestamp": formats.try_to_timestamp,
    "to_char": formats.to_char,
    "to_timestamp_ntz": formats.to_local_time,
    "try_to_date": formats.try_to_date,
    "clock": clock,
    "convert_timezone": formats.convert_timezone,
    "typeof": texts.typeof,
    "parse_url": texts.parse_url,
    "mask": texts.mask,
    "conv": texts.conv,
    "str_to_map": texts.str_to_map,
    "to_number": number_texts.to_number,
    "try_to_number": number_texts.try_to_number,
    "format_number": number_texts.format_number,
    "format_string": number_texts.format_string,
    "months_between": formats.months_between,
    "make_dt_interval": intervals.make_day_time,
    "make_ym_interval": intervals.make_year_month,
    "date_format": formats.date_format,
    "from_unixtime": formats.from_unixtime,
    "to_date": formats.to_date,
    "to_timestamp": formats.to_timestamp,
    "get_json_object": json_paths.get_json_object,
    "to_json": json_values.to_json,
    "schema_of_json": json_schemas.schema_of_json,
    "typed_json": json_values.from_json,
}
"""Rules that take the compiled arguments; where they give None, the lines of the row decide."""


def joined(e: Expressions, node: exp.Expr) -> Piece:
    """Return `a || b`."""
    return e.checked(_concat([e.piece(node.this), e.piece(node.expression)], e.type_of(node)), node)


def substring(e: Expressions, node: exp.Expr) -> Piece:
    """Return `SUBSTRING(a, 1, 2)` and `SUBSTRING(a FROM 1 FOR 2)`."""
    parts = [node.this, node.args.get("start"), node.args.get("length")]
    arguments = [e.piece(p) for p in parts if p is not None]
    return e.checked(table("substring", arguments, e.type_of(node)), node)


def trim(e: Expressions, node: exp.Expr) -> Piece:
    """Return `TRIM(a)`, `TRIM(LEADING 'x' FROM a)` and so on."""
    side = str(node.args.get("position") or "BOTH").upper()
    name = {"BOTH": "trim", "LEADING": "ltrim", "TRAILING": "rtrim"}[side]
    arguments = [e.piece(x) for x in (node.expression, node.this) if x is not None]
    return e.checked(table(name, arguments, e.type_of(node)), node)


def position(e: Expressions, node: exp.Expr) -> Piece:
    """Return `POSITION(a IN b)`, and `position(a, b, 2)` from a place on."""
    parts = [node.args["substr"], node.this, node.args.get("position")]
    arguments = [e.piece(p) for p in parts if p is not None]
    return e.checked(table("locate", arguments, e.type_of(node)), node)


def extract(e: Expressions, node: exp.Expr) -> Piece:
    """Return `EXTRACT(YEAR FROM a)`."""
    moment = e.piece(node.expression)
    return e.checked(_field(str(node.this.name), moment, e.type_of(node)), node)


def overlay(e: Expressions, node: exp.Expr) -> Piece:
    """Return `OVERLAY(a PLACING b FROM 2 FOR 3)`."""
    parts = [node.this, node.expression, node.args["from_"], node.args.get("for_")]
    arguments = [e.piece(p) for p in parts if p is not None]
    return e.checked(table("overlay", arguments, e.type_of(node)), node)
