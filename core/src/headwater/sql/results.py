"""Rules for functions whose result depends on their arguments' types or values.

Where Spark would refuse the arguments, or the rule does not know them, the answer is `unknown`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from headwater import types as t
from headwater.sql import types as typing
from headwater.type_text import TypeTextError, parse_type
from headwater.types import UNKNOWN, DataType


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
        sign = -1 if isinstance(node, exp.Neg) else 1
        node = node.this if isinstance(node, exp.Neg) else node
        if isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit():
            return sign * int(node.name)
        return None


Rule = Callable[[Call], DataType]


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
    return lambda call: typing.arithmetic(operator, call.type(0), call.type(1))


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


def _array_of_first(call: Call) -> DataType:
    return t.array(call.type(0)) if call.type(0) != UNKNOWN else UNKNOWN


def _array_same(call: Call) -> DataType:
    return call.type(0) if call.type(0).name == "array" else UNKNOWN


def _array_wider(call: Call) -> DataType:
    found = _wider(call)
    return found if found.name == "array" else UNKNOWN


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
    if not all(isinstance(a, exp.Column) for a in call.arguments):
        return UNKNOWN
    if not all(x.name == "array" for x in call.types):
        return UNKNOWN
    pairs = zip(call.arguments, call.types, strict=True)
    return t.array(t.struct(*((a.name, x.element) for a, x in pairs)))


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


_SECONDS: Final = frozenset(["second", "seconds", "sec", "secs", "s"])
_INTERVAL_UNITS: Final = {
    **dict.fromkeys(["year", "years", "y", "yr", "yrs", "day", "days", "d"], t.INT),
    **dict.fromkeys(["month", "months", "mon", "mons", "hour", "hours", "h", "hr", "hrs"], t.TINYINT),
    **dict.fromkeys(["minute", "minutes", "m", "min", "mins"], t.TINYINT),
    **dict.fromkeys(_SECONDS, t.decimal(8, 6)),
}


def extracted(unit: str, source: DataType) -> DataType:
    """Return the type of EXTRACT(unit FROM source)."""
    if source.name == "interval" and source.field_names:
        return _INTERVAL_UNITS.get(unit.lower(), UNKNOWN)
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
    **dict.fromkeys(
        ["first", "first_value", "last", "last_value", "any_value", "min", "max", "max_by", "min_by", "mode", "nth_value", "nullif", "shuffle", "try_validate"],
        _first,
    ),
    **dict.fromkeys(["coalesce", "nvl", "ifnull", "greatest", "least"], _wider),
    **dict.fromkeys(["if", "nvl2"], _wider_from(1)),
    **dict.fromkeys(["abs", "negative", "positive"], _numeric),
    **dict.fromkeys(["mod", "pmod", "try_mod"], _arithmetic("%")),
    "try_add": _arithmetic("+"),
    "try_subtract": _arithmetic("-"),
    "try_multiply": _arithmetic("*"),
    "try_divide": _arithmetic("/"),
    **dict.fromkeys(["sum", "try_sum"], _sum),
    **dict.fromkeys(["avg", "mean", "try_avg", "regr_avgx", "regr_avgy"], _average),
    **dict.fromkeys(["median", "percentile"], _percentile),
    **dict.fromkeys(["percentile_approx", "approx_percentile"], _approximate_percentile),
    **dict.fromkeys(["round", "bround"], _rounded),
    **dict.fromkeys(["ceil", "ceiling", "floor"], _whole),
    **dict.fromkeys(["collect_list", "collect_set", "array_agg", "array_repeat"], _array_of_first),
    **dict.fromkeys(
        ["array_distinct", "array_compact", "array_remove", "array_sort", "slice", "sort_array"],
        _array_same,
    ),
    **dict.fromkeys(["array_union", "array_intersect", "array_except"], _array_wider),
    **dict.fromkeys(["array_append", "array_prepend"], _with_element(1)),
    "array_insert": _with_element(2),
    **dict.fromkeys(["array_max", "array_min", "get"], _element),
    **dict.fromkeys(["element_at", "try_element_at"], _element_or_value),
    "flatten": _flattened,
    "reverse": _reversed,
    "concat": lambda call: typing.joined(call.types),
    "array": _array,
    "map": _map,
    "map_keys": _map_part("keys"),
    "map_values": _map_part("values"),
    "map_entries": _map_part("entries"),
    "map_from_arrays": _map_from_arrays,
    "map_from_entries": _map_from_entries,
    "map_concat": _wider,
    "named_struct": _named_struct,
    "arrays_zip": _zipped,
    "sequence": _sequence,
    **dict.fromkeys(["from_json", "from_csv", "from_xml"], _from_text),
    "decode": _decoded,
    **dict.fromkeys(["left", "right", "elt", "listagg", "string_agg"], _text_or_bytes),
    **dict.fromkeys(["lpad", "rpad"], _padded),
    **dict.fromkeys(["window", "session_window"], _window),
    **dict.fromkeys(["date_add", "dateadd", "timestampadd"], _shifted_time),
    **dict.fromkeys(["datediff", "date_diff"], _difference),
    **dict.fromkeys(["date_part", "datepart"], _extracted),
    "histogram_numeric": _histogram,
    "approx_top_k": _top,
    **dict.fromkeys(["lag", "lead"], _lagged),
    **dict.fromkeys(["shiftleft", "shiftright", "shiftrightunsigned"], _shift_bits),
    **dict.fromkeys(["bit_and", "bit_or", "bit_xor"], _integer),
    "nullifzero": _null_if_zero,
    "zeroifnull": _zero_if_null,
    **dict.fromkeys(["to_number", "try_to_number"], _to_number),
    **dict.fromkeys(["variant_get", "try_variant_get"], _variant_got),
    "nanvl": _not_nan,
    "window_time": lambda call: t.TIMESTAMP,
}

Columns = list[tuple[str, DataType]]


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


GENERATORS: Final[dict[str, Callable[[Call], Columns | None]]] = {
    **dict.fromkeys(["explode", "explode_outer"], lambda call: _exploded(call, [])),
    **dict.fromkeys(
        ["posexplode", "posexplode_outer"], lambda call: _exploded(call, [("pos", t.INT)])
    ),
    **dict.fromkeys(["inline", "inline_outer"], _inlined),
    "json_tuple": _json_tuple,
    "stack": _stacked,
    **dict.fromkeys(
        ["variant_explode", "variant_explode_outer"],
        lambda call: [("pos", t.INT), ("key", t.STRING), ("value", UNKNOWN)],
    ),
    "range": lambda call: [("id", t.BIGINT)],
}
