"""Findings of a version's check, each with the SQL that mends it, and the input of the stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from headwater.checking.version.tally import FieldTally, Tally
from headwater.diagnostics import Diagnostic, Severity
from headwater.interfaces.schema import ModelType, Role
from headwater.sql.rewriting import quoted
from headwater.types import DataType


@dataclass(frozen=True, slots=True)
class Mend:
    """What mends a finding.

    Args:
        connection: Whose query it is: `serving`, `actuals` ...
        sql: The query that takes its place.
    """

    connection: str
    sql: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Args:
        diagnostic: What is wrong, and what to do.
        mend: The query that mends it, where SQL can.
    """

    diagnostic: Diagnostic
    mend: Mend | None = None


@dataclass(frozen=True, slots=True)
class Spelled:
    """A spelling of ids by which more actuals would match their predictions.

    Args:
        ids: How many unmatched ids would match.
        expression: Spark SQL for an id as it should be.
        column: The column that it takes the place of.
        connection: Whose column that is: `serving` or `actuals`.
    """

    ids: int
    expression: str
    column: str
    connection: str


@dataclass(frozen=True)
class Datasets:
    """The datasets of a version, as its stages see them.

    Args:
        tallies: What was counted, by purpose.
        queries: The connections' queries, by purpose, the actuals' too.
        columns: The id's and the timestamp's column, by purpose and role.
        now: The present, in hours since 1970.
        value_of: Returns the most frequent number between two, and its rows, of a purpose's field.
        spelled: Tells how the ids of actuals that find no prediction would; None if nothing does.
        label_columns: Whose column feeds each label of the actuals, its name and its type.
    """

    tallies: Mapping[str, Tally]
    queries: Mapping[str, str]
    columns: Mapping[tuple[str, Role], tuple[str, DataType]]
    now: int
    value_of: Callable[[str, str, float, float], tuple[float, int] | None]
    spelled: Callable[[], Spelled | None]
    label_columns: Mapping[str, tuple[str, str, DataType]] = field(default_factory=dict)

    @property
    def serving(self) -> Tally | None:
        """The predictions made in production."""
        return self.tallies.get("serving")

    @property
    def reference(self) -> Tally | None:
        """The dataset that others are compared with: the training set, or else the test set."""
        return self.tallies.get("training") or self.tallies.get("testing")

    def compared(self) -> list[tuple[Tally, Tally]]:
        """Return the datasets to compare with the reference, each with it."""
        reference = self.reference
        if reference is None:
            return []
        others = [t for p in ("serving", "testing") if (t := self.tallies.get(p)) is not None]
        return [(t, reference) for t in others if t is not reference and t.rows and reference.rows]

    def owner(self, tally: Tally, item: FieldTally) -> str:
        """Return the purpose whose query gives a field: the actuals' for their labels."""
        return "actuals" if item.field.role is Role.ACTUAL and tally.has_actuals else tally.purpose

    def mended(self, purpose: str, column: str, expression: str) -> Mend | None:
        """Return a connection's query with one column as another expression gives it.

        Args:
            purpose: Whose query.
            column: The column.
            expression: Spark SQL over the query's columns.
        """
        return self.replaced(purpose, {column: expression})

    def replaced(self, purpose: str, expressions: Mapping[str, str]) -> Mend | None:
        """Return a connection's query with columns as other expressions give them.

        Args:
            purpose: Whose query.
            expressions: Spark SQL over the query's columns, by column.
        """
        names = ", ".join(map(quoted, expressions))
        columns = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in expressions.items())
        return self.rewritten(purpose, f"SELECT * EXCEPT ({names}), {columns}")

    def filtered(self, purpose: str, condition: str) -> Mend | None:
        """Return a connection's query without the rows that miss a condition.

        Args:
            purpose: Whose query.
            condition: Spark SQL over the query's columns.
        """
        return self.rewritten(purpose, "SELECT *", f" WHERE {condition}")

    def rewritten(self, purpose: str, select: str, rest: str = "") -> Mend | None:
        """Return a connection's query as the rows `q` of another one.

        Args:
            purpose: Whose query.
            select: What stands before FROM.
            rest: What stands behind it.
        """
        query = self.queries.get(purpose)
        return None if query is None else Mend(purpose, f"{select} FROM (\n{query}\n) AS q{rest}")


def warning(code: str, message: str, hint: str, mend: Mend | None = None) -> Finding:
    """Return a finding that does not make a read fail.

    Args:
        code: Its code.
        message: What is wrong.
        hint: What to do.
        mend: The query that mends it.
    """
    return Finding(Diagnostic(code, message, Severity.WARNING, hint=hint), mend)


def failure(code: str, message: str, hint: str, mend: Mend | None = None) -> Finding:
    """Return a finding that fails the check; arguments as for `warning`."""
    return Finding(Diagnostic(code, message, Severity.ERROR, hint=hint), mend)


def in_query(purpose: str, expression: str, column: str) -> str:
    """Return the advice to replace a column by an expression."""
    whose = "the actuals' query" if purpose == "actuals" else f"the query of {purpose}"
    return f"in {whose}: {expression} AS {quoted(column)}"


def percent(count: int, rows: int) -> str:
    """Return a share for a person."""
    share = 100 * count / max(rows, 1)
    return "0 %" if count == 0 else f"{share:.2g} %" if share < 10 else f"{share:.0f} %"


def number_literal(value: float) -> str:
    """Return Spark SQL for a number."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value!r}D"


def is_ranking(tally: Tally) -> bool:
    """Return whether ids may repeat: in a ranking, an id may be that of a query."""
    return tally.model_type is ModelType.RANKING
