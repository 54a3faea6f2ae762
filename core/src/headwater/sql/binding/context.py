"""What the parts of the binder share: the findings so far, and where in a query one is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sqlglot import exp

from headwater.diagnostics import Diagnostic, Severity
from headwater.sql.analysis import Binding, Output, Qualifier, Scope, TableReference
from headwater.sql.binding.frame import Frame
from headwater.sql.syntax.nodes import span_of
from headwater.tables.table import Table, TableName
from headwater.types import DataType
from headwater.untrusted import limits


class Clause(StrEnum):
    """The part of a SELECT in which an expression stands; its value is what a user reads."""

    SELECT = "SELECT"
    WHERE = "WHERE"
    JOIN = "JOIN ... ON"
    GROUP = "GROUP BY"
    HAVING = "HAVING"
    QUALIFY = "QUALIFY"
    ORDER = "ORDER BY"
    FROM = "FROM"
    LIMIT = "LIMIT"


class TooMuchWorkError(Exception):
    """Checking a query takes more than any query that is meant well.

    Args:
        message: What there is too much of.
        node: Where.
        hint: What to write instead.
    """

    def __init__(self, message: str, node: exp.Expr | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.node = node
        self.hint = hint or "part the query, or keep a part of its answer as a table"


class TooManyFindingsError(Exception):
    """So much is wrong with a query that the rest can wait."""


@dataclass(slots=True, eq=False)
class Work:
    """What is found while one query is bound, filled as it goes.

    Args:
        text: The query's text.
        tables: The tables that it names, by folded (database, name).
        references: Its table references, by `id(node)`.
        query: Binds a query: its node, where the query around it stands (for correlated names),
            the common table expressions in force, the scope around it.
        suggest: Returns a hint for a table that is not there.
        aliases: See `Analysis`.
        qualifiers: See `Analysis`.
        weights: How many nodes an output has, by `id`, the outputs that it names spelled out.
        diagnostics: What was found.
        vague: `id` of each scope whose columns are not all known.
        steps: What was spent.
        selects: How many SELECTs a scope is once what it names is written out, by `id`.
        unique: Names of columns of which a scope gives one row each, by `id`.
    """

    text: str
    tables: Mapping[tuple[str, str], Table]
    references: Mapping[int, TableReference]
    query: Callable[[exp.Expr, Context | None, Mapping[str, Scope], Scope | None], Scope]
    suggest: Callable[[TableName], str | None]
    types: dict[int, DataType] = field(default_factory=dict)
    bindings: dict[int, Binding] = field(default_factory=dict)
    aliases: dict[int, Output] = field(default_factory=dict)
    qualifiers: dict[int, Qualifier] = field(default_factory=dict)
    weights: dict[int, int] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    vague: set[int] = field(default_factory=set)
    steps: int = 0
    selects: dict[int, int] = field(default_factory=dict)
    unique: dict[int, frozenset[str] | None] = field(default_factory=dict)
    _reported: set[Diagnostic] = field(default_factory=set)

    def spend(self, steps: int, node: exp.Expr | None = None) -> None:
        """Count work before it is done.

        Raises:
            TooMuchWorkError: If a query as it is meant could not need so much.
        """
        self.steps += steps
        if self.steps > limits.QUERY_STEPS:
            raise TooMuchWorkError(
                f"checking the query takes more than {limits.QUERY_STEPS:,} steps", node
            )

    def report(
        self,
        code: str,
        message: str,
        node: exp.Expr,
        *,
        hint: str | None = None,
        severity: Severity = Severity.ERROR,
    ) -> None:
        """Add a finding about a node."""
        diagnostic = Diagnostic(code, message, severity, span_of(node), hint, self.text)
        if diagnostic in self._reported:
            return
        if len(self._reported) >= limits.FINDINGS:
            if severity is Severity.ERROR:
                raise TooManyFindingsError
            return
        self._reported.add(diagnostic)
        self.diagnostics.append(diagnostic)

    def is_vague(self, scope: Scope) -> bool:
        """Return whether a scope may have columns under names that are not known here."""
        return id(scope) in self.vague or not all(o.certain for o in scope.outputs)

    def missing(self, reference: TableReference) -> None:
        """Report a table that the catalog does not have."""
        self.diagnostics.append(
            Diagnostic(
                "unknown-table",
                f"there is no table {reference.name}",
                span=reference.span,
                text=self.text,
                hint=self.suggest(reference.name) or "check the table's name and its database",
            )
        )

    def subquery(self, node: exp.Expr, context: Context) -> Scope:
        """Bind a query that stands in an expression; it may name columns around it."""
        scope = self.query(node, context, context.ctes, context.scope)
        context.scope.subqueries += (scope,)
        return scope

    def typed(self, node: exp.Expr, type_: DataType) -> DataType:
        """Keep and return the type of a node.

        Raises:
            TooMuchWorkError: If the type is larger than any table's.
        """
        self.spend(1 + type_.parts // 4, node)
        if type_.parts > limits.TYPE_PARTS or type_.levels > limits.TYPE_LEVELS:
            raise TooMuchWorkError(
                f"this expression has a type of {type_.parts:,} parts, {type_.levels} levels deep",
                node,
                "take single fields, not structs of structs",
            )
        self.types[id(node)] = type_
        return type_


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """Where an expression stands, and what names mean there.

    Args:
        scope: The SELECT around it.
        frame: What FROM makes visible.
        clause: The clause.
        ctes: Common table expressions in force, by folded name.
        outer: Where the query around this SELECT stands, for correlated names.
        aliases: Outputs of the SELECT that may be named, by folded name; what that means
            depends on the clause.
        variables: Types of lambda variables, by folded name.
        inside: Name of the aggregate function around it, if any.
        windowed: Whether a window function is around it.
        grouped: Folded names of the columns that GROUP BY names, or None without GROUP BY.
        select_aliases: Folded names that SELECT gives, for messages where they can't be used.
    """

    scope: Scope
    frame: Frame
    clause: Clause = Clause.SELECT
    ctes: Mapping[str, Scope] = field(default_factory=dict)
    outer: Context | None = None
    aliases: Mapping[str, list[Output]] = field(default_factory=dict)
    variables: Mapping[str, DataType] = field(default_factory=dict)
    inside: str | None = None
    windowed: bool = False
    grouped: frozenset[str] | None = None
    select_aliases: frozenset[str] = frozenset()


def folded(name: TableName) -> tuple[str, str]:
    """Return a table's name as Spark compares it."""
    return name.database.casefold(), name.name.casefold()
