"""What FROM brings in: tables, subqueries, joins, lateral views, and the columns they show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sqlglot import exp

from headwater.diagnostics import hint_for
from headwater.sql import functions
from headwater.sql.analysis import (
    Binding,
    Generated,
    Output,
    Scope,
    Source,
    TableReference,
)
from headwater.sql.binding import operands, pivots
from headwater.sql.binding.calls import check
from headwater.sql.binding.context import Clause, Context, Work, folded
from headwater.sql.binding.expressions import condition, type_of, types_of
from headwater.sql.binding.frame import Frame, Visible, key_for, qualifiers_of
from headwater.sql.functions.results import Call, columns, wrong_rows
from headwater.sql.typing import rules as typing
from headwater.tables.table import Column
from headwater.types import UNKNOWN, DataType

_GENERATOR_HINT: Final = (
    "e.g. explode(array(1, 2)), inline(array(named_struct('a', 1))), json_tuple(text, 'a'), "
    "stack(2, 'a', 'b')"
)


def from_clause(work: Work, node: exp.Select, context: Context) -> Frame:
    """Bind a SELECT's FROM, fill its scope's sources, and return what is visible.

    Example: `SELECT * FROM (SELECT i, s FROM t) JOIN (SELECT i, d FROM u) USING (i)`
        -> `i int, s string, d double`

    Args:
        work: Collects types, bindings and findings.
        node: The SELECT.
        context: Around the FROM: its scope is the SELECT's, its frame is empty.
    """
    from_ = node.args.get("from_")
    frame = _relation(work, from_.this, context) if from_ is not None else Frame()
    for join in node.args.get("joins") or ():
        frame = _join(work, join, replace(context, frame=frame))
    for lateral in node.args.get("laterals") or ():
        view = _lateral_view(work, lateral, replace(context, frame=frame))
        frame = frame.joined(view)
    return frame


def _relation(work: Work, node: exp.Expr, context: Context) -> Frame:
    """Resolve one item of FROM, with the joins and pivots that hang on it."""
    frame = _primary(work, node, context)
    for join in node.args.get("joins") or ():
        frame = _join(work, join, replace(context, frame=frame))
    for lateral in node.args.get("laterals") or ():
        frame = frame.joined(_lateral_view(work, lateral, replace(context, frame=frame)))
    for pivot in node.args.get("pivots") or ():
        frame = pivots.pivoted(work, pivot, replace(context, frame=frame))
    return frame


def _primary(work: Work, node: exp.Expr, context: Context) -> Frame:
    if isinstance(node, exp.Subquery):
        inner = node.this
        joined = isinstance(inner, exp.Subquery) and inner.args.get("joins")
        if isinstance(inner, exp.Table) or joined:
            return _bracketed(work, node, context)
        return _query(work, node, inner, node.args.get("alias"), context.outer, context)
    if isinstance(node, exp.Values):
        return _values(work, node, context)
    if isinstance(node, exp.Lateral):
        return _lateral(work, node, context)
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
        return _table(work, node, context)
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Anonymous):
        return _table_function(work, node, node.this, context)
    return _added(work, context, "?", Generated(node, ()), [], vague=True)


def _added(
    work: Work,
    context: Context,
    name: str,
    source: Source,
    columns: Sequence[tuple[str, DataType]],
    *,
    vague: bool = False,
) -> Frame:
    """Add a source to the scope and return its frame."""
    work.spend(1 + len(columns), source.node)
    scope = context.scope
    key = key_for(name, source, scope.sources)
    scope.sources[key] = source
    twins = [o.twin for o in source.outputs] if isinstance(source, Scope) else []
    visible = [
        Visible(n, x, key, Binding(scope, key, n, x), twin=i < len(twins) and twins[i])
        for i, (n, x) in enumerate(columns)
    ]
    return Frame(visible, {key} if vague else set(), {key: qualifiers_of(name, source)})


def _columns_of(alias: exp.Expr | None) -> list[exp.Identifier]:
    return list(alias.args.get("columns") or ()) if isinstance(alias, exp.TableAlias) else []


def _table(work: Work, node: exp.Table, context: Context) -> Frame:
    name, alias = node.name, node.args.get("alias")
    qualifier = node.alias or name
    cte = context.ctes.get(name.casefold()) if node.args.get("db") is None else None
    if cte is not None:
        columns = [(o.name, o.type) for o in cte.outputs]
        return _renamed(
            work, node, qualifier, cte, columns, alias, context, vague=work.is_vague(cte)
        )
    reference = work.references.get(id(node))
    if reference is None:
        return _added(work, context, qualifier, Generated(node, ()), [], vague=True)
    table = work.tables.get(folded(reference.name))
    if table is None:
        work.missing(reference)
        return _added(work, context, qualifier, reference, [], vague=True)
    if table.unqueryable:
        work.report(
            "unqueryable-table", f"table {reference.name} can't be queried: {table.unqueryable}",
            node.this, hint="query another table, or leave this one out",
        )  # fmt: skip
    columns = [(c.name, typing.read_as(c.type)) for c in table.columns]
    return _renamed(work, node, qualifier, reference, columns, alias, context)


def _renamed(
    work: Work,
    node: exp.Expr,
    qualifier: str,
    source: Scope | TableReference,
    columns: list[tuple[str, DataType]],
    alias: exp.Expr | None,
    context: Context,
    *,
    vague: bool = False,
) -> Frame:
    """Add a source; `AS t (a, b)` renames its columns, and is a scope around it."""
    names = _columns_of(alias)
    if not names:
        return _added(work, context, qualifier, source, columns, vague=vague)
    scope = Scope(node, parent=context.scope)
    frame = _added(work, replace(context, scope=scope), qualifier, source, columns, vague=vague)
    outputs = [Output(c.name, c.type, None, c.binding) for c in frame.columns]
    scope.outputs = rename(work, outputs, names, alias or node)
    renamed = [(o.name, o.type) for o in scope.outputs]
    return _added(work, context, qualifier, scope, renamed, vague=vague)


def rename(
    work: Work, outputs: Sequence[Output], names: Sequence[exp.Identifier], node: exp.Expr
) -> tuple[Output, ...]:
    """Return the outputs under new names, which must be as many.

    Example: `SELECT x FROM (SELECT i FROM t) AS q (x)` -> `x int`
    """
    if not names:
        return tuple(outputs)
    if len(names) != len(outputs):
        work.report(
            "column-aliases",
            f"{len(names)} column name{'s' * (len(names) != 1)} for {len(outputs)} columns",
            node,
            hint="name every column, or none",
        )
        return tuple(outputs)
    return tuple(
        Output(n.name, o.type, o.node, o.origin) for n, o in zip(names, outputs, strict=True)
    )


def _query(
    work: Work,
    node: exp.Expr,
    query: exp.Expr,
    alias: exp.Expr | None,
    outer: Context | None,
    context: Context,
) -> Frame:
    scope = work.query(query, outer, context.ctes, context.scope)
    scope.outputs = rename(work, scope.outputs, _columns_of(alias), alias or node)
    columns = [(o.name, o.type) for o in scope.outputs]
    qualifier = alias.name if alias is not None else ""
    return _added(work, context, qualifier, scope, columns, vague=work.is_vague(scope))


def _bracketed(work: Work, node: exp.Subquery, context: Context) -> Frame:
    """`(a JOIN b ON ...)`; with an alias it is one source with all columns of both."""
    if not node.alias:
        return _relation(work, node.this, context)
    scope = Scope(node, parent=context.scope)
    frame = _relation(work, node.this, replace(context, scope=scope))
    scope.outputs = tuple(Output(c.name, c.type, None, c.binding) for c in frame.starred)
    alias = node.args.get("alias")
    scope.outputs = rename(work, scope.outputs, _columns_of(alias), node)
    columns = [(o.name, o.type) for o in scope.outputs]
    return _added(work, context, node.alias, scope, columns, vague=bool(frame.vague))


def values_of(row: exp.Expr) -> list[exp.Expr]:
    """Return the values of a row of VALUES: what is `struct(a, b)` or `((a, b))` is `(a, b)`.

    Source: Apache Spark 4.1, `AstBuilder.visitInlineTable`.
    """
    items = row.expressions if isinstance(row, exp.Tuple) else [row]
    only = items[0].unnest() if len(items) == 1 else None
    whole = isinstance(only, exp.Anonymous) and str(only.this).lower() == "struct"
    if only is None or not (whole or isinstance(only, exp.Tuple)):
        return list(items)
    return [x.this if isinstance(x, exp.Alias) else x for x in only.expressions]


def values_columns(work: Work, node: exp.Values, context: Context) -> list[tuple[str, DataType]]:
    """Return the columns of VALUES: each is as wide as the widest of its values.

    Example: `SELECT * FROM VALUES (1, 'a'), (2.5, NULL)` -> `col1 decimal(11,1), col2 string`
    """
    rows = [[type_of(work, item, context) for item in values_of(row)] for row in node.expressions]
    if len({len(r) for r in rows}) > 1:
        work.report(
            "values-rows", "the rows of VALUES have different lengths", node,
            hint="give each row as many values",
        )  # fmt: skip
        return []
    return [(f"col{i}", typing.wider(c)) for i, c in enumerate(zip(*rows, strict=True), 1)]


def _values(work: Work, node: exp.Values, context: Context) -> Frame:
    columns = values_columns(work, node, replace(context, frame=Frame(), clause=Clause.FROM))
    return _generated(work, node, node.args.get("alias"), columns, context)


def _generated(
    work: Work,
    node: exp.Expr,
    alias: exp.Expr | None,
    columns: Sequence[tuple[str, DataType]],
    context: Context,
    *,
    vague: bool = False,
) -> Frame:
    """Add a source that is neither a table nor a query."""
    names = [c.name for c in _columns_of(alias)]
    if names and columns and len(names) != len(columns):
        work.report(
            "column-aliases",
            f"{len(names)} column name{'s' * (len(names) != 1)} for {len(columns)} columns",
            alias or node,
            hint="name every column, or none",
        )
    elif names:
        types = [x for _, x in columns] or [UNKNOWN] * len(names)
        columns, vague = list(zip(names, types, strict=True)), False
    source = Generated(node, tuple(Column(n, x) for n, x in columns))
    qualifier = alias.name if alias is not None else ""
    return _added(work, context, qualifier, source, columns, vague=vague or not columns)


def _table_function(work: Work, node: exp.Expr, call: exp.Anonymous, context: Context) -> Frame:
    inner = replace(context, frame=Frame(), clause=Clause.FROM)
    return _generator(work, node, call, node.args.get("alias"), inner, context)


def _generator(
    work: Work,
    node: exp.Expr,
    call: exp.Anonymous,
    alias: exp.Expr | None,
    inner: Context,
    context: Context,
) -> Frame:
    columns = generated_columns(work, call, inner)
    return _generated(work, node, alias, columns or (), context, vague=columns is None)


def generated_columns(
    work: Work, call: exp.Expr, context: Context
) -> list[tuple[str, DataType]] | None:
    """Return the columns of a generator, e.g. `explode(a)`, or None where they are not known.

    Example: `SELECT posexplode(a) FROM t` -> `pos int, col int`
    """
    function = functions.called(call)
    arguments = Call(tuple(types_of(work, call.expressions, context)), tuple(call.expressions))
    wrong = wrong_rows(function, arguments)
    if wrong is not None and any(f.fits(len(arguments)) for f in function.forms):
        work.report("argument-types", f"{function.name}(): {wrong}", call, hint=_GENERATOR_HINT)
    else:
        check(work, call, function, arguments.types, call.expressions)
    return columns(function, arguments)


def _lateral(work: Work, node: exp.Lateral, context: Context) -> Frame:
    """LATERAL (SELECT ...) or LATERAL explode(...): it names columns of what stands before it."""
    alias = node.args.get("alias")
    inner = replace(context, clause=Clause.FROM)
    if isinstance(node.this, exp.Anonymous):
        return _generator(work, node, node.this, alias, inner, context)
    query = node.this.this if isinstance(node.this, exp.Subquery) else node.this
    return _query(work, node, query, alias, inner, context)


def _lateral_view(work: Work, node: exp.Lateral, context: Context) -> Frame:
    inner = replace(context, clause=Clause.FROM)
    return _generator(work, node, node.this, node.args.get("alias"), inner, context)


def _join(work: Work, node: exp.Join, context: Context) -> Frame:
    """Add a join to what stands before it, which is the context's frame."""
    left = context.frame
    # USING looks at every column anew, ON at those that it names.
    natural = (node.args.get("method") or "").upper() == "NATURAL"
    work.spend(len(left.columns) // (1 if natural or node.args.get("using") else 20), node)
    right = _relation(work, node.this, context)
    side, kind = (node.args.get("side") or "").upper(), (node.args.get("kind") or "").upper()
    names = [c.name for c in node.args.get("using") or ()]
    if natural:
        theirs = {c.name.casefold() for c in right.starred}
        names = [c.name for c in left.starred if c.name.casefold() in theirs]
    for using in node.args.get("using") or ():
        _check_using(work, using, left, right)
    for name in names:
        sides = [matches[0].type for f in (left, right) if len(matches := f.named(name)) == 1]
        operands.check_compared(work, node.this, sides)
    both = left.joined(right)
    if node.args.get("on") is not None:
        condition(work, node.args["on"], replace(context, frame=both, clause=Clause.JOIN))
    if kind in ("SEMI", "ANTI"):
        both = left
    elif names:
        both = left.merged(right, names, side)
    for pivot in node.args.get("pivots") or ():
        both = pivots.pivoted(work, pivot, replace(context, frame=both))
    return both


def _check_using(work: Work, name: exp.Identifier, left: Frame, right: Frame) -> None:
    for frame, what in ((left, "left"), (right, "right")):
        matches = frame.named(name.name)
        if len(matches) == 1 or (not matches and frame.vague):
            continue
        if not matches:
            work.report(
                "unknown-column", f"the {what} side of this join has no column {name.name!r}",
                name, hint=hint_for(name.name, frame.spelled(), what="columns"),
            )  # fmt: skip
        else:
            work.report(
                "ambiguous-column",
                f"{name.name!r} is several columns of the {what} side of this join",
                name,
                hint="join with ON and qualified names",
            )
