"""PIVOT and UNPIVOT: which columns come out of them.

Source: Apache Spark 4.1, `ResolvePivot`, `ResolveUnpivot`, `UnpivotCoercion`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from sqlglot import exp

from headwater import types as t
from headwater.sql import functions
from headwater.sql.analysis import Binding, Generated
from headwater.sql.binding import naming, operands
from headwater.sql.binding.context import Clause, Context, Work
from headwater.sql.binding.expressions import type_of
from headwater.sql.binding.frame import Frame, Visible, key_for, qualifiers_of
from headwater.sql.binding.from_clause import same_column
from headwater.sql.syntax.nodes import own_nodes
from headwater.sql.typing import literals, typed_texts
from headwater.sql.typing import rules as typing
from headwater.tables.table import Column
from headwater.types import DataType

_Made = list[tuple[str, DataType]]
_ALIASES = (exp.PivotAlias, exp.Alias)


def pivoted(work: Work, node: exp.Pivot, context: Context) -> Frame:
    """Return what PIVOT or UNPIVOT makes of the context's frame.

    Example: `SELECT * FROM (SELECT s, i FROM t) PIVOT (sum(i) FOR s IN ('x', 'y'))`
        -> `x bigint, y bigint`
    """
    inner = replace(context, clause=Clause.SELECT)
    _check_form(work, node)
    make = _unpivot if node.args.get("unpivot") else _pivot
    named, made, certain = make(work, node, inner)
    kept = [c for c in context.frame.starred if not _is_named(work, c, named)]
    if node.args.get("unpivot") and not node.args.get("include_nulls"):
        _check_values(work, node, [c.name for c in kept] + [n for n, _ in made])
    return _as_source(node, kept, made, context, vague=bool(context.frame.vague) or not certain)


def _check_form(work: Work, node: exp.Pivot) -> None:
    """Report what sqlglot reads and Spark does not: names, expressions, brackets."""
    fields = node.args.get("fields") or ()
    for item in (x for f in fields for x in f.expressions if isinstance(x, _ALIASES)):
        if not isinstance(item.args.get("alias"), exp.Identifier):
            work.report(
                "unsupported-syntax", "a text is no name here", item,
                hint="write the name without quotes, or in backticks",
            )  # fmt: skip
    if node.args.get("unpivot"):
        several = any(isinstance(e, exp.Tuple) for e in node.expressions)
        for item in (x for f in fields for x in f.expressions):
            bare = _bare(item)
            if isinstance(bare, exp.Tuple) != several or not all(map(_is_column, each(bare))):
                work.report(
                    "unsupported-syntax", "UNPIVOT takes columns by their names here", bare,
                    hint="compute it under a name in a subquery below; of one value no brackets",
                )  # fmt: skip
        return
    if node.args.get("alias") is not None:
        work.report(
            "unsupported-syntax", "Spark has no name for a PIVOT", node.args["alias"],
            hint="write (SELECT * FROM ... PIVOT (...)) AS name",
        )  # fmt: skip
    for column in (x for f in fields for x in each(f.this)):
        if not isinstance(column, exp.Column) or len(column.parts) > 1:
            work.report(
                "unsupported-syntax", "PIVOT takes columns by their bare names behind FOR", column,
                hint="compute it under a name in a subquery below",
            )  # fmt: skip


def _check_values(work: Work, node: exp.Pivot, names: Sequence[str]) -> None:
    """Report a value whose name is another column's: Spark leaves NULLs out by its name."""
    folded = [n.casefold() for n in names]
    for value in (v for e in node.expressions for v in each(e)):
        if folded.count(value.name.casefold()) > 1:
            work.report(
                "ambiguous-column",
                f"{value.name!r} is several columns of this UNPIVOT, which looks for NULLs there",
                value,
                hint="give the value another name, or write UNPIVOT INCLUDE NULLS",
            )


def _is_column(node: exp.Expr) -> bool:
    return isinstance(node, exp.Column) and isinstance(node.this, exp.Identifier)


def _as_source(
    node: exp.Pivot, kept: Sequence[Visible], made: _Made, context: Context, *, vague: bool
) -> Frame:
    """The result hides what it was made of.

    Columns that it keeps are visible under the same qualifiers, unless it has a name of its own.
    """
    sources = context.scope.sources
    inputs = {k: sources.pop(k) for k in context.frame.qualifiers if k in sources}
    columns = [*((c.name, c.type) for c in kept), *made]
    source = Generated(
        node, tuple(Column(n, x) for n, x in columns), inputs, tuple(c.binding for c in kept)
    )
    alias = node.alias
    key = key_for(alias, source, sources)
    sources[key] = source
    visible = [Visible(n, x, key, Binding(context.scope, key, n, x)) for n, x in columns]
    qualifiers = {key: qualifiers_of(alias, source) if alias else ()}
    if not alias:
        for place, column in enumerate(kept):
            around = f"{column.source}#{key}"
            qualifiers[around] = context.frame.qualifiers.get(column.source, ())
            visible[place] = replace(visible[place], source=around)
    unknown = set(qualifiers) if vague else set()
    return Frame(visible, unknown, qualifiers)


def _bound(work: Work, nodes: Iterable[exp.Expr]) -> Iterator[Binding | str]:
    """Yield the columns that expressions name; the name of one of which no place is known."""
    for node in nodes:
        for column in node.find_all(exp.Column):
            bound = work.bindings.get(id(column))
            yield column.name.casefold() if bound is None else replace(bound, fields=())


def _is_named(work: Work, column: Visible, named: Sequence[Binding | str]) -> bool:
    own = column.binding
    if own is None:
        return column.name.casefold() in named
    return any(isinstance(x, Binding) and same_column(x, own) for x in named)


def _pivot(
    work: Work, node: exp.Pivot, context: Context
) -> tuple[list[Binding | str], _Made, bool]:
    aggregates = list(node.expressions)
    types = [type_of(work, a, context) for a in aggregates]
    for aggregate in aggregates:
        _check_aggregated(work, aggregate)
    values: list[tuple[str, bool]] = []
    named = list(_bound(work, aggregates))
    for field in node.args.get("fields") or ():
        axis = field.this.expressions if isinstance(field.this, exp.Tuple) else [field.this]
        for column in axis:
            type_of(work, column, context)
        named += _bound(work, axis)
        for value in field.expressions:
            type_of(work, _bare(value), replace(context, frame=Frame()))
            values.append(_value_name(work, value))
    names = [naming.output_name(work, a) for a in aggregates]
    work.spend(len(values) * len(names), node)
    one = len(aggregates) == 1
    made = [
        (value if one else f"{value}_{own}", type_)
        for value, _ in values
        for (own, _), type_ in zip(names, types, strict=True)
    ]
    certain = all(c for _, c in values) and (one or all(c for _, c in names))
    return named, made, certain


def _check_aggregated(work: Work, aggregate: exp.Expr) -> None:
    """Report a column that no aggregate is around: of many rows there is one value."""
    inside: set[int] = set()
    for call in own_nodes(aggregate):
        if functions.is_aggregate(call):
            while isinstance(call.parent, (exp.Filter, exp.WithinGroup)):
                call = call.parent
            inside.update(id(x) for x in own_nodes(call))
    for column in own_nodes(aggregate):
        if isinstance(column, exp.Window):
            work.report(
                "misplaced-window", "PIVOT aggregates, and has no window functions", column,
                hint="compute it in a subquery below",
            )  # fmt: skip
        if isinstance(column, exp.Column) and id(column) not in inside:
            work.report(
                "missing-aggregation",
                f"PIVOT makes one value of many rows, and no aggregate is around {column.name!r}",
                column, hint=f"take an aggregate of it, e.g. max({column.name})",
            )  # fmt: skip


def _bare(node: exp.Expr) -> exp.Expr:
    return node.this if isinstance(node, _ALIASES) else node


def _value_name(work: Work, node: exp.Expr) -> tuple[str, bool]:
    """Return the name that a value of PIVOT gives its columns, and whether it is certain.

    Without a name of its own it is called as Spark writes the value when cast to a text.
    """
    if isinstance(node, _ALIASES):
        return str(node.alias), True
    if isinstance(node, exp.Tuple):
        parts = [_value_name(work, _bare(e)) for e in node.expressions]
        return f"{{{', '.join(n for n, _ in parts)}}}", all(c for _, c in parts)
    text = _written(work, node)
    return (naming.pretty(work, node), False) if text is None else (text, True)


def _written(work: Work, node: exp.Expr) -> str | None:
    """Return a literal as a text, None where Spark's is not known."""
    type_ = work.types.get(id(node), t.UNKNOWN)
    if isinstance(node, exp.Null):
        return "null"
    if isinstance(node, exp.Boolean):
        return "true" if node.this else "false"
    negative = isinstance(node, exp.Neg)
    literal = node.this if negative else node
    if isinstance(literal, exp.Literal) and not literal.is_string:
        text = literals.number_name(f"-{literal.name}" if negative else literal.name)
        # A decimal is cast to all of its digits.
        return None if text is not None and type_.name == "decimal" and "E" in text else text
    if isinstance(node, exp.Literal):
        return str(node.name)
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal) and node.this.is_string:
        text = typed_texts.canonical(node.this.name, type_)
        if type_ == t.DATE or text is None:
            return text if type_ == t.DATE else None
        if type_ == t.TIMESTAMP:
            moment, _, micros = text.removesuffix("+00:00").partition(".")
            return f"{moment}.{micros.rstrip('0')}" if micros.rstrip("0") else moment
    return None


def _unpivot(
    work: Work, node: exp.Pivot, context: Context
) -> tuple[list[Binding | str], _Made, bool]:
    """`UNPIVOT (value FOR name IN (a, b AS c))`, or with several values at once."""
    named: list[Binding | str] = []
    wide: list[list[DataType]] = []
    names: list[str] = []
    for field in node.args.get("fields") or ():
        names.append(field.this.name)
        for item in field.expressions:
            parts = parts_of(item)
            wide.append([type_of(work, p, context) for p in parts])
            for part in parts:
                bound = work.bindings.get(id(part))
                if bound is not None and bound.fields:
                    work.report(
                        "unsupported-syntax", "UNPIVOT takes whole columns, no fields", part,
                        hint="select it under a name in a subquery below",
                    )  # fmt: skip
            named += _bound(work, parts)
    values = [v.name for e in node.expressions for v in each(e)]
    for parts_types in wide:
        if len(parts_types) != len(values):
            work.report(
                "column-aliases",
                f"UNPIVOT has {len(values)} names for values, and {len(parts_types)} columns here",
                node, hint="let each item of IN have as many columns as there are names",
            )  # fmt: skip
    made: _Made = [(name, t.STRING) for name in names]
    for index, name in enumerate(values):
        types = [w[index] for w in wide if index < len(w)]
        operands.check_alike(work, node, types, f"the columns that UNPIVOT makes {name!r} of")
        made.append((name, typing.wider(types)))
    return named, made, True


def each(node: exp.Expr) -> list[exp.Expr]:
    """Return the parts of what may be several in brackets."""
    return list(node.expressions) if isinstance(node, exp.Tuple) else [node]


def parts_of(item: exp.Expr) -> list[exp.Expr]:
    """Return the values, or columns, of one item of IN without its name."""
    return each(_bare(item))
