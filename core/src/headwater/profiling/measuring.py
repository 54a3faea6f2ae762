"""Measuring: edges from a training set's own rows. Quantiles are never interpolated."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from headwater.interfaces.mapping import BoundColumn, BoundMapping
from headwater.interfaces.schema import ModelType, Role
from headwater.profiling import sql_pieces as sql
from headwater.profiling.counting import (
    LENGTHS,
    WORDS,
    error,
    is_classified,
    is_whole,
    length,
    micros,
    number,
    text,
    whole,
)
from headwater.profiling.queries import Answer
from headwater.sql.rewriting import quoted
from headwater.types import FieldType

QUANTILES: Final = 20
"""Parts of the same number of rows that training is cut into."""
WORDS_KEPT: Final = 50
"""Values of a vocabulary."""
LARGEST_WHOLE: Final = 2**63 - 1
_LONGEST: Final = 200
"""Characters of a value in a vocabulary: longer ones are no categories."""
_SPARE: Final = 100


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers that are cut into quantiles.

    Args:
        value: SQL of one, over a row `r` of the read; what is NULL does not count.
        whole: Whether they are whole numbers.
    """

    value: str
    whole: bool = False


def numbers_of(column: BoundColumn) -> Numbers | None:
    """Return the numbers that a column's histogram counts; None if it has no histogram.

    Args:
        column: The column.
    """
    if column.field_type is FieldType.NUMERIC:
        return Numbers(sql.finite(number(column)))
    if column.field_type is FieldType.DATETIME:
        return Numbers(micros(column), whole=True)
    return Numbers(length(column), whole=True) if column.field_type in LENGTHS else None


def errors_of(mapping: BoundMapping, column: BoundColumn, model_type: ModelType) -> Numbers | None:
    """Return the errors of a regression's prediction; None without an actual.

    Args:
        mapping: Columns of the read.
        column: The prediction.
        model_type: What the model answers.
    """
    actual = mapping.actual_of(column.name)
    if actual is None or model_type is not ModelType.REGRESSION:
        return None
    return Numbers(error(number(column), number(actual)))


def size_query(plan: str, numbers: Sequence[Numbers]) -> str:
    """Return the query for how many numbers there are of each kind, and how large they are.

    Args:
        plan: SQL of the plan.
        numbers: The kinds.
    """
    values = ", ".join(f"{n.value} AS v{i}" for i, n in enumerate(numbers))
    sizes = ", ".join(
        f"count(v{i}) AS n{i}, min(v{i}) AS a{i}, max(v{i}) AS z{i}" for i in range(len(numbers))
    )
    return f"SELECT {sizes} FROM (SELECT {values} FROM (\n{plan}\n) AS r) AS q"


@dataclass(frozen=True, slots=True)
class Size:
    """How many numbers there are, and how large they are.

    Args:
        count: How many.
        largest: The size of the largest one.
    """

    count: int
    largest: float


def sizes_of(answer: Answer) -> list[Size]:
    """Return the size of each kind, from the answer to `size_query`.

    Args:
        answer: The rows of the answer.
    """
    row = answer[0]
    triples = [row[i : i + 3] for i in range(0, len(row), 3)]
    return [
        Size(int(count), max(abs(float(low or 0)), abs(float(high or 0))))
        for count, low, high in triples
    ]


def quantile_query(plan: str, numbers: Numbers, count: int) -> str:
    """Return the query for the values at which numbers are cut into parts of the same size.

    Each value comes with the number of cuts that fall on it.

    Args:
        plan: SQL of the plan.
        numbers: The numbers.
        count: How many there are.
    """
    ranks = sorted({-(-k * count // QUANTILES) for k in range(1, QUANTILES)})
    literals = [sql.bigint(k) for k in ranks]
    grouped = (
        f"SELECT v, CAST(count(*) AS DECIMAL(18,0)) AS n FROM (SELECT {numbers.value} AS v FROM (\n"
        f"{plan}\n) AS r) AS q WHERE v IS NOT NULL GROUP BY v"
    )
    ranked = (
        f"SELECT v, CAST(n AS BIGINT) AS n, CAST(sum(n) OVER (ORDER BY v) AS BIGINT) AS r FROM (\n"
        f"{grouped}\n) AS c"
    )
    before = f"SELECT v, r, r - n AS b FROM (\n{ranked}\n) AS p"
    # Rows of a value have the ranks from b + 1 to r: is one of them wanted?
    last, first = (sql.cut(rank, literals) for rank in "rb")
    return f"SELECT v, {last} - {first} AS parts FROM (\n{before}\n) AS q WHERE {last} > {first}"


def quantile_edges(numbers: Numbers, answer: Answer) -> tuple[float, ...]:
    """Return the edges that the answer of `quantile_query` gives.

    A value that fills a part by itself, as a constant does, has a bin of its own: else all that is
    larger would lie in one bin with it, and be no drift.

    Args:
        numbers: The numbers.
        answer: The rows of the answer.
    """
    kind: type = int if numbers.whole else float
    values = [(kind(row[0]), int(row[1])) for row in answer]
    alone = [_next_number(v) for v, parts in values if parts > 1 or len(values) == 1]
    return tuple(sorted({v for v, _ in values} | {v for v in alone if v is not None}))


def values_of(edges: Sequence[float]) -> list[float]:
    """Return the edges that are values, not the ends of the bin of one value alone.

    Args:
        edges: What `read_quantiles` returns.
    """
    return [
        e
        for before, e in zip((None, *edges), edges, strict=False)
        if not _ends_single_value(before, e)
    ]


def _ends_single_value(before: float | None, edge: float) -> bool:
    return before is not None and _next_number(before) == edge


def _next_number(value: float) -> float | None:
    """Return the next larger number of the same type; None if there is none."""
    if isinstance(value, int):
        return value + 1 if value < LARGEST_WHOLE else None
    return math.nextafter(value, math.inf) if value < sql.LARGEST else None


def word_query(
    plan: str, mapping: BoundMapping, column: BoundColumn, model_type: ModelType
) -> str | None:
    """Return the query for the values of a column that are most frequent; None if none are counted.

    Args:
        plan: SQL of the plan.
        mapping: Columns of the read.
        column: The column.
        model_type: What the model answers.
    """
    classes = is_classified(column, model_type) and column.field_type is not FieldType.BOOLEAN
    if column.field_type is FieldType.DICT:
        values = [f"explode(map_keys(r.{quoted(column.name)}))"]
    elif column.field_type in WORDS or classes:
        actual = mapping.actual_of(column.name) if column.role is Role.PREDICTION else None
        columns = [c for c in (column, actual) if c is not None]
        exact = column.field_type is FieldType.NUMERIC and is_whole(*columns)
        values = [whole(c) if exact else _word(c) for c in columns]
    else:
        return None
    each = "\nUNION ALL\n".join(f"SELECT {v} AS v FROM (\n{plan}\n) AS r" for v in values)
    fits = "" if column.field_type is FieldType.NUMERIC else f" AND length(v) <= {_LONGEST}"
    return (
        f"SELECT v, count(*) AS n FROM (\n{each}\n) AS q WHERE v IS NOT NULL{fits} "
        f"GROUP BY v ORDER BY n DESC, v LIMIT {_SPARE}"
    )


def _word(column: BoundColumn) -> str:
    numbers = numbers_of(column)
    return text(column) if numbers is None else numbers.value


def vocabulary_of(answer: Answer) -> tuple[str, ...]:
    """Return the vocabulary that the answer of `word_query` gives.

    Args:
        answer: The rows of the answer.
    """
    # DuckDB ends a text in a query at a NUL character.
    words = [_word_text(row[0]) for row in answer]
    return tuple([w for w in words if "\0" not in w][:WORDS_KEPT])


def _word_text(value: str | float) -> str:
    if isinstance(value, str | int):
        return str(value)
    return str(int(value)) if value == int(value) and abs(value) < sql.EXACT else repr(value)


def measured(mapping: BoundMapping) -> Iterator[BoundColumn]:
    """Yield the columns whose edges are measured: those of the model's own fields.

    Args:
        mapping: Columns of the read.
    """
    yield from (c for c in mapping if c.field is not None and c.role is not Role.ACTUAL)
