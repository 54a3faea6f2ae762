"""GROUP BY: its keys, and the sets of them that ROLLUP, CUBE and GROUPING SETS stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING, Final, TypeAlias

from sqlglot import exp

from headwater import types as t
from headwater.sql.analysis import Output
from headwater.sql.functions import name_of
from headwater.sql.portable import clauses
from headwater.sql.portable.pieces import Piece, Refusal, refuse_unless
from headwater.sql.typing.literals import position

if TYPE_CHECKING:
    from headwater.sql.portable.expressions import Expressions

_Set: TypeAlias = "tuple[exp.Expr, ...]"
_SETS: Final = (exp.Rollup, exp.Cube, exp.GroupingSets)
_PARTS: Final = frozenset({"expressions", "all", "rollup", "cube", "grouping_sets"})
MOST_SETS: Final = 4_096
RULES: Final = frozenset({"grouping"})
"""Rules for calls that tell sets apart, by the names that the table of functions has for them."""


@dataclass(frozen=True, slots=True)
class GroupBy:
    """What a GROUP BY says.

    Args:
        keys: Its expressions, positions and brackets taken out, in the order in which Spark counts
            them for `grouping_id()`; one may stand there twice.
        sets: Which of them, for each set; None where there is one set of all.
    """

    keys: _Set
    sets: tuple[_Set, ...] | None = None


def read(node: exp.Select, group: exp.Expr, outputs: Sequence[Output]) -> GroupBy:
    """Return what the GROUP BY of a SELECT says.

    Example: `GROUP BY a, ROLLUP (b, c)` -> a, b, c, and the sets (a, b, c), (a, b), (a)
    """
    strange = [k for k, v in group.args.items() if v and k not in _PARTS]
    refuse_unless(not strange, f"GROUP BY {' '.join(strange).upper()}", group)
    listed = list(group.expressions)
    if group.args.get("all"):
        refuse_unless(not listed, "GROUP BY ALL with keys", group)
        bare = (clauses.bare(x) for x in node.expressions if not clauses.aggregated(x))
        return GroupBy(tuple(bare))
    behind = [x for k in ("rollup", "cube", "grouping_sets") for x in group.args.get(k) or []]
    refuse_unless(
        len(behind) <= 1, "GROUP BY with several of ROLLUP, CUBE and GROUPING SETS", group
    )
    reader = _Reader(outputs)
    if behind and not behind[0].expressions:  # GROUP BY a, b WITH ROLLUP
        word = type(behind[0])
        keys = tuple(reader.key(x) for x in listed)
        sets = _rollup([(k,) for k in keys]) if word is exp.Rollup else _cube([(k,) for k in keys])
        return GroupBy(keys, tuple(sets))
    if behind:  # GROUP BY a, b GROUPING SETS ((a, b), a)
        keys_ = [reader.key(x) for x in listed]
        sets = reader.sets(behind[0])
        strange_key = next((k for s in sets for k in s if k not in keys_), None)
        reason = "GROUPING SETS of what GROUP BY does not list"
        refuse_unless(strange_key is None, reason, strange_key)
        return GroupBy(tuple(reader.keys), tuple(sets))
    if not any(isinstance(x, _SETS) for x in listed):
        return GroupBy(tuple(reader.key(x) for x in listed))
    parts = [reader.sets(x) for x in listed]
    count = 1
    for part in parts:
        count *= len(part)
        refuse_unless(count <= MOST_SETS, f"GROUP BY of more than {MOST_SETS:,} sets", group)
    crossed = (tuple(k for s in choice for k in s) for choice in product(*parts))
    return GroupBy(tuple(reader.keys), tuple(crossed))


class _Reader:
    """Reads the parts of a GROUP BY; `keys` are those that were met, in order."""

    def __init__(self, outputs: Sequence[Output]) -> None:
        self._outputs = outputs
        self.keys: list[exp.Expr] = []

    def key(self, node: exp.Expr) -> exp.Expr:
        """Return a grouping expression; a position is the output that stands there."""
        if (number := position(node)) is not None:
            index = number - 1
            output = self._outputs[index].node if 0 <= index < len(self._outputs) else None
            if output is None:
                raise Refusal("GROUP BY a position in an expanded star", node)
            node = clauses.bare(output)
        refuse_unless(not isinstance(node, (exp.Tuple, *_SETS)), "GROUP BY with a tuple", node)
        self.keys.append(node)
        return node

    def sets(self, node: exp.Expr) -> list[_Set]:
        """Return the sets that one part of a GROUP BY stands for."""
        if isinstance(node, exp.GroupingSets):
            return [s for x in node.expressions for s in self.sets(x)]
        if isinstance(node, (exp.Rollup, exp.Cube)):
            parts = [self._together(x) for x in node.expressions]
            refuse_unless(len(parts) <= 12, "GROUP BY CUBE of more than 12 parts", node)
            return _rollup(parts) if isinstance(node, exp.Rollup) else _cube(parts)
        return [self._together(node)]

    def _together(self, node: exp.Expr) -> _Set:
        if isinstance(node, exp.Tuple):
            return tuple(self.key(x) for x in node.expressions)
        return (self.key(node.unnest() if isinstance(node, exp.Paren) else node),)


def _rollup(parts: Sequence[_Set]) -> list[_Set]:
    """Return all, all but the last, ... none."""
    return [_joined(parts[:n]) for n in range(len(parts), -1, -1)]


def _cube(parts: Sequence[_Set]) -> list[_Set]:
    return [_joined(c) for n in range(len(parts), -1, -1) for c in combinations(parts, n)]


def _joined(parts: Sequence[_Set]) -> _Set:
    return tuple(key for part in parts for key in part)


def identity(counted: Sequence[str]) -> Piece:
    """Return `grouping__id`: the sets' number, one bit for each key."""
    return Piece(f"CAST(grouping({', '.join(counted)}) AS BIGINT)", t.BIGINT)


def marks(e: Expressions, node: exp.Expr) -> Piece:
    """Return `grouping(a)` and `grouping_id(a, b)`: 1 for each key that a row's set leaves out."""
    name = name_of(node) or ""
    clause = node.find_ancestor(exp.Having, exp.Order, exp.Qualify, exp.Window, exp.Select)
    # Behind the SELECT Spark looks for its columns among the outputs.
    own_order = isinstance(clause, exp.Order) and isinstance(clause.parent, exp.Window)
    inside = own_order or isinstance(clause, (exp.Select, exp.Window))
    refuse_unless(inside, f"{name}() outside of the columns of a SELECT", node)
    refuse_unless(e.counted is not None, f"{name}() without ROLLUP, CUBE or GROUPING SETS", node)
    counted = e.counted or ()
    if name == "grouping":
        refuse_unless(len(node.expressions) == 1, "grouping() of several arguments", node)
    arguments = [e.piece(x).sql for x in node.expressions] or list(counted)
    refuse_unless(
        all(x in counted for x in arguments), f"{name}() of what is no grouping key", node
    )
    if name != "grouping":
        refuse_unless(arguments == list(counted), f"{name}() of other than all keys in order", node)
    type_ = e.type_of(node)
    word = "TINYINT" if type_ == t.TINYINT else "BIGINT"
    return Piece(f"CAST(grouping({', '.join(arguments)}) AS {word})", type_)
