"""What is known of a query while it is compiled, and after."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from headwater.sql.analysis import Scope, TableReference
from headwater.types import DataType

FENCE = "LIMIT 9223372036854775807"
"""No table has more rows; no filter is moved past it. (Joins push theirs: see the engine.)"""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled query.

    Args:
        sql: DuckDB SQL whose columns are c0, c1 ...
        types: Types of its columns.
        raises: For each column, whether evaluating it may raise.
        declines: For each column, whether it then raises only where Spark answers.
        hidden: Whether something else in it may raise where Spark does: a condition, a key.
        plain: Whether filters above it reach its tables in both engines alike: it only
            projects and filters.
    """

    sql: str
    types: tuple[DataType, ...]
    raises: tuple[bool, ...]
    declines: tuple[bool, ...]
    hidden: bool = False
    plain: bool = True

    @property
    def risky(self) -> bool:
        """Whether anything in it may raise where Spark does."""
        columns = zip(self.raises, self.declines, strict=True)
        return self.hidden or any(raises and not declines for raises, declines in columns)


@dataclass(frozen=True, slots=True)
class FromTable:
    """A table of FROM, as it is called in the compiled query."""

    alias: str
    reference: TableReference


@dataclass(frozen=True, slots=True)
class FromQuery:
    """A subquery, CTE or made rows of FROM; column i is `alias.ci`.

    Args:
        alias: What it is called in the compiled query.
        columns: Names of its columns, as the query around it sees them.
        types: Their types.
        raises: Whether evaluating them may raise.
        declines: Whether they then raise only where Spark answers.
    """

    alias: str
    columns: tuple[str, ...]
    types: tuple[DataType, ...]
    raises: tuple[bool, ...]
    declines: tuple[bool, ...]
    _places: dict[str, list[int]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        for place, column in enumerate(self.columns):
            self._places.setdefault(column.casefold(), []).append(place)

    def find(self, name: str) -> list[int]:
        """Return the indexes of the columns of that name, ignoring case as Spark does."""
        return self._places.get(name.casefold(), [])


FromSource: TypeAlias = "FromTable | FromQuery"


@dataclass(slots=True)
class Query:
    """A SELECT while it is compiled: what stands for the columns of its sources.

    Args:
        scope: The SELECT.
        sources: What FROM brings in, by key of `scope.sources`.
        items: How each of these is written in FROM.
        early: What each of these computes for conditions: names of columns and their SQL.
        closed: Whether FROM gives no more of its sources than was known to be asked of them.
    """

    scope: Scope
    sources: dict[str, FromSource] = field(default_factory=dict)
    items: dict[str, str] = field(default_factory=dict)
    early: dict[str, dict[str, str]] = field(default_factory=dict)
    closed: bool = False
