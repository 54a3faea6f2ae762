"""What is known of a query: the values that the sql rooms hand to each other.

    parse(text)            -> ParsedQuery   one statement, guarded, its table references found
    bind(parsed, tables) -> Analysis        every name bound, every expression typed

sqlglot's tree is used to look, never to write: all spans point into the user's own text.
Nodes are told apart by identity (`id(node)`), because sqlglot's equality is structural.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import TypeAlias

from sqlglot import exp

from headwater.diagnostics import Diagnostic, Span, errors_in
from headwater.tables.table import Column, Table, TableName
from headwater.types import UNKNOWN, DataType


@dataclass(frozen=True, slots=True, eq=False)
class TableReference:
    """A place where a query names a table (not a CTE of the same name).

    Args:
        name: The table, its database filled in with the source's own.
        span: The name as written, qualifiers included, without its alias.
        alias: The alias as written, or None.
        node: sqlglot's node.
    """

    name: TableName
    span: Span
    alias: str | None
    node: exp.Table


@dataclass(frozen=True, slots=True, eq=False)
class ParsedQuery:
    """A query that was read and guarded, before any catalog is asked.

    Args:
        text: The user's text, untouched.
        tree: sqlglot's tree (Spark dialect), or None if the text can't be read.
        references: Where it names tables, in the order of the text.
        diagnostics: What the parser and the guard found.
        end: Offset after the query's last token: what follows is white space, comments and `;`.
    """

    text: str
    tree: exp.Query | None
    references: tuple[TableReference, ...]
    diagnostics: tuple[Diagnostic, ...]
    end: int

    @property
    def body(self) -> str:
        """The query without what follows its last token, to be put into brackets.

        It starts where `text` starts, so spans into `text` are spans into it.
        """
        return self.text[: self.end]

    @property
    def ok(self) -> bool:
        """Whether nothing forbids going on."""
        return self.tree is not None and not errors_in(self.diagnostics)

    @property
    def table_names(self) -> tuple[TableName, ...]:
        """The tables that it names, each once, in the order of the text."""
        return tuple(dict.fromkeys(r.name for r in self.references))


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """One output column of a scope.

    Args:
        name: As Spark would name it.
        type: As Spark would type it; `unknown` where it can't be told.
        node: The expression that gives it. For a column of an expanded star, None.
        origin: Where it comes from when it is a bare column, with or without an alias.
        certain: Whether `name` is surely the one that Spark gives; without AS some are not.
        twin: Whether it is the same column as one before it: their name is not ambiguous.
    """

    name: str
    type: DataType
    node: exp.Expr | None = None
    origin: Binding | None = None
    certain: bool = True
    twin: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """What a column name means: an output column of one source of one scope.

    Args:
        scope: The scope whose source it is (an outer one for a correlated column).
        source: Key into `scope.sources`.
        column: The column's name as the source spells it.
        type: The column's type.
        fields: Struct fields read from it, for `column.a.b`.
    """

    scope: Scope
    source: str
    column: str
    type: DataType
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Generated:
    """A source that is neither a table nor a query.

    LATERAL VIEW, VALUES, a table function, PIVOT or UNPIVOT.

    Args:
        node: sqlglot's node.
        columns: Its output columns.
        inputs: The sources that PIVOT or UNPIVOT made it of, by the keys that its expressions name
            them by; they are read, and visible no more.
        kept: What its first columns are, where they are columns of the inputs as they were; None
            for one that can't be told.
    """

    node: exp.Expr
    columns: tuple[Column, ...]
    inputs: Mapping[str, Source] = field(default_factory=dict)
    kept: tuple[Binding | None, ...] = ()


Source: TypeAlias = "TableReference | Scope | Generated"


@dataclass(slots=True, eq=False)
class Scope:
    """One SELECT, or one set operation, with what its names mean.

    Args:
        node: `exp.Select`, a set operation, or `exp.Values`/`exp.Table` standing as a query.
        parent: The scope around it.
        sources: What FROM, JOIN and LATERAL VIEW bring in, by visible name (casefolded), in order.
            A CTE that is named here is the CTE's own `Scope`.
        outputs: Output columns, in order, stars expanded.
        branches: For a set operation, the scopes of its sides, left to right.
        subqueries: Scopes of the subqueries in its expressions (IN, EXISTS, scalar).
    """

    node: exp.Expr
    parent: Scope | None = None
    sources: dict[str, Source] = field(default_factory=dict)
    outputs: tuple[Output, ...] = ()
    branches: tuple[Scope, ...] = ()
    subqueries: tuple[Scope, ...] = ()

    def is_within(self, other: Scope) -> bool:
        """Return whether it is another scope, or one of the queries in it."""
        here: Scope | None = self
        while here is not None and here is not other:
            here = here.parent
        return here is other


@dataclass(frozen=True, slots=True, eq=False)
class Qualifier:
    """What a column's name begins with where that says which source it is of: `t` of `db.t.s.f`.

    Args:
        parts: How many parts of the name it is.
        scope: The scope whose sources it means.
        sources: Keys into `scope.sources`: one, but for `t.*` of several sources that are called t.
    """

    parts: int
    scope: Scope
    sources: tuple[str, ...]

    @property
    def references(self) -> tuple[TableReference, ...]:
        """The tables that it means; empty if it means a subquery, a CTE or what is generated."""
        known: dict[str, Source] = {}
        for source in self.scope.sources.values():
            known.update(source.inputs if isinstance(source, Generated) else {})
        known.update(self.scope.sources)
        found = (known.get(key) for key in self.sources)
        return tuple(source for source in found if isinstance(source, TableReference))


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """A query whose names are bound and whose expressions are typed.

    Args:
        parsed: The query.
        tables: The tables that it names.
        root: Its outermost scope, or None where the query could not be bound at all.
        diagnostics: All findings, those of `parsed` included.
        types: Type of each expression, by `id(node)`.
        bindings: Meaning of each column node, by `id(node)`.
        aliases: The output of its own SELECT that a column node names, by `id(node)`. Of a column
            node that is in neither mapping no place is known: a lambda's variable, the column
            that FULL JOIN ... USING merges of two, the one that `GROUP BY window(...)` adds.
        qualifiers: What the name of a column node, or of a `t.*`, begins with, by `id(node)`.
        vague: `id` of each scope that may give other columns than its `outputs`.
        unordered: `id` of each call, OVER and query with a LIMIT whose answer depends on an order
            of rows that is not promised.
        own: Where the rewrite rule that is asked has made the text, in rounds before.
    """

    parsed: ParsedQuery
    tables: Mapping[TableName, Table]
    root: Scope | None
    diagnostics: tuple[Diagnostic, ...]
    types: Mapping[int, DataType] = field(default_factory=dict)
    bindings: Mapping[int, Binding] = field(default_factory=dict)
    aliases: Mapping[int, Output] = field(default_factory=dict)
    qualifiers: Mapping[int, Qualifier] = field(default_factory=dict)
    vague: Set[int] = frozenset()
    unordered: Set[int] = frozenset()
    own: tuple[Span, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing forbids going on."""
        return self.root is not None and not errors_in(self.diagnostics)

    @property
    def text(self) -> str:
        """The user's text."""
        return self.parsed.text

    @property
    def columns(self) -> tuple[Column, ...]:
        """Output columns of the query, in order."""
        return tuple(Column(o.name, o.type) for o in self.root.outputs) if self.root else ()

    def is_own(self, span: Span) -> bool:
        """Return whether the rewrite rule that is asked has made a piece of the text itself.

        A rule that puts a table into brackets finds the table in them in the next round; what
        another rule put there since, as the text of a view, is not its own.

        Args:
            span: The piece, e.g. a reference's.
        """
        return any(o.start <= span.start and span.end <= o.end for o in self.own)

    def type_of(self, node: exp.Expr) -> DataType:
        """Return the type of an expression, or `unknown`."""
        return self.types.get(id(node), UNKNOWN)

    def binding_of(self, node: exp.Expr) -> Binding | None:
        """Return what a column node means, or None if it is not a column that was bound."""
        return self.bindings.get(id(node))

    def is_vague(self, scope: Scope) -> bool:
        """Return whether a scope may give other columns than its `outputs`."""
        return id(scope) in self.vague

    def qualified(self) -> Iterator[tuple[Span, Qualifier]]:
        """Yield where the text says which source a column is of, and which that is."""
        for column in self.parsed.tree.find_all(exp.Column) if self.parsed.tree else ():
            qualifier = self.qualifiers.get(id(column))
            if qualifier is not None:
                parts = [p.meta for p in column.parts[: qualifier.parts]]
                yield Span(parts[0]["start"], parts[-1]["end"] + 1), qualifier

    def alias_of(self, node: exp.Expr) -> Output | None:
        """Return the output of its own SELECT that a column node names, or None."""
        return self.aliases.get(id(node))
