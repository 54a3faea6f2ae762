"""What depends on an order of rows that SQL does not promise.

Rows have no order but the one that an ORDER BY gives them where it stands: `first(x)`, a LIMIT, or
a `row_number()` over rows that its ORDER BY holds for equal takes whichever rows come first, and on
each engine, at each read, those may be others. Such places are reported, whatever engine runs
them.

An ORDER BY is *total* where rows that it holds for equal can't be told apart in what the query
makes of them: it names every column that is used, or columns of which a GROUP BY or DISTINCT below
leaves one row each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sqlglot import exp

from headwater.diagnostics import Severity
from headwater.sql import functions
from headwater.sql.analysis import Generated, Output, Scope, Source
from headwater.sql.binding.context import Work
from headwater.sql.binding.grouping import Key, Keys, aggregates
from headwater.sql.syntax.nodes import named_window, own_nodes
from headwater.sql.typing.literals import position
from headwater.types import STRING

OF_GROUPS: Final = {
    "list": "sort the list: sort_array({}(...))",
    "text": "order it by what it lists: {0}(x) WITHIN GROUP (ORDER BY x)",
    "first": "take min(x) or max(x), or max_by(x, struct(key, x))",
    "by": "let what it goes by end with the value itself: {}(x, struct(key, x))",
    "mode": "say which of equally frequent values: mode(x, true) gives the least",
    "quantile": "take the exact percentile(...)",
    "frequent": "count with GROUP BY",
}
"""Aggregates whose value depends on the order of a group's rows, by the words that the table of
functions has for them, and what to write instead."""
_BY_VALUE: Final = ("first", "nth")
OF_WINDOWS: Final = (*OF_GROUPS, "nth", "place")
_AFTER_CALLS: Final = (exp.Filter, exp.IgnoreNulls, exp.RespectNulls, exp.WithinGroup)
SORTED: Final = "over rows that a subquery sorts: no engine promises that order"
_CONSTANT: Final = ("constant",)
_TAIL: Final = ("limit", "offset")
_SORTS: Final = ("order", "sort", "cluster")


def check(work: Work, root: Scope) -> set[int]:
    """Warn of each place that depends on an order which is not promised.

    Example: `SELECT s FROM t LIMIT 1` -> `non-reproducible`

    Returns:
        `id` of the nodes of these places: calls, OVER clauses, and queries with a LIMIT.
    """
    unordered: set[int] = set()
    for scope in scopes(root):
        scope_order = _ScopeOrder(work, scope)
        for node, message, hint in scope_order.places():
            unordered.add(id(node))
            work.report("non-reproducible", message, node, hint=hint, severity=Severity.WARNING)
    return unordered


def scopes(*roots: Source, subqueries: bool = True) -> Iterator[Scope]:
    """Yield scopes and all that they read, each once; what expressions read is `subqueries`."""
    visited: set[int] = set()
    todo = list(roots)
    while todo:
        here = todo.pop()
        if isinstance(here, Scope):
            if id(here) in visited:
                continue
            visited.add(id(here))
            yield here
            todo += [*here.sources.values(), *here.branches]
            todo += here.subqueries if subqueries else ()
        elif isinstance(here, Generated):
            todo += here.inputs.values()


def sorted_below(scope: Scope, *, cut: bool = True) -> exp.Expr | None:
    """Return an ORDER BY below a SELECT whose order may reach it, or None.

    Args:
        scope: The SELECT.
        cut: Whether one that a LIMIT needs counts as well.
    """
    for here in scopes(*scope.sources.values(), *scope.branches, subqueries=False):
        for node in layers(here.node):
            needed = any(node.args.get(k) is not None for k in _TAIL)
            for key in _SORTS if cut or not needed else ():
                if (sorting := node.args.get(key)) is not None:
                    assert isinstance(sorting, exp.Expr)
                    return sorting
    return None


def layers(node: exp.Expr) -> Iterator[exp.Expr]:
    """Yield a query and the brackets around it, which may have an ORDER BY of their own."""
    yield node
    above = node.parent
    while isinstance(above, exp.Subquery):
        yield above
        above = above.parent


def _bare(node: exp.Expr | None) -> exp.Expr | None:
    while isinstance(node, (exp.Paren, exp.Alias, exp.Ordered)):
        node = node.this
    return node


class _ScopeOrder:
    """Looks at one scope."""

    def __init__(self, work: Work, scope: Scope) -> None:
        self._work, self._scope = work, scope
        self._keys = Keys(work, scope)
        self._node = scope.node
        self._all_used: set[Key] | None = None

    def places(self) -> Iterator[tuple[exp.Expr, str, str]]:
        """Yield what depends on an order: the node, the message, the hint."""
        yield from self._limits()
        if isinstance(self._node, exp.Select):
            for node in (*own_nodes(self._node, ["with_", "from_"]), *_pivoted(self._node)):
                if isinstance(node, exp.Window):
                    yield from self._window(node)
                elif not isinstance(node, exp.Anonymous) or self._before_over(node):
                    continue  # no call, or one that its OVER stands for
                elif (order := functions.called(node).order) in OF_GROUPS:
                    yield from self._aggregate(node)
                elif order == "sum":
                    yield from self._added(node, node)

    # -- LIMIT -----------------------------------------------------------------------------------

    def _limits(self) -> Iterator[tuple[exp.Expr, str, str]]:
        if id(self._scope) in self._work.vague:
            return
        order: exp.Expr | None = None
        for layer in layers(self._node):
            order = layer.args.get("order") or order
            cut = next((layer.args[k] for k in _TAIL if layer.args.get(k) is not None), None)
            if cut is None or self._is_one_row() or self._cuts_nothing(layer):
                continue
            if self._orders_all(order, layer):
                continue
            word = type(cut).__name__.upper()
            if order is None:
                message = f"which rows {word} takes is not promised: no ORDER BY stands with it"
            else:
                message = f"{word} may part rows that its ORDER BY holds for equal"
            yield layer, message, "let ORDER BY name every column of the SELECT, what counts first"

    def _is_one_row(self) -> bool:
        select = self._node
        if not isinstance(select, exp.Select) or select.args.get("group") is not None:
            return False
        if not select.args.get("from_") and not select.args.get("laterals"):
            return not any(_makes_rows(e) for e in select.expressions)
        return any(aggregates(e) for e in select.expressions)

    def _cuts_nothing(self, layer: exp.Expr) -> bool:
        """LIMIT 0 takes no row, whatever the order; so does OFFSET 0 take all."""
        limit, offset = layer.args.get("limit"), layer.args.get("offset")
        number = limit.expression.name if limit is not None and limit.expression else ""
        if number == "0":
            return True
        skipped = offset.expression.name if offset is not None and offset.expression else "0"
        return skipped == "0" and limit is None

    def _orders_all(self, order: exp.Expr | None, layer: exp.Expr) -> bool:
        if order is None:
            return False
        keys: set[Key] = set()
        names: set[str] = set()
        for item in order.expressions:
            node = _bare(item)
            if isinstance(node, exp.Var):  # ORDER BY ALL
                return True
            for output in self._named_outputs(node):
                names.add(output.name.casefold())
                keys |= self._keys_of(output)
            if node is not None:
                keys.add(self._keys.of(node))
        outputs = self._scope.outputs
        keys.add(_CONSTANT)
        if all(o.name.casefold() in names or self._keys_of(o) & keys for o in outputs):
            return True
        return isinstance(self._node, exp.Select) and self._covers(keys)

    def _named_outputs(self, node: exp.Expr | None) -> list[Output]:
        """The outputs that an item of ORDER BY means: by position, or by name."""
        outputs = self._scope.outputs
        number = position(node) if node is not None else None
        if number is not None:
            return [outputs[number - 1]] if 0 < number <= len(outputs) else []
        if isinstance(node, exp.Column) and len(node.parts) == 1:
            named = self._work.aliases.get(id(node))
            if named is not None:
                return [named]
            if id(node) not in self._work.bindings:
                return [o for o in outputs if o.name.casefold() == node.name.casefold()]
        return []

    def _keys_of(self, output: Output) -> set[Key]:
        keys: set[Key] = set()
        node = _bare(output.node)
        if node is not None:
            keys.add(self._keys.of(node))
            if isinstance(node, (exp.Literal, exp.Null, exp.Boolean)):
                keys.add(_CONSTANT)
        if output.origin is not None and output.origin.scope is self._scope:
            keys.add(self._keys.of_binding(output.origin))
        return keys

    # -- which columns tell rows apart -------------------------------------------------------------

    def _covers(self, keys: set[Key]) -> bool:
        """Whether of each combination of these there is one row, or all its rows are alike."""
        select = self._node
        group = select.args.get("group")
        if group is not None:
            return self._group_keys(group) <= keys
        unique = self._unique_below()
        return unique is not None and unique <= keys

    def _group_keys(self, group: exp.Expr) -> set[Key]:
        if group.args.get("all"):
            return {
                k
                for o in self._scope.outputs
                if o.node is not None and not aggregates(o.node)
                for k in [self._keys.of(_bare(o.node) or o.node)]
            }
        keys: set[Key] = set()
        for item in group.find_all(exp.Rollup, exp.Cube, exp.GroupingSets):
            keys.add(("sets", id(item)))
        for item in group.expressions:
            node = _bare(item)
            named = self._named_outputs(node)
            if named and named[0].node is not None:
                node = _bare(named[0].node)
            if node is not None:
                keys.add(self._keys.of(node))
        return keys

    def _unique_below(self) -> set[Key] | None:
        """Keys of columns of the only source of which it gives one row each."""
        select = self._node
        sources = list(self._scope.sources.items())
        if len(sources) != 1 or select.args.get("laterals"):
            return None
        if any(_makes_rows(e) for e in select.expressions):
            return None
        key, source = sources[0]
        if not isinstance(source, Scope):
            return None
        names = unique_columns(self._work, source)
        if names is None:
            return None
        return {self._keys.of_column(key, n) for n in names}

    # -- aggregates and windows -------------------------------------------------------------------

    def _aggregate(self, node: exp.Expr) -> Iterator[tuple[exp.Expr, str, str]]:
        function = functions.called(node)
        kind = function.order
        if kind == "list" and _order_is_lost(node):
            return
        above = node.parent
        arguments = _arguments(node)
        value = self._keys.of(arguments[0]) if arguments else None
        if isinstance(above, exp.WithinGroup):
            ordered = [_bare(o) for o in above.expression.expressions]
            if kind == "mode" or value in {self._keys.of(o) for o in ordered if o is not None}:
                return
        group = self._node.args.get("group")
        keys = self._group_keys(group) if group is not None else set()
        if kind == "by" and len(arguments) == 2:
            by = _bare(arguments[1])
            if by is not None:
                parts = by.expressions if functions.name_of(by) == "struct" else [by]
                keys |= {self._keys.of(p) for p in (_bare(x) for x in parts) if p is not None}
        if kind == "mode" and len(arguments) == 2 and isinstance(arguments[1], exp.Boolean):
            return
        constant = bool(arguments) and isinstance(arguments[0], (exp.Literal, exp.Null))
        if (value in keys or constant) and kind not in ("list", "text"):
            return
        message = f"{function.name}() depends on an order of rows that is not promised"
        yield node, message, OF_GROUPS[kind].format(function.name)

    def _added(self, call: exp.Expr, node: exp.Expr) -> Iterator[tuple[exp.Expr, str, str]]:
        """A sum of floats over rows that were sorted: meant to be added up in that order."""
        types = [self._work.types.get(id(a)) for a in _arguments(call)]
        if not any(x is not None and (x.is_floating or x == STRING) for x in types):
            return
        if sorted_below(self._scope, cut=False) is not None:
            message = (
                f"{functions.name_of(call)}() of floats adds up in an order that is not promised"
            )
            yield node, message, "leave out the ORDER BY below it, or add decimals up"

    def _window(self, node: exp.Window) -> Iterator[tuple[exp.Expr, str, str]]:
        inner = node.this
        while isinstance(inner, _AFTER_CALLS):
            inner = inner.this
        name, kind = functions.name_of(inner) or "", functions.called(inner).order
        if kind == "sum":
            yield from self._added(inner, node)
        spec, order, parts = _definition(self._scope.node, node)
        by_rows = spec is not None and str(spec.args.get("kind") or "").upper() == "ROWS"
        whole = spec is not None and by_rows and _is_whole(spec)
        sensitive = kind in OF_WINDOWS
        if kind == "rank" or not (sensitive or (by_rows and not whole)):
            return
        if kind == "list" and _order_is_lost(node):
            return
        keys = {self._keys.of(k) for k in (_bare(p) for p in parts) if k is not None}
        for item in order.expressions if order is not None else ():
            value = _bare(item)
            if value is None:
                continue
            keys.add(self._keys.of(value))
            for output in self._named_outputs(value):
                keys |= self._keys_of(output)
        if self._covers_rows(keys):
            return
        arguments = _arguments(inner)
        first = self._keys.of(arguments[0]) if arguments else None
        if kind in _BY_VALUE and first in keys and (not by_rows or whole):
            return
        if order is None:
            message = f"{name}() OVER without ORDER BY depends on an order that is not promised"
        else:
            message = (
                f"{name}() OVER depends on the order of rows that its ORDER BY holds for equal"
            )
        hint = (
            "let ORDER BY in OVER name columns that tell all rows of a partition apart, e.g. an id"
        )
        yield node, message, hint

    def _covers_rows(self, keys: set[Key]) -> bool:
        """Whether rows that are equal in these are equal in all that the SELECT looks at."""
        if self._covers(keys):
            return True
        if self._node.args.get("group") is not None:
            return False
        if self._all_used is None:  # the same for each of a thousand windows
            self._all_used = self._used()
        return self._all_used <= keys

    def _used(self) -> set[Key]:
        keys = {
            self._keys.of_binding(o.origin)
            for o in self._scope.outputs
            if o.origin is not None and o.origin.scope is self._scope
        }
        for column in self._node.find_all(exp.Column):
            binding = self._work.bindings.get(id(column))
            if binding is not None and binding.scope is self._scope:
                keys.add(self._keys.of_binding(binding))
        return keys

    def _before_over(self, node: exp.Expr) -> bool:
        below = node
        while isinstance(below.parent, _AFTER_CALLS):
            below = below.parent
        return isinstance(below.parent, exp.Window) and below.parent.this is below


def unique_columns(work: Work, scope: Scope) -> frozenset[str] | None:
    """Return folded names of columns of which a query gives one row each, or None."""
    if id(scope) not in work.unique:
        work.unique[id(scope)] = _unique_columns(work, scope)
    return work.unique[id(scope)]


def _unique_columns(work: Work, scope: Scope) -> frozenset[str] | None:
    if id(scope) in work.vague:
        return None
    node = scope.node
    everything = frozenset(o.name.casefold() for o in scope.outputs)
    if isinstance(node, exp.SetOperation):
        return everything if node.args.get("distinct") else None
    if not isinstance(node, exp.Select):
        return None
    if node.args.get("distinct") is not None:
        return everything
    scope_order = _ScopeOrder(work, scope)
    group = node.args.get("group")
    if group is not None:
        keys = scope_order._group_keys(group)
    elif any(aggregates(e) for e in node.expressions):
        return frozenset()
    else:
        below = scope_order._unique_below()
        if below is None:
            return None
        keys = below
    names: set[str] = set()
    for key in keys:
        named = next((o.name for o in scope.outputs if key in scope_order._keys_of(o)), None)
        if named is None:
            return None
        names.add(named.casefold())
    return frozenset(names)


def _definition(
    select: exp.Expr, node: exp.Window
) -> tuple[exp.Expr | None, exp.Expr | None, Iterable[exp.Expr]]:
    """Return frame, ORDER BY and PARTITION BY of a window, if need be from the WINDOW clause."""
    defined = named_window(select, node) or node
    return (
        defined.args.get("spec"),
        defined.args.get("order"),
        defined.args.get("partition_by") or (),
    )


def _is_whole(spec: exp.Expr) -> bool:
    """Whether a frame is the whole partition."""
    return all(str(spec.args.get(k) or "").upper() == "UNBOUNDED" for k in ("start", "end"))


def _arguments(node: exp.Expr) -> list[exp.Expr]:
    arguments = list(node.expressions)
    if len(arguments) == 1 and isinstance(arguments[0], exp.Distinct):
        return list(arguments[0].expressions)
    return arguments


def _order_is_lost(node: exp.Expr) -> bool:
    above = node.parent
    while isinstance(above, (*_AFTER_CALLS, exp.Paren, exp.Window)):
        above = above.parent
    if above is None or functions.called(above).order != "lost":
        return False
    return not any(isinstance(a, exp.Lambda) for a in above.expressions)


def _pivoted(select: exp.Select) -> Iterator[exp.Expr]:
    """Yield the nodes of the PIVOTs of a SELECT's FROM."""
    from_, joins = select.args.get("from_"), select.args.get("joins") or ()
    for item in (from_.this if from_ is not None else None, *joins, *(j.this for j in joins)):
        for pivot in (item.args.get("pivots") if item is not None else None) or ():
            yield from own_nodes(pivot)


def _makes_rows(node: exp.Expr) -> bool:
    bare = node.this if isinstance(node, (exp.Alias, exp.Aliases)) else node
    return functions.called(bare).kind == "generator"
