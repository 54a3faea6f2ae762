"""Queries: each scope as a DuckDB SELECT whose columns are called c0, c1 ...

What can raise is kept where Spark evaluates it. Spark moves filters below projections, and so does
DuckDB; but DuckDB also moves them where Spark does not (below a window function's
projection, into the scans of a join). There a subquery whose columns or conditions can raise is
fenced: a LIMIT that no table reaches keeps filters out of it, so that DuckDB evaluates at least the
rows that Spark does. It may then raise where Spark answers; it never answers where Spark raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from sqlglot import exp

from headwater import types as t
from headwater.sql.analysis import Analysis, Binding, Generated, Output, Scope, TableReference
from headwater.sql.from_clause import Item, JoinKind, Unclear, read_from
from headwater.sql.functions import AGGREGATES, name_of
from headwater.sql.portable import windows
from headwater.sql.portable.comparing import aligned, comparable, compare, widened
from headwater.sql.portable.expressions import Expressions
from headwater.sql.portable.pieces import Piece, Refusal, refuse_unless
from headwater.sql.portable.spelling import cast, has_type, type_name
from headwater.sql.portable.spelling import name as quoted
from headwater.table import TableName
from headwater.types import DataType

_T = TypeVar("_T")

FENCE = "LIMIT 9223372036854775807"
_SELECT_PARTS = frozenset(
    "expressions from_ joins where group having qualify order limit offset distinct with_".split()
)
_SET_PARTS = frozenset("this expression distinct order limit offset with_".split())


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled query.

    Args:
        sql: DuckDB SQL whose columns are c0, c1 ...
        types: Types of its columns.
        raises: For each column, whether evaluating it may raise.
        hidden: Whether something else in it may raise: a condition, a key.
        plain: Whether filters above it reach its tables in both engines alike: it only
            projects and filters.
    """

    sql: str
    types: tuple[DataType, ...]
    raises: tuple[bool, ...]
    hidden: bool = False
    plain: bool = True


@dataclass(slots=True)
class Query:
    """A SELECT while it is compiled: what stands for the columns of its sources."""

    scope: Scope
    parent: Query | None = None
    sources: dict[str, tuple[str, TableReference | Compiled, tuple[Output, ...]]] = field(
        default_factory=dict
    )


class Queries:
    """Compiles the queries of one analysis.

    Args:
        analysis: A query without errors.
        table: DuckDB's name of each table.
    """

    def __init__(self, analysis: Analysis, table: Callable[[TableName], str]) -> None:
        self._analysis = analysis
        self._table = table
        self._open: list[Query] = []
        self._count = 0
        self.refusals: list[Refusal] = []

    # -- what expressions ask for ---------------------------------------------------------------

    def place(self, binding: Binding) -> Piece:
        """Return the column that a binding means, as it is called here."""
        for query in reversed(self._open):
            if query.scope is not binding.scope or binding.source not in query.sources:
                continue
            alias, source, outputs = query.sources[binding.source]
            if isinstance(source, TableReference):
                return Piece(f"{alias}.{quoted(binding.column)}", binding.type)
            found = [
                i for i, o in enumerate(outputs) if o.name.casefold() == binding.column.casefold()
            ]
            if len(found) != 1:
                raise Refusal(f"column {binding.column!r}: several columns have that name")
            (index,) = found
            return Piece(f"{alias}.c{index}", source.types[index], source.raises[index])
        raise Refusal(f"column {binding.column!r}: its table can't be told")

    def scalar(self, e: Expressions, node: exp.Expr) -> Piece:
        """Return a subquery that stands for one value: an aggregate over all its rows."""
        scope = self._subquery(e, node)
        select = scope.node
        refuse_unless(
            isinstance(select, exp.Select)
            and select.args.get("group") is None
            and not select.args.get("having")
            and len(scope.outputs) == 1
            and any(_aggregated(n) for n in select.expressions),
            "a subquery as a value that is not one aggregate of all its rows",
            node,
        )
        made = self._safe(scope, node)
        return Piece(f"({made.sql})", made.types[0])

    def membership(self, e: Expressions, node: exp.Expr) -> Piece:
        """Return `a IN (SELECT ...)`."""
        value = e.piece(node.this)
        scope = self._subquery(e, node.args["query"])
        refuse_unless(len(scope.outputs) == 1, "IN with several columns", node)
        made = self._safe(scope, node)
        refuse_unless(not value.raises, "a value that may raise IN a subquery", node)
        first, other = aligned([value, Piece("c0", made.types[0])])
        return Piece(f"({first.sql} IN (SELECT {other.sql} FROM ({made.sql}) AS s))", t.BOOLEAN)

    def existence(self, e: Expressions, node: exp.Expr) -> Piece:
        """Return `EXISTS (SELECT ...)`."""
        made = self._safe(self._subquery(e, node.this), node)
        return Piece(f"EXISTS ({made.sql})", t.BOOLEAN)

    def _subquery(self, e: Expressions, node: exp.Expr) -> Scope:
        inner = node
        while isinstance(inner, (exp.Subquery, exp.Paren)):
            inner = inner.this
        for scope in e.query.scope.subqueries:
            if scope.node is inner or scope.node is node:
                return scope
        raise Refusal("a subquery: its scope can't be told", node)

    def _safe(self, scope: Scope, node: exp.Expr) -> Compiled:
        made = self.compiled(scope)
        refuse_unless(
            not made.hidden and not any(made.raises),
            "a subquery that may raise: the two engines may evaluate other rows of it",
            node,
        )
        return made

    # -- queries --------------------------------------------------------------------------------

    def compiled(self, scope: Scope, *, root: bool = False) -> Compiled:
        """Return a compiled scope.

        Raises:
            Refusal: If it is not in the portable subset as a whole.
        """
        node = scope.node
        if isinstance(node, exp.Subquery) and scope.branches:
            raise Refusal("a bracketed set operation with clauses of its own", node)
        if isinstance(node, exp.Select):
            return self._select(scope, node, root=root)
        if isinstance(node, (exp.Union, exp.Intersect, exp.Except)):
            return self._set_operation(scope, node, root=root)
        raise Refusal(f"{type(node).__name__}: not proven to mean the same on both engines", node)

    def _select(self, scope: Scope, node: exp.Select, *, root: bool) -> Compiled:
        _only(node, _SELECT_PARTS)
        query = Query(scope, self._open[-1] if self._open else None)
        self._open.append(query)
        try:
            return self._selected(query, node, root=root)
        finally:
            self._open.pop()

    def _selected(self, query: Query, node: exp.Select, *, root: bool) -> Compiled:
        scope = query.scope
        joins = len(scope.sources) > 1
        reduces = joins or any(
            node.args.get(k) for k in ("where", "having", "qualify", "limit", "group", "distinct")
        )
        source = self._from(query, reduces=reduces, joins=joins)
        e = Expressions(self._analysis, self, query)
        where = [self._kept(e.boolean, c) for c in _conjuncts(node, "where")]
        refuse_unless(
            not (joins and any(w.raises for w in where)),
            "a condition that may raise, above a join: the two engines may evaluate other rows",
            node.args.get("where"),
        )
        grouping = self._grouping(e, node)
        having = [self._kept(e.boolean, c) for c in _conjuncts(node, "having")]
        qualify = [self._kept(e.boolean, c) for c in _conjuncts(node, "qualify")]
        outputs = [self._kept(partial(self._output, e), o) for o in scope.outputs]
        distinct = node.args.get("distinct") is not None
        if distinct:
            refuse_unless(not node.args["distinct"].args.get("on"), "DISTINCT ON", node)
            outputs = [_grouped(o, "DISTINCT") for o in outputs]
        order = self._order(e, node, outputs, root=root)
        limit = _limit(node)
        columns = ", ".join(
            f"{cast(o.sql, o.type) if root and has_type(o.type) else o.sql} AS c{i}"
            for i, o in enumerate(outputs)
        )
        sql = f"SELECT {'DISTINCT ' if distinct else ''}{columns}"
        sql += f"\nFROM {source.sql}" if source.sql else ""
        sql += f"\nWHERE {_filter(where)}" if where else ""
        sql += grouping
        sql += f"\nHAVING {_filter(having)}" if having else ""
        sql += f"\nQUALIFY {_filter(qualify)}" if qualify else ""
        sql += order + limit
        windowed = any(True for x in node.expressions for _ in x.find_all(exp.Window))
        plain = source.plain and not (
            joins or grouping or distinct or limit or qualify or windowed or having
            or any(_aggregated(x) for x in node.expressions)
        )  # fmt: skip
        hidden = source.hidden or any(p.raises for p in (*where, *having, *qualify))
        types = tuple(o.type for o in outputs)
        return Compiled(sql, types, tuple(o.raises for o in outputs), hidden, plain)

    def _kept(self, make: Callable[[_T], Piece], what: _T) -> Piece:
        """Return a piece; one that is refused is remembered, so that all refusals are found."""
        try:
            return make(what)
        except Refusal as refusal:
            self.refusals.append(refusal)
            return Piece("NULL", t.UNKNOWN)

    def _output(self, e: Expressions, output: Output) -> Piece:
        node = output.node
        if node is None:
            if output.origin is None:
                raise Refusal(f"column {output.name!r}: where it comes from can't be told")
            return e.bound(output.origin)
        inner = node.this if isinstance(node, exp.Alias) else node
        piece = e.piece(inner)
        if piece.type != output.type:
            raise Refusal(f"it would be {piece.type} here and is {output.type} in Spark", node)
        return piece

    # -- FROM -----------------------------------------------------------------------------------

    def _from(self, query: Query, *, reduces: bool, joins: bool) -> Compiled:
        """Return what stands after FROM; its columns are found through `query.sources`."""
        items = read_from(self._analysis, query.scope)
        if isinstance(items, Unclear):
            raise Refusal("this part of FROM: not proven to mean the same", items.node)
        text, hidden, plain = "", False, True
        for item in items:
            sql, made = self._item(query, item, reduces=reduces, joins=joins)
            if made is not None:
                hidden, plain = hidden or made.hidden, plain and made.plain
            text = sql if item.join is None else f"{text}\n{self._join(query, item, items, sql)}"
        return Compiled(text, (), (), hidden, plain)

    def _item(
        self, query: Query, item: Item, *, reduces: bool, joins: bool
    ) -> tuple[str, Compiled | None]:
        refuse_unless(not item.node.args.get("sample"), "TABLESAMPLE", item.node)
        refuse_unless(not item.node.args.get("pivots"), "PIVOT", item.node)
        self._count += 1
        alias = f"t{self._count}"
        source = item.source
        columns = _alias_columns(item.node)
        if isinstance(source, TableReference):
            refuse_unless(not columns, "new names for the columns of a table", item.node)
            query.sources[item.key] = (alias, source, ())
            return f"{self._table(source.name)} AS {alias}", None
        if isinstance(source, Generated):
            raise Refusal("rows that are made in FROM", item.node)
        opened, self._open = self._open, []
        try:
            made = self.compiled(source)
        finally:
            self._open = opened
        outputs = source.outputs
        if columns:
            outputs = tuple(
                Output(c, o.type, o.node, o.origin) for c, o in zip(columns, outputs, strict=True)
            )
        query.sources[item.key] = (alias, made, outputs)
        risky = made.hidden or any(made.raises)
        if risky and reduces and (joins or made.hidden or not made.plain):
            return f"(\nSELECT * FROM (\n{made.sql}\n) AS s {FENCE}\n) AS {alias}", made
        return f"(\n{made.sql}\n) AS {alias}", made

    def _join(self, query: Query, item: Item, items: Iterable[Item], sql: str) -> str:
        e = Expressions(self._analysis, self, query)
        on = [self._kept(e.boolean, c) for c in item.on]
        for column in item.using:
            on.append(self._kept(partial(self._used, query, items, item), column))
        refuse_unless(
            not any(p.raises for p in on),
            "a join condition that may raise: the two engines may evaluate other rows",
            item.join,
        )
        words = {
            JoinKind.INNER: "JOIN",
            JoinKind.LEFT: "LEFT JOIN",
            JoinKind.RIGHT: "RIGHT JOIN",
            JoinKind.FULL: "FULL JOIN",
            JoinKind.SEMI: "SEMI JOIN",
            JoinKind.ANTI: "ANTI JOIN",
        }
        if not on:
            refuse_unless(
                item.kind is JoinKind.INNER, "an outer join without a condition", item.join
            )
            return f"CROSS JOIN {sql}"
        return f"{words[item.kind]} {sql} ON {' AND '.join(p.sql for p in on)}"

    def _used(self, query: Query, items: Iterable[Item], item: Item, column: str) -> Piece:
        """Return the equality of a USING column."""
        refuse_unless(item.kind is not JoinKind.FULL, "FULL JOIN ... USING", item.join)
        before = []
        for other in items:
            if other is item:
                break
            if other.kind in (JoinKind.SEMI, JoinKind.ANTI):
                continue
            before += [p for p in [self._named(query, other.key, column)] if p is not None]
        here = self._named(query, item.key, column)
        # With several candidates on the left, which one Spark compares depends on the joins.
        if len(before) != 1 or here is None:
            raise Refusal(f"USING ({column}): its left side can't be told", item.join)
        return compare("=", before[0], here)

    def _named(self, query: Query, key: str, column: str) -> Piece | None:
        alias, source, outputs = query.sources[key]
        if isinstance(source, TableReference):
            found = self._analysis.tables[source.name].column(column)
            binding = found and Binding(query.scope, key, found.name, found.type)
            return self.place(binding) if binding else None
        indexes = [i for i, o in enumerate(outputs) if o.name.casefold() == column.casefold()]
        if len(indexes) != 1:
            return None
        return Piece(f"{alias}.c{indexes[0]}", source.types[indexes[0]], source.raises[indexes[0]])

    # -- GROUP BY, ORDER BY ---------------------------------------------------------------------

    def _grouping(self, e: Expressions, node: exp.Select) -> str:
        group = node.args.get("group")
        outputs = e.query.scope.outputs
        aggregated = any(_aggregated(x) for x in node.expressions) or node.args.get("having")
        if group is None:
            if aggregated:
                e.keys = {}
            return ""
        strange = [k for k, v in group.args.items() if v and k not in ("expressions", "all")]
        refuse_unless(not strange, f"GROUP BY {' '.join(strange).upper()}", group)
        keys: dict[str, str] = {}
        for key in _group_keys(node, group, outputs):
            piece = self._kept(e.piece, key)
            if piece.type != t.UNKNOWN:
                keys[piece.sql] = _grouped(piece, "GROUP BY").sql
        e.keys = keys
        return f"\nGROUP BY {', '.join(dict.fromkeys(keys.values()))}" if keys else ""

    def _order(self, e: Expressions, node: exp.Expr, outputs: list[Piece], *, root: bool) -> str:
        order = node.args.get("order")
        if order is None or not (root or node.args.get("limit")):
            return ""
        by_sql = {o.sql: i + 1 for i, o in reversed(list(enumerate(outputs)))}
        parts = []
        for item in order.expressions:
            value = item.this if isinstance(item, exp.Ordered) else item
            direction = windows.direction(item)
            piece = (
                outputs[int(value.name) - 1]
                if isinstance(value, exp.Literal) and 0 < int(value.name) <= len(outputs)
                else self._kept(e.piece, value)
            )
            refuse_unless(
                comparable(piece.type) or piece.type == t.UNKNOWN, f"ORDER BY {piece.type}", item
            )
            parts.append(f"{windows.sorted_by(piece, by_sql.get(piece.sql))} {direction}")
        return f"\nORDER BY {', '.join(parts)}"

    # -- set operations -------------------------------------------------------------------------

    def _set_operation(self, scope: Scope, node: exp.Expr, *, root: bool) -> Compiled:
        _only(node, _SET_PARTS)
        refuse_unless(len(scope.branches) == 2, "a set operation", node)
        distinct = bool(node.args.get("distinct"))
        word = {exp.Union: "UNION", exp.Intersect: "INTERSECT", exp.Except: "EXCEPT"}[type(node)]
        sides, plain, hidden = [], not distinct and word == "UNION", False
        raises = [False] * len(scope.outputs)
        for branch in scope.branches:
            made = self.compiled(branch)
            columns = []
            for i, output in enumerate(scope.outputs):
                piece = Piece(f"c{i}", made.types[i], made.raises[i])
                wide = self._kept(partial(widened, piece), output.type)
                if distinct or word != "UNION":
                    wide = _grouped(wide, word)
                columns.append(
                    f"{cast(wide.sql, output.type) if has_type(output.type) else wide.sql} AS c{i}"
                )
                raises[i] = raises[i] or wide.raises
            sides.append(f"SELECT {', '.join(columns)} FROM (\n{made.sql}\n) AS s")
            plain, hidden = plain and made.plain, hidden or made.hidden
        sql = f"\n{word} {'' if distinct else 'ALL'}\n".join(sides)
        tail = _set_order(scope, node, root=root) + _limit(node)
        if tail:
            sql = f"SELECT * FROM (\n{sql}\n) AS s{tail}"
        types = tuple(o.type for o in scope.outputs)
        return Compiled(sql, types, tuple(raises), hidden, plain and not tail)


def _only(node: exp.Expr, known: frozenset[str]) -> None:
    strange = [k for k, v in node.args.items() if v and k not in known]
    refuse_unless(not strange, f"{', '.join(strange).upper().strip('_')}: not proven", node)
    with_ = node.args.get("with_")
    refuse_unless(with_ is None or not with_.args.get("recursive"), "WITH RECURSIVE", node)


def _conjuncts(node: exp.Expr, clause: str) -> list[exp.Expr]:
    """Return the conditions that AND joins in a clause, from left to right."""
    found = node.args.get(clause)
    rest, parts = [found.this] if found is not None else [], []
    while rest:
        bare = rest.pop()
        bare = bare.unnest() if isinstance(bare, exp.Paren) else bare
        if isinstance(bare, exp.And):
            rest += [bare.expression, bare.this]
        else:
            parts.append(bare)
    return parts


def _filter(pieces: list[Piece]) -> str:
    """Return conditions as one: those before the first that may raise stay apart, to be pushed."""
    safe: list[Piece] = []
    for piece in pieces:
        if piece.raises:
            break
        safe.append(piece)
    rest = pieces[len(safe) :]
    texts = [p.sql for p in safe]
    if rest:
        guarded = "true"
        for piece in reversed([*safe, *rest]):
            guarded = f"CASE WHEN {piece.sql} THEN {guarded} ELSE false END"
        texts.append(guarded)
    return " AND ".join(texts)


def _grouped(piece: Piece, clause: str) -> Piece:
    """Return a grouping value; as in Spark, -0.0 is grouped with and shown as 0.0."""
    if piece.type == t.UNKNOWN:
        return piece
    refuse_unless(comparable(piece.type), f"{clause} {piece.type}")
    if piece.type.is_floating:
        zero = f"CAST(0 AS {type_name(piece.type)})"
        return Piece(f"({piece.sql} + {zero})", piece.type, piece.raises)
    return piece


def _group_keys(node: exp.Select, group: exp.Expr, outputs: tuple[Output, ...]) -> list[exp.Expr]:
    keys: list[exp.Expr] = []
    listed = list(group.expressions)
    if group.args.get("all"):
        refuse_unless(not listed, "GROUP BY ALL with keys", group)
        return [_bare(x) for x in node.expressions if not _aggregated(x)]
    for key in listed:
        if isinstance(key, exp.Literal) and not key.is_string:
            output = outputs[int(key.name) - 1] if 0 < int(key.name) <= len(outputs) else None
            if output is None or output.node is None:
                raise Refusal("GROUP BY a position in an expanded star", key)
            keys.append(_bare(output.node))
        else:
            refuse_unless(not isinstance(key, exp.Tuple), "GROUP BY a tuple", key)
            keys.append(key)
    return keys


def _bare(node: exp.Expr) -> exp.Expr:
    return node.this if isinstance(node, exp.Alias) else node


def _aggregated(node: exp.Expr) -> bool:
    """Return whether an expression calls an aggregate over the group (not over a window)."""
    for call in node.find_all(exp.Anonymous):
        if name_of(call) not in AGGREGATES:
            continue
        above = call.parent
        if isinstance(above, exp.Filter):
            above = above.parent
        over_window = (
            isinstance(above, exp.Window) and above.this is not None and call is _called(above)
        )
        if not over_window and not _below_subquery(call, node):
            return True
    return False


def _called(window: exp.Expr) -> exp.Expr:
    inner: exp.Expr = window.this
    return inner.this if isinstance(inner, exp.Filter) else inner


def _below_subquery(node: exp.Expr, top: exp.Expr) -> bool:
    above = node.parent if node is not top else None
    while above is not None and above is not top:
        if isinstance(above, (exp.Select, exp.Subquery)):
            return True
        above = above.parent
    return False


def _limit(node: exp.Expr) -> str:
    text = ""
    for word, key in (("LIMIT", "limit"), ("OFFSET", "offset")):
        found = node.args.get(key)
        if found is None:
            continue
        value = found.expression
        refuse_unless(
            isinstance(value, exp.Literal) and value.name.isdigit(),
            f"{word} without a number",
            node,
        )
        text += f"\n{word} {value.name}"
    return text


def _alias_columns(node: exp.Expr) -> list[str]:
    alias = node.args.get("alias")
    return [c.name for c in (alias.args.get("columns") or [])] if alias is not None else []


def _set_order(scope: Scope, node: exp.Expr, *, root: bool) -> str:
    order = node.args.get("order")
    if order is None or not (root or node.args.get("limit")):
        return ""
    names: Mapping[str, int] = {o.name.casefold(): i for i, o in enumerate(scope.outputs)}
    parts = []
    for item in order.expressions:
        value = item.this if isinstance(item, exp.Ordered) else item
        index = names.get(value.name.casefold()) if isinstance(value, exp.Column) else None
        if isinstance(value, exp.Literal) and value.name.isdigit():
            index = int(value.name) - 1
        if index is None or not comparable(scope.outputs[index].type):
            raise Refusal("ORDER BY of a set operation by something else than its columns", item)
        key = windows.sorted_by(Piece(f"c{index}", scope.outputs[index].type), None)
        parts.append(f"{key} {windows.direction(item)}")
    return f"\nORDER BY {', '.join(parts)}"
