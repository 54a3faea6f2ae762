"""May the window go down to a scan? Decided for each table that a query names.

A read wants the rows of a query whose time lies in the window: `c >= start AND c < end` on an
output column `c`. A partition may be left out of a scan where that changes none of *these* rows:
where, for any rows outside the window that are taken from the table, the query's rows inside it
stay the same.
The proof goes from the outermost SELECT inwards, one operator at a time:

    projection, WHERE, LATERAL VIEW   row by row; `c` must be a bare column, and is followed
    GROUP BY, windows                 only where rows of different times never meet: the bare column
                                      is a group key, and in the PARTITION BY of every window
    DISTINCT, UNION, INTERSECT,       compare whole rows, `c` among them: both sides
    EXCEPT
    joins                             the side that `c` comes from, unless an outer join makes up
                                      its rows; the other one only where ON says its time is `c`
    LIMIT, TABLESAMPLE, PIVOT         stop it, as does whatever is not known here

Subqueries in expressions are never reached, and are in nobody's way. A CTE is scanned for every use
of it, so that every use must agree. Each proof holds whatever the other tables contain; so all
scans that are reached may be pruned at once.

Errors are no rows: a cast that would fail on a row outside the window may fail or not, as under
Spark's own optimizer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from sqlglot import exp

from headwater.diagnostics import hint_for
from headwater.sql.analysis import Analysis, Output, Scope, Source, TableReference
from headwater.sql.binding.from_clause import Item, Unclear, columns_of, read_by, read_from
from headwater.sql.pruning.joins import columns_reached
from headwater.sql.pruning.obstacles import (
    ELSE,
    Blocked,
    computed,
    in_block,
    origin_of,
    pivoted,
    place_of,
)
from headwater.sql.syntax.nodes import span_of

__all__ = ["Blocked", "Reach", "Reaches", "below", "reach"]


@dataclass(frozen=True, slots=True)
class Reaches:
    """The window reaches a scan.

    Args:
        table_column: The table's own column that it is about.
    """

    table_column: str


Reach: TypeAlias = "Reaches | Blocked"
_DEEPEST: Final = 100
"""Queries inside each other that are looked through; each takes some of Python's stack."""
_Uses: TypeAlias = "dict[int, Reach]"  # by id(reference)


def reach(analysis: Analysis, column: str) -> Mapping[int, Reach]:
    """Return, for each place where a query names a table, whether a window reaches it.

    Example: `SELECT ts FROM (SELECT day AS ts FROM t WHERE o)` -> `t.day`

    Args:
        analysis: The query.
        column: The output column of the query that the window is on, in any case.

    Returns:
        A verdict for each index of `analysis.parsed.references`.
    """
    references = analysis.parsed.references
    root = analysis.root
    if root is None:
        unknown = Blocked("the query could not be resolved", None, "correct its errors first")
        return dict.fromkeys(range(len(references)), unknown)
    walk = _Walk(analysis)
    index = _position([o.name for o in root.outputs], column)
    if index is None:
        uses = walk.beneath(root, _no_output(root, column))
    else:
        uses = walk.query(root, index)
    return {i: uses.get(id(r)) or _unread(r) for i, r in enumerate(references)}


def below(analysis: Analysis, scope: Scope, index: int) -> Mapping[int, Reach]:
    """Return, by `id(reference)`, whether a condition on one output of a scope reaches the scans.

    The proof asks nothing of the window but that NULL is not in it; so it holds for every condition
    on one column that a NULL does not meet.

    Args:
        analysis: The query.
        scope: One of its scopes.
        index: Which of the scope's outputs.
    """
    return _Walk(analysis).query(scope, index)


class _Walk:
    """One walk from the outermost query inwards."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._uses_of: dict[tuple[int, int], _Uses] = {}
        self._open: set[int] = set()

    def query(self, scope: Scope, index: int) -> _Uses:
        """Return the verdicts on all scans below a scope, for a window on one of its outputs."""
        key = (id(scope), index)
        if key not in self._uses_of:
            if id(scope) in self._open:
                return self.beneath(scope, _recursive(scope))
            if len(self._open) >= _DEEPEST:
                return self.beneath(scope, _too_deep(scope))
            self._open.add(id(scope))
            self._uses_of[key] = self._query(scope, index)
            self._open.remove(id(scope))
        return self._uses_of[key]

    def _query(self, scope: Scope, index: int) -> _Uses:
        if isinstance(scope.node, exp.SetOperation):
            return self._set_operation(scope, index)
        if isinstance(scope.node, exp.Select):
            return self._select(scope, index)
        if isinstance(scope.node, exp.Table):
            return self._renamed(scope, index)
        what = type(scope.node).key.upper()
        why = Blocked(
            f"{what} is not looked through",
            span_of(scope.node),
            f"write it as a SELECT of its own, {ELSE}",
        )
        return self.beneath(scope, why)

    def _renamed(self, scope: Scope, index: int) -> _Uses:
        """`table AS t (a, b)` is a scope of its own."""
        origin = scope.outputs[index].origin
        if origin is None or origin.scope is not scope:
            return self.beneath(scope, computed(scope.outputs[index]))
        return self._source(scope.sources[origin.source], origin.column)

    def _set_operation(self, scope: Scope, index: int) -> _Uses:
        """A long UNION leans to the left: walked, not recursed into."""
        uses: _Uses = {}
        todo = [scope]
        while todo:
            here = todo.pop()
            blocked = in_block(self._analysis, here, None)
            if blocked is not None:
                _add(uses, self.beneath(here, blocked))
                continue
            for subquery in here.subqueries:  # of its ORDER BY
                _add(uses, self.beneath(subquery, _looked_up(subquery)))
            for branch in here.branches:
                output, branch_output = here.outputs[index], branch.outputs[index]
                if branch_output.type != output.type:
                    _add(uses, self.beneath(branch, _converted(here, branch_output, output)))
                elif isinstance(branch.node, exp.SetOperation):
                    todo.append(branch)
                else:
                    _add(uses, self.query(branch, index))
        return uses

    def _select(self, scope: Scope, index: int) -> _Uses:
        output = scope.outputs[index]
        origin = origin_of(self._analysis, output)
        if origin is None or origin.scope is not scope or origin.fields:
            return self.beneath(scope, computed(output))
        blocked = in_block(self._analysis, scope, origin)
        if blocked is not None:
            return self.beneath(scope, blocked)
        items = read_from(self._analysis, scope)
        if isinstance(items, Unclear):
            return self.beneath(scope, _unclear(items))
        if all(item.key != origin.source for item in items):
            return self.beneath(scope, _generated(output))
        uses: _Uses = {}
        for subquery in scope.subqueries:
            _add(uses, self.beneath(subquery, _looked_up(subquery)))
        for item, reached in zip(
            items, columns_reached(self._analysis, scope, items, origin), strict=True
        ):
            if isinstance(reached, Blocked):
                _add(uses, self.beneath(item.source, reached))
            else:
                _add(uses, self._item(item, reached))
        return uses

    def _item(self, item: Item, column: str) -> _Uses:
        sample, pivots = item.node.args.get("sample"), item.node.args.get("pivots")
        if sample is not None:
            return self.beneath(item.source, _sampled(sample, item))
        if pivots:
            return self.beneath(item.source, pivoted(pivots[0]))
        return self._source(item.source, column)

    def _source(self, source: Source, column: str) -> _Uses:
        position = _position([name for name, _ in columns_of(self._analysis, source)], column)
        if position is None:
            why = Blocked(
                f"{column!r} is the name of several columns",
                span_of(source.node),
                "give each column a name of its own",
            )
            return self.beneath(source, why)
        if isinstance(source, Scope):
            return self.query(source, position)
        if isinstance(source, TableReference):
            table = self._analysis.tables[source.name]
            return {id(source): Reaches(table.columns[position].name)}
        return {}

    def beneath(self, source: Source, why: Blocked) -> _Uses:
        """Return the same verdict on all scans below a source."""
        uses: _Uses = {}
        visited: set[int] = set()
        todo = [source]
        while todo:
            here = todo.pop()
            if isinstance(here, TableReference):
                uses[id(here)] = why
            elif id(here) not in visited:
                visited.add(id(here))
                todo += read_by(here)
        return uses


def _add(uses: _Uses, more: _Uses) -> None:
    """Add the verdicts for another use; a scan is reached where all of them agree."""
    for reference, verdict in more.items():
        before = uses.setdefault(reference, verdict)
        if before == verdict or (isinstance(before, Blocked) and isinstance(verdict, Blocked)):
            continue
        blocked = before if isinstance(before, Blocked) else verdict
        if isinstance(blocked, Blocked):
            why = f"it is read in several places, and in one of them {blocked.reason}"
            uses[reference] = replace(blocked, reason=why)
        elif isinstance(before, Reaches):
            uses[reference] = Blocked(
                f"it is read in several places, for times in {before.table_column!r} "
                f"and in {blocked.table_column!r}",
                None,
                "name the table in each place where it is read, instead of one WITH for both",
            )


def _position(names: Iterable[str], name: str) -> int | None:
    """Return where a name stands, or None where it is missing or stands twice."""
    places = [i for i, n in enumerate(names) if n.casefold() == name.casefold()]
    return places[0] if len(places) == 1 else None


def _no_output(root: Scope, column: str) -> Blocked:
    names = [o.name for o in root.outputs]
    twice = any(n.casefold() == column.casefold() for n in names)
    return Blocked(
        f"the query has {'several outputs' if twice else 'no output'} {column!r}",
        None,
        "give each output a name of its own"
        if twice
        else hint_for(column, names, what="output columns"),
    )


def _recursive(scope: Scope) -> Blocked:
    return Blocked(
        "a recursive query reads its own rows again",
        span_of(scope.node),
        f"filter by time in its first part, {ELSE}",
    )


def _too_deep(scope: Scope) -> Blocked:
    return Blocked(
        f"more than {_DEEPEST} queries are built on each other",
        span_of(scope.node),
        f"read the table further out, {ELSE}",
    )


def _converted(scope: Scope, before: Output, after: Output) -> Blocked:
    return Blocked(
        f"{type(scope.node).key.upper()} turns {before.name!r} from {before.type} "
        f"into {after.type}",
        place_of(before.node),
        f"keep the time as one type on both sides, {ELSE}",
    )


def _generated(output: Output) -> Blocked:
    return Blocked(
        f"{output.name!r} is made by LATERAL VIEW, not read from a table",
        place_of(output.node),
        f"take a column of the table for the window, {ELSE}",
    )


def _looked_up(subquery: Scope) -> Blocked:
    return Blocked(
        "a subquery in an expression looks at rows of all times",
        span_of(subquery.node),
        f"filter by time inside the subquery, {ELSE}",
    )


def _sampled(sample: exp.Expr, item: Item) -> Blocked:
    return Blocked(
        "TABLESAMPLE takes its rows before the window does",
        span_of(sample) or span_of(item.node),
        "leave it out and ask for a sample of the read instead",
    )


def _unclear(unclear: Unclear) -> Blocked:
    if pivots := unclear.node.args.get("pivots"):
        return pivoted(pivots[0])
    return Blocked(
        "this part of FROM is not understood well enough to look through it",
        span_of(unclear.node),
        f"write the joins one after the other, {ELSE}",
    )


def _unread(reference: TableReference) -> Blocked:
    if pivots := reference.node.args.get("pivots"):
        return pivoted(pivots[0])
    return Blocked("the query does not use it", reference.span, "leave it out")
