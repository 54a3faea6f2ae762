"""Columns of functions that make many rows of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from headwater import types as t
from headwater.sql.arguments import Call
from headwater.sql.typing import rules as typing
from headwater.types import UNKNOWN, DataType

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


def problem(name: str, call: Call) -> str | None:
    """Return what Spark refuses in a generator's arguments, or None where it may take them.

    Args:
        name: The generator, in lower case.
        call: Its arguments.
    """
    name = name.removesuffix("_outer")
    if name in _COUNTS and not _COUNTS[name](len(call)):
        return f"it takes {_TAKES[name]}, not {len(call) or 'none'}"
    own = call.type(0)
    if own == UNKNOWN:
        return None
    match name:
        case "explode" | "posexplode" if own.name not in ("array", "map"):
            return f"it makes rows of an array or a map, not of {own}"
        case "inline" if own.name != "array" or own.element.name not in ("struct", "unknown"):
            return f"it makes rows of an array of structs, not of {own}"
        case "json_tuple" if any(x not in (t.STRING, UNKNOWN) for x in call.types):
            return f"it takes texts, not {', '.join(map(str, call.types))}"
        case "stack":
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


_COUNTS: Final[dict[str, Callable[[int], bool]]] = {
    **dict.fromkeys(["explode", "posexplode", "inline", "variant_explode"], lambda n: n == 1),
    **dict.fromkeys(["json_tuple", "stack"], lambda n: n > 1),
    "range": lambda n: 1 <= n <= 4,
}
_TAKES: Final = {
    **dict.fromkeys(["explode", "posexplode", "inline", "variant_explode"], "one argument"),
    **dict.fromkeys(["json_tuple", "stack"], "two arguments or more"),
    "range": "one to four arguments",
}


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
