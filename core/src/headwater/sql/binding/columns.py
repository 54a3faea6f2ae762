"""From a column's name, as written, to what it means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlglot import exp

from headwater.diagnostics import did_you_mean, hint_for
from headwater.sql.analysis import Output, Qualifier, Scope
from headwater.sql.binding.context import Clause, Context, Work
from headwater.sql.binding.frame import Frame, Visible
from headwater.sql.typing import rules as typing
from headwater.types import UNKNOWN, DataType

SESSION_NAMES: Final = frozenset(["user", "session_user", "current_user"])
"""Names that Spark reads as functions of the session where no column has them."""

TIME_NAMES: Final = frozenset(["current_time", "localtimestamp"])


@dataclass(frozen=True, slots=True, eq=False)
class _Candidates:
    """What a dotted name may mean in one frame.

    Args:
        columns: Columns, each with the parts of the name that are fields below it.
        source: Key of the source that the name's qualifier means, if it means one.
        qualifier: How many parts of the name say of which source the columns are, or would be.
        vague: Whether the name may mean a column that is not known.
    """

    columns: list[tuple[Visible, list[str]]]
    source: str | None = None
    qualifier: int = 0
    vague: bool = False


def bind_column(work: Work, node: exp.Expr, context: Context) -> DataType:
    """Bind a column node, keep its type and return it; report what can't be bound.

    Example: `SELECT i FROM t, u` -> `ambiguous-column`
    """
    assert isinstance(node, exp.Column)
    parts = [p.name for p in node.parts]
    return work.typed(node, _bind_parts(work, node, parts, context))


def _bind_parts(work: Work, node: exp.Column, parts: list[str], context: Context) -> DataType:
    first = parts[0].casefold()
    if first in context.variables:
        return fields(work, node, context.variables[first], parts[1:], parts[0])
    alias_first = context.clause is Clause.ORDER and not context.inside
    if alias_first and len(context.aliases.get(first, ())) == 1:
        return _alias(work, node, parts, context.aliases[first])
    _check_function_name(work, node, parts, context)
    here: Context | None = context
    vague = False
    while here is not None:
        candidates = _find(here.frame, parts)
        if candidates.columns and not _better_alias(candidates, context, here, first):
            return _bind(work, node, parts, candidates, here)
        if here is context and first in context.aliases:
            _check_lateral(work, node, parts[0], context)
            return _alias(work, node, parts, context.aliases[first])
        vague = vague or candidates.vague
        here = here.outer
    if not vague:
        _report_missing(work, node, parts, context)
    return UNKNOWN


def _check_function_name(work: Work, node: exp.Column, parts: list[str], context: Context) -> None:
    """Sorting and filtering groups, Spark takes these for functions before it looks into FROM."""
    after = context.clause in (Clause.ORDER, Clause.HAVING)
    if after and len(parts) == 1 and parts[0].casefold() in SESSION_NAMES | TIME_NAMES:
        work.report(
            "two-readings",
            f"{parts[0]!r} is a column, and the name of a function, which Spark prefers here",
            node,
            hint="qualify it with its table's name",
        )


def _check_lateral(work: Work, node: exp.Column, name: str, context: Context) -> None:
    if context.windowed and context.clause in (Clause.SELECT, Clause.FROM):
        work.report(
            "unsupported-syntax",
            f"{name!r} is another column of this SELECT; Spark has none of them before OVER",
            node,
            hint="compute it in a subquery, and use it outside",
        )


def _better_alias(candidates: _Candidates, context: Context, here: Context, first: str) -> bool:
    """In HAVING, outside of aggregates, only a grouped column comes before an alias."""
    if context.clause is not Clause.HAVING or here is not context or context.inside:
        return False
    if first not in context.aliases or context.grouped is None:
        return False
    return candidates.columns[0][0].name.casefold() not in context.grouped


def _find(frame: Frame, parts: Sequence[str]) -> _Candidates:
    """Look a name up in one frame; the longest qualifier that fits is taken, as Spark does."""
    source: str | None = None
    longest = 0
    for length in range(min(3, len(parts) - 1), 0, -1):
        sources = frame.sources(parts[:length])
        if source is None and sources:
            source, longest = sources[0], length
        matches = [c for s in sources for c in frame.qualified(s, parts[length])]
        if matches:
            return _Candidates([(c, list(parts[length + 1 :])) for c in matches], source, length)
        if any(s in frame.vague for s in sources):
            return _Candidates([], source, vague=True)
    columns = [(c, list(parts[1:])) for c in frame.named(parts[0])]
    vague = bool(frame.vague) and source is None
    return _Candidates(columns, source, 0 if columns else longest, vague)


def _bind(
    work: Work, node: exp.Column, parts: list[str], candidates: _Candidates, here: Context
) -> DataType:
    if len(candidates.columns) > 1:
        return _report_ambiguous(work, node, parts, candidates, here)
    column, rest = candidates.columns[0]
    check_readable(work, node, column)
    if (binding := column.binding) is not None:
        if candidates.qualifier:
            qualify(work, node, candidates.qualifier, binding.scope, [binding.source])
        below = tuple(rest)
        same = below == binding.fields
        work.bindings[id(node)] = binding if same else replace(binding, fields=below)
    return fields(work, node, column.type, rest, column.name)


def qualify(work: Work, node: exp.Expr, parts: int, scope: Scope, sources: Sequence[str]) -> None:
    """Keep how many parts of a column's name say of which sources of a scope it is."""
    work.qualifiers[id(node)] = Qualifier(parts, scope, tuple(sources))


def without_excepted(
    work: Work, star: exp.Expr, columns: Sequence[Visible], frame: Frame
) -> list[Visible]:
    """Return the columns that `* EXCEPT (...)` leaves of those of the star.

    Example: `SELECT * EXCEPT (i) FROM (SELECT i, s FROM t)` -> `s string`

    Args:
        work: Collects types, bindings and findings.
        star: The star.
        columns: What it stands for without EXCEPT.
        frame: Where the names of the sources are, as EXCEPT may qualify its columns.
    """
    names = [n for n in star.args.get("except_") or () if isinstance(n, exp.Column)]
    if not names:
        return list(columns)
    visible = Frame(
        [replace(c, hidden=False) if c.hidden else c for c in columns],
        frame.vague,
        frame.qualifiers,
    )
    left_out: dict[tuple[str, str], set[str]] = {}
    for node in names:
        parts = [p.name for p in node.parts]
        candidates = _find(visible, parts)
        if len(candidates.columns) != 1:
            if candidates.columns:
                work.report(
                    "ambiguous-column",
                    f"EXCEPT names {parts[-1]!r}, which is several columns of *", node,
                    hint="qualify it with its table's name, or name the columns that are meant",
                )  # fmt: skip
            elif not candidates.vague:
                work.report(
                    "unknown-column",
                    f"EXCEPT names a column {'.'.join(parts)!r} that * does not have", node,
                    hint=hint_for(parts[-1], (c.name for c in columns), what="columns"),
                )  # fmt: skip
            continue
        column, rest = candidates.columns[0]
        if candidates.qualifier and column.binding is not None:
            scope, source = column.binding.scope, column.binding.source
            qualify(work, node, candidates.qualifier, scope, [source])
        if rest:
            if fields(work, node, column.type, rest, column.name) != UNKNOWN:
                work.report(
                    "unsupported-syntax",
                    "EXCEPT leaves out whole columns here, and no field of one", node,
                    hint=f"leave {column.name!r} out, and select what is left of it: "
                    f"* EXCEPT ({column.name}), named_struct('field', {column.name}.field) "
                    f"AS {column.name}",
                )  # fmt: skip
            continue
        spelled = left_out.setdefault((column.source, column.name.casefold()), set())
        if parts[-1] in spelled:
            work.report(
                "syntax", f"EXCEPT names {parts[-1]!r} twice", node, hint="name each column once"
            )
        spelled.add(parts[-1])
    return [c for c in columns if (c.source, c.name.casefold()) not in left_out]


def check_readable(work: Work, node: exp.Expr, column: Visible) -> None:
    """Report the use of a column whose type, or a part of it, no engine here reads."""
    if (reason := column.type.unread) is not None:
        work.report(
            "unreadable-column", f"column {column.name!r} can't be read: {reason}",
            node, hint="leave it out; with * write * EXCEPT (column)",
        )  # fmt: skip


def _alias(work: Work, node: exp.Column, parts: list[str], named: list[Output]) -> DataType:
    if len(named) > 1 and len({id(o.node) for o in named}) > 1:
        work.report(
            "ambiguous-column",
            f"{parts[0]!r} is the name of {len(named)} outputs of this SELECT",
            node,
            hint="give each output its own name with AS",
        )
        return UNKNOWN
    output = named[0]
    work.aliases[id(node)] = output
    if output.origin is not None:
        below = (*output.origin.fields, *parts[1:])
        work.bindings[id(node)] = replace(output.origin, fields=below)
    return fields(work, node, output.type, parts[1:], output.name)


def fields(
    work: Work, node: exp.Expr, type_: DataType, names: Sequence[str], above: str
) -> DataType:
    """Return the type of `above.name.name...`, and report the first field that is not there.

    Example: `SELECT st.y FROM t` -> `unknown-field`
    """
    for name in names:
        work.spend(len(type_.children), node)
        field_type = typing.field_of(type_, name)
        if field_type is None:
            inner = type_.element if type_.name == "array" else type_
            hint = (
                hint_for(name, inner.field_names, what="fields")
                if inner.name == "struct"
                else f"{above} is of type {type_}"
            )
            work.report("unknown-field", f"{above!r} has no field {name!r}", node, hint=hint)
            return UNKNOWN
        type_, above = field_type, f"{above}.{name}"
    return type_


def _report_ambiguous(
    work: Work, node: exp.Column, parts: list[str], candidates: _Candidates, here: Context
) -> DataType:
    column = candidates.columns[0][0]
    homes = [
        c.source.partition("#")[0] or "a subquery without a name" for c, _ in candidates.columns
    ]
    places = list(dict.fromkeys(homes))
    if len(parts) > 1 and candidates.source is not None:
        hint = "give each table in FROM its own alias"
    elif len(places) > 1:
        hint = f"write {' or '.join(f'{h}.{column.name}' for h in places)}"
    else:
        hint = "it has several columns of this name: give them different names inside of it"
    work.report(
        "ambiguous-column",
        f"{'.'.join(parts)!r} can be a column of {' and of '.join(places)}",
        node,
        hint=hint,
    )
    types = {c.type for c, rest in candidates.columns if not rest}
    return types.pop() if len(types) == 1 else UNKNOWN


def _report_missing(work: Work, node: exp.Column, parts: list[str], context: Context) -> None:
    first = parts[0]
    if first.casefold() in context.select_aliases and context.clause in (Clause.WHERE, Clause.JOIN):
        work.report(
            "alias-in-where",
            f"{first!r} is a name that SELECT gives; {context.clause} does not know it yet",
            node,
            hint="repeat the expression here, or put the SELECT into a subquery and filter that",
        )
        return
    if len(parts) == 1 and first.casefold() in SESSION_NAMES:
        work.report(
            "forbidden-function",
            f"there is no column {first!r}, and the function {first} is not admitted: it answers "
            "about the engine's session, not about the data",
            node,
            hint="name a column",
        )
        return
    candidates = _find(context.frame, parts)
    if candidates.source is not None and len(parts) > 1:
        columns = [c.name for c in context.frame.of(candidates.source)]
        missing = parts[candidates.qualifier]
        work.report(
            "unknown-column",
            f"{'.'.join(parts[: candidates.qualifier])!r} has no column {missing!r}",
            node,
            hint=hint_for(missing, columns, what="columns"),
        )
        return
    if len(parts) > 1:
        aliases = [
            q[-1] for qualifiers in context.frame.qualifiers.values() for q in qualifiers[:1]
        ]
        guess = did_you_mean(first, [*aliases, *context.frame.spelled()])
        work.report(
            "unknown-column",
            f"there is no table or column {first!r} here",
            node,
            hint=guess or hint_for(first, aliases, what="tables in this FROM"),
        )
        return
    names = list(dict.fromkeys([*context.frame.spelled(), *_alias_names(context)]))
    message = f"there is no column {first!r}"
    if not names:
        work.report("unknown-column", message, node, hint="this SELECT reads no table")
        return
    work.report("unknown-column", message, node, hint=hint_for(first, names, what="columns"))


def _alias_names(context: Context) -> list[str]:
    return [o.name for named in context.aliases.values() for o in named]
