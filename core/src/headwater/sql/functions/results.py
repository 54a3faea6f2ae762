"""What functions give, as Spark types it: rules for results that depend on the arguments.

Where Spark would refuse the arguments, or the rule does not know them, the answer is `unknown`.

Source: Apache Spark 4.1, `DESCRIBE FUNCTION` and the expressions' `dataType`; each row is compared
with Spark's own analysis in `tests/differential/test_analysis.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from sqlglot import exp

from headwater import types as t
from headwater.sql.functions.table import Function
from headwater.sql.syntax.words import words
from headwater.sql.typing import rules as typing
from headwater.sql.typing.literals import next_to, position
from headwater.types import UNKNOWN, DataType
from headwater.types.text import TypeTextError, parse_type


@dataclass(frozen=True, slots=True)
class Call:
    """The arguments of a call: their types, and themselves."""

    types: tuple[DataType, ...]
    arguments: tuple[exp.Expr, ...]

    def __len__(self) -> int:
        return len(self.types)

    def type(self, index: int) -> DataType:
        """Type of an argument; `unknown` where there is none."""
        return self.types[index] if index < len(self.types) else UNKNOWN

    def text(self, index: int) -> str | None:
        """Value of an argument that is a string literal, or None."""
        node = self.arguments[index] if index < len(self.arguments) else None
        return node.name if isinstance(node, exp.Literal) and node.is_string else None

    def number(self, index: int) -> int | None:
        """Value of an argument that is a whole-number literal, or None."""
        node = self.arguments[index] if index < len(self.arguments) else None
        negative = isinstance(node, exp.Neg)
        value = position(node.this if negative else node) if node is not None else None
        return -value if negative and value is not None else value


Rule = Callable[[Call], DataType]
Columns = list[tuple[str, DataType]]


def result(function: Function, call: Call) -> DataType:
    """Return the type of a call, or `unknown`."""
    if not function.result or function.kind in ("generator", "table"):
        return UNKNOWN
    if not function.result.startswith("="):
        return _fixed(function.result)
    return RULES[function.result[1:]](call)


@cache
def _fixed(text: str) -> DataType:
    return parse_type(text)


def within_group(function: Function, ordered: Sequence[DataType], inner: DataType) -> DataType:
    """Return the type of a call with WITHIN GROUP (ORDER BY ...).

    Args:
        function: Its row.
        ordered: Types of what it is ordered by.
        inner: Type of the call without the clause.
    """
    first = ordered[0] if ordered else UNKNOWN
    match function.entry("within"):
        case "inner":
            return inner
        case "ordered":
            return first
        case "percentile":
            return _percentile_of(first)
    return UNKNOWN


def columns(function: Function, call: Call) -> Columns | None:
    """Return names and types of the columns that a generator or table function makes.

    Returns:
        The columns, or None where they can't be told.
    """
    rule = COLUMNS.get(function.result.removeprefix("="))
    return rule(call) if rule is not None else None


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


def _percentile_of(value: DataType) -> DataType:
    if value.name == "interval":
        return _whole_interval(value) if value.field_names else UNKNOWN
    return t.DOUBLE if value.is_numeric else UNKNOWN


def _percentile(call: Call) -> DataType:
    type_ = _percentile_of(call.type(0))
    if call.type(0) == t.STRING:
        type_ = t.DOUBLE
    return t.array(type_) if call.type(1).name == "array" and type_ != UNKNOWN else type_


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
    new_scale = min(scale, digits)
    return t.decimal(min(38, whole + new_scale), new_scale)


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


def _picked(call: Call) -> DataType:
    bytes_only = all(call.type(i) == t.BINARY for i in range(1, len(call)))
    return t.BINARY if bytes_only else t.STRING


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
    """`lag` and `lead`: what stands in for missing rows is cast to the type of the others."""
    own, other = call.type(0), call.type(2)
    if len(call) < 3 or other in (own, t.VOID) or (own.is_numeric and other.is_numeric):
        return own
    if own == t.STRING and other != UNKNOWN and not other.children:
        return own
    return own if own in (t.TIMESTAMP, t.TIMESTAMP_NTZ) and other == t.DATE else UNKNOWN


def _shift_bits(call: Call) -> DataType:
    own = call.type(0)
    return t.BIGINT if own == t.BIGINT else t.INT if own.is_integer else UNKNOWN


def _integer(call: Call) -> DataType:
    return call.type(0) if call.type(0).is_integer else UNKNOWN


def _null_if_zero(call: Call) -> DataType:
    return call.type(0) if call.type(0).is_numeric else UNKNOWN


def _zero_if_null(call: Call) -> DataType:
    return typing.wider([call.type(0), t.INT])


# -- arrays, maps and structs ---------------------------------------------------------------------


def _array_of_first(call: Call) -> DataType:
    return t.array(call.type(0)) if call.type(0) != UNKNOWN else UNKNOWN


def _array_same(call: Call) -> DataType:
    return call.type(0) if call.type(0).name == "array" else UNKNOWN


def _array_wider(call: Call) -> DataType:
    type_ = _wider(call)
    return type_ if type_.name == "array" else UNKNOWN


def _with_element(index: int) -> Rule:
    """An array next to one element more: `array_append(a, x)`."""

    def rule(call: Call) -> DataType:
        own = call.type(0)
        if own.name != "array":
            return UNKNOWN
        element = typing.wider([own.element, call.type(index)])
        return t.array(element) if element != UNKNOWN else UNKNOWN

    return rule


def _element(call: Call) -> DataType:
    return call.type(0).element if call.type(0).name == "array" else UNKNOWN


def _element_or_value(call: Call) -> DataType:
    own = call.type(0)
    return own.value if own.name == "map" else _element(call)


def _flattened(call: Call) -> DataType:
    inner = _element(call)
    return inner if inner.name == "array" else UNKNOWN


def _reversed(call: Call) -> DataType:
    own = call.type(0)
    return own if own.name == "array" else t.STRING if not own.children else UNKNOWN


def _array(call: Call) -> DataType:
    if not len(call):
        return t.array(t.VOID)
    element = _wider(call)
    return t.array(element) if element != UNKNOWN else UNKNOWN


def _map(call: Call) -> DataType:
    if not len(call):
        return t.map_of(t.VOID, t.VOID)
    key, value = typing.wider(call.types[::2]), typing.wider(call.types[1::2])
    return UNKNOWN if UNKNOWN in (key, value) or len(call) % 2 else t.map_of(key, value)


def _map_part(part: str) -> Rule:
    def rule(call: Call) -> DataType:
        own = call.type(0)
        if own.name != "map":
            return UNKNOWN
        if part == "entries":
            return t.array(t.struct(("key", own.key), ("value", own.value)))
        return t.array(own.key if part == "keys" else own.value)

    return rule


def _map_from_arrays(call: Call) -> DataType:
    keys, values = call.type(0), call.type(1)
    both = keys.name == values.name == "array"
    return t.map_of(keys.element, values.element) if both else UNKNOWN


def _map_from_entries(call: Call) -> DataType:
    pair = _element(call)
    two = pair.name == "struct" and len(pair.children) == 2
    return t.map_of(*pair.children) if two else UNKNOWN


def _named_struct(call: Call) -> DataType:
    names = [call.text(i) for i in range(0, len(call), 2)]
    if len(call) % 2 or any(n is None for n in names):
        return UNKNOWN
    return t.struct(*((n or "", x) for n, x in zip(names, call.types[1::2], strict=True)))


def _zipped(call: Call) -> DataType:
    """`arrays_zip`: fields have the names of columns and fields, else their places from 0."""
    if not call.types or not all(x.name == "array" for x in call.types):
        return UNKNOWN
    named = (exp.Column, exp.Dot)
    names = (a.name if isinstance(a, named) else str(i) for i, a in enumerate(call.arguments))
    return t.array(t.struct(*zip(names, (x.element for x in call.types), strict=True)))


def _sequence(call: Call) -> DataType:
    ends = [x for x in call.types[:2] if x != t.VOID]
    if not ends or not all(x.is_integer or x.name in ("date", "timestamp") for x in ends):
        return UNKNOWN
    if call.type(0).is_integer and len(call) > 2:
        ends.append(call.type(2))
    return t.array(typing.wider(ends))


def _from_text(call: Call) -> DataType:
    """`from_json(x, schema)`: the schema is a type, or the fields of a struct."""
    text = call.text(1)
    if text is None:
        return UNKNOWN
    for candidate in (text, f"struct<{text}>"):
        try:
            return typing.read_as(parse_type(candidate))
        except TypeTextError:
            continue
    return UNKNOWN


# -- rows that are made ---------------------------------------------------------------------------


def _exploded(call: Call, before: Columns) -> Columns | None:
    own = call.type(0)
    if own.name == "array":
        return [*before, ("col", own.element)]
    return [*before, ("key", own.key), ("value", own.value)] if own.name == "map" else None


def _inlined(call: Call) -> Columns | None:
    own = call.type(0)
    rows = own.name == "array" and own.element.name == "struct"
    return list(own.element.fields) if rows else None


def _json_tuple(call: Call) -> Columns | None:
    return [(f"c{i}", t.STRING) for i in range(len(call) - 1)] or None


def _stacked(call: Call) -> Columns | None:
    rows = call.number(0)
    if not rows or rows < 1 or len(call) < 2:
        return None
    width = -(-(len(call) - 1) // rows)
    cells = call.types[1:]
    return [(f"col{i}", typing.wider(cells[i::width])) for i in range(width)]


def wrong_rows(function: Function, call: Call) -> str | None:
    """Return what Spark refuses in a generator's arguments, or None where it may take them."""
    own = call.type(0)
    if own == UNKNOWN:
        return None
    match function.result:
        case "=exploded" | "=exploded-with-place" if own.name not in ("array", "map"):
            return f"it makes rows of an array or a map, not of {own}"
        case "=inlined" if own.name != "array" or own.element.name not in ("struct", "unknown"):
            return f"it makes rows of an array of structs, not of {own}"
        case "=json-fields" if any(x not in (t.STRING, UNKNOWN) for x in call.types):
            return f"it takes texts, not {', '.join(map(str, call.types))}"
        case "=stacked":
            return _wrong_stack(call)
    return None


def _wrong_stack(call: Call) -> str | None:
    rows = call.number(0)
    if rows is not None and rows < 1:
        return f"the number of its rows is {rows}"
    if rows is None and not call.type(0).is_integer:
        return f"the number of its rows is {call.type(0)}"
    width = -(-(len(call) - 1) // rows) if rows else 0
    for column in range(width):
        cells = {x for x in call.types[1 + column :: width] if x != t.VOID}
        if UNKNOWN not in cells and len(cells) > 1:
            return f"the values of its column {column} are {', '.join(sorted(map(str, cells)))}"
    return None


RULES: Final[dict[str, Rule]] = {
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
    "average-of-2": lambda call: _average(Call(call.types[1:], call.arguments[1:])),
    "percentile": _percentile,
    "approximate-percentile": _approximate_percentile,
    "rounded": _rounded,
    "whole": _whole,
    "joined": lambda call: typing.joined(call.types),
    "decoded": _decoded,
    "text-or-bytes": _text_or_bytes,
    "picked": _picked,
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
    "array-of-first": _array_of_first,
    "same-array": _array_same,
    "wider-array": _array_wider,
    "array-with-2": _with_element(1),
    "array-with-3": _with_element(2),
    "element": _element,
    "element-or-value": _element_or_value,
    "flattened": _flattened,
    "reversed": _reversed,
    "array-of-all": _array,
    "map-of-all": _map,
    "keys": _map_part("keys"),
    "values": _map_part("values"),
    "entries": _map_part("entries"),
    "map-from-arrays": _map_from_arrays,
    "map-from-entries": _map_from_entries,
    "named-struct": _named_struct,
    "zipped": _zipped,
    "sequence": _sequence,
    "schema": _from_text,
}
"""Rules for results, by the names that the table has for them."""

COLUMNS: Final[dict[str, Callable[[Call], Columns | None]]] = {
    "exploded": lambda call: _exploded(call, []),
    "exploded-with-place": lambda call: _exploded(call, [("pos", t.INT)]),
    "inlined": _inlined,
    "json-fields": _json_tuple,
    "stacked": _stacked,
    "variant-exploded": lambda call: [("pos", t.INT), ("key", t.STRING), ("value", UNKNOWN)],
    "numbered": lambda call: [("id", t.BIGINT)],
}
"""Rules for the columns that generators make."""
