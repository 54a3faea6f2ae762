"""Queries, scope by scope: SELECT, set operations, WITH."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from sqlglot import exp

from headwater.diagnostics import errors_in, hint_for
from headwater.sql import functions
from headwater.sql.analysis import Binding, Output, Scope
from headwater.sql.binding import correlation, grouping, naming, operands
from headwater.sql.binding.columns import check_readable, qualify, without_excepted
from headwater.sql.binding.context import Clause, Context, TooMuchWorkError, Work
from headwater.sql.binding.expressions import condition, type_of, window_parts
from headwater.sql.binding.frame import Frame, Visible
from headwater.sql.binding.from_clause import read_by, reads
from headwater.sql.binding.relations import from_clause, generated_columns, rename, values_columns
from headwater.sql.syntax.nodes import named_window
from headwater.sql.typing import rules as typing
from headwater.sql.typing.literals import position
from headwater.types import UNKNOWN
from headwater.untrusted import limits

Ctes = Mapping[str, Scope]


def bind_query(
    work: Work, node: exp.Expr, outer: Context | None, ctes: Ctes, parent: Scope | None
) -> Scope:
    """Bind a query and return its scope.

    Example: `SELECT i FROM t UNION SELECT b FROM u` -> `i bigint`

    Args:
        work: Collects types, bindings and findings.
        node: A SELECT, a set operation, VALUES, or one of these in brackets.
        outer: Where the query around it stands, if it may name columns of that.
        ctes: Common table expressions in force.
        parent: The scope around it.
    """
    if len(work.selects) >= limits.QUERY_SELECTS:
        raise _too_many_selects(node)
    scope = _bound(work, node, outer, ctes, parent)
    _count_selects(work, scope)
    return scope


def _count_selects(work: Work, scope: Scope) -> int:
    """Count the SELECTs that a scope is for an engine, which writes out each use of a WITH."""
    cached = work.selects.get(id(scope))
    if cached is not None:
        return cached
    work.selects[id(scope)] = 1  # a recursive one names itself
    count = 1 + sum(_count_selects(work, s) for s in _below(scope))
    if count > limits.QUERY_SELECTS:
        raise _too_many_selects(scope.node)
    work.selects[id(scope)] = count
    return count


def _too_many_selects(node: exp.Expr) -> TooMuchWorkError:
    return TooMuchWorkError(
        f"with each use of its common tables written out, as engines do, the query has more than "
        f"{limits.QUERY_SELECTS:,} SELECTs",
        node,
        "use each WITH once, or keep a part of its answer as a table",
    )


def _below(scope: Scope) -> Iterator[Scope]:
    todo = list(read_by(scope))
    while todo:
        source = todo.pop()
        if isinstance(source, Scope):
            yield source
        else:
            todo += read_by(source)


def _bound(
    work: Work, node: exp.Expr, outer: Context | None, ctes: Ctes, parent: Scope | None
) -> Scope:
    if isinstance(node, exp.SetOperation):
        return _set_operations(work, node, outer, ctes, parent)
    ctes = _with(work, node, outer, ctes, parent)
    if isinstance(node, exp.Select):
        return _select(work, node, outer, ctes, parent)
    if isinstance(node, exp.Subquery):
        scope = bind_query(work, node.this, outer, ctes, parent)
        _order_outputs(work, node, scope, outer, ctes)
        return scope
    scope = Scope(node, parent)
    if isinstance(node, exp.Values):
        context = Context(scope, Frame(), Clause.FROM, ctes, outer)
        outputs = [Output(n, x) for n, x in values_columns(work, node, context)]
        alias = node.args.get("alias")
        names = list(alias.args.get("columns") or ()) if alias is not None else []
        scope.outputs = rename(work, outputs, names, node)
    else:
        work.vague.add(id(scope))
    return scope


def _with(
    work: Work, node: exp.Expr, outer: Context | None, ctes: Ctes, parent: Scope | None
) -> Ctes:
    """Return the common table expressions in force in a query, its own included."""
    with_ = node.args.get("with_")
    if with_ is None:
        return ctes
    defined = dict(ctes)
    own: set[str] = set()
    for cte in with_.expressions:
        name = cte.alias.casefold()
        if name in own:
            work.report(
                "duplicate-cte", f"WITH defines {cte.alias!r} twice", cte.args["alias"],
                hint="give each its own name",
            )  # fmt: skip
        own.add(name)
        names = list(cte.args["alias"].args.get("columns") or ())
        if with_.args.get("recursive") and isinstance(cte.this, exp.SetOperation):
            scope = _recursive(work, cte, names, outer, defined, parent)
        else:
            scope = bind_query(work, cte.this, outer, defined, parent)
            scope.outputs = rename(work, scope.outputs, names, cte)
        defined[name] = scope
    return defined


def _recursive(
    work: Work,
    cte: exp.CTE,
    names: list[exp.Identifier],
    outer: Context | None,
    ctes: Ctes,
    parent: Scope | None,
) -> Scope:
    """A recursive query's columns are those of its first part, which may not name it.

    One that does not name itself is a set operation like others.
    """
    union = cte.this
    scope = Scope(union, parent)
    inner = {**ctes, **_with(work, union, outer, ctes, parent)}
    anchor = bind_query(work, union.this, outer, inner, scope)
    outputs = [Output(o.name, o.type) for o in anchor.outputs]
    scope.outputs = rename(work, outputs, names, cte)
    inner[cte.alias.casefold()] = scope
    step = bind_query(work, union.expression, outer, inner, scope)
    scope.branches = (anchor, step)
    _check_widths(work, union, anchor, step)
    if not reads(step, scope):
        scope.outputs = rename(work, _by_position(anchor, step), names, cte)
        _order_outputs(work, union, scope, outer, inner)
    return scope


def _set_operations(
    work: Work, node: exp.SetOperation, outer: Context | None, ctes: Ctes, parent: Scope | None
) -> Scope:
    """A long UNION leans to the left: walked, not recursed into."""
    chain: list[tuple[exp.SetOperation, Ctes]] = []
    here: exp.Expr = node
    while isinstance(here, exp.SetOperation):
        ctes = _with(work, here, outer, ctes, parent)
        chain.append((here, ctes))
        here = here.this
    scopes = [Scope(n, parent) for n, _ in chain]
    left = bind_query(work, here, outer, ctes, scopes[-1])
    for index in range(len(chain) - 1, -1, -1):
        operation, own = chain[index]
        scope = scopes[index]
        right = bind_query(work, operation.expression, outer, own, scope)
        scope.parent = scopes[index - 1] if index else parent
        scope.branches = (left, right)
        _check_widths(work, operation, left, right)
        scope.outputs = _by_position(left, right)
        if id(left) in work.vague or id(right) in work.vague:
            work.vague.add(id(scope))
        _order_outputs(work, operation, scope, outer, own)
        left = scope
    return left


def _by_position(left: Scope, right: Scope) -> tuple[Output, ...]:
    return tuple(
        Output(a.name, typing.wider([a.type, b.type]), twin=a.twin)
        for a, b in zip(left.outputs, right.outputs, strict=False)
    )


def _check_widths(work: Work, node: exp.SetOperation, left: Scope, right: Scope) -> None:
    if id(left) in work.vague or id(right) in work.vague:
        return
    if len(left.outputs) != len(right.outputs):
        work.report(
            "set-columns",
            f"{type(node).__name__.upper()} of {len(left.outputs)} and {len(right.outputs)} "
            "columns",
            node.expression,
            hint="select as many columns on each side",
        )
    work.spend(sum(o.type.parts for o in (*left.outputs, *right.outputs)), node)
    for index, (a, b) in enumerate(zip(left.outputs, right.outputs, strict=False), start=1):
        what = f"the columns {index} of both sides"
        operands.check_alike(work, node.expression, [a.type, b.type], what)


def _order_outputs(
    work: Work, node: exp.Expr, scope: Scope, outer: Context | None, ctes: Ctes
) -> None:
    """ORDER BY and LIMIT of a set operation, or of a query in brackets, see only its outputs."""
    visible = [Visible(o.name, o.type, "", None) for o in scope.outputs]
    vague = {""} if work.is_vague(scope) else set()
    context = Context(scope, Frame(visible, vague), Clause.ORDER, ctes, outer)
    _order(work, node, context)


def _order(work: Work, node: exp.Expr, context: Context) -> None:
    for key in ("order", "sort", "distribute", "cluster"):
        clause = node.args.get(key)
        for item in clause.expressions if clause is not None else ():
            expression = item.this if isinstance(item, exp.Ordered) else item
            if isinstance(expression, exp.Var):
                continue
            if not _ordinal(work, expression, context):
                type_ = work.typed(item, type_of(work, expression, context))
                if key == "order":
                    operands.check_ordered(work, expression, type_)
    for key in ("limit", "offset"):
        clause = node.args.get(key)
        if clause is not None and clause.expression is not None:
            type_of(work, clause.expression, replace(context, clause=Clause.LIMIT, frame=Frame()))


def _ordinal(work: Work, node: exp.Expr, context: Context) -> bool:
    """Check `ORDER BY 2`; return whether it is one."""
    number = position(node)
    if number is None and isinstance(node, exp.Neg) and position(node.this) is not None:
        number = -1  # to Spark -1 is a number, and no place
    if number is None:
        return False
    outputs = context.scope.outputs
    if not 1 <= number <= len(outputs) and id(context.scope) not in work.vague:
        ordinal = f"-{node.this.name}" if number < 0 else node.name
        work.report(
            "ordinal", f"{context.clause} {ordinal}, and SELECT gives {len(outputs)} columns",
            node, hint="name the column",
        )  # fmt: skip
    return True


def _select(
    work: Work, node: exp.Select, outer: Context | None, ctes: Ctes, parent: Scope | None
) -> Scope:
    scope = Scope(node, parent)
    diagnostics_before = len(work.diagnostics)
    select_aliases = frozenset(e.alias.casefold() for e in node.expressions if e.alias)
    around = Context(scope, Frame(), Clause.FROM, ctes, outer, select_aliases=select_aliases)
    frame = from_clause(work, node, around)
    context = replace(around, frame=frame)
    where = node.args.get("where")
    if where is not None:
        condition(work, where.this, replace(context, clause=Clause.WHERE))
    frame = grouping.with_windows(work, node, context)
    context = replace(context, frame=frame, clause=Clause.SELECT)
    _windows(work, node, context)
    aliases: dict[str, list[Output]] = {}
    outputs: list[Output] = []
    among = replace(context, aliases=aliases)  # each output knows the aliases before it
    for item in node.expressions:
        item_outputs = list(_outputs(work, item, among))
        work.spend(len(item_outputs), item)
        outputs += item_outputs
        if len(outputs) > limits.QUERY_COLUMNS:
            raise TooMuchWorkError(
                f"this SELECT gives more than {limits.QUERY_COLUMNS:,} columns",
                item,
                "name the columns that are meant",
            )
        _weigh(work, item, item_outputs)
        if isinstance(item, (exp.Alias, exp.Aliases)):
            for output in item_outputs:
                aliases.setdefault(output.name.casefold(), []).append(output)
    scope.outputs = tuple(_with_twins(outputs))
    after = replace(context, aliases=_by_name(outputs))
    if frame.vague and any(e.is_star for e in node.expressions):
        work.vague.add(id(scope))
    grouped = grouping.group_by(work, node, replace(after, clause=Clause.GROUP), _ordinal)
    after = replace(after, grouped=grouped)
    for key, clause in (("having", Clause.HAVING), ("qualify", Clause.QUALIFY)):
        if node.args.get(key) is not None:
            condition(work, node.args[key].this, replace(after, clause=clause))
    _order(work, node, replace(after, clause=Clause.ORDER))
    if node.args.get("distinct") is not None:
        _check_distinct_order(work, node, scope)
        for output in outputs:
            operands.check_ordered(work, node.args["distinct"], output.type)
    if not errors_in(work.diagnostics[diagnostics_before:]):
        # A name that means nothing can't be grouped; one finding is enough.
        grouping.check(work, node, scope)
        grouping.check_order(work, node, scope)
        correlation.check(work, node, scope)
    return scope


def _with_twins(outputs: list[Output]) -> Iterator[Output]:
    """Yield the outputs, those marked that are the same bare column as one before them."""
    seen: set[object] = set()
    for output in outputs:
        bare = output.node is None or isinstance(output.node, exp.Column)
        if output.origin is None or not bare or output.origin.fields:
            yield output
            continue
        key = _column_key(output.origin)
        twin = key in seen
        seen.add(key)
        yield replace(output, twin=True) if twin else output


def _by_name(outputs: list[Output]) -> dict[str, list[Output]]:
    """Return outputs by folded name; one column that is selected twice is one."""
    by_name: dict[str, list[Output]] = {}
    seen: set[object] = set()
    for output in outputs:
        name = output.name.casefold()
        named = by_name.setdefault(name, [])
        key = (name, _column_key(output.origin)) if output.origin is not None else None
        if key is None or key not in seen:
            named.append(output)
            seen.add(key)
    return by_name


def _column_key(binding: Binding) -> object:
    """Return what is equal for two names of one column: compared in sets, for there may be many."""
    return id(binding.scope), binding.source, binding.column.casefold(), binding.fields


def _weigh(work: Work, item: exp.Expr, outputs: list[Output]) -> None:
    """Refuse aliases of aliases that grow beyond bounds once they are spelled out."""
    if not work.aliases:
        return
    weight = 1
    for column in item.find_all(exp.Column):
        named = work.aliases.get(id(column))
        weight += work.weights.get(id(named), 1) if named is not None else 1
    for output in outputs:
        work.weights[id(output)] = weight
    if weight > limits.ALIAS_COLUMNS:
        work.report(
            "too-deep",
            "this column stands for so many others that it can't be worked with",
            item,
            hint="compute the parts in a subquery, and use their columns",
        )


def _check_distinct_order(work: Work, node: exp.Select, scope: Scope) -> None:
    """After DISTINCT only what SELECT gives is left to order by."""
    selected = {
        (o.name.casefold(), o.origin.source, o.origin.column.casefold())
        for o in scope.outputs
        if o.origin is not None and o.origin.scope is scope
    }
    order = node.args.get("order")
    for item in order.expressions if order is not None else ():
        for column in item.find_all(exp.Column):
            bound = work.bindings.get(id(column))
            if bound is None or bound.scope is not scope or id(column) in work.aliases:
                continue
            if (column.name.casefold(), bound.source, bound.column.casefold()) not in selected:
                work.report(
                    "order-by-distinct",
                    f"{column.name!r} is no output of this SELECT DISTINCT, so nothing can be "
                    "ordered by it",
                    column,
                    hint="select it as well, or order by what is selected",
                )


def _windows(work: Work, node: exp.Select, context: Context) -> None:
    defined: set[str] = set()
    for window in node.args.get("windows") or ():
        if window.name in defined:
            work.report(
                "syntax", f"WINDOW defines {window.name!r} twice", window.this,
                hint="give each window its own name",
            )  # fmt: skip
        defined.add(window.name)
        window_parts(work, window, replace(context, windowed=True))
    for window in node.find_all(exp.Window):
        name = window.args.get("alias")
        if name is None or window.find_ancestor(exp.Select) is not node:
            continue
        if name.name not in defined:
            work.report(
                "unknown-window", f"there is no window {name.name!r}", name,
                hint=hint_for(name.name, defined, what="windows in this SELECT"),
            )  # fmt: skip
        elif window.arg_key == "windows" and named_window(node, window) is None:
            work.report(
                "unknown-window",
                f"the window {window.name!r} is another name of {name.name!r}, which has no "
                "definition of its own",
                name,
                hint=f"write out what {window.name!r} is: WINDOW {window.name} AS (ORDER BY ...)",
            )


def _outputs(work: Work, item: exp.Expr, context: Context) -> Iterator[Output]:
    """Yield the output columns that one item of SELECT gives."""
    if isinstance(item, exp.Star):
        yield from _starred(work, item, item, context.frame.starred, context)
        return
    if isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
        yield from _qualified_star(work, item, context)
        return
    bare = item.this if isinstance(item, (exp.Alias, exp.Aliases)) else item
    if functions.called(bare).kind == "generator":
        yield from _generated(work, item, bare, context)
        return
    type_ = type_of(work, item, context)
    inner = bare
    while isinstance(inner, exp.Paren):
        inner = inner.this
    origin = work.bindings.get(id(inner))
    name, certain = naming.output_name(work, item)
    yield Output(name, type_, item, origin, certain)


def _starred(
    work: Work, item: exp.Expr, star: exp.Star, columns: list[Visible], context: Context
) -> Iterator[Output]:
    for column in without_excepted(work, star, columns, context.frame):
        check_readable(work, item, column)
        yield Output(column.name, column.type, None, column.binding)


def _qualified_star(work: Work, item: exp.Column, context: Context) -> Iterator[Output]:
    """`t.*`, or `column.*` for the fields of a struct."""
    parts = [p.name for p in item.parts[:-1]]
    sources = context.frame.sources(parts)
    if sources:
        qualify(work, item, len(parts), context.scope, sources)
        columns = [c for s in sources for c in context.frame.of(s)]
        yield from _starred(work, item, item.this, columns, context)
        return
    column = exp.Column(
        **dict(zip(("this", "table", "db", "catalog"), reversed(item.parts[:-1]), strict=False))
    )
    before = len(work.diagnostics)
    type_ = type_of(work, column, context)
    if (qualifier := work.qualifiers.pop(id(column), None)) is not None:
        work.qualifiers[id(item)] = qualifier
    if type_.name == "struct":
        whole = work.bindings.get(id(column))
        origins = [
            replace(whole, fields=(*whole.fields, name)) if whole is not None else None
            for name in type_.field_names
        ]
        visible = [
            Visible(name, field, "", origin)
            for (name, field), origin in zip(type_.fields, origins, strict=True)
        ]
        for remaining in without_excepted(work, item.this, visible, Frame()):
            yield Output(remaining.name, remaining.type, None, remaining.binding)
    elif len(work.diagnostics) == before:
        if type_ != UNKNOWN:
            work.report(
                "unknown-column", f"{'.'.join(parts)}.* needs a table or a struct, not {type_}",
                item, hint="name the columns",
            )  # fmt: skip
        work.vague.add(id(context.scope))


def _generated(work: Work, item: exp.Expr, bare: exp.Expr, context: Context) -> Iterator[Output]:
    columns = generated_columns(work, bare, context)
    if isinstance(item, exp.Aliases):
        names = [a.name for a in item.expressions]
    elif isinstance(item, exp.Alias):
        names = [item.alias]
    else:
        names = [n for n, _ in columns or ()]
    if columns and len(names) != len(columns):
        work.report(
            "column-aliases",
            f"{len(names)} column name{'s' * (len(names) != 1)} for {len(columns)} columns",
            item,
            hint=f"write AS ({', '.join(n for n, _ in columns)})",
        )
    if not names:
        work.vague.add(id(context.scope))
    types = [x for _, x in columns] if columns else [UNKNOWN] * len(names)
    for name, type_ in zip(names, types, strict=False):
        yield Output(name, type_, item)
