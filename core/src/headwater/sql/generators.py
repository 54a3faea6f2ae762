"""Columns of functions that make many rows of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from headwater import types as t
from headwater.sql import types as typing
from headwater.sql.arguments import Call
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
