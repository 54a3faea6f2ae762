"""Scan requests: what a read needs of a table that another system streams.

The engine applies every condition again, so a source may apply all of them, some, or none: the
rows of the read are the same. What it must not do is leave out a row that meets them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final, Literal, TypeAlias, get_args

from headwater.errors import SourceError
from headwater.tables.window import Window

Operator: TypeAlias = Literal["in", ">=", "<", "null or >=", "null or <"]
"""How a column compares with values: `in` some, `>=` one, `<` one; or it is NULL, or compares so.
There may be more one day: a source leaves alone what it does not know."""

Value: TypeAlias = str | int | date | datetime
"""What a column is compared with: `str` for texts, `int` for whole numbers, `date` for dates, an
aware `datetime` in UTC for TIMESTAMP, a naive one for TIMESTAMP_NTZ."""

OPERATORS: Final = frozenset(get_args(Operator))


@dataclass(frozen=True, slots=True)
class Condition:
    """What rows must meet to be of any use.

    A row whose column is NULL meets `null or >=` and `null or <` alone, as labels do of which
    nothing says when they were set. Texts come with `in` alone, since systems order them each in
    its own way. Whole numbers and dates come with all operators, times with all but `in`: what the
    query writes as `> 5` comes as `>= 6`.

    Args:
        column: Name of the column, as the relation declares it.
        operator: An `Operator`. A source applies those that it knows and leaves others alone.
        values: One or more for `in`, one for the others; in the column's type.
    """

    column: str
    operator: Operator
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(self.values))
        if not self.values or (self.operator != "in" and len(self.values) != 1):
            raise ValueError(f"{self.column} {self.operator} takes not {len(self.values)} values")

    @property
    def value(self) -> Value:
        """The value that it compares with; of several, the first."""
        return self.values[0]

    def __str__(self) -> str:
        texts = [v.isoformat() if isinstance(v, date) else str(v) for v in self.values]
        listed = f"({', '.join(texts)})" if self.operator == "in" else texts[0]
        return f"{self.column} {self.operator} {listed}"


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """What one scan of a table needs: given to `StreamRelation.open`.

    It pickles, and holds no credentials.

    Args:
        columns: Names of the columns that are needed, in the relation's order; never empty.
        conditions: What each row must meet to be of use, all of them: those of the window that is
            read and of the query's own WHERE, where rows that do not meet them provably can't
            change an answer. The engine applies them again.
        time_column: The column that the read's window is on, where the window is among the
            conditions; else None.
        limit: How many rows are enough, whichever; None for all. Never beside conditions.
    """

    columns: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()
    time_column: str | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(self.columns))
        object.__setattr__(self, "conditions", tuple(self.conditions))

    def __str__(self) -> str:
        restrictions = [" and ".join(str(c) for c in self.conditions)] if self.conditions else []
        restrictions += [] if self.limit is None else [f"{self.limit} rows"]
        return f"{', '.join(self.columns)}" + "".join(f" where {w}" for w in restrictions)

    def on(self, column: str | None) -> tuple[Condition, ...]:
        """Return the conditions on a column that no NULL meets.

        Args:
            column: Its name, in any case; None has none.
        """
        folded = None if column is None else column.casefold()
        strict = (c for c in self.conditions if not c.operator.startswith("null"))
        return tuple(c for c in strict if c.column.casefold() == folded)

    def bounds(self, column: str | None) -> tuple[Any, Any]:
        """Return the least value that is of use and the first one behind: `start <= x < end`.

        None stands for a side without a bound, and both are None for a column without conditions
        or whose NULLs are of use.

        Args:
            column: Its name in any case, e.g. `request.time_column`.
        """
        lows: list[Any] = [c.value for c in self.on(column) if c.operator == ">="]
        highs: list[Any] = [c.value for c in self.on(column) if c.operator == "<"]
        return max(lows, default=None), min(highs, default=None)

    @property
    def window(self) -> Window | None:
        """The interval of `time_column` outside of which no row is of use.

        Aware whatever the column's type; None where either side is open, or nothing lies between.
        """
        start, end = map(_instant, self.bounds(self.time_column))
        return Window(start, end) if start and end and start < end else None


def _instant(moment: date | datetime | None) -> datetime | None:
    if moment is None:
        return None
    if not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Opened:
    """What `StreamRelation.open` may return instead of bare rows: these, and what was applied.

    Nothing depends on it but what a read tells about itself, and the contract suite, which
    compares it with the rows.

    Args:
        rows: A `pyarrow.RecordBatchReader`, or what has `__arrow_c_stream__`.
        applied: Those of the request's conditions that every one of the rows meets.
        limited: Whether the rows stop at the request's limit.
    """

    rows: Any = field(repr=False)
    applied: Sequence[Condition] = ()
    limited: bool = False

    @property
    def told(self) -> str:
        """What was applied, for a person."""
        applied = [str(c) for c in self.applied] + ["the limit"] * self.limited
        return (
            f"the source applied {' and '.join(applied)}"
            if applied
            else "the source applied nothing"
        )

    def check(self, request: ScanRequest) -> None:
        """Compare what was applied with what was asked.

        Args:
            request: The request.

        Raises:
            SourceError: If the source applied what nobody asked for: rows may be missing.
        """
        unrequested = next(self._unrequested(request), None)
        if unrequested is not None:
            raise SourceError(
                f"the source says that it applied {unrequested}, and nobody asked for that",
                code="scan-request",
                hint="apply what the request holds, and nothing else: see ScanRequest",
            )

    def _unrequested(self, request: ScanRequest) -> Iterator[str]:
        yield from (str(c) for c in self.applied if c not in request.conditions)
        if self.limited and request.limit is None:
            yield "a limit"
