"""Rules for functions whose result depends on their arguments' types or values.

Where Spark would refuse the arguments, or the rule does not know them, the answer is `unknown`.
"""

from __future__ import annotations

import re
from typing import Final

from headwater import types as t
from headwater.sql import container_results
from headwater.sql.arguments import Call, Rule
from headwater.sql.syntax.words import words
from headwater.sql.typing import rules as typing
from headwater.sql.typing.literals import next_to
from headwater.types import UNKNOWN, DataType
from headwater.types.text import TypeTextError, parse_type


def _first(call: Call) -> DataType:
    return call.type(0)


def _wider(call: Call) -> DataType:
    return typing.wider(call.types) if len(call) else UNKNOWN


def _wider_from(start: int) -> Rule:
    return lambda call: typing.wider(call.types[start:]) if len(call) > start else UNKNOWN


def _numeric(call: Call) -> DataType:
    own = call.type(0)
    if own.is_numeric or own.name == "interval":
        return own
    return t.DOUBLE if own in (t.STRING, t.VOID) else UNKNOWN


def _arithmetic(operator: str) -> Rule:
    def rule(call: Call) -> DataType:
        if len(call) != 2:
            return UNKNOWN
        (a, b), (left, right) = call.arguments, call.types
        return typing.arithmetic(operator, next_to(a, left, right), next_to(b, right, left))

    return rule


def _sum(call: Call) -> DataType:
    own = call.type(0)
    if own.is_integer:
        return t.BIGINT
    if own.name == "decimal":
        return t.decimal(min(38, (own.precision or 0) + 10), own.scale or 0)
    if own.name == "interval" and own.field_names:
        return _whole_interval(own)
    return t.DOUBLE if own.is_floating or own in (t.STRING, t.VOID) else UNKNOWN


def _average(call: Call) -> DataType:
    own = call.type(0)
    if own.name == "decimal":
        return t.decimal(min(38, (own.precision or 0) + 4), min(38, (own.scale or 0) + 4))
    if own.name == "interval" and own.field_names:
        return _whole_interval(own)
    return t.DOUBLE if own.is_numeric or own in (t.STRING, t.VOID) else UNKNOWN


def _whole_interval(own: DataType) -> DataType:
    if own.field_names[0] in ("year", "month"):
        return t.interval("year", "month")
    return t.interval("day", "second")


def percentile_of(value: DataType, inner: DataType) -> DataType:
    """Return the type of an exact percentile of values of one type."""
    if value.name == "interval":
        return _whole_interval(value) if value.field_names else UNKNOWN
    return t.DOUBLE if value.is_numeric else UNKNOWN


def _percentile(call: Call) -> DataType:
    found = percentile_of(call.type(0), UNKNOWN)
    if call.type(0) == t.STRING:
        found = t.DOUBLE
    return t.array(found) if call.type(1).name == "array" and found != UNKNOWN else found


def _approximate_percentile(call: Call) -> DataType:
    own = call.type(0)
    if own == t.STRING:
        own = t.DOUBLE
    if not (own.is_numeric or own.name in ("date", "timestamp", "timestamp_ntz", "interval")):
        return UNKNOWN
    return t.array(own) if call.type(1).name == "array" else own


def _rounded(call: Call) -> DataType:
    own = call.type(0)
    if own in (t.STRING, t.VOID):
        return t.DOUBLE
    if own.name != "decimal":
        return own if own.is_numeric else UNKNOWN
    digits = call.number(1) if len(call) > 1 else 0
    return _cut_decimal(own, digits) if digits is not None else UNKNOWN


def _cut_decimal(own: DataType, digits: int) -> DataType:
    precision, scale = own.precision or 0, own.scale or 0
    whole = precision - scale + 1
    if digits < 0:
        return t.decimal(min(38, max(whole, 1 - digits)), 0)
    kept = min(scale, digits)
    return t.decimal(min(38, whole + kept), kept)


def _whole(call: Call) -> DataType:
    """`ceil` and `floor`; with a scale they work on decimals."""
    own = call.type(0)
    if len(call) > 1:
        digits = call.number(1)
        exact = typing.as_decimal(own)
        return _cut_decimal(exact, digits) if exact and digits is not None else UNKNOWN
    if own.name == "decimal":
        return t.decimal(min(38, (own.precision or 0) - (own.scale or 0) + 1), 0)
    return t.BIGINT if own.is_numeric or own in (t.STRING, t.VOID) else UNKNOWN


def _decoded(call: Call) -> DataType:
    """`decode(bytes, charset)`, or `decode(x, key, result, ..., default)`."""
    if len(call) <= 2:
        return t.STRING
    results = list(call.types[2::2])
    if len(call) % 2 == 0:
        results.append(call.types[-1])
    return typing.wider(results)


def _text_or_bytes(call: Call) -> DataType:
    return t.BINARY if call.type(0) == t.BINARY else t.STRING


def _padded(call: Call) -> DataType:
    binary = call.type(0) == t.BINARY and (len(call) < 3 or call.type(2) == t.BINARY)
    return t.BINARY if binary else t.STRING


def _window(call: Call) -> DataType:
    own = call.type(0)
    moment = own if own == t.TIMESTAMP_NTZ else t.TIMESTAMP
    return t.struct(("start", moment), ("end", moment))


def _shifted_time(call: Call) -> DataType:
    """`timestampadd(unit, n, time)`; `date_add(date, n)`."""
    if len(call) == 2:
        return t.DATE
    own = call.type(2)
    return own if own == t.TIMESTAMP_NTZ else t.TIMESTAMP if own != UNKNOWN else UNKNOWN


def _difference(call: Call) -> DataType:
    return t.INT if len(call) == 2 else t.BIGINT


def _extracted(call: Call) -> DataType:
    unit = call.text(0)
    return extracted(unit, call.type(1)) if unit is not None else UNKNOWN


_SECONDS: Final = words("second seconds sec secs s")


_YEAR_MONTH_UNITS: Final = {
    **dict.fromkeys(words("year years y yr yrs"), t.INT),
    **dict.fromkeys(words("month months mon mons"), t.TINYINT),
}
_DAY_TIME_UNITS: Final = {
    **dict.fromkeys(words("day days d"), t.INT),
    **dict.fromkeys(words("hour hours h hr hrs minute minutes m min mins"), t.TINYINT),
    **dict.fromkeys(_SECONDS, t.decimal(8, 6)),
}


def extracted(unit: str, source: DataType) -> DataType:
    """Return the type of EXTRACT(unit FROM source)."""
    if source.name == "interval" and source.field_names:
        months = source.field_names[0] in ("year", "month")
        units = _YEAR_MONTH_UNITS if months else _DAY_TIME_UNITS
        return units.get(unit.lower(), UNKNOWN)
    if source.name not in ("date", "timestamp", "timestamp_ntz", "string"):
        return UNKNOWN
    return t.decimal(8, 6) if unit.lower() in _SECONDS else t.INT


_DIGITS: Final = re.compile(r"[09]")


def _to_number(call: Call) -> DataType:
    """`to_number(x, '99.99')`: the format's digits are the decimal's."""
    text = call.text(1)
    if text is None:
        return UNKNOWN
    whole, _, part = text.upper().replace("D", ".").partition(".")
    scale = len(_DIGITS.findall(part))
    precision = len(_DIGITS.findall(whole)) + scale
    return t.decimal(precision, scale) if 1 <= precision <= 38 else UNKNOWN


def _variant_got(call: Call) -> DataType:
    text = call.text(2)
    try:
        return typing.read_as(parse_type(text)) if text is not None else UNKNOWN
    except TypeTextError:
        return UNKNOWN


def _not_nan(call: Call) -> DataType:
    if not all(x.is_numeric or x in (t.STRING, t.VOID) for x in call.types):
        return UNKNOWN
    return t.FLOAT if set(call.types) == {t.FLOAT} else t.DOUBLE


def _histogram(call: Call) -> DataType:
    own = call.type(0)
    return t.array(t.struct(("x", own), ("y", t.DOUBLE))) if own.is_numeric else UNKNOWN


def _top(call: Call) -> DataType:
    own = call.type(0)
    pair = t.struct(("item", own), ("count", t.BIGINT))
    return t.array(pair) if own != UNKNOWN else UNKNOWN


def _lagged(call: Call) -> DataType:
    own = call.type(0)
    return own if len(call) < 3 or call.type(2) in (own, t.VOID) else UNKNOWN


def _shift_bits(call: Call) -> DataType:
    own = call.type(0)
    return t.BIGINT if own == t.BIGINT else t.INT if own.is_integer else UNKNOWN


def _integer(call: Call) -> DataType:
    return call.type(0) if call.type(0).is_integer else UNKNOWN


def _null_if_zero(call: Call) -> DataType:
    return call.type(0) if call.type(0).is_numeric else UNKNOWN


def _zero_if_null(call: Call) -> DataType:
    return typing.wider([call.type(0), t.INT])


RULES: Final[dict[str, Rule]] = {
    **container_results.RULES,
    "first": _first,
    "wider": _wider,
    "wider-from-2": _wider_from(1),
    "number": _numeric,
    "remainder": _arithmetic("%"),
    "plus": _arithmetic("+"),
    "minus": _arithmetic("-"),
    "times": _arithmetic("*"),
    "over": _arithmetic("/"),
    "sum": _sum,
    "average": _average,
    "percentile": _percentile,
    "approximate-percentile": _approximate_percentile,
    "rounded": _rounded,
    "whole": _whole,
    "joined": lambda call: typing.joined(call.types),
    "decoded": _decoded,
    "text-or-bytes": _text_or_bytes,
    "padded": _padded,
    "window": _window,
    "shifted-time": _shifted_time,
    "difference": _difference,
    "extracted": _extracted,
    "histogram": _histogram,
    "top": _top,
    "lagged": _lagged,
    "shifted-bits": _shift_bits,
    "integer": _integer,
    "null-if-zero": _null_if_zero,
    "zero-if-null": _zero_if_null,
    "number-format": _to_number,
    "variant": _variant_got,
    "not-nan": _not_nan,
}
"""Rules for results, by the names that `functions.tsv` has for them."""
