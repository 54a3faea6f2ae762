"""Queries: the Spark SQL by which an engine counts a read, and how its answers are read.

Around the SQL of a plan, which stays as it is, stand a SELECT that makes of each row its window,
its segment and the values that are counted, and a GROUP BY. However many fields there are, rows
are read a fixed number of times for some twenty of them:

    counts    GROUP BY ... GROUPING SETS: a set for each histogram, vocabulary, table of two
    totals    extremes and sums over each window and segment
    sums      of a binary model's scores, by bin and class
    sketches  the smallest hashes of a field's values, one query each, where they are too many
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import md5
from typing import Any, Final

from headwater.errors import DataChangedError
from headwater.interfaces.mapping import BoundColumn
from headwater.interfaces.schema import TIMESTAMP
from headwater.planning.windowed_query import timestamp_literal
from headwater.profiling import sql_pieces as sql
from headwater.profiling.cells import Cells, Key, Place, segment_text
from headwater.profiling.counting import Count, Set, text, words
from headwater.profiling.statistics import HASH_DIGITS, HASHES, STATISTICS, Value
from headwater.sql.rewriting import quoted
from headwater.tables.window import Window
from headwater.types import TIMESTAMP as MOMENT
from headwater.types import DataType, FieldType

Answer = Sequence[Sequence[Any]]
"""Rows of what an engine answered, each as the values of its columns."""

_MOST_COUNTS: Final = 24
_MOST_CHARACTERS: Final = 100_000
"""How much is counted by one query: what an engine, and headwater's own parser, take at ease."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that are counted.

    Args:
        text: The plan's SQL.
        windows: The windows to count separately, in order; empty to count all rows together.
        time: Type of the column of their time.
        by: The columns of their segments.
    """

    text: str
    windows: tuple[Window, ...] = ()
    time: DataType = MOMENT
    by: tuple[BoundColumn, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the columns that say of which window and segment a row is."""
        return ("w", *(f"g{n}" for n in range(len(self.by))))

    def select(self, values: Mapping[str, str]) -> str:
        """Return the SELECT that gives each row's window, segment and some values.

        Args:
            values: Names of SQL expressions over a row `r`.
        """
        columns = [f"{self._window()} AS w"]
        columns += [f"{text(c)} AS g{n}" for n, c in enumerate(self.by)]
        columns += [f"{value} AS {name}" for name, value in values.items()]
        # The newline ends a trailing `--` comment of the user's.
        return f"SELECT {', '.join(columns)} FROM (\n{self.text}\n) AS r"

    def _window(self) -> str:
        if len(self.windows) < 2:
            return "0"
        column = f"r.{quoted(TIMESTAMP)}"
        moment = column if self.time == MOMENT else f"CAST({column} AS TIMESTAMP)"
        return sql.cut(moment, [timestamp_literal(w.start) for w in self.windows[1:]])

    def place(self, row: Sequence[Any]) -> Place:
        """Return which window and segment an answer's row is of.

        Args:
            row: Its first columns, those of `keys`.
        """
        window = self.windows[int(row[0])] if self.windows else None
        names = [c.name for c in self.by]
        return Place(window, segment_text(dict(zip(names, row[1:], strict=True))))


class Counted:
    """Cells by place; filled as answers are read.

    Args:
        rows: The rows that are counted.
    """

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.cells: dict[Place, dict[Key, Value]] = defaultdict(dict)
        self.size = 0
        self.rows_of: dict[Place, int] = {}

    def add(self, row: Sequence[Any], values: Iterable[tuple[Key, Value]]) -> None:
        """Add the cells of one row of an answer.

        Args:
            row: Its first columns, those of `Rows.keys`.
            values: The cells.
        """
        cells = self.cells[self.rows.place(row)]
        before = len(cells)
        for key, value in values:
            earlier = cells.get(key)
            cells[key] = (
                value if earlier is None else STATISTICS[key.statistic].merge(earlier, value)
            )
        self.size += len(cells) - before

    def agree(self, rows_of: Mapping[Place, int]) -> None:
        """Check that an answer counted the same rows as the answers before it.

        Args:
            rows_of: How many rows each place has.

        Raises:
            DataChangedError: If the numbers differ.
        """
        if not self.rows_of:
            self.rows_of = dict(rows_of)
        if self.rows_of != rows_of:
            raise DataChangedError(
                f"{sum(rows_of.values()):,} rows were counted, and {sum(self.rows_of.values()):,} "
                "when they were read before",
                hint="profile them when nothing writes to them; a source that gives its rows once "
                "only can't be profiled",
            )


def batches(counts: Iterable[Count]) -> list[list[Count]]:
    """Group counts into batches; each batch takes one query of each kind.

    Args:
        counts: All that is counted.
    """
    groups: list[list[Count]] = []
    size = 0
    for count in counts:
        if not groups or len(groups[-1]) >= _MOST_COUNTS or size + count.size > _MOST_CHARACTERS:
            groups.append([])
            size = 0
        groups[-1].append(count)
        size += count.size
    return groups


def count_query(rows: Rows, counts: Sequence[Count]) -> str:
    """Return the query that counts rows by each set of some counts.

    Args:
        rows: The rows.
        counts: What is counted of them.
    """
    sets = _sets(counts)
    inner = rows.select({n: v for c in counts if c.sets for n, v in c.values.items()})
    codes = [
        f"{code} AS {name}" for names, s in sets for name, code in zip(names, s.codes, strict=True)
    ]
    keys = ", ".join(rows.keys)
    names = ", ".join(name for names, _ in sets for name in names)
    groups = ", ".join(f"({keys}, {', '.join(names)})" for names, _ in sets)
    return (
        f"SELECT {keys}, {names}, grouping_id({keys}, {names}) AS i, count(*) AS n\n"
        f"FROM (SELECT {keys}, {', '.join(codes)} FROM (\n{inner}\n) AS v) AS q\n"
        f"GROUP BY {keys}, {names} GROUPING SETS ({groups})"
    )


def add_counts(counted: Counted, counts: Sequence[Count], answer: Answer) -> None:
    """Take in the answer of `count_query`.

    Args:
        counted: Where to.
        counts: What was counted.
        answer: The rows of the answer.

    Raises:
        DataChangedError: If there are other rows than another query found.
    """
    sets = _sets(counts)
    width = len(counted.rows.keys)
    total = sum(len(names) for names, _ in sets)
    set_of: dict[int, tuple[range, Set]] = {}
    first = 0
    for names, item in sets:
        inside = range(first, first + len(names))
        left_out = [n for n in range(total) if n not in inside]
        set_of[sum(1 << (total - 1 - n) for n in left_out)] = inside, item
        first += len(names)
    rows_of: dict[int, dict[Place, int]] = {n: defaultdict(int) for n in set_of}
    for row in answer:
        number, rows = int(row[-2]), int(row[-1])
        inside, item = set_of[number]
        codes = tuple(int(row[width + n]) for n in inside)
        rows_of[number][counted.rows.place(row[:width])] += rows
        counted.add(row[:width], item.tell(codes, rows))
    for places in rows_of.values():
        counted.agree(places)


def total_query(rows: Rows, counts: Sequence[Count]) -> str:
    """Return the query that gives extremes and sums, and how many rows there are.

    Args:
        rows: The rows.
        counts: What is counted of them.
    """
    counts = [c for c in counts if c.totals]
    keys = ", ".join(rows.keys)
    text = rows.select({n: v for c in counts for n, v in c.values.items()})
    derived = [f"{value} AS {name}" for c in counts for name, value in c.derived.items()]
    if derived:
        text = f"SELECT {keys}, {', '.join(derived)} FROM (\n{text}\n) AS v"
    totals = [f"{t} AS {n}" for n, t in _named_texts(t for c in counts for t in c.totals)]
    columns = ", ".join([keys, "count(*) AS n", *totals])
    return f"SELECT {columns}\nFROM (\n{text}\n) AS q\nGROUP BY {keys}"


def add_totals(counted: Counted, counts: Sequence[Count], answer: Answer) -> None:
    """Take in the answer of `total_query`.

    Args:
        counted: Where to.
        counts: What was counted.
        answer: The rows of the answer.

    Raises:
        DataChangedError: If there are other rows than another query found.
    """
    rows_of: dict[Place, int] = {}
    width = len(counted.rows.keys)
    for row in answer:
        place = counted.rows.place(row[:width])
        rows_of[place] = int(row[width])
        first = width + 1
        for count in counts:
            if count.totals and count.tell is not None:
                values = row[first : first + len(count.totals)]
                counted.add(row[:width], count.tell(values))
                first += len(count.totals)
    counted.agree(rows_of)


def sum_query(rows: Rows, count: Count, item: Set) -> str:
    """Return the query that sums within each group of a set.

    Args:
        rows: The rows.
        count: What is counted of them.
        item: The set, one of its.
    """
    keys = ", ".join(rows.keys)
    codes = [f"{code} AS k{n}" for n, code in enumerate(item.codes)]
    sums = [f"{value} AS u{n}" for n, value in enumerate(item.sums)]
    names = ", ".join(f"k{n}" for n in range(len(item.codes)))
    totals = ", ".join(f"{sql.total(f'u{n}')} AS t{n}" for n in range(len(item.sums)))
    return (
        f"SELECT {keys}, {names}, {totals}\n"
        f"FROM (SELECT {', '.join([keys, *codes, *sums])} FROM (\n{rows.select(count.values)}\n"
        f") AS v) AS q\nGROUP BY {keys}, {names}"
    )


def add_sums(counted: Counted, item: Set, answer: Answer) -> None:
    """Take in the answer of `sum_query`.

    Args:
        counted: Where to.
        item: The set.
        answer: The rows of the answer.
    """
    width, codes = len(counted.rows.keys), len(item.codes)
    assert item.tell_sums is not None, "a set with sums tells them"
    for row in answer:
        pair = tuple(int(code) for code in row[width : width + codes])
        sums = [0 if s is None else int(s) for s in row[width + codes :]]
        counted.add(row[:width], item.tell_sums(pair, sums))


def keys_query(rows: Rows, column: BoundColumn, vocabulary: Sequence[str]) -> str:
    """Return the query that counts the keys of a dict by their place in a vocabulary.

    Args:
        rows: The rows.
        column: The dict.
        vocabulary: The vocabulary.
    """
    keys = ", ".join(rows.keys)
    inner = rows.select({"k": f"explode(map_keys(r.{quoted(column.name)}))"})
    return (
        f"SELECT {keys}, c, count(*) AS n FROM (SELECT {keys}, "
        f"{sql.among('k', vocabulary)} AS c FROM (\n{inner}\n) AS v) AS q GROUP BY {keys}, c"
    )


def add_keys(
    counted: Counted, column: BoundColumn, vocabulary: Sequence[str], answer: Answer
) -> None:
    """Take in the answer of `keys_query`.

    Args:
        counted: Where to.
        column: The dict.
        vocabulary: The vocabulary.
        answer: The rows of the answer.
    """
    tell = words(column.name, vocabulary)
    width = len(counted.rows.keys)
    for row in answer:
        counted.add(row[:width], tell((int(row[width]),), int(row[-1])))


def sketch_query(rows: Rows, column: BoundColumn) -> str:
    """Return the query that gives the smallest hashes of a field's values.

    Args:
        rows: The rows.
        column: The field.
    """
    keys = ", ".join(rows.keys)
    inner = rows.select({"v": text(column)})
    if column.field_type is not FieldType.TEXT:
        # Values that repeat are hashed once; long texts are not kept to see whether they repeat.
        inner = f"SELECT DISTINCT {keys}, v FROM (\n{inner}\n) AS v"
    hashed = (
        f"SELECT DISTINCT {keys}, substring(md5(v), 1, {HASH_DIGITS}) AS h FROM (\n{inner}\n) AS d "
        "WHERE v IS NOT NULL"
    )
    return (
        f"SELECT {keys}, h FROM (SELECT {keys}, h, row_number() OVER (PARTITION BY {keys} "
        f"ORDER BY h) AS i FROM (\n{hashed}\n) AS s) AS q WHERE i <= {HASHES}"
    )


def add_sketch(counted: Counted, column: BoundColumn, answer: Answer) -> None:
    """Take in the answer of `sketch_query`.

    Args:
        counted: Where to.
        column: The field.
        answer: The rows of the answer.
    """
    width = len(counted.rows.keys)
    hashes_of: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for row in answer:
        hashes_of[tuple(row[:width])].append(row[width])
    for place, hashes in hashes_of.items():
        counted.add(place, [(Key(column.name, "distinct"), "".join(sorted(hashes)))])


def sketched(cells: Cells, field: str, vocabulary: Sequence[str]) -> str | None:
    """Return the sketch of a field's values by their counts; None where these don't tell all.

    Args:
        cells: What was counted at one place.
        field: The field.
        vocabulary: Its vocabulary.
    """
    if cells.get(Key(field, "other")):
        return None
    words = [v for v in vocabulary if Key(field, "vocabulary", None, v) in cells]
    hashes = {md5(v.encode(), usedforsecurity=False).hexdigest()[:HASH_DIGITS] for v in words}
    return "".join(sorted(hashes)[:HASHES])


def _sets(counts: Sequence[Count]) -> list[tuple[list[str], Set]]:
    """Return the sets of counts, each with the names of its codes."""
    sets: list[tuple[list[str], Set]] = []
    number = 0
    for item in (s for c in counts for s in c.sets):
        sets.append(([f"k{number + n}" for n in range(len(item.codes))], item))
        number += len(item.codes)
    return sets


def _named_texts(texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    yield from ((f"t{n}", text) for n, text in enumerate(texts))
