"""Counting: what is counted of each column for its profile, and how answers become cells.

A `Count` names the SQL that an engine runs for it, and reads what comes back:

    sets     whole numbers that rows are grouped by: a bin, a place in a vocabulary, a class
    totals   extremes and sums over a window and segment
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from headwater.interfaces.mapping import BoundColumn, BoundMapping
from headwater.interfaces.schema import ModelType, Role
from headwater.profiling import sql_pieces as sql
from headwater.profiling.cells import Key
from headwater.profiling.edges import Edges, FieldEdges
from headwater.profiling.statistics import Value
from headwater.sql.rewriting import quoted
from headwater.types import BOOLEAN, DOUBLE, TIMESTAMP, FieldType

Told = Iterator[tuple[Key, Value]]
Codes = tuple[int, ...]

LENGTHS: Final = frozenset(
    {FieldType.TEXT, FieldType.ARRAY, FieldType.VECTOR, FieldType.TENSOR, FieldType.DICT}
)
"""Types whose lengths are counted, not their values."""
WORDS: Final = frozenset({FieldType.STRING, FieldType.CATEGORICAL})
"""Types whose values are counted one by one."""
SKETCHED: Final = WORDS | {FieldType.TEXT}
"""Types of which a profile tells how many values differ."""

_CODES: Final = {
    sql.NULL: "null",
    sql.NAN: "nan",
    sql.INF: "inf",
    sql.NEGATIVE_INF: "-inf",
}


@dataclass(frozen=True, slots=True)
class Set:
    """Rows grouped by one whole number, or by two.

    Args:
        codes: The SQL of each, over the columns of `Count.values`.
        tell: Turns codes and their number of rows into cells.
        sums: SQL of whole numbers below 2^53 that are summed within each group.
        tell_sums: Turns these sums into cells.
    """

    codes: tuple[str, ...]
    tell: Callable[[Codes, int], Told]
    sums: tuple[str, ...] = ()
    tell_sums: Callable[[Codes, Sequence[int]], Told] | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """What is counted of a column, or of a pair of columns.

    Args:
        column: The field that it counts.
        values: Names of SQL expressions over a row `r` of the read, which the others use.
        derived: Names of SQL expressions over these, for `totals`.
        sets: What rows are grouped by.
        totals: SQL of aggregates over `derived`.
        tell: Turns the values of these aggregates into cells.
    """

    column: str
    values: Mapping[str, str]
    derived: Mapping[str, str] = field(default_factory=dict)
    sets: tuple[Set, ...] = ()
    totals: tuple[str, ...] = ()
    tell: Callable[[Sequence[Any]], Told] | None = None

    @property
    def size(self) -> int:
        """Characters of its SQL."""
        texts = [*self.values.values(), *self.derived.values(), *self.totals]
        return sum(map(len, texts)) + sum(len(c) for s in self.sets for c in s.codes)


def counts(mapping: BoundMapping, edges: Edges) -> Iterator[Count]:
    """Yield the counts that make up the profile of a read.

    Args:
        mapping: Its columns.
        edges: What they are counted by.
    """
    columns = {c.name: c for c in mapping if c.field is not None}
    for number, column in enumerate(columns.values()):
        yield _of_column(column, edges.of(column.name), f"c{number}")
    pairs = [
        (c, actual)
        for c in columns.values()
        if c.role is Role.PREDICTION and (actual := mapping.actual_of(c.name)) is not None
    ]
    for number, (prediction, actual) in enumerate(pairs):
        yield from _of_prediction(prediction, actual, edges, f"p{number}")
    yield from _of_scores(columns, pairs, edges)


def bins(column: BoundColumn, edges: FieldEdges) -> int:
    """Return how many cells a column may have at most, in a window and segment.

    Args:
        column: The column.
        edges: What it is counted by.
    """
    return len(edges.edges) + len(edges.vocabulary) + 12


def number(column: BoundColumn) -> str:
    """Return a numeric column as a double."""
    name = f"r.{quoted(column.name)}"
    return name if column.source_type == DOUBLE else f"CAST({name} AS DOUBLE)"


def whole(column: BoundColumn) -> str:
    """Return a column of whole numbers as bigints: a double is not exact beyond 2^53."""
    return f"CAST(r.{quoted(column.name)} AS BIGINT)"


def is_whole(*columns: BoundColumn) -> bool:
    """Return whether columns are all of whole numbers."""
    return all(column.source_type.is_integer for column in columns)


def text(column: BoundColumn) -> str:
    """Return a column of texts, whole numbers or booleans as texts, as Spark casts them."""
    name = f"r.{quoted(column.name)}"
    if column.source_type == BOOLEAN:
        return f"CASE WHEN {name} THEN 'true' WHEN NOT {name} THEN 'false' END"
    return name if column.source_type.name == "string" else f"CAST({name} AS STRING)"


def micros(column: BoundColumn) -> str:
    """Return a datetime column as microseconds since 1970."""
    name = f"r.{quoted(column.name)}"
    moment = name if column.source_type == TIMESTAMP else f"CAST({name} AS TIMESTAMP)"
    return f"unix_micros({moment})"


def length(column: BoundColumn) -> str:
    """Return the length of a column of texts, arrays or maps: NULL of NULL."""
    name = f"r.{quoted(column.name)}"
    call = "length" if column.field_type is FieldType.TEXT else "size"
    return f"CASE WHEN {name} IS NOT NULL THEN {call}({name}) END"


def likeliest(column: BoundColumn) -> str:
    """Return the key of a dict's largest value; of several, the first one by code points."""
    name = f"r.{quoted(column.name)}"
    largest = f"e -> e.value >= array_max(map_values({name}))"
    return f"array_min(transform(filter(map_entries({name}), {largest}), e -> e.key))"


def _of_column(column: BoundColumn, edges: FieldEdges, name: str) -> Count:
    match column.field_type:
        case FieldType.NUMERIC:
            return _numeric(column.name, number(column), edges, name)
        case FieldType.BOOLEAN:
            return _boolean(column, name)
        case FieldType.DATETIME:
            return _datetime(column, edges, name)
        case FieldType.STRING | FieldType.CATEGORICAL:
            return _words(column, edges, name)
    return _lengths(column, edges, name)


def _numeric(field: str, value: str, edges: FieldEdges, name: str) -> Count:
    zero = sum(edge <= 0 for edge in edges.edges)

    def tell_code(codes: Codes, rows: int) -> Told:
        code = codes[0]
        if code == sql.ZERO:
            yield Key(field, "zero"), rows
            code = zero
        if code < 0:
            yield Key(field, _CODES[code]), rows
        else:
            yield Key(field, "histogram", code), rows

    def tell(totals: Sequence[Any]) -> Told:
        low, high, total, squares = totals
        if low is None:
            return
        yield Key(field, "min"), float(low)
        yield Key(field, "max"), float(high)
        if sql.fits(low, edges.scale) and sql.fits(high, edges.scale):
            yield Key(field, "sum"), sql.decimal(total)
        if sql.square_fits(low, edges.square_scale) and sql.square_fits(high, edges.square_scale):
            yield Key(field, "sum_squares"), sql.decimal(squares)

    return Count(
        field,
        {name: value},
        {
            f"{name}x": sql.finite(name),
            f"{name}y": sql.units(name, edges.scale),
            f"{name}z": sql.square_units(name, edges.square_scale),
        },
        (Set((sql.number_code(name, edges.edges),), tell_code),),
        (f"min({name}x)", f"max({name}x)", sql.total(f"{name}y"), sql.total(f"{name}z")),
        tell,
    )


def _boolean(column: BoundColumn, name: str) -> Count:
    def tell(codes: Codes, rows: int) -> Told:
        yield Key(column.name, {sql.NULL: "null", 0: "false", 1: "true"}[codes[0]]), rows

    return Count(
        column.name,
        {name: f"r.{quoted(column.name)}"},
        sets=(Set((_boolean_code(name),), tell),),
    )


def _boolean_code(value: str) -> str:
    return f"CASE WHEN {value} THEN 1 WHEN NOT {value} THEN 0 ELSE {sql.NULL} END"


def _datetime(column: BoundColumn, edges: FieldEdges, name: str) -> Count:
    def tell(totals: Sequence[Any]) -> Told:
        for statistic, value in zip(("min", "max"), totals, strict=True):
            if value is not None:
                yield Key(column.name, statistic), int(value)

    return Count(
        column.name,
        {name: micros(column)},
        {f"{name}x": name},
        (Set((_whole_code(name, edges),), _binned(column.name, "histogram")),),
        (f"min({name}x)", f"max({name}x)"),
        tell,
    )


def _whole_code(value: str, edges: FieldEdges) -> str:
    cut = sql.cut(value, [sql.bigint(int(e)) for e in edges.edges])
    return f"CASE WHEN {value} IS NULL THEN {sql.NULL} ELSE {cut} END"


def _binned(field: str, statistic: str) -> Callable[[Codes, int], Told]:
    def tell(codes: Codes, rows: int) -> Told:
        if codes[0] < 0:
            yield Key(field, "null"), rows
        else:
            yield Key(field, statistic, codes[0]), rows

    return tell


def _words(column: BoundColumn, edges: FieldEdges, name: str) -> Count:
    code = sql.among(name, edges.vocabulary)
    word_code = f"CASE WHEN {name} IS NULL THEN {sql.NULL} ELSE {code} END"
    tell = words(column.name, edges.vocabulary)
    return Count(column.name, {name: text(column)}, sets=(Set((word_code,), tell),))


def words(field: str, vocabulary: Sequence[str]) -> Callable[[Codes, int], Told]:
    """Return the function that turns rows by vocabulary position into cells.

    Args:
        field: Of which field.
        vocabulary: The vocabulary.
    """

    def tell(codes: Codes, rows: int) -> Told:
        code = codes[0]
        if code < 0:
            yield Key(field, "null"), rows
        elif code == len(vocabulary):
            yield Key(field, "other"), rows
        else:
            yield Key(field, "vocabulary", None, vocabulary[code]), rows

    return tell


def _lengths(column: BoundColumn, edges: FieldEdges, name: str) -> Count:
    def tell(totals: Sequence[Any]) -> Told:
        names = ("min_length", "max_length", "sum_length")
        for statistic, value in zip(names, totals, strict=True):
            if value is not None:
                yield Key(column.name, statistic), int(value)

    return Count(
        column.name,
        {name: length(column)},
        {f"{name}x": name},
        (Set((_whole_code(name, edges),), _binned(column.name, "length")),),
        (f"min({name}x)", f"max({name}x)", sql.total(f"{name}x")),
        tell,
    )


# -- Predictions and what came to be ---------------------------------------------------------------


def is_classified(column: BoundColumn, model_type: ModelType) -> bool:
    """Return whether a prediction is one of some classes, which are counted against each other.

    Args:
        column: The prediction.
        model_type: What the model answers.
    """
    match column.field_type:
        case FieldType.BOOLEAN:
            return model_type is ModelType.BINARY
        case FieldType.STRING | FieldType.CATEGORICAL | FieldType.NUMERIC | FieldType.DICT:
            return model_type is ModelType.MULTICLASS
    return False


def _of_prediction(
    prediction: BoundColumn, actual: BoundColumn, edges: Edges, name: str
) -> Iterator[Count]:
    if is_classified(prediction, edges.model_type):
        yield _classes(prediction, actual, edges.of(prediction.name), name)
    elif edges.model_type is ModelType.REGRESSION:
        yield _errors(prediction, actual, edges.of(prediction.name), name)


def _classes(prediction: BoundColumn, actual: BoundColumn, edges: FieldEdges, name: str) -> Count:
    field, guess, truth = prediction.name, f"{name}g", f"{name}t"
    match prediction.field_type:
        case FieldType.BOOLEAN:
            labels: tuple[str | None, ...] = ("false", "true")
            values = {n: f"r.{quoted(c.name)}" for n, c in ((guess, prediction), (truth, actual))}
            codes = [_boolean_code(n) for n in values]
        case FieldType.NUMERIC if is_whole(prediction, actual):
            labels = (*edges.vocabulary, None)
            values = {guess: whole(prediction), truth: whole(actual)}
            wholes = [_whole_class(v) for v in edges.vocabulary]
            codes = [sql.among_whole(n, wholes) for n in values]
        case FieldType.NUMERIC:
            labels = (*edges.vocabulary, None)
            values = {guess: number(prediction), truth: number(actual)}
            numbers = [float(v) for v in edges.vocabulary]
            codes = [sql.among_numbers(n, numbers) for n in values]
        case _:
            labels = (*edges.vocabulary, None)
            of = likeliest if prediction.field_type is FieldType.DICT else text
            values = {guess: of(prediction), truth: of(actual)}
            codes = [sql.among(n, edges.vocabulary) for n in values]
    both = f"{guess} IS NOT NULL AND {truth} IS NOT NULL"

    def tell_pair(pair: Codes, rows: int) -> Told:
        if sql.NULL not in pair:
            yield Key(field, "confusion", None, confusion_label(*(labels[c] for c in pair))), rows

    def tell(totals: Sequence[Any]) -> Told:
        for statistic, value in zip(("labelled", "scored", "correct"), totals, strict=True):
            yield Key(field, statistic), int(value)

    return Count(
        field,
        values,
        {
            f"{name}l": f"CASE WHEN {truth} IS NOT NULL THEN 1 END",
            f"{name}s": f"CASE WHEN {both} THEN 1 END",
            f"{name}c": f"CASE WHEN {guess} = {truth} THEN 1 END",
        },
        (Set(tuple(f"CASE WHEN {both} THEN {c} ELSE {sql.NULL} END" for c in codes), tell_pair),),
        tuple(f"count({name}{letter})" for letter in "lsc"),
        tell,
    )


def _whole_class(word: str) -> int | None:
    """Return the whole number that a class is called by; None for one that is no bigint."""
    try:
        number = int(word)
    except ValueError:
        value = float(word)
        if not value.is_integer():
            return None
        number = int(value)
    return number if -(2**63) < number < 2**63 else None


def confusion_label(predicted: str | None, actual: str | None) -> str:
    """Return the label of a cell of `confusion`.

    Args:
        predicted: The class that was predicted; None for one that is not in the vocabulary.
        actual: The class that it came to be, likewise.
    """
    return json.dumps([predicted, actual], ensure_ascii=False, separators=(",", ":"))


def error(prediction: str, actual: str) -> str:
    """Return SQL of a prediction's error; NULL unless both values are finite numbers."""
    largest = sql.double(sql.LARGEST)
    known = f"abs({prediction}) <= {largest} AND abs({actual}) <= {largest}"
    return f"CASE WHEN {known} THEN {prediction} - {actual} + 0D END"


def _errors(prediction: BoundColumn, actual: BoundColumn, edges: FieldEdges, name: str) -> Count:
    field, truth = prediction.name, f"{name}t"
    off = error(number(prediction), number(actual))
    cut = sql.cut(name, [sql.double(e) for e in edges.errors])

    def tell_bin(codes: Codes, rows: int) -> Told:
        if codes[0] >= 0:
            yield Key(field, "error", codes[0]), rows

    def tell(totals: Sequence[Any]) -> Told:
        labelled, scored, low, high, total, absolute, squares = totals
        yield Key(field, "labelled"), int(labelled)
        yield Key(field, "scored"), int(scored)
        if low is None:
            return
        yield Key(field, "error_min"), float(low)
        yield Key(field, "error_max"), float(high)
        if sql.fits(low, edges.error_scale) and sql.fits(high, edges.error_scale):
            yield Key(field, "error_sum"), sql.decimal(total)
            yield Key(field, "absolute_error_sum"), sql.decimal(absolute)
        scale = edges.error_square_scale
        if sql.square_fits(low, scale) and sql.square_fits(high, scale):
            yield Key(field, "squared_error_sum"), sql.decimal(squares)

    return Count(
        field,
        {name: off, truth: f"CASE WHEN {number(actual)} IS NOT NULL THEN 1 END"},
        {
            f"{name}l": truth,
            f"{name}x": name,
            f"{name}y": sql.units(name, edges.error_scale),
            f"{name}a": f"abs({sql.units(name, edges.error_scale)})",
            f"{name}z": sql.square_units(name, edges.error_square_scale),
        },
        (Set((f"CASE WHEN {name} IS NULL THEN {sql.NULL} ELSE {cut} END",), tell_bin),),
        (
            f"count({name}l)", f"count({name}x)", f"min({name}x)", f"max({name}x)",
            *(sql.total(f"{name}{letter}") for letter in "yaz"),
        ),
        tell,
    )  # fmt: skip


def _of_scores(
    columns: Mapping[str, BoundColumn],
    pairs: Sequence[tuple[BoundColumn, BoundColumn]],
    edges: Edges,
) -> Iterator[Count]:
    """Yield the counts of a binary model's scores by their actual class."""
    if edges.model_type is not ModelType.BINARY:
        return
    own = {prediction.name: actual for prediction, actual in pairs}
    decided = [a for p, a in pairs if p.field_type is FieldType.BOOLEAN]
    scores = [
        c
        for c in columns.values()
        if c.role is Role.PREDICTION and c.field_type is FieldType.NUMERIC
    ]
    for order, score in enumerate(scores):
        if score.name in own:
            actual = number(own[score.name])
            label = f"CASE WHEN {actual} = 1D THEN 1 WHEN {actual} = 0D THEN 0 END"
        elif len(decided) == 1:
            actual = f"r.{quoted(decided[0].name)}"
            label = f"CASE WHEN {actual} THEN 1 WHEN NOT {actual} THEN 0 END"
        else:
            continue
        yield _score(score, label, edges, f"s{order}")


def _score(column: BoundColumn, label: str, edges: Edges, name: str) -> Count:
    field, truth = column.name, f"{name}t"
    inside = f"{name} >= 0D AND {name} <= 1D AND {truth} IS NOT NULL"
    cut = sql.cut(name, [sql.double(e) for e in edges.bins(field, "score")])
    labels = ("false", "true")

    def tell_pair(pair: Codes, rows: int) -> Told:
        if sql.NULL not in pair:
            yield Key(field, "score", pair[0], labels[pair[1]]), rows

    def tell_sums(pair: Codes, sums: Sequence[int]) -> Told:
        if sql.NULL not in pair:
            total, squares = sums
            yield Key(field, "score_sum", pair[0], labels[pair[1]]), sql.decimal(total)
            yield Key(field, "score_sum_squares", None, labels[pair[1]]), sql.decimal(squares)

    def tell(totals: Sequence[Any]) -> Told:
        labelled, scored, outside = (int(v) for v in totals)
        yield Key(field, "labelled"), labelled
        yield Key(field, "scored"), scored
        yield Key(field, "score_outside"), outside

    both = f"{name} IS NOT NULL AND {truth} IS NOT NULL"
    return Count(
        field,
        {name: number(column), truth: label},
        {
            f"{name}l": f"CASE WHEN {truth} IS NOT NULL THEN 1 END",
            f"{name}i": f"CASE WHEN {inside} THEN 1 END",
            f"{name}o": f"CASE WHEN {both} AND NOT ({inside}) THEN 1 END",
        },
        (
            Set(
                (
                    f"CASE WHEN {inside} THEN {cut} ELSE {sql.NULL} END",
                    f"CASE WHEN {inside} THEN {truth} ELSE {sql.NULL} END",
                ),
                tell_pair,
                (sql.units(name, 0), sql.square_units(name, 0)),
                tell_sums,
            ),
        ),
        tuple(f"count({name}{letter})" for letter in "lio"),
        tell,
    )
