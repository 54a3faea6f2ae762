"""Results of functions that make and read arrays, maps and structs."""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from headwater import types as t
from headwater.sql.arguments import Call, Rule
from headwater.sql.typing import rules as typing
from headwater.types import UNKNOWN, DataType
from headwater.types.text import TypeTextError, parse_type


def _wider(call: Call) -> DataType:
    return typing.wider(call.types) if len(call) else UNKNOWN


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


RULES: Final[dict[str, Rule]] = {
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
"""Rules for results, by the names that `functions.tsv` has for them."""
