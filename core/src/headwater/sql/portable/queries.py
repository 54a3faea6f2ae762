"""Queries: each scope as a DuckDB SELECT whose columns are called c0, c1 ...

What can raise is kept where Spark evaluates it. Spark moves filters below projections, and so does
DuckDB; but DuckDB also moves them where Spark does not (below a window function's
projection, into the scans of a join). There a subquery whose columns or conditions can raise is
fenced: a LIMIT that no table reaches keeps filters out of it, so that DuckDB evaluates at least the
rows that Spark does. It may then raise where Spark answers; it never answers where Spark raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar

from sqlglot import exp

from headwater import types as t
from headwater.sql.analysis import Analysis, Binding, Output, Scope
from headwater.sql.binding import row_order
from headwater.sql.binding.from_clause import (
    Item,
    Unclear,
    columns_of,
    read_from,
    scopes_within,
)
from headwater.sql.functions import called, name_of
from headwater.sql.portable import (
    clauses,
    early,
    grouping,
    recursion,
    time_windows,
    tolerance,
    windows,
)
from headwater.sql.portable.comparing import aligned, compare, direction, orderable, widened
from headwater.sql.portable.expressions import Expressions
from headwater.sql.portable.generators import rows_of
from headwater.sql.portable.pieces import Cascade, Piece, Refusal, made, refuse_unless
from headwater.sql.portable.raising import doubted, spark_error
from headwater.sql.portable.scopes import Compiled, FromTable, Query
from headwater.sql.portable.single_rows import at_most_one_row
from headwater.sql.portable.sources import (
    conditions_within,
    from_clause,
    kept_columns,
    refuse_floats,
)
from headwater.sql.portable.spelling import cast, has_type
from headwater.sql.portable.spelling import name as quoted
from headwater.sql.typing.literals import position
from headwater.tables.table import TableName
from headwater.untrusted import limits
from headwater.untrusted.texts import has_halves

_T = TypeVar("_T")
_TAIL: Final = frozenset({"order", "limit", "offset", "with_"})
_SET_PARTS: Final = _TAIL | {"this", "expression", "distinct"}
_SELECT_PARTS: Final = _TAIL | {"expressions", "from_", "joins", "laterals", "where", "windows"}
_GROUP_PARTS: Final = frozenset({"group", "having", "qualify", "distinct"})
_PLACES: Final = frozenset({"sort", "distribute", "cluster"})
_ENDINGS: Final = ("order", "sort", "cluster", "distribute", "limit", "offset")
_VAGUE: Final = "this: which columns it gives can't be told"
_ABOVE_JOIN: Final = (
    "a condition that may raise, above a join: the two engines may evaluate other rows"
)
_REDUCING: Final = ("where", "having", "qualify", "limit", "group", "distinct")
_SET_WORDS: Final[dict[type[exp.Expr], str]] = {
    exp.Union: "UNION",
    exp.Intersect: "INTERSECT",
    exp.Except: "EXCEPT",
}


class Queries:
    """Compiles the queries of one analysis.

    Args:
        analysis: A query without errors.
        table: DuckDB's name of each table.
        within: How far numbers may be from Spark's; None where they have to be equal.
    """

    def __init__(
        self,
        analysis: Analysis,
        table: Callable[[TableName], str],
        within: float | None = None,
    ) -> None:
        self.analysis = analysis
        self.table = table
        self.tolerance = within
        self.inexact: dict[str, exp.Expr] = {}
        """Functions that use the tolerance, and where each is called first."""
        self.asked_first: dict[str, None] = {}
        """Queries that run before, whose answers nobody wants: they raise, or not."""
        self.refusals: list[Refusal] = []
        """What was refused and left out, to be reported together."""
        self.may_window = time_windows.RULE in analysis.parsed.text.casefold()
        """Whether it may call `window`, which is else looked for in each SELECT."""
        self._open: list[Query] = []
        self._from_subqueries: dict[int, Compiled] = {}
        self._spent = 0
        self.working: dict[int, str] = {}
        """What a recursive query that is being compiled calls the rows of the step before."""
        self._refused: set[int] = set()
        self._count = 0

    def allow(self, node: exp.Expr) -> None:
        """Let a call of a function that is not equal to the bit use the tolerance.

        Raises:
            Refusal: If there is none, or the function's digits differ by more.
        """
        name, (kind, _, units) = name_of(node) or "", called(node).entry("equal").partition(" ")
        if self.tolerance is None:
            raise Refusal(f"{name}(): {tolerance.INEXACT[kind]}", node, tolerance.HINT)
        if units and int(units) * 2.0**-52 > self.tolerance:
            reason = f"{name}(): it may differ by {int(units) * 2.0**-52:.1e} of itself, more than"
            raise Refusal(f"{reason} the tolerance of {self.tolerance:g}", node)
        self.inexact.setdefault(name, node)

    def alias(self) -> str:
        """Return a new name for a source."""
        self._count += 1
        return f"t{self._count}"

    def spend(self, sql: str) -> None:
        """Count SQL that was made.

        Raises:
            Refusal: If it is longer than any engine should be given, or holds what it can't be
                given. What one query says twice, as the meaning of a name or the operand of a
                function, may be said exponentially often.
        """
        self._spent += len(sql)
        if len(sql) > limits.SQL_CHARACTERS or self._spent > 50 * limits.SQL_CHARACTERS:
            raise Refusal(
                f"a query that it would write with more than {limits.SQL_CHARACTERS:,} characters"
            )
        if has_halves(sql):  # of an escape: '\\ud800', or of two that make one character
            raise Refusal("a text with half of a character: write the character itself")
        if "\0" in sql:
            raise Refusal("a text with a NUL character: DuckDB ends it there")

    def attempt(self, make: Callable[[_T], Piece], what: _T) -> Piece:
        """Return a piece, or note its refusal and go on, so that all refusals are found."""
        try:
            return make(what)
        except Refusal as refusal:
            self.refusals.append(refusal)
            return Piece("NULL", t.UNKNOWN)

    @contextmanager
    def opened(self, query: Query) -> Iterator[None]:
        """Have names mean columns of a query's sources."""
        self._open.append(query)
        try:
            yield
        finally:
            self._open.pop()

    def query_around(self, scope: Scope) -> Query | None:
        """Return the query of a scope while something in it is compiled."""
        return next((q for q in reversed(self._open) if q.scope is scope), None)

    def column_of(self, binding: Binding) -> Piece:
        """Return the column that a binding means, as it is called here."""
        for query in reversed(self._open):
            if query.scope is not binding.scope or binding.source not in query.sources:
                continue
            source = query.sources[binding.source]
            if isinstance(source, FromTable):
                return Piece(f"{source.alias}.{quoted(binding.column)}", binding.type)
            indexes = source.find(binding.column)
            if len(indexes) != 1:
                raise Refusal(f"column {binding.column!r}: several columns have that name")
            (i,) = indexes
            raises, declines = source.raises[i], source.declines[i]
            sql = f"{source.alias}.c{i}"
            return Piece(sql, source.types[i], raises, declines=declines)
        raise Refusal(f"column {binding.column!r}: its table can't be told")

    # -- subqueries in expressions ---------------------------------------------------------------

    def scalar(self, e: Expressions, node: exp.Expr) -> Piece:
        """Return a subquery that stands for one value.

        One that names nothing around it is asked before the query, once and whatever becomes of its
        value: so Spark raises where it gives a second row, or fails itself.
        """
        self._check_join(node)
        scope = self._subquery(e, node)
        refuse_unless(len(scope.outputs) == 1, "a subquery of several columns for one value", node)
        select = scope.node
        aggregate = (
            isinstance(select, exp.Select)
            and select.args.get("group") is None
            and not select.args.get("having")
            and any(clauses.aggregated(n) for n in select.expressions)
        )
        around = self.named_around(scope)
        if around:
            reason = "a subquery that names columns around it and may give several rows"
            hint = "aggregate them, e.g. max(...), or end it by ORDER BY ... LIMIT 1"
            refuse_unless(aggregate or at_most_one_row(self.analysis, scope), reason, node, hint)
            if not aggregate:
                refuse_floats(around, "a subquery of a row", node)
            subquery = self._safe(scope, node)
        else:
            subquery = self._known(self.from_subquery(scope), node)
            single = aggregate or at_most_one_row(self.analysis, scope)
            if not single or subquery.risky:
                self._ask_for_one(subquery, spared=clauses.may_be_spared(node))
        return Piece(f"({subquery.sql})", subquery.types[0])

    def ask_first(self, sql: str, *, spared: bool) -> None:
        """Have a statement run before the query, for it may raise where the query does not ask.

        Args:
            sql: The statement.
            spared: Whether Spark may leave it out, and answer.
        """
        sql = doubted(sql) if spared else sql
        self.spend(sql)
        self.asked_first[sql] = None

    def _ask_for_one(self, subquery: Compiled, *, spared: bool) -> None:
        several = spark_error(
            "SCALAR_SUBQUERY_TOO_MANY_ROWS",
            "more than one row was returned by a subquery that stands for one value",
            t.BOOLEAN,
        )
        rows = f"SELECT c0 FROM (\n{subquery.sql}\n) AS s LIMIT 2"
        asked = (
            f"SELECT CASE WHEN count(*) > 1 THEN {several} END, any_value(c0) FROM ({rows}) AS n"
        )
        self.ask_first(asked, spared=spared)

    def membership(self, e: Expressions, node: exp.Expr) -> Piece:
        """Return `a IN (SELECT ...)`."""
        reason = "IN (SELECT ...) beyond a plain WHERE: where it should be NULL, Spark says false"
        scope, filters = self._subquery(e, node.args["query"]), clauses.only_filters(node)
        apart = clauses.stands_alone(node) and e.keys is None and not self.named_around(scope)
        refuse_unless(filters or apart, reason, node)
        where = node.find_ancestor(exp.Where) if filters else None
        twins = [x for x in where.find_all(exp.In) if x == node] if where is not None else []
        # Of `a OR NOT a` Spark makes true, where `a` is NULL, too.
        refuse_unless(len(twins) < 2, "the same IN (SELECT ...) twice in a WHERE", node)
        if isinstance(node.this.unnest(), exp.Tuple):
            plain = filters and not isinstance(clauses.around(node), exp.Not)
            reason = "IN with several columns beyond a plain WHERE"
            refuse_unless(plain, reason, node, "write EXISTS (SELECT ... WHERE a = b AND ...)")
            return self._membership_of_several(e, node, scope)
        refuse_unless(len(scope.outputs) == 1, "IN with several columns", node)
        value = e.piece(node.this)
        subquery = self._safe(scope, node)
        refuse_unless(not value.risky, "a value that may raise IN a subquery", node)
        first, other = aligned([value, Piece("c0", subquery.types[0])])
        refuse_unless(not (first.risky or other.risky), "texts compared in IN (SELECT ...)", node)
        sql = f"({first.sql} IN (SELECT {other.sql} FROM ({subquery.sql}) AS s))"
        negated = isinstance(clauses.around(node), exp.Not)
        return Piece(sql if filters or negated else f"coalesce({sql}, false)", t.BOOLEAN)

    def _membership_of_several(self, e: Expressions, node: exp.Expr, scope: Scope) -> Piece:
        """Return `(a, b) IN (SELECT x, y ...)` where NULL is as good as false."""
        values = [e.piece(n) for n in node.this.unnest().expressions]
        subquery = self._safe(scope, node)
        risky = any(v.risky for v in values)
        refuse_unless(not risky, "a value that may raise IN a subquery", node)
        columns = (Piece(f"s.c{i}", x) for i, x in enumerate(subquery.types))
        equal = [compare("=", v, c) for v, c in zip(values, columns, strict=True)]
        reason = "texts compared in IN (SELECT ...)"
        refuse_unless(not any(p.risky for p in equal), reason, node)
        condition = " AND ".join(p.sql for p in equal)
        sql = f"EXISTS (SELECT 1 FROM ({subquery.sql}) AS s WHERE {condition})"
        return Piece(sql, t.BOOLEAN)

    def existence(self, e: Expressions, node: exp.Expr) -> Piece:
        """Return `EXISTS (SELECT ...)`."""
        self._check_join(node)
        subquery = self._safe(self._subquery(e, node.this), node)
        return Piece(f"EXISTS ({subquery.sql})", t.BOOLEAN)

    def named_around(self, scope: Scope) -> list[Binding]:
        """Return the columns of queries around it that a subquery names."""
        own = {id(s) for s in scopes_within(scope)}
        bound = (
            self.analysis.binding_of(c)
            for s in scopes_within(scope)
            for c in s.node.find_all(exp.Column)
        )
        return [b for b in bound if b is not None and id(b.scope) not in own]

    def _check_join(self, node: exp.Expr) -> None:
        """Refuse a subquery in a join's condition: Spark does not run some of them."""
        reason = "a subquery in the condition of a join"
        refuse_unless(
            node.find_ancestor(exp.Join, exp.Select).__class__ is not exp.Join, reason, node
        )

    def _subquery(self, e: Expressions, node: exp.Expr) -> Scope:
        inner = node
        while isinstance(inner, (exp.Subquery, exp.Paren)):
            inner = inner.this
        for scope in e.query.scope.subqueries:
            if scope.node is inner or scope.node is node:
                return scope
        raise Refusal("a subquery: its scope can't be told", node)

    def _safe(self, scope: Scope, node: exp.Expr) -> Compiled:
        subquery = self.compiled(scope)
        reason = "a subquery that may raise: the two engines may evaluate other rows of it"
        refuse_unless(not subquery.risky, reason, node)
        return self._known(subquery, node)

    def _known(self, subquery: Compiled, node: exp.Expr) -> Compiled:
        if t.UNKNOWN in subquery.types:
            raise Cascade("a subquery", node)
        return subquery

    # -- queries --------------------------------------------------------------------------------

    def from_subquery(self, scope: Scope) -> Compiled:
        """Return a compiled subquery of FROM, which sees nothing of the query around it."""
        if self.named_around(scope):  # as a part of a subquery that names them may
            return self.compiled(scope)
        subquery = self._from_subqueries.get(id(scope))
        if subquery is None:
            around, self._open = self._open, []
            try:
                subquery = self._from_subqueries[id(scope)] = self.compiled(scope)
            finally:
                self._open = around
        return subquery

    def compiled(self, scope: Scope, *, root: bool = False) -> Compiled:
        """Return a compiled scope.

        Args:
            scope: A SELECT or a set operation.
            root: Whether it is the whole query: its order counts, its columns get their types.

        Raises:
            Refusal: If it is not in the portable subset as a whole.
        """
        node = scope.node
        refuse_unless(not self.analysis.is_vague(scope), _VAGUE, _vague_part(node))
        layers = [x for x in row_order.layers(node) if any(x.args.get(k) for k in _ENDINGS)]
        for layer in layers:
            self._check_order(scope, layer)
        around = [x for x in layers if x is not node]
        ordered = root or any(clauses.cuts(x) for x in around)
        if recursion.names_itself(scope):
            return recursion.compiled(self, scope)
        query = self._bare(scope, node, root=root, ordered=ordered)
        for layer in around:
            query = self._in_brackets(scope, layer, query, root=root)
        return query

    def _bare(self, scope: Scope, node: exp.Expr, *, root: bool, ordered: bool) -> Compiled:
        """Return a compiled scope without the brackets around it."""
        if type(node) in _SET_WORDS:
            return self._set_operation(scope, node, ordered=ordered)
        if isinstance(node, exp.Subquery):
            hint = "write (SELECT ... FROM a JOIN b ON ...) AS name"
            raise Refusal("a name for joins in brackets", node, hint)
        if isinstance(node, exp.Table):
            raise Refusal("new names for the columns of a table", node)
        if not isinstance(node, exp.Select):
            raise Refusal(f"{type(node).__name__}: not proven to mean the same", node)
        clauses.only(node, _SELECT_PARTS | _GROUP_PARTS | _PLACES)
        query = Query(scope)
        with self.opened(query):
            return self._select(query, node, root=root, ordered=ordered)

    def _in_brackets(
        self, scope: Scope, layer: exp.Expr, query: Compiled, *, root: bool
    ) -> Compiled:
        """Return `(query) ORDER BY ... LIMIT ...`, which work on what the brackets give."""
        clauses.only(layer, _TAIL | {"this", "alias"})
        inner = layer.this
        while isinstance(inner, exp.Subquery) and not any(inner.args.get(k) for k in _ENDINGS):
            inner = inner.this
        tail = clauses.set_order(scope, layer, ordered=root or clauses.cuts(layer))
        if clauses.cuts(layer) and not tail and inner.args.get("order") is not None:
            refuse_unless(not clauses.cuts(inner), "a LIMIT of an ordered LIMIT", layer)
            return replace(query, sql=query.sql + clauses.limit(layer), plain=False)
        sql = f"SELECT * FROM (\n{query.sql}\n) AS s{tail}{clauses.limit(layer)}"
        return replace(query, sql=sql, plain=query.plain and not clauses.cuts(layer))

    def _check_order(self, scope: Scope, layer: exp.Expr) -> None:
        """Refuse a LIMIT that takes rows in an order which a subquery gives them, as Spark may."""
        if id(layer) not in self.analysis.unordered:
            return
        sorting = row_order.sorted_below(scope)
        refuse_unless(sorting is None, f"LIMIT {row_order.SORTED}", sorting)

    def _select(self, query: Query, node: exp.Select, *, root: bool, ordered: bool) -> Compiled:
        making = clauses.generator_of(node)
        # Rows without an element go, as those without a partner do in a join.
        joins = len(query.scope.sources) > 1 or making is not None
        reduces = joins or any(node.args.get(k) for k in _REDUCING)
        source = from_clause(self, query, reduces=reduces, joins=joins)
        e = Expressions(self.analysis, self, query)
        where = [self.attempt(e.boolean, c) for c in clauses.conjuncts(node, "where")]
        windowing, of_windows = time_windows.opened(e, node, self.alias)
        if any(w.risky for w in (*where, *of_windows)):
            if joins:
                where = self._early(e, node, of_windows)
            elif self.named_around(query.scope):
                where = self._computed_before(e, node)
        where += of_windows
        group = node.args.get("group")
        group_by = grouping.read(node, group, query.scope.outputs) if group else None
        sessions = None
        if group_by is not None and self.may_window:
            sessions = time_windows.sessions(e, node, group_by.keys, self.alias)
        if group_by is not None and sessions is not None:
            refuse_unless(group_by.sets is None, "session_window() in GROUPING SETS", group)
            refuse_unless(not of_windows, "window() beside session_window()", group)
        rows = None
        if making is not None:
            named = any(self.analysis.alias_of(c) for c in making.find_all(exp.Column))
            refuse_unless(not named, "a generator of an alias of its own SELECT", making)
            rows, made_rows = rows_of(e, clauses.bare(making)), self.alias()
            # Spark filters by the other columns first, wherever that stands; here WHERE, too,
            # stands behind the rows.
            if not root or where or len(query.scope.sources) > 1:
                rows = rows.doubted()
            of_item = [o for o in query.scope.outputs if o.node is making]
            refuse_unless(len(of_item) == len(rows.types), _VAGUE, making)
            e.made = {
                id(o): Piece(f"{made_rows}.c{i}", x, rows.raises, declines=rows.declines)
                for i, (o, x) in enumerate(zip(of_item, rows.types, strict=True))
            }
        grouped = self._grouping(e, node, group_by)
        having = [self.attempt(e.boolean, c) for c in clauses.conjuncts(node, "having")]
        if e.counted is not None:
            # Of no rows Spark makes no group, not even that of the total.
            having.insert(0, Piece("(count(*) > 0)", t.BOOLEAN))
        qualify = [self.attempt(e.boolean, c) for c in clauses.conjuncts(node, "qualify")]
        outputs = [self.attempt(partial(self._output, e), o) for o in query.scope.outputs]
        refuse_unless(bool(outputs), "a SELECT that gives no column", node)
        distinct = node.args.get("distinct")
        if distinct is not None:
            refuse_unless(not distinct.args.get("on"), "DISTINCT ON", node)
            outputs = [
                self.attempt(partial(clauses.grouped, clause="DISTINCT", node=o.node), p)
                for o, p in zip(query.scope.outputs, outputs, strict=True)
            ]
        self._check_placed(e, node)
        tail = self._order(e, node, outputs, ordered=ordered)
        sql = f"SELECT {'DISTINCT ' if distinct else ''}{_columns(outputs, root=root)}"
        from_ = early.wrapped(query, source.sql)
        if rows is not None:
            kept = kept_columns(self, query) if rows.floats else {}
            from_ = rows.beside(from_, made_rows, self.alias(), kept)
        filters = clauses.condition(where) if where else ""
        if sessions is not None:
            others = [k for k in (e.keys or {}).values() if k != f"{sessions.alias}.w"]
            from_ = sessions.wrapped(from_, filters, kept_columns(self, query), others)
            filters = ""
        sql += f"\nFROM {from_}{windowing}" if from_ else ""
        sql += f"\nWHERE {filters}" if filters else ""
        sql += grouped
        sql += f"\nHAVING {clauses.condition(having)}" if having else ""
        sql += f"\nQUALIFY {clauses.condition(qualify)}" if qualify else ""
        sql += tail + clauses.limit(node)
        blocked = (
            joins or bool(of_windows) or any(node.args.get(k) for k in _REDUCING if k != "where")
        )
        plain = source.plain and not blocked and not any(_looks_around(x) for x in node.expressions)
        conditions = (*where, *having, *qualify)
        risky = rows is not None and rows.risky
        hidden = source.hidden or risky or any(p.risky for p in conditions)
        types = tuple(o.type for o in outputs)
        self.spend(sql)
        raises, declines = tuple(o.raises for o in outputs), tuple(o.declines for o in outputs)
        return Compiled(sql, types, raises, declines, hidden, plain)

    def _early(self, e: Expressions, node: exp.Select, others: list[Piece]) -> list[Piece]:
        """Return the conditions of WHERE, what may raise in them computed before the joins."""
        items = self._items(e.query.scope)
        join_conditions = list(conditions_within(e.query.scope, items))
        conditions = clauses.conjuncts(node, "where")
        where = self._computed_before(e, node)
        risky = [(c, w) for c, w in zip(conditions, where, strict=True) if w.risky]
        if (
            len(risky) == 1
            and not others
            and early.comes_last(e, risky[0][0], items, join_conditions)
        ):
            # Behind all others it is evaluated on the rows that Spark evaluates it on.
            on = [self.attempt(e.boolean, c) for item in items for c in item.on]
            return [*(w for w in where if not w.risky), *on, risky[0][1]]
        if any(w.risky for w in (*where, *others)):
            self.refusals.append(Refusal(_ABOVE_JOIN, node.args.get("where")))
        return where

    def _computed_before(self, e: Expressions, node: exp.Select) -> list[Piece]:
        """Return the conditions of WHERE, what may raise in them computed in FROM.

        That of a query around computes what is asked of its rows.
        """
        items = self._items(e.query.scope)
        scopes = [q.scope for q in self._open]
        conditions = [c for s in scopes for c in conditions_within(s, self._items(s))]
        make = partial(early.condition, e, items=items, conditions=conditions)
        return [self.attempt(make, c) for c in clauses.conjuncts(node, "where")]

    def _items(self, scope: Scope) -> tuple[Item, ...]:
        items = read_from(self.analysis, scope, whole=True)
        assert not isinstance(items, Unclear)  # FROM has been compiled
        return items

    def _output(self, e: Expressions, output: Output) -> Piece:
        node = output.node
        if id(output) in e.made:
            return e.made[id(output)]
        if node is None:
            if output.origin is None:
                raise Refusal(f"column {output.name!r}: where it comes from can't be told")
            return e.bound(output.origin)
        if id(node) in self._refused:
            return Piece("NULL", t.UNKNOWN)  # another column of the same generator
        try:
            piece = e.piece(clauses.bare(node))
        except Refusal:
            self._refused.add(id(node))
            raise
        if piece.type != output.type:
            raise Refusal(f"it would be {piece.type} here and is {output.type} in Spark", node)
        return piece

    def _grouping(self, e: Expressions, node: exp.Select, group_by: grouping.GroupBy | None) -> str:
        """Return GROUP BY, and make the expressions after it those of the groups."""
        if group_by is None:
            if any(clauses.aggregated(x) for x in node.expressions) or node.args.get("having"):
                e.keys = {}
            return ""
        keys: dict[str, str] = {}
        by_node: dict[int, str] = {}
        for key in group_by.keys:
            bare = clauses.bare(key).unnest()
            within = [] if isinstance(bare, exp.Subquery) else bare.find_all(exp.Subquery)
            around = any(self.named_around(self._subquery(e, x)) for x in within)
            reason = "a group's expression with a subquery that names columns around it"
            refuse_unless(not around, reason, key, "compute it in a subquery of FROM")
            piece = self.attempt(e.piece, key)
            if piece.type != t.UNKNOWN:
                grouped = piece
                if not time_windows.is_window(key):
                    whole = partial(clauses.grouped, clause="GROUP BY", node=key)
                    grouped = self.attempt(whole, piece)
                twin = group_by.sets is not None and any(
                    by_node[id(k)] == grouped.sql and k != key
                    for k in group_by.keys
                    if id(k) in by_node
                )
                refuse_unless(not twin, "two grouping keys that are one value", key)
                # DuckDB reads a bare number as a position.
                keys[piece.sql] = by_node[id(key)] = grouped.sql
        e.keys = keys
        listed = tuple(dict.fromkeys(keys.values()))
        if group_by.sets is None:
            return f"\nGROUP BY {', '.join(listed)}" if listed else ""
        e.counted = listed
        sets = [dict.fromkeys(by_node[id(k)] for k in s if id(k) in by_node) for s in group_by.sets]
        written = ", ".join(f"({', '.join(s)})" for s in sets)
        return f"\nGROUP BY GROUPING SETS ({written})"

    def _order(self, e: Expressions, node: exp.Expr, outputs: list[Piece], *, ordered: bool) -> str:
        """Return ORDER BY; one that decides nothing (in a subquery, without LIMIT) is left out."""
        order = node.args.get("order")
        if order is None or not (ordered or clauses.cuts(node)):
            return ""
        positions = {o.sql: i + 1 for i, o in reversed(list(enumerate(outputs)))}
        parts = []
        for item in order.expressions:
            value = item.this if isinstance(item, exp.Ordered) else item
            if isinstance(value, exp.Var):  # ORDER BY ALL
                refuse_unless(not self._is_named_all(e), "ORDER BY ALL beside a column all", item)
                parts += [self._sorted(p, i, item) for i, p in enumerate(outputs, 1)]
                continue
            number = position(value) or 0
            by_position = 0 < number <= len(outputs)
            if clauses.is_constant(value) and not by_position:
                continue
            piece = outputs[number - 1] if by_position else self.attempt(e.sorted_by, value)
            parts.append(self._sorted(piece, positions.get(piece.sql), item))
        return f"\nORDER BY {', '.join(parts)}" if parts else ""

    def _sorted(self, piece: Piece, place: int | None, item: exp.Expr) -> str:
        sortable = orderable(piece.type) or piece.type == t.UNKNOWN
        refuse_unless(sortable, f"ORDER BY {piece.type}", item)
        return f"{windows.sorted_by(piece, place)} {direction(item)}"

    def _is_named_all(self, e: Expressions) -> bool:
        """Return whether a column goes by the name `all`, which Spark then orders by."""
        sources = e.query.scope.sources.values()
        names = [c for s in sources for c, _ in columns_of(self.analysis, s)]
        names += [o.name for o in e.query.scope.outputs]
        return any(n.casefold() == "all" for n in names)

    def _check_placed(self, e: Expressions, node: exp.Expr) -> None:
        """Refuse SORT BY and the like unless they only say how rows lie, which is no order."""
        for key in ("sort", "distribute", "cluster"):
            clause = node.args.get(key)
            for item in clause.expressions if clause is not None else ():
                hint = "write ORDER BY"
                refuse_unless(not clauses.cuts(node), f"{key.upper()} BY and LIMIT", item, hint)
                value = item.this if isinstance(item, exp.Ordered) else item
                if position(value) is None:
                    piece = self.attempt(e.piece, value)
                    refuse_unless(not piece.risky, f"{key.upper()} BY what may raise", item, hint)

    def _set_operation(self, scope: Scope, node: exp.Expr, *, ordered: bool) -> Compiled:
        clauses.only(node, _SET_PARTS)
        distinct, word = bool(node.args.get("distinct")), _SET_WORDS[type(node)]
        plain, hidden = not distinct and word == "UNION", False
        sides = []
        rows: list[list[Piece]] = []
        for branch in scope.branches:
            query = self.compiled(branch)
            columns = []
            for i, output in enumerate(scope.outputs):
                risk = query.raises[i], query.declines[i]
                wide = Piece(f"c{i}", query.types[i], risk[0], declines=risk[1])
                if wide.type != t.UNKNOWN:
                    wide = self.attempt(partial(widened, type_=output.type, texts=True), wide)
                if word != "UNION" or distinct:
                    wide = self.attempt(partial(clauses.grouped, clause=word), wide)
                columns.append(wide)
            rows.append(columns)
            listed = _columns(columns, root=True)
            sides.append(f"SELECT {listed} FROM (\n{query.sql}\n) AS s")
            plain, hidden = plain and query.plain, hidden or query.hidden
        sql = f"\n{word} {'' if distinct else 'ALL'}\n".join(sides)
        tail = clauses.set_order(scope, node, ordered=ordered or clauses.cuts(node))
        tail += clauses.limit(node)
        if tail:
            sql = f"SELECT * FROM (\n{sql}\n) AS s{tail}"
        types = tuple(o.type for o in scope.outputs)
        self.spend(sql)
        both = [made("", t.UNKNOWN, column) for column in zip(*rows, strict=True)]
        raises, declines = tuple(b.raises for b in both), tuple(b.declines for b in both)
        return Compiled(sql, types, raises, declines, hidden, plain and not tail)


def _columns(pieces: list[Piece], *, root: bool) -> str:
    """Return what stands after SELECT; at the root every column has exactly Spark's type."""
    return ", ".join(
        f"{cast(p.sql, p.type) if root and has_type(p.type) else p.sql} AS c{i}"
        for i, p in enumerate(pieces)
    )


def _vague_part(node: exp.Expr) -> exp.Expr:
    """Return what it is in a query whose columns are not known, as far as that can be told."""
    items = node.expressions if isinstance(node, exp.Select) else []
    return next((x for x in items if called(clauses.bare(x)).kind == "generator"), node)


def _looks_around(node: exp.Expr) -> bool:
    """Return whether an expression depends on other rows."""
    return clauses.aggregated(node) or node.find(exp.Window) is not None
