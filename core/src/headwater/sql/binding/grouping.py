"""GROUP BY: what is grouped, and whether everything else is aggregated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final, TypeAlias

from sqlglot import exp

from headwater.sql import functions
from headwater.sql.analysis import Binding, Output, Scope
from headwater.sql.binding.context import Clause, Context, Work
from headwater.sql.binding.expressions import type_of
from headwater.sql.binding.frame import Frame, Visible
from headwater.sql.syntax.nodes import own_nodes
from headwater.sql.typing.literals import position
from headwater.sql.typing.names import data_type
from headwater.types import BIGINT, UNKNOWN

Key: TypeAlias = tuple[object, ...]

_GROUPING_ID: Final = "grouping__id"
_EITHER_WAY: Final = (exp.Add, exp.Mul, exp.And, exp.Or, exp.EQ, exp.NullSafeEQ)
_TURNED: Final[dict[type[exp.Expr], type[exp.Expr]]] = {exp.GT: exp.LT, exp.GTE: exp.LTE}
_AFTER_CALLS: Final = (exp.Filter, exp.IgnoreNulls, exp.RespectNulls, exp.WithinGroup)
_SETS: Final = "of what ROLLUP, CUBE or GROUPING SETS group it knows the outputs only"


def group_by(
    work: Work,
    node: exp.Select,
    context: Context,
    ordinal: Callable[[Work, exp.Expr, Context], bool],
) -> frozenset[str] | None:
    """Bind GROUP BY; return the folded names of the columns in it, or None without one.

    Example: `SELECT s, max(i) AS n FROM t GROUP BY 1` -> `s string, n int`
    """
    group = node.args.get("group")
    if group is None:
        return None
    named: set[str] = set()
    for item in _items(group):
        if not ordinal(work, item, context):
            type_of(work, item, context)
    _check_all(work, group, context)
    outputs = [o.node for o in context.scope.outputs if o.node is not None]
    everything = [n for n in outputs if not aggregates(n)] if group.args.get("all") else []
    for item in (*_named_outputs(work, group, context.scope), *everything):
        _check_named_output(work, item)
    for item in (*grouped_expressions(work, group, context.scope), *everything):
        for column in item.find_all(exp.Column):
            bound = work.bindings.get(id(column))
            named.add((bound.column if bound is not None else column.name).casefold())
    return frozenset(named)


def _check_all(work: Work, group: exp.Expr, context: Context) -> None:
    """Where a column is called `all`, GROUP BY ALL groups by that."""
    named = context.frame.named("all") or "all" in context.aliases
    if group.args.get("all") and named:
        work.report(
            "two-readings", "ALL is every output without an aggregate, and a column here", group,
            hint="write `all` in backticks for the column, or list what is grouped",
        )  # fmt: skip


def _check_named_output(work: Work, node: exp.Expr) -> None:
    """Report an output that GROUP BY can't group by: an aggregate, or what names other outputs."""
    if aggregates(node):
        work.report(
            "misplaced-aggregate", "GROUP BY looks at one row at a time, and this is an aggregate",
            node, hint="group by a column, or aggregate in a subquery first",
        )  # fmt: skip
    elif any(id(c) in work.aliases for c in node.find_all(exp.Column)):
        work.report(
            "unsupported-syntax",
            "this names another output of its SELECT; Spark does not group by such",
            node,
            hint="compute it in a subquery, and group outside",
        )


def with_windows(work: Work, node: exp.Select, context: Context) -> Frame:
    """Return the frame with what a GROUP BY adds: a time window, of its name; `grouping__id`.

    Example: `SELECT window.start AS v FROM t GROUP BY window(ts, '1 hour')` -> `v timestamp`
    """
    group = node.args.get("group")
    added = []
    if group is not None and _has_sets(group) and not context.frame.named(_GROUPING_ID):
        added.append(Visible(_GROUPING_ID, BIGINT, "", None))
    for item in _items(group) if group is not None else ():
        function = functions.called(item)
        if function.result == "=window":
            type_ = type_of(work, item, replace(context, clause=Clause.GROUP))
            added.append(Visible(function.name, type_, "", None))
    if not added:
        return context.frame
    return replace(context.frame, columns=[*context.frame.columns, *added])


def _has_sets(group: exp.Expr) -> bool:
    sets = (exp.Rollup, exp.Cube, exp.GroupingSets)
    return next(group.find_all(*sets), None) is not None


def _items(group: exp.Expr) -> list[exp.Expr]:
    """The grouping expressions, those inside of ROLLUP, CUBE and GROUPING SETS included."""
    items: list[exp.Expr] = []
    for part in group.iter_expressions():
        if isinstance(part, (exp.Rollup, exp.Cube, exp.GroupingSets, exp.Tuple)):
            items += _items(part)
        else:
            items.append(_bare(part))
    return items


def _bare(node: exp.Expr) -> exp.Expr:
    while isinstance(node, (exp.Paren, exp.Alias)):
        node = node.this
    return node


def check(work: Work, node: exp.Select, scope: Scope) -> None:
    """Report columns of a grouped SELECT that are neither grouped nor aggregated.

    Example: `SELECT s, i FROM t GROUP BY s` -> `missing-aggregation`
    """
    group = node.args.get("group")
    later = [node.args[k].this for k in ("having", "qualify") if node.args.get(k) is not None]
    if node.args.get("order") is not None:
        later += [o.this for o in node.args["order"].expressions]
    if (
        group is None
        and node.args.get("having") is None
        and not any(aggregates(e) for e in (*node.expressions, *later))
    ):
        return
    keys = Keys(work, scope)
    grouped = (
        {keys.of(e) for e in grouped_expressions(work, group, scope)}
        if group is not None
        else set()
    )
    if group is not None and group.args.get("all"):
        grouped |= _group_by_all_keys(keys, scope)
    for item in (*node.expressions, *later):
        for column in _ungrouped_columns(item, keys, grouped):
            name = ".".join(p.name for p in column.parts)
            work.report(
                "missing-aggregation",
                f"{name} is neither in GROUP BY nor inside of an aggregate function",
                column,
                hint=f"add it to GROUP BY, or take one of its values: any_value({name})",
            )
    star = next((e for e in node.expressions if e.is_star), None)
    places = {position(i) for i in _items(group)} if group is not None else set()
    by_place = [o.origin for n, o in enumerate(scope.outputs, 1) if n in places]
    grouped |= {keys.of_binding(b) for b in by_place if b is not None}
    for output in scope.outputs if star is not None else ():
        own = output.node is None and output.origin is not None and output.origin.scope is scope
        if own and output.origin is not None and not keys.has(output.origin, grouped):
            work.report(
                "missing-aggregation",
                f"* gives {output.name}, which is neither in GROUP BY nor inside of an aggregate "
                "function",
                star or node,
                hint="list the columns that are grouped, in place of *",
            )
            return


def _group_by_all_keys(keys: Keys, scope: Scope) -> set[Key]:
    """The keys of what GROUP BY ALL groups by: every output without an aggregate."""
    group_keys: set[Key] = set()
    for output in scope.outputs:
        if output.node is not None and not aggregates(output.node):
            group_keys.add(keys.of(output.node))
        elif output.node is None and output.origin is not None:
            group_keys.add(keys.of_binding(output.origin))
    return group_keys


def check_order(work: Work, node: exp.Select, scope: Scope) -> None:
    """Report what Spark does not order by: windows, and aggregates that it can't add to the SELECT.

    Example: `SELECT s FROM t GROUP BY s ORDER BY row_number() OVER (ORDER BY s)`
        -> `misplaced-window`

    Source: Spark, `ResolveAggregateFunctions`: an aggregate of ORDER BY is added to those of the
    SELECT only where nothing stands between the two.
    """
    order, having = node.args.get("order"), node.args.get("having")
    if having is not None:
        _check_names(work, having.this, in_having=True)
    if order is None:
        return
    for item in order.expressions:
        _check_names(work, item.this, in_having=False)
    keys = Keys(work, scope)
    group = node.args.get("group")
    sets = group is not None and _has_sets(group)
    reason = _order_obstacle(work, node, scope, keys)
    for item in (o.this for o in order.expressions):
        own = list(own_nodes(item))
        if any(isinstance(x, exp.Window) for x in own):
            work.report(
                "misplaced-window", "Spark does not order by a window function", item,
                hint="select it under a name, and order by that name",
            )  # fmt: skip
            continue
        if (sets or reason is not None) and not aggregates(item):
            _check_parts(work, item, scope, keys, _SETS if sets or reason is None else reason)
            continue
        selected = {keys.of(o.node) for o in scope.outputs if o.node is not None}
        if keys.of(item) in selected and not aggregates(item):
            continue
        if aggregates(item) and reason is not None:
            work.report(
                "misplaced-aggregate",
                f"Spark does not order by an aggregate here: {reason}",
                item,
                hint="select it under a name, and order by that name",
            )
        for call in own:
            if functions.is_aggregate(call):
                _check_renamed(work, call, scope, keys)


def _check_parts(work: Work, item: exp.Expr, scope: Scope, keys: Keys, reason: str) -> None:
    """Report columns of an ORDER BY that Spark can't reach through what stands between.

    It reaches columns that are grouped by themselves, and outputs by their names. Of an expression
    that is grouped as a whole it has no columns any more, even where the SELECT gives that same
    expression; and none at all of what ROLLUP and the like group.

    Source: Spark, `ColumnResolutionHelper.resolveExprsAndAddMissingAttrs`.
    """
    group = scope.node.args.get("group")
    if group is None:
        return
    if _has_sets(group):
        same = [o.origin for o in scope.outputs if o.origin and _is_named(o, o.origin)]
        reached = {keys.of_binding(origin) for origin in same}
    else:
        reached = {keys.of(e) for e in grouped_expressions(work, group, scope)}
        reached |= _group_by_all_keys(keys, scope) if group.args.get("all") else set()
    own = {id(x) for x in own_nodes(item)}
    for column in item.find_all(exp.Column):
        if not keys.is_own(column) or id(column) in work.aliases:
            continue
        attribute = keys.of_binding(replace(work.bindings[id(column)], fields=()))
        if id(column) not in own or attribute not in reached:
            work.report(
                "unsupported-syntax",
                f"Spark does not order by {column.name!r} here, which is not grouped by itself: "
                f"{reason}",
                item,
                hint="select it under a name, and order by that name",
            )
            return


def _is_named(output: Output, origin: Binding) -> bool:
    return output.name.casefold() == origin.column.casefold()


def _check_names(work: Work, condition: exp.Expr, *, in_having: bool) -> None:
    """Report names of outputs that mean nothing: aggregates inside of one, windows in HAVING."""
    for column in own_nodes(condition):
        output = work.aliases.get(id(column))
        if output is None or output.node is None:
            continue
        call = column.find_ancestor(exp.Anonymous, exp.Having, exp.Order)
        if aggregates(output.node) and call is not None and functions.is_aggregate(call):
            work.report(
                "nested-aggregate", f"{column.name!r} is an aggregate, and stands inside of one",
                column, hint="aggregate in a subquery first",
            )  # fmt: skip
        elif in_having and any(isinstance(x, exp.Window) for x in own_nodes(output.node)):
            work.report(
                "misplaced-window", f"{column.name!r} is a window function, and HAVING knows none",
                column, hint="compute it in a subquery, and filter outside with WHERE",
            )  # fmt: skip


def _order_obstacle(work: Work, node: exp.Select, scope: Scope, keys: Keys) -> str | None:
    """What stands between the aggregates of a SELECT and its ORDER BY, or None."""
    group, having = node.args.get("group"), node.args.get("having")
    if group is None and having is None and not any(aggregates(e) for e in node.expressions):
        return "this SELECT aggregates nothing"
    if node.args.get("distinct") is not None:
        return "DISTINCT leaves only what is selected"
    if any(isinstance(x, exp.Window) for e in node.expressions for x in own_nodes(e)):
        return "the SELECT has a window function"
    if having is not None and _needs_unselected(work, having.this, scope, keys):
        return "HAVING asks for what is not selected"
    return None


def _needs_unselected(work: Work, condition: exp.Expr, scope: Scope, keys: Keys) -> bool:
    """Whether a HAVING needs columns or aggregates that the SELECT does not give."""
    selected = {keys.of(o.node) for o in scope.outputs if o.node is not None}
    selected |= {keys.of_binding(o.origin) for o in scope.outputs if o.origin is not None}
    todo = [condition]
    while todo:
        here = todo.pop()
        if id(here) in work.aliases or keys.of(here) in selected:
            continue
        if functions.is_aggregate(here) or (isinstance(here, exp.Column) and keys.is_own(here)):
            return True
        todo += [x for x in here.iter_expressions() if not isinstance(x, exp.Query)]
    return False


def _check_renamed(work: Work, call: exp.Expr, scope: Scope, keys: Keys) -> None:
    """Inside of an aggregate in ORDER BY, Spark takes a name for an output's before a column's."""
    for column in call.find_all(exp.Column):
        if len(column.parts) != 1 or not keys.is_own(column):
            continue
        named = [o for o in scope.outputs if o.name.casefold() == column.name.casefold()]
        own = keys.of(column)
        if any(o.node is not None and keys.of(o.node) != own for o in named):
            work.report(
                "two-readings",
                f"{column.name!r} is a column, and another output of this SELECT",
                column,
                hint="qualify it with its table's name, or give the output another name",
            )


def grouped_expressions(work: Work, group: exp.Expr, scope: Scope) -> Iterator[exp.Expr]:
    """Yield the expressions that are grouped; ordinals and names of outputs stand for theirs."""
    for item in _items(group):
        if position(item) is None:
            yield item
    yield from _named_outputs(work, group, scope)


def _named_outputs(work: Work, group: exp.Expr, scope: Scope) -> Iterator[exp.Expr]:
    """The outputs that GROUP BY chooses by their places or names."""
    named = {o.name.casefold(): o.node for o in scope.outputs if o.node is not None}
    for item in _items(group):
        if (number := position(item)) is not None:
            output = scope.outputs[number - 1] if 0 < number <= len(scope.outputs) else None
            if output is not None and output.node is not None:
                yield output.node
        elif isinstance(item, exp.Column) and len(item.parts) == 1:
            binding = work.bindings.get(id(item))
            alias = named.get(item.name.casefold())
            if alias is not None and (binding is None or binding.scope is not scope):
                yield alias


def aggregates(node: exp.Expr) -> bool:
    """Return whether an expression aggregates the rows of its own SELECT."""
    todo = [node]
    while todo:
        here = todo.pop()
        if isinstance(here, exp.Query):
            continue
        if isinstance(here, exp.Window):
            # The function before OVER is no aggregate; what it is given may be.
            todo += _around_window(here)
            continue
        if functions.is_aggregate(here):
            return True
        todo += here.iter_expressions()
    return False


def _around_window(node: exp.Window) -> list[exp.Expr]:
    function = node.this
    inside: list[exp.Expr] = []
    while isinstance(function, _AFTER_CALLS):
        inside += [e for e in function.iter_expressions() if e is not function.this]
        function = function.this
    inside += function.iter_expressions()
    return inside + [e for e in node.iter_expressions() if e is not node.this]


def _ungrouped_columns(item: exp.Expr, keys: Keys, grouped: set[Key]) -> Iterator[exp.Column]:
    """Yield the columns below an expression that belong to no group."""
    todo = [item]
    while todo:
        here = todo.pop()
        if isinstance(here, exp.Query) or keys.is_grouped(here, grouped):
            continue
        if isinstance(here, exp.Window):
            todo += _around_window(here)
        elif isinstance(here, exp.Column) and not isinstance(here.this, exp.Star):
            if keys.is_own(here):
                yield here
        elif not functions.is_aggregate(_called(here)):
            todo += here.iter_expressions()


def _called(node: exp.Expr) -> exp.Expr:
    """The call that FILTER, WITHIN GROUP and the like belong to."""
    while isinstance(node, _AFTER_CALLS):
        node = node.this
    return node


class Keys:
    """Keys of expressions: two are equal where Spark takes the expressions for the same."""

    def __init__(self, work: Work, scope: Scope) -> None:
        self._work, self._scope = work, scope
        self._by_id: dict[int, Key] = {}

    def is_own(self, node: exp.Expr) -> bool:
        """Return whether a column is one of this SELECT's FROM."""
        binding = self._work.bindings.get(id(node))
        return binding is not None and binding.scope is self._scope

    def of_binding(self, binding: Binding) -> Key:
        """Return the key of what a binding means."""
        return _key(binding, len(binding.fields))

    def of_column(self, source: str, name: str) -> Key:
        """Return the key of a column of one of the SELECT's sources."""
        return _key(Binding(self._scope, source, name, UNKNOWN), 0)

    def is_grouped(self, node: exp.Expr, grouped: set[Key]) -> bool:
        """Return whether an expression is one of those that are grouped, or a field of one."""
        if self.of(node) in grouped:
            return True
        binding = self._work.bindings.get(id(node))
        return binding is not None and self.has(binding, grouped)

    def has(self, binding: Binding, grouped: set[Key]) -> bool:
        """Return whether a column is one of those that are grouped, or a field of one."""
        return any(_key(binding, i) in grouped for i in range(len(binding.fields) + 1))

    def of(self, node: exp.Expr) -> Key:
        """Return the key of an expression."""
        key = self._by_id.get(id(node))
        if key is None:
            key = self._by_id[id(node)] = self._of(node)
        return key

    def _of(self, node: exp.Expr) -> Key:
        node = _bare(node)
        if isinstance(node, exp.Column):
            binding = self._work.bindings.get(id(node))
            if binding is not None:
                return _key(binding, len(binding.fields))
            return ("name", *(p.name.casefold() for p in node.parts))
        if isinstance(node, exp.Anonymous):
            return self._call(node)
        if isinstance(node, exp.Cast):
            return ("cast", str(data_type(node.args["to"])), self.of(node.this))
        if isinstance(node, exp.Literal):
            return ("literal", node.is_string, node.name)
        kind = _TURNED.get(type(node), type(node))
        parts = [self.of(e) for e in node.iter_expressions()]
        if isinstance(node, _EITHER_WAY):
            parts.sort(key=repr)
        elif kind is not type(node):
            parts.reverse()
        plain = [v for v in node.args.values() if isinstance(v, (str, bool))]
        return (kind.__name__, *map(str, plain), *parts)

    def _call(self, node: exp.Anonymous) -> Key:
        name = functions.name_of(node) or ""
        parts = [self.of(e) for e in node.expressions]
        cast = self._work.types.get(id(node))
        if len(parts) == 1 and cast is not None and name == cast.name:
            return ("cast", str(cast), parts[0])  # `date(x)` is CAST(x AS DATE)
        return ("call", functions.named(name).entry("alias") or name, *parts)


def _key(binding: Binding, fields: int) -> Key:
    below = tuple(f.casefold() for f in binding.fields[:fields])
    return ("column", id(binding.scope), binding.source, binding.column.casefold(), *below)
