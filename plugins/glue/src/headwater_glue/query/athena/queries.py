"""Queries: SELECT, FROM, JOIN, GROUP BY, set operations, WITH, from Trino's tree to Spark SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from headwater.sql.rewriting import quoted
from headwater.tables.table import Column, Table, TableName
from headwater.types import DataType
from headwater.untrusted import limits
from headwater.untrusted.texts import whole_number
from headwater_glue.lookup import OWN_CATALOGS
from headwater_glue.query.athena.aggregates import ordered
from headwater_glue.query.athena.expressions import Expressions, only
from headwater_glue.query.athena.scopes import Scope, Source
from headwater_glue.query.athena.values import Typed, common, refuse

Lookup = Callable[[TableName], Table]

_SETS: Final[dict[type, str]] = {
    exp.Union: "UNION",
    exp.Intersect: "INTERSECT",
    exp.Except: "EXCEPT",
}
_SIDES: Final = {"": "INNER", "LEFT": "LEFT", "RIGHT": "RIGHT", "FULL": "FULL"}


@dataclass(frozen=True, slots=True)
class Translated:
    """A query in Spark's SQL, and the columns that it gives."""

    text: str
    columns: tuple[Column, ...]


class Queries:
    """Translates queries.

    Args:
        schema: Database of the tables that are named without one.
        lookup: Finds tables.
    """

    def __init__(self, schema: str, lookup: Lookup) -> None:
        self._schema = schema
        self._lookup = lookup
        self._written = 0

    def __call__(self, node: exp.Expr, outer: Scope | None = None) -> Translated:
        """Return a query's translation.

        Raises:
            UntranslatableError: If a part of it does not carry over.
            TableNotFoundError: If it names a table that does not exist.
        """
        scope = Scope(parent=outer, ctes=dict(outer.ctes) if outer else {})
        definitions = self._definitions(node, scope)
        if isinstance(node, exp.Select):
            translated = self._select(node, scope)
        elif type(node) in _SETS:
            translated = self._set(node, scope)
        elif isinstance(node, exp.Subquery):
            only(node, "this", "with_")
            translated = self(node.this, scope)
        else:
            refuse(node, f"{type(node).__name__} as a query")
        self._written += len(translated.text) + sum(c.type.parts for c in translated.columns)
        if self._written > limits.SQL_CHARACTERS:
            refuse(node, "it would become too long a query")
        return Translated(f"{definitions}{translated.text}", translated.columns)

    def _definitions(self, node: exp.Expr, scope: Scope) -> str:
        with_ = node.args.get("with_")
        if with_ is None:
            return ""
        if with_.args.get("recursive"):
            refuse(with_, "WITH RECURSIVE")
        parts = []
        for cte in with_.expressions:
            inner = Scope(parent=None, ctes=dict(scope.ctes))
            query = _renamed(self(cte.this, inner), cte.args["alias"].columns, cte)
            scope.ctes[cte.alias.casefold()] = query.columns
            parts.append(f"{quoted(cte.alias)} AS (\n{query.text}\n)")
        return f"WITH {', '.join(parts)} "

    def _select(self, node: exp.Select, scope: Scope) -> Translated:
        only(node, "with_", "expressions", "from_", "joins", "where", "group", "having", "distinct",
             "order", "limit", "laterals")  # fmt: skip
        source = self._from_clause(node, scope)
        expressions = Expressions(scope, self._inner)
        items = [item for e in node.expressions for item in self._items(e, scope, expressions)]
        columns = _columns(items, node)
        selected = ", ".join(
            f"{value.text} AS {quoted(column.name)}"
            for (_, value), column in zip(items, columns, strict=True)
        )
        parts = [f"SELECT {'DISTINCT ' if _distinct(node) else ''}{selected}"]
        if source:
            parts.append(f"FROM {source}")
        if where := node.args.get("where"):
            parts.append(f"WHERE {expressions.boolean(where.this).text}")
        if group := node.args.get("group"):
            parts.append(f"GROUP BY {', '.join(self._groups(group, items, expressions))}")
        if having := node.args.get("having"):
            parts.append(f"HAVING {expressions.boolean(having.this).text}")
        parts += self._limited(node, columns, expressions)
        return Translated(" ".join(parts), columns)

    def _items(
        self, node: exp.Expr, scope: Scope, expressions: Expressions
    ) -> list[tuple[str | None, Typed]]:
        if isinstance(node, exp.Star):
            only(node)
            return [*scope.star(None, node)]
        if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
            return [*scope.star(node.table, node)]
        if isinstance(node, exp.Alias):
            return [(node.alias, expressions(node.this))]
        name = node.name if isinstance(node, exp.Column | exp.Dot) else None
        return [(name, expressions(node))]

    def _groups(
        self,
        group: exp.Group,
        items: Sequence[tuple[str | None, Typed]],
        expressions: Expressions,
    ) -> list[str]:
        only(group, "expressions")
        keys = []
        for key in group.expressions:
            if isinstance(key, exp.Literal) and not key.is_string:
                position = whole_number(key.name) or 0
                if not 1 <= position <= len(items):
                    refuse(key, f"GROUP BY {key.name[:40]}")
                keys.append(items[position - 1][1].text)
            else:
                keys.append(expressions(key).text)
        return keys

    def _limited(
        self, node: exp.Select, columns: Sequence[Column], expressions: Expressions
    ) -> list[str]:
        """Return ORDER BY and LIMIT. Without a limit, the order of a view's rows means nothing."""
        limit, order = node.args.get("limit"), node.args.get("order")
        if limit is None:
            return []
        if not isinstance(limit, exp.Limit) or not isinstance(limit.expression, exp.Literal):
            refuse(limit, "FETCH, or a LIMIT that is not a literal")
        if order is None:
            refuse(limit, "LIMIT without ORDER BY, which leaves open which rows are given")
        keys = [_by_output(k, columns) or ordered(k, expressions) for k in order.expressions]
        return [f"ORDER BY {', '.join(keys)}", f"LIMIT {limit.expression.name}"]

    def _from_clause(self, node: exp.Select, scope: Scope) -> str:
        from_ = node.args.get("from_")
        if from_ is None:
            return ""
        parts = [self._source(from_.this, scope)]
        unnested: list[str] = []
        for join in node.args.get("joins") or ():
            if isinstance(join.this, exp.Unnest):
                unnested.append(self._unnest(join, scope))
            elif unnested:
                refuse(join, "a join after UNNEST")
            else:
                parts.append(self._join(join, scope))
        return " ".join([*parts, *unnested])

    def _unnest(self, join: exp.Join, scope: Scope) -> str:
        """Return CROSS JOIN UNNEST(array) AS t(x): no row for an array that is empty or NULL."""
        node = join.this
        only(join, "this", "kind")
        only(node, "expressions", "alias")
        if (join.kind or "CROSS").upper() != "CROSS" or len(node.expressions) != 1:
            refuse(join, "UNNEST other than CROSS JOIN UNNEST(array)")
        value = Expressions(scope, self._inner)(node.expressions[0])
        names = node.args["alias"].columns if node.args.get("alias") else []
        if value.type.name != "array" or value.type.element.name == "struct" or len(names) != 1:
            refuse(join, f"UNNEST of {value.type} as {len(names)} columns")
        if not node.alias:
            refuse(join, "UNNEST without a name")
        element = Column(names[0].name, value.type.element)
        scope.add(Source(node.alias, (element,)), join)
        alias, name = quoted(node.alias), quoted(element.name)
        return f"LATERAL VIEW explode({value.text}) {alias} AS {name}"

    def _join(self, node: exp.Join, scope: Scope) -> str:
        only(node, "this", "side", "kind", "on", "using")
        side, kind = (node.side or "").upper(), (node.kind or "").upper()
        before = list(scope.sources)
        source = self._source(node.this, scope)
        on, using = node.args.get("on"), node.args.get("using")
        if kind == "CROSS" or (not side and not kind and on is None and not using):
            return f"CROSS JOIN {source}"
        if kind not in ("", "INNER", "OUTER") or side not in _SIDES:
            refuse(node, f"{side} {kind} JOIN")
        word = _SIDES[side]
        if using:
            names = [u.name for u in using]
            self._merge(names, before, scope, node)
            return f"{word} JOIN {source} USING ({', '.join(quoted(n) for n in names)})"
        if on is None:
            refuse(node, f"{word} JOIN without a condition")
        condition = Expressions(scope, self._inner).boolean(on)
        return f"{word} JOIN {source} ON {condition.text}"

    def _merge(
        self, names: Sequence[str], before: Sequence[Source], scope: Scope, node: exp.Join
    ) -> None:
        right = scope.sources[-1]
        merged = {c.name.casefold() for c in scope.merged}
        for name in names:
            left = [c for s in before if (c := s.column(name)) is not None]
            other = right.column(name)
            if name.casefold() in merged or len(left) != 1 or other is None:
                refuse(node, f"USING ({name}) over more than two tables, or where one has it not")
            if left[0].type != other.type:
                refuse(node, f"USING ({name}) of {left[0].type} and {other.type}")
            scope.merged.append(left[0])

    def _source(self, node: exp.Expr, scope: Scope) -> str:
        if isinstance(node, exp.Subquery):
            only(node, "this", "alias", "with_")
            query = self(node.this, Scope(parent=None, ctes=scope.ctes))
            names = node.args["alias"].columns if node.args.get("alias") else []
            query = _renamed(query, names, node)
            alias = node.alias or f"_q{len(scope.sources)}"
            scope.add(Source(alias, query.columns), node)
            return f"(\n{query.text}\n) AS {quoted(alias)}"
        if not isinstance(node, exp.Table):
            refuse(node, f"{type(node).__name__} in FROM")
        only(node, "this", "db", "catalog", "alias")
        return self._table(node, scope)

    def _table(self, node: exp.Table, scope: Scope) -> str:
        alias = node.alias or node.name
        cte = scope.ctes.get(node.name.casefold()) if not node.args.get("db") else None
        if cte is not None:
            text, columns = quoted(node.name), cte
        else:
            if node.catalog and node.catalog.lower() not in OWN_CATALOGS:
                refuse(node, f"the catalog {node.catalog!r} is not this one")
            name = TableName((node.db or self._schema).lower(), node.name.lower())
            table = self._lookup(name)
            if table.unqueryable:
                refuse(node, f"{name} can't be queried: {table.unqueryable}")
            text, columns = f"{quoted(name.database)}.{quoted(name.name)}", table.columns
        names = node.args["alias"].columns if node.args.get("alias") else []
        if names:
            selected = ", ".join(quoted(c.name) for c in columns)
            query = _renamed(Translated(f"SELECT {selected} FROM {text}", columns), names, node)
            text, columns = f"(\n{query.text}\n)", query.columns
        scope.add(Source(alias, columns), node)
        return f"{text} AS {quoted(alias)}"

    def _set(self, node: exp.Expr, scope: Scope) -> Translated:
        only(node, "with_", "this", "expression", "distinct", "order")
        word = _SETS[type(node)]
        if not node.args.get("distinct"):
            if word != "UNION":
                refuse(node, f"{word} ALL")
            word = "UNION ALL"
        inner = Scope(parent=scope.parent, ctes=scope.ctes)
        left, right = self(node.this, inner), self(node.expression, inner)
        if len(left.columns) != len(right.columns):
            refuse(node, f"{word} of {len(left.columns)} and {len(right.columns)} columns")
        columns = []
        for one, other in zip(left.columns, right.columns, strict=True):
            type_ = common(one.type, other.type)
            if type_ is None:
                refuse(node, f"{word} of {one.type} and {other.type} as {one.name!r}")
            columns.append(Column(one.name, type_))
        sides = (_with_types(side, columns) for side in (left, right))
        return Translated(f" {word} ".join(f"({side})" for side in sides), tuple(columns))

    def _inner(self, node: exp.Query, scope: Scope) -> tuple[str, tuple[DataType, ...]]:
        translated = self(node, scope)
        return translated.text, tuple(c.type for c in translated.columns)


def _columns(items: Sequence[tuple[str | None, Typed]], node: exp.Select) -> tuple[Column, ...]:
    """Return output columns; one without a name is `_col<position>`, as in Trino."""
    columns = tuple(
        Column(name or f"_col{position}", value.type)
        for position, (name, value) in enumerate(items)
    )
    for name, count in Counter(c.name.casefold() for c in columns).items():
        if count > 1:
            refuse(node, f"two columns called {name!r}")
    return columns


def _renamed(query: Translated, names: Sequence[exp.Expr], node: exp.Expr) -> Translated:
    """Return a query whose columns have the names of an alias list, if there is one."""
    if not names:
        return query
    if len(names) != len(query.columns):
        refuse(node, f"{len(names)} names for {len(query.columns)} columns")
    columns = tuple(Column(n.name, c.type) for n, c in zip(names, query.columns, strict=True))
    items = ", ".join(
        f"{quoted(c.name)} AS {quoted(n.name)}" for n, c in zip(columns, query.columns, strict=True)
    )
    return Translated(f"SELECT {items} FROM (\n{query.text}\n) AS `r`", columns)


def _with_types(query: Translated, columns: Sequence[Column]) -> str:
    """Return a query's text with its columns as these types."""
    if all(c.type == to.type for c, to in zip(query.columns, columns, strict=True)):
        return query.text
    items = ", ".join(
        f"{Typed(quoted(c.name), c.type).cast(to.type).text} AS {quoted(to.name)}"
        for c, to in zip(query.columns, columns, strict=True)
    )
    return f"SELECT {items} FROM (\n{query.text}\n) AS `s`"


def _by_output(key: exp.Expr, columns: Sequence[Column]) -> str | None:
    """Return an order by an output column's name or number, which ORDER BY means first."""
    if not isinstance(key, exp.Ordered):
        return None
    name = None
    if isinstance(key.this, exp.Literal) and not key.this.is_string:
        position = whole_number(key.this.name) or 0
        if not 1 <= position <= len(columns):
            refuse(key, f"ORDER BY {key.this.name[:40]}")
        name = columns[position - 1].name
    elif isinstance(key.this, exp.Column) and not key.this.table:
        folded = key.this.name.casefold()
        name = next((c.name for c in columns if c.name.casefold() == folded), None)
    if name is None:
        return None
    direction = "DESC" if key.args.get("desc") else "ASC"
    return f"{quoted(name)} {direction} NULLS {'FIRST' if key.args.get('nulls_first') else 'LAST'}"


def _distinct(node: exp.Select) -> bool:
    distinct = node.args.get("distinct")
    if distinct is not None and distinct.args.get("on"):
        refuse(node, "DISTINCT ON")
    return distinct is not None
