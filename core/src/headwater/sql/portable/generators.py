"""Generators: the rows that explode, inline, stack and json_tuple make of each row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from headwater import types as t
from headwater.sql.functions import called, name_of
from headwater.sql.portable import json_paths, json_values
from headwater.sql.portable.comparing import widened
from headwater.sql.portable.pieces import Piece, Refusal, refuse_unless
from headwater.sql.portable.raising import doubted
from headwater.sql.portable.spelling import null
from headwater.sql.portable.spelling import text as literal
from headwater.sql.typing.literals import position
from headwater.sql.typing.rules import wider
from headwater.types import DataType

if TYPE_CHECKING:
    from headwater.sql.portable.expressions import Expressions

_PLACE: Final = "CAST(p AS INTEGER)"


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that a generator makes of one row.

    Args:
        items: SQL of the list whose elements make a row each; None for one row.
        columns: SQL of their columns, in which `e` is the element and `p` its place.
        types: Types of these.
        raises: Whether evaluating one of these may raise.
        declines: Whether it then raises only where Spark answers.
        hidden: Whether making the list may raise as Spark does.
        outer: Whether a row without elements makes one of NULLs.
        floats: Whether it names floats: DuckDB's LATERAL makes rows once for all equal values, and
            has the second of two zeros for the first.
    """

    items: str | None
    columns: tuple[str, ...]
    types: tuple[DataType, ...]
    raises: bool = False
    declines: bool = False
    hidden: bool = False
    outer: bool = False
    floats: bool = False

    @property
    def sql(self) -> str:
        """The rows as a query that names columns around it."""
        listed = ", ".join(f"{c} AS c{i}" for i, c in enumerate(self.columns))
        if self.items is None:
            return f"SELECT {listed}"
        places = self._places(self.items)
        return f"SELECT {listed} FROM (SELECT unnest({self.items}) AS e{places}) AS u"

    @property
    def risky(self) -> bool:
        """Whether making them may raise where Spark does."""
        return self.hidden or (self.raises and not self.declines)

    def doubted(self) -> Rows:
        """Return the rows where they are made of more rows than Spark may make them of."""
        items = doubted(self.items) if self.items is not None else None
        return replace(self, items=items, columns=tuple(map(doubted, self.columns)))

    def beside(self, text: str, alias: str, around: str, kept: Mapping[str, str]) -> str:
        """Return FROM with the rows that are made of each of its rows.

        Example: `SELECT i, explode(a) AS x FROM t`
            -> `SELECT ...CROSS JOIN LATERAL (SELECT ...) AS t2`

        Args:
            text: What stands in FROM, or nothing.
            alias: The name of the rows.
            around: A name for both together, if they need one.
            kept: What is asked of each source in `text`, as a struct, by its name.
        """
        text = text or "(SELECT 1) AS one"
        if not self.floats or self.items is None:
            if self.outer:
                return f"{text}\nLEFT JOIN LATERAL ({self.sql}) AS {alias} ON true"
            return f"{text}\nCROSS JOIN LATERAL ({self.sql}) AS {alias}"
        items, filled = self.items, f"len({self.items}) > 0"
        if self.outer:
            items = f"CASE WHEN {filled} THEN {items} ELSE [NULL] END"
        structs = "".join(f"{struct} AS {name}, " for name, struct in kept.items())
        places = self._places(items) + (f", {filled} AS filled" if self.outer else "")
        columns = [f"CASE WHEN filled THEN {c} END" if self.outer else c for c in self.columns]
        made = "{" + ", ".join(f"c{i}: {c}" for i, c in enumerate(columns)) + "}"
        return (
            f"(\nSELECT {''.join(f'{name}, ' for name in kept)}{made} AS {alias} FROM (\n"
            f"SELECT {structs}unnest({items}) AS e{places} FROM {text}\n) AS u) AS {around}"
        )

    def _places(self, items: str) -> str:
        placed = _PLACE in self.columns
        return f", generate_subscripts({items}, 1) - 1 AS p" if placed else ""


def rows_of(e: Expressions, call: exp.Expr) -> Rows:
    """Return the rows that a generator makes.

    Raises:
        Refusal: If the generator, with arguments of these types, is not in the portable subset.
    """
    name = name_of(call) or ""
    make = _MAKING.get(called(call).rule)
    if make is None:
        raise Refusal(f"{name}(): not proven", call)
    named = (e.analysis.type_of(c) for c in call.find_all(exp.Column))
    floats = any(not x.is_known or any(p.is_floating for p in x.walk()) for x in named)
    return replace(make(e, call), outer=name.endswith("_outer"), floats=floats)


def _made(items: str, parts: Sequence[Piece], columns: Mapping[str, DataType]) -> Rows:
    raises, declines = any(p.raises for p in parts), all(p.declines for p in parts if p.raises)
    hidden = any(p.risky for p in parts)
    return Rows(
        items, tuple(columns), tuple(columns.values()), raises and not hidden, declines, hidden
    )


def _exploded(e: Expressions, call: exp.Expr) -> Rows:
    name, placed = name_of(call) or "", called(call).rule == "posexplode"
    refuse_unless(len(call.expressions) == 1, f"{name}() of several arguments", call)
    value = e.piece(call.expressions[0])
    if value.type.name == "array":
        items, columns = value.sql, {"e": value.type.element}
    elif value.type.name == "map":
        items = f"map_entries({value.sql})"
        columns = {"e.key": value.type.key, "e.value": value.type.value}
    else:
        raise Refusal(f"{name}({value.type})", call)
    listed = {_PLACE: t.INT, **columns} if placed else columns
    return Rows(items, tuple(listed), tuple(listed.values()), hidden=value.risky)


def _inlined(e: Expressions, call: exp.Expr) -> Rows:
    """Return the rows that inline makes of an array of structs."""
    value = e.piece(call.expressions[0])
    fields = value.type.element.fields
    return _made(value.sql, [value], {f"struct_extract(e, {literal(n)})": x for n, x in fields})


def _stacked(e: Expressions, call: exp.Expr) -> Rows:
    """Return the rows of `stack(2, a, b, c)`: (a, b), (c, NULL)."""
    count = position(call.expressions[0]) or 1  # the binder knows no columns of another
    pieces = [e.piece(a) for a in call.expressions[1:]]
    width = -(-len(pieces) // count)
    types = [wider(p.type for p in pieces[i::width]) for i in range(width)]
    typed = all(x.is_known and x != t.VOID for x in types)
    refuse_unless(
        typed, "stack() of a column of NULLs alone, or of types that have no common one", call
    )
    cells = [widened(p, types[i % width]).sql for i, p in enumerate(pieces)]
    cells += [null(types[i]) for i in range(len(cells) % width, width) if len(cells) % width]
    rows = (
        ", ".join(f"c{i}: {cell}" for i, cell in enumerate(cells[start : start + width]))
        for start in range(0, len(cells), width)
    )
    structs = ", ".join(f"{{{row}}}" for row in rows)
    columns = {f"struct_extract(e, 'c{i}')": x for i, x in enumerate(types)}
    return _made(f"[{structs}]", pieces, columns)


def _fields_of_json(e: Expressions, call: exp.Expr) -> Rows:
    """Return the row of `json_tuple(text, 'a', 'b')`."""
    value, *names = (e.piece(a) for a in call.expressions)
    columns = []
    for name in names:
        if not isinstance(name.literal, str):
            raise Refusal("json_tuple() of a name that is not a literal", call)
        json_values.path(name.literal)
        columns.append(json_paths.found(value.sql, [name.literal], t.STRING, last=True))
    return Rows(
        None, tuple(columns), (t.STRING,) * len(columns), True, not value.risky, value.risky
    )


_MAKING: Final[dict[str, Callable[[Expressions, exp.Expr], Rows]]] = {
    "explode": _exploded,
    "posexplode": _exploded,
    "inline": _inlined,
    "stack": _stacked,
    "json_tuple": _fields_of_json,
}
RULES: Final = frozenset(_MAKING)
"""Rules for functions that make rows, by the names that the table of functions has for them."""
